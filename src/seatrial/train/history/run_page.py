"""The page of two runs side by side: paired metrics, what differs, and the same pictures of both."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import zip_longest

import numpy as np

from seatrial.model.decision import decision_rule
from seatrial.model.features import Array
from seatrial.pages import render
from seatrial.pages.charts import Figure
from seatrial.pages.words import MINUS, short
from seatrial.train.evaluation import Evaluation, Metric
from seatrial.train.figures.calibration import calibration
from seatrial.train.figures.curves import curves
from seatrial.train.figures.residuals import residuals
from seatrial.train.history.held_out import read_held_out
from seatrial.train.history.run_comparison import PairedMetric, RunComparison
from seatrial.train.history.run_records import RunRecord


def render_runs(made: RunComparison, pages: Sequence[tuple[str, str]] = ()) -> str:
    """Render the page: no script, nothing to fetch; it has the pictures of the reports, which show held-out rows."""
    both = [list(_figures(run)) for run in (made.old, made.new)]
    figures = [figure for pair in zip_longest(*both) for figure in pair if figure is not None]
    return render(
        "runs.html",
        made=made,
        runs=(made.old, made.new),
        lines=[paired_line(metric) for metric in made.metrics],
        own=[_own(run) for run in (made.old, made.new)],
        figures=figures,
        pages=pages,
    )


def paired_line(metric: PairedMetric) -> tuple[str, str, str, str, str, str]:
    """A paired metric as texts: label, both values, the change, its interval, and what it means."""
    change = _signed(metric.new - metric.old)
    interval = "" if metric.low is None or metric.high is None else f"{_signed(metric.low)} to {_signed(metric.high)}"
    return metric.label, short(metric.old), short(metric.new), change, interval, metric.meaning


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else MINUS}{short(abs(change))}" if change else "0"


def _own(run: RunRecord) -> tuple[str, str, str]:
    """The main metric of a run on its own held-out rows, with its interval."""
    metric = run.headline
    low, high = metric.get("low"), metric.get("high")
    interval = "" if low is None or high is None else f"{short(low)} to {short(high)}"
    return str(metric["label"]), short(metric["value"]), interval


def _figures(run: RunRecord) -> Iterator[Figure]:
    evaluation = evaluation_of(run)
    if evaluation is None:
        return
    made = run.metadata
    drawn = residuals(evaluation, made.target) if evaluation.regression else curves(evaluation, made.label)
    for figure in (*drawn, *(() if evaluation.regression else calibration(evaluation, made.label))):
        yield replace(figure, title=f"{figure.title}: {run.id}")


def evaluation_of(run: RunRecord) -> Evaluation | None:
    """What training measured, from the run's folder; None for a run of an earlier version."""
    held_out, made = read_held_out(run.folder), run.metadata
    if held_out is None:
        return None
    rule = decision_rule(made)
    decided = rule.decide(held_out.scores)
    known = {field.name for field in fields(Metric)}
    metrics = tuple(Metric(**{k: v for k, v in metric.items() if k in known}) for metric in made.metrics.values())
    labels = _as_labels(run, held_out.truth), held_out.scores, _as_labels(run, decided)
    return Evaluation(rule, *labels, None, metrics, weights=held_out.weights)


def _as_labels(run: RunRecord, positions: Array) -> Array:
    if run.metadata.task == "regression":
        return positions
    return np.array([run.metadata.classes[position] for position in positions.tolist()], dtype=object)
