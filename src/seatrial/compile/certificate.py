"""The certificate for anybody's model and anybody's graph: both score the same hard rows, and all scores are compared.

Most rows lie on a threshold of the model, or next to one in double or in single precision: there a converter that
rounds, confuses `<` with `<=`, or sends missing values to the wrong side is found. Random rows hardly ever are there.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from seatrial.compile.foreign_graph import ForeignGraph
from seatrial.compile.proof import difference_of_scores
from seatrial.compile.reference import Reference, reference_of
from seatrial.compile.trees import thresholds_of
from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Floats

ROWS = 100_000
CHUNK = 20_000  # rows at a time: a bound on memory
EXACT, ROUNDED = 1e-9, 1e-6  # in probability; for a regression relative to max(1, |value|)
UNUSUAL = (0.0, -0.0, 5e-324, -5e-324, 1e-36, -1e-36, 1e-35, -1e-35, 1.0, -1.0, 1e30, -1e30)
UNUSUAL_SHARE = 0.1
CODES = 20  # whole numbers that a column gets whose comparisons are unknown: it may hold categories
SHOWN = 20  # rows that differ, the worst first


@dataclass(frozen=True)
class DifferentRow:
    """A row that the graph scores differently from the model, each with its scores."""

    values: dict[str, Any]
    model: list[float]
    graph: list[float]
    difference: float


@dataclass(frozen=True)
class GraphCertificate:
    """What was compared: `paths` are rows times trees, `leaves` those that were reached by them.

    `allowed` is the largest difference that counts as equal. `differ` are the rows beyond it, and `worst` some of them.
    `rounds_input` says that the graph takes numbers in single precision.
    """

    rows: int
    paths: int
    leaves: int
    largest: float
    allowed: float
    differ: int
    worst: tuple[DifferentRow, ...]
    rounds_input: bool
    statement: str

    @property
    def holds(self) -> bool:
        """Whether no row differs."""
        return self.differ == 0

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if not self.holds:
            return f"{self.differ:,} of {self.rows:,} rows differ by more than {self.allowed:g}."
        if self.largest <= EXACT:
            return "The graph is the model: no score differs by more than 1e-9."
        return f"No score differs by more than {self.allowed:g}, but the graph is not exact."


def certify(
    model: Any,
    graph: Path,
    *,
    rows: int = ROWS,
    table: Any = None,
    allowed: float = ROUNDED,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> GraphCertificate:
    """Compare a fitted model with a graph on `rows` hard rows, and on the rows of a DataFrame if there is one.

    Raises SeatrialError where the two cannot be compared.
    """
    own = _own_names(model)
    reference = reference_of(model, None if table is None or not set(own) <= set(table.columns) else table[own])
    width = getattr(model, "n_features_in_", None) or getattr(reference.model, "n_features_in_", None)
    width = width or len(own)  # CatBoost forgets it in a file
    if not width:
        raise SeatrialError(f"{type(model).__name__} does not say how many columns it has.", hint="Is it fitted?")
    classes = len(model.classes_) if is_classifier(model) else 0
    if classes and not hasattr(model, "predict_proba"):
        raise SeatrialError(f"{type(model).__name__} predicts no probabilities, which are what is compared.")
    foreign = ForeignGraph(graph, columns=int(width), classes=classes)
    names = own or [f"x{place}" for place in range(int(width))]
    if table is not None:
        names, table = _columns_of(table, names, kept=bool(own))
    progress(f"making {rows:,} rows on the model's thresholds")
    hard = _hard_rows(reference, names, rows, table, seed)
    if table is not None:
        import pandas as pd

        hard = pd.concat([table[names], hard], ignore_index=True)
    progress(f"comparing {len(hard):,} rows")
    return _compare(reference, foreign, hard, names, allowed)


def _own_names(model: Any) -> list[str]:
    """The names of the columns that a model was fitted on; empty if it kept none."""
    found = getattr(model, "feature_names_in_", None)
    found = getattr(model, "feature_names_", None) if found is None else found  # CatBoost's, which it compares
    return [] if found is None else [str(name) for name in found]


def _columns_of(table: Any, names: list[str], *, kept: bool) -> tuple[list[str], Any]:
    """The names of the model's columns in a table, and the table: by name, or in its order if no names were kept."""
    if set(names) <= set(table.columns):
        return names, table
    if kept or len(table.columns) != len(names):
        lacking = ", ".join(name for name in names if name not in table.columns)
        raise SeatrialError(f"The table lacks the model's columns {lacking}.", hint="Give --data a table with them.")
    named = [str(name) for name in table.columns]
    return named, table.set_axis(named, axis=1)


