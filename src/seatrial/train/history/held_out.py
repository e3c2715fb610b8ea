"""The held-out rows of a run as hashes, with their labels and scores: what a paired comparison of two runs needs.

It has no value of a row, but what was predicted for each: it is as private as the report, and stays in the runs folder.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array
from seatrial.model.row_hash import row_hashes
from seatrial.train.evaluation import Evaluation
from seatrial.train.recipe import Recipe

HELD_OUT_FILE = "held_out.npz"
NAMES = ("hashes", "positions", "truth", "scores")
SEED = 0  # of the hashes: the same for all runs, whatever seed splits the table


@dataclass(frozen=True)
class HeldOutScores:
    """Held-out rows: a hash and a position in the table for each (n,), its label's position among the classes or its
    number (n,), and its scores (n, classes) or (n,).
    """

    hashes: Array
    positions: Array
    truth: Array
    scores: Array

    def take(self, rows: Array) -> "HeldOutScores":
        """Select some of the rows."""
        return HeldOutScores(*(getattr(self, name)[rows] for name in NAMES))


def held_out_file(recipe: Recipe, evaluation: Evaluation) -> bytes:
    """The content of a run's file of held-out rows."""
    table, rows = recipe.table, recipe.split.test
    hashes = row_hashes(table.columns, list(table.columns), table.target, seed=SEED)[rows]
    file = io.BytesIO()
    truth = evaluation.rule.positions(evaluation.labels)
    np.savez(file, hashes=hashes, positions=rows, truth=truth, scores=evaluation.scores)
    return file.getvalue()


def read_held_out(folder: Path) -> HeldOutScores | None:
    """Read a run's held-out rows; None for a run of an earlier version. Raises SeatrialError for a damaged file."""
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            found = HeldOutScores(*(file[name] for name in NAMES))
    except (ValueError, OSError, KeyError, BadZipFile, EOFError) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint="Train again.") from None
    if len({len(getattr(found, name)) for name in NAMES}) != 1:
        raise SeatrialError(f"{path} is damaged: its columns have different lengths.", hint="Train again.")
    return found
