"""Compiles each model, and compares all leaves and scores on hard rows and on rows of its table."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.boosters.real_tables import RealTable, real_tables
from benchmarks.boosters.variants import Variant, chosen
from seatrial.compile.certificate import UNUSUAL, values_around
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.proof import prove
from seatrial.compile.reference import Reference, reference_of
from seatrial.core.errors import SeatrialError
from seatrial.model.decision import DecisionRule
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs

ROWS = 100_000
AS_THEY_ARE = 0.2  # of the rows: rows of the table
CHANGED = 0.4  # of the values of the others
EXTREMES = (*UNUSUAL, np.nan, np.inf, -np.inf, 1e308, -1e308, 3.4028235e38, 3.4028235677973366e38, -1.5, 2.0**24, 3e9)
UNSEEN = ("unseen", " ", "", "nan", "日本語", "x" * 300)


@dataclass(frozen=True)
class LeafResult:
    """What was compared of one model.

    `leaves` are rows times trees, `largest` the largest difference of the scores from the library's own leaves in
    double, `own` that of the library's own scores from these; `refused` is the reason, where nothing was compared.
    """

    library: str
    table: str
    task: str
    model: str
    encoding: str
    trees: int = 0
    rows: int = 0
    leaves: int = 0
    leaves_differ: int = 0
    largest: float = 0.0
    own: float = 0.0
    labels_by_rounding: int = 0
    holds: bool = False
    reason: str = ""
    infinities: bool = True
    seconds: float = 0.0


def measure(folder: Path | None, *, rows: int = ROWS, most: int | None = None) -> list[dict[str, Any]]:
    """Compare each model on `rows` rows; of the models at most `most`."""
    results = []
    pairs = chosen(list(real_tables(folder)), most)
    for position, (variant, table) in enumerate(pairs):
        result = _compare(variant, table, rows, seed=position)
        print(
            f"{position + 1}/{len(pairs)} {variant.library} {variant.name}, {table.name}: {result.leaves:,} leaves, "
            f"{result.leaves_differ} differ, scores {result.largest:.1e}, own {result.own:.1e}, {result.seconds:.0f} s"
            f"{'' if result.holds else ' DOES NOT HOLD: ' + result.reason}",
            file=sys.stderr,
            flush=True,
        )
        results.append(asdict(result))
    return results


def _compare(variant: Variant, table: RealTable, rows: int, seed: int) -> LeafResult:
    started = time.process_time()
    names = {
        "library": variant.library, "table": table.name, "task": table.task, "model": variant.name,
        "encoding": variant.encoding if table.strings else "numbers only",
    }  # fmt: skip
    pipeline = variant.fit(table)
    reference = reference_of(pipeline, table.frame)
    numbers = tuple(name for name in table.frame.columns if name not in table.strings)
    inputs = Inputs(numbers, tuple(table.strings))
    graph = compile_pipeline(pipeline, inputs, reference.booster)
    classes = tuple(range(len(np.unique(table.target)))) if table.task != "regression" else ()
    rule = DecisionRule(table.task, classes)
    for infinities in (True, False):  # what XGBoost cannot say the leaves of is left out
        hard = hard_frame(reference, table, rows, seed, infinities=infinities)
        try:
            proof = prove(pipeline, graph, inputs, table.frame, hard, rule, reference)
        except SeatrialError as error:
            if infinities and "infinity" in error.message:
                continue
            raise
        break
    compared = len(hard) + len(table.frame)
    return LeafResult(
        **names,
        trees=proof.paths // compared,
        rows=compared,
        leaves=proof.paths,
        leaves_differ=proof.paths_differ,
        largest=proof.largest_difference,
        own=proof.library_difference,
        labels_by_rounding=proof.library_labels,
        holds=proof.holds,
        reason=proof.reason,
        infinities=infinities,
        seconds=round(time.process_time() - started, 1),
    )


def hard_frame(reference: Reference, table: RealTable, rows: int, seed: int, *, infinities: bool = True) -> Any:
    """Rows of the table, of which most have values on thresholds, next to them in both precisions, odd or unseen."""
    generator = np.random.default_rng(seed)
    assert reference.booster is not None
    thresholds = reference.booster.thresholds()
    sample = table.frame.iloc[generator.integers(len(table.frame), size=rows)].reset_index(drop=True)
    numbers = [name for name in table.frame.columns if name not in table.strings]
    first = reference.rows(table.frame.iloc[:1]).shape[1] - len(numbers)
    extremes = np.array(EXTREMES if infinities else [each for each in EXTREMES if not abs(each) > 1e30])
    columns = {}
    for name in table.frame.columns:
        known = sample[name].to_numpy()
        if name in table.strings:
            pool = np.array([*dict.fromkeys(known.tolist()), *UNSEEN], dtype=object)
            drawn = generator.choice(pool, rows)
        else:
            drawn = _numbers(thresholds.get(first + numbers.index(name)), known, extremes, generator)
        changed = generator.random(rows) < CHANGED
        changed[: int(rows * AS_THEY_ARE)] = False
        columns[name] = np.where(changed, drawn, known)
    return type(table.frame)(columns)


def _numbers(thresholds: Floats | None, known: Floats, extremes: Floats, generator: np.random.Generator) -> Floats:
    finite = None if thresholds is None else thresholds[np.abs(thresholds) < 1e38]
    around = generator.choice(values_around(finite, np.unique(known), generator), len(known))
    return np.where(generator.random(len(known)) < 0.2, generator.choice(extremes, len(known)), around)