def _hard_rows(reference: Reference, names: list[str], rows: int, table: Any, seed: int) -> Any:
    """Rows whose values are on thresholds, next to them, unusual, or of the table; and missing, if the model can."""
    import pandas as pd

    generator = np.random.default_rng(seed)
    direct = reference.before is None
    thresholds = (
        (reference.booster.thresholds() if reference.booster else thresholds_of(reference.model)) if direct else {}
    )
    columns: dict[str, Array] = {}
    for place, name in enumerate(names):
        known = np.asarray(table[name]) if table is not None else None
        if known is not None and known.dtype.kind not in "biuf":
            columns[name] = generator.choice(known.astype(object), rows)
            continue
        values = values_around(thresholds.get(place), known, generator)
        columns[name] = np.where(
            generator.random(rows) < 0.1, generator.choice(UNUSUAL, rows), generator.choice(values, rows)
        )
    frame = pd.DataFrame(columns)
    missing = frame.mask(generator.random(frame.shape) < UNUSUAL_SHARE)
    return missing if _takes(reference, missing.iloc[:CHUNK]) else frame


def values_around(thresholds: Floats | None, known: Array | None, generator: np.random.Generator) -> Floats:
    """Values of one column: on each threshold and next to it, between two, and those of the table."""
    own = [] if known is None else [known.astype(np.float64)[~np.isnan(known.astype(np.float64))]]
    if thresholds is None or not len(thresholds):
        codes = np.arange(-1, CODES, dtype=np.float64)
        return np.concatenate([*own, codes, codes + 0.5, generator.normal(size=CODES)])
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
        neighbours = [np.nextafter(single, np.float32(side)).astype(np.float64) for side in (-np.inf, np.inf)]
    middle = (thresholds[1:] + thresholds[:-1]) / 2
    spread = max(float(np.ptp(thresholds)), 1.0)
    around = [
        thresholds,
        np.nextafter(thresholds, -np.inf),
        np.nextafter(thresholds, np.inf),
        single.astype(np.float64),
        *neighbours,
        middle,
        generator.uniform(thresholds.min() - spread, thresholds.max() + spread, len(thresholds)),
    ]
    return np.concatenate([*own, *around])


def _takes(reference: Reference, frame: Any) -> bool:
    """Whether the model scores such rows."""
    try:
        return bool(np.isfinite(reference.scores(frame)).all())
    except SeatrialError:
        return False


def _compare(
    reference: Reference, foreign: ForeignGraph, frame: Any, names: list[str], allowed: float
) -> GraphCertificate:
    largest, differ, paths = 0.0, 0, 0
    worst: list[DifferentRow] = []
    reached: set[tuple[int, int]] = set()
    for start in range(0, len(frame), CHUNK):
        chunk = frame.iloc[start : start + CHUNK]
        expected, actual = (each.reshape(len(chunk), -1) for each in (reference.scores(chunk), foreign(chunk)))
        difference = difference_of_scores(expected, actual, relative=not foreign.classes)
        largest = max(largest, float(difference.max(initial=0.0)))
        beyond = np.flatnonzero(difference > allowed)
        differ += len(beyond)
        for row in beyond[np.argsort(-difference[beyond])][:SHOWN].tolist():
            values = {name: chunk[name].iloc[row] for name in names}
            worst.append(DifferentRow(values, expected[row].tolist(), actual[row].tolist(), float(difference[row])))
        worst = sorted(worst, key=lambda each: -each.difference)[:SHOWN]
        leaves = _leaves(reference, chunk)
        paths += leaves.size
        for tree in range(leaves.shape[1]):
            reached.update((tree, int(leaf)) for leaf in np.unique(leaves[:, tree]))
    return GraphCertificate(
        len(frame), paths, len(reached), largest, allowed, differ, tuple(worst), foreign.single,
        reference.booster.statement if reference.booster else "",
    )  # fmt: skip


def _leaves(reference: Reference, frame: Any) -> Array:
    """The leaf that each row ends in by the model itself, (n, trees); no trees for other models."""
    rows = reference.rows(frame)
    if reference.booster is not None:
        return reference.booster.leaves(rows)
    apply = getattr(reference.model, "apply", None)
    if apply is None:
        return np.empty((len(frame), 0), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names of columns, where the model was fitted on an array
        return np.asarray(apply(rows)).reshape(len(frame), -1)
