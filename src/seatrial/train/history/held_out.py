"""The held-out rows of a run as hashes, with their labels and scores: what a paired comparison of two runs needs.

It has no value of a row, but what was predicted for each: it is as private as the report, and stays in the runs folder.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array
from seatrial.model.row_hash import row_hashes
from seatrial.model.row_split import buckets_of
from seatrial.train.evaluation import Evaluation
from seatrial.train.recipe import Recipe

HELD_OUT_FILE = "held_out.npz"
NAMES = ("hashes", "positions", "truth", "scores")
FURTHER = ("weights", "groups")  # of rows that have them
SEED = 0  # of the hashes: the same for all runs, whatever seed splits the table


@dataclass(frozen=True)
class HeldOutScores:
    """Held-out rows: a hash and a position in the table for each (n,), its label's position among the classes or its
    number (n,), its scores (n, classes) or (n,), and its weight and group (n,), None without.
    """

    hashes: Array
    positions: Array
    truth: Array
    scores: Array
    weights: Array | None = None
    groups: Array | None = None

    def take(self, rows: Array) -> "HeldOutScores":
        """Select some of the rows."""
        weights, groups = (None if values is None else values[rows] for values in (self.weights, self.groups))
        some = {name: getattr(self, name)[rows] for name in NAMES}
        return replace(self, **some, weights=weights, groups=groups)


def held_out_file(recipe: Recipe, evaluation: Evaluation) -> bytes:
    """The content of a run's file of held-out rows; `evaluation` is that of the rows in memory."""
    table, rows = recipe.table, recipe.split.test
    hashes = row_hashes(table.columns, list(table.columns), table.target, seed=SEED)[rows]
    file = io.BytesIO()
    truth = evaluation.rule.positions(evaluation.labels)
    groups = recipe.groups_of(rows)
    known = {"weights": evaluation.weights, "groups": None if groups is None else buckets_of(groups)}
    further: dict[str, Any] = {name: values for name, values in known.items() if values is not None}
    np.savez(file, hashes=hashes, positions=rows, truth=truth, scores=evaluation.scores, **further)
    return file.getvalue()


def read_held_out(folder: Path) -> HeldOutScores | None:
    """Read a run's held-out rows; None for a run of an earlier version. Raises SeatrialError for a damaged file."""
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            further = {name: file[name] for name in FURTHER if name in file}
            found = HeldOutScores(*(file[name] for name in NAMES), **further)
    except (ValueError, OSError, KeyError, BadZipFile, EOFError) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint="Train again.") from None
    if len({len(getattr(found, name)) for name in (*NAMES, *further)}) != 1:
        raise SeatrialError(f"{path} is damaged: its columns have different lengths.", hint="Train again.")
    return found
