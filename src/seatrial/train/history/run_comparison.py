"""Two runs compared: their metrics on the rows that both held out, with paired intervals, and what differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model import bootstrap
from seatrial.model.decision import decision_rule
from seatrial.model.features import Array
from seatrial.model.metadata import Metadata, Task
from seatrial.pages.words import DASH
from seatrial.train.history.held_out import HeldOutScores, read_held_out
from seatrial.train.history.run_records import RunRecord
from seatrial.train.metrics import LabelledScores, Measure, measures_of

SEED = 1912  # of the resamples: the same two runs give the same intervals
NO_PAIRS = "They were measured on different rows, so that a difference may be that of the rows."


@dataclass(frozen=True)
class PairedMetric:
    """A metric of two runs on the same rows, and the 95 % interval of the difference `new - old`, if rows give one."""

    name: str
    label: str
    old: float
    new: float
    low: float | None
    high: float | None
    higher_is_better: bool

    @property
    def meaning(self) -> str:
        """What the difference means: better, worse, or possibly chance."""
        if self.low is None or self.high is None:
            return "the same" if self.old == self.new else "too few rows"
        if self.low <= 0 <= self.high:
            return "may be chance"
        return "better" if (self.low > 0) == self.higher_is_better else "worse"


@dataclass(frozen=True)
class RunChange:
    """One thing that differs between two runs, by its group."""

    group: str
    what: str
    old: str
    new: str


@dataclass(frozen=True)
class RunComparison:
    """Two runs: paired metrics on `rows` shared held-out rows, why there are none (`reason`), and what differs."""

    old: RunRecord
    new: RunRecord
    rows: int
    metrics: tuple[PairedMetric, ...]
    reason: str
    changes: tuple[RunChange, ...]


def compare_runs(old: RunRecord, new: RunRecord) -> RunComparison:
    """Compare two runs of a project; nothing is trained or scored again."""
    pair, reason = _shared(old, new)
    rows = len(pair[0].truth) if pair else 0
    metrics: tuple[PairedMetric, ...] = ()
    if pair:
        weights, groups = pair[1].weights, pair[1].groups  # the newer run's settings: both are measured alike
        before, after = (_labelled(run, each, weights) for run, each in zip((old, new), pair, strict=True))
        metrics = tuple(_paired(before, after, old.metadata.task, groups))
    return RunComparison(old, new, rows, metrics, reason, tuple(_changes(old, new)))


def _shared(old: RunRecord, new: RunRecord) -> tuple[tuple[HeldOutScores, HeldOutScores] | None, str]:
    """The rows that both runs held out, in the same order; a row that one of them was fitted to is in neither."""
    for run in (old, new):
        if read_held_out(run.folder) is None:
            return None, f"The run {run.id} is from a version of Seatrial that did not keep its held-out scores."
    if _task(old) != _task(new):
        return None, "They predict different things: the target, the task or the classes differ."
    both = [read_held_out(run.folder) for run in (old, new)]
    first, second = (each for each in both if each is not None)
    keys = ("positions" if _same_table(old, new) else "hashes",) * 2
    _, one, other = np.intersect1d(getattr(first, keys[0]), getattr(second, keys[1]), return_indices=True)
    first, second = first.take(one), second.take(other)
    same = first.truth == second.truth
    if not same.any():
        return None, f"No row was held out by both. {NO_PAIRS}"
    return (first.take(same), second.take(same)), ""


def _task(run: RunRecord) -> tuple[Any, ...]:
    made = run.metadata
    return made.task, made.target, made.classes, made.positive


def _same_table(old: RunRecord, new: RunRecord) -> bool:
    """Whether a position is the same row for both: the same file, of which no row was left out."""
    tables = [(run.metadata.data.get("sha256"), run.metadata.split.get("dropped_rows")) for run in (old, new)]
    return tables[0] == tables[1] and tables[0][1] == 0


def _labelled(run: RunRecord, rows: HeldOutScores, weights: Array | None) -> LabelledScores:
    rule = decision_rule(run.metadata)
    return LabelledScores(rows.truth, rows.scores, rule.decide(rows.scores), len(rule.classes), rule.positive, weights)


def _paired(old: LabelledScores, new: LabelledScores, task: Task, groups: Array | None) -> Iterator[PairedMetric]:
    """Measure both on the same resamples of the same rows, so that what both find hard cancels out."""
    measures = measures_of(task, old.truth)
    intervals = _intervals(measures, old, new, groups)
    for measure, interval in zip(measures, intervals, strict=True):
        values = measure.of(old), measure.of(new)
        if np.isfinite(values).all():
            low, high = interval or (None, None)
            yield PairedMetric(measure.name, measure.label, *values, low, high, measure.higher_is_better)


def _intervals(
    measures: tuple[Measure, ...], old: LabelledScores, new: LabelledScores, groups: Array | None
) -> list[tuple[float, float] | None]:
    count = len(old.truth)
    if count < bootstrap.FEWEST_ROWS:
        return [None for _ in measures]
    centers = [measure.of(new) - measure.of(old) for measure in measures]
    if count > bootstrap.MOST_ROWS:
        part = np.sort(np.random.default_rng(SEED).permutation(count)[: bootstrap.MOST_ROWS])
        old, new, groups = old.take(part), new.take(part), None if groups is None else groups[part]
    drawn: list[list[Array]] = [[] for _ in measures]
    for counts in bootstrap.drawn_counts(len(old.truth), SEED, groups=groups):
        for measure, values in zip(measures, drawn, strict=True):
            values.append(measure.resampled(new, counts) - measure.resampled(old, counts))
    scale = float(np.sqrt(len(old.truth) / count))
    return [
        bootstrap.interval(np.concatenate(values), center, scale) for center, values in zip(centers, drawn, strict=True)
    ]


def _changes(old: RunRecord, new: RunRecord) -> Iterator[RunChange]:
    before, after = old.metadata, new.metadata
    yield from _differences("parameters", old.parameters, new.parameters)
    yield from _differences("inputs", _inputs(old), _inputs(new))
    yield from _differences("data", _data(before), _data(after))
    settings = ("task", "target", "positive", "threshold", "engine")
    yield from _differences("settings", *({name: str(getattr(m, name)) for name in settings} for m in (before, after)))
    yield from _differences(
        "code", {"version": old.version, "commit": old.commit}, {"version": new.version, "commit": new.commit}
    )
    yield from _differences("libraries", before.environment, after.environment)


def _inputs(run: RunRecord) -> dict[str, str]:
    inputs = run.metadata.inputs
    return {**dict.fromkeys(inputs.numbers, "number"), **dict.fromkeys(inputs.strings, "text")}


def _data(made: Metadata) -> dict[str, str]:
    named = ("train_rows", "sampled_from", "test_rows", "dropped_rows", "seed", "column", "weight")
    split = {"split by": str(made.split.get("by", "rows")), **{name: str(made.split.get(name, "")) for name in named}}
    return {"SHA-256": str(made.data.get("sha256", ""))[:12], "rows": str(made.data.get("rows", "")), **split}


def _differences(group: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[RunChange]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield RunChange(group, name, old.get(name, DASH), new.get(name, DASH))
