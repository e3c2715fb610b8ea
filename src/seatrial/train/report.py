"""The report of a run: one HTML page that opens anywhere, for whoever decides about the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.model.features import Columns
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.pages import render
from seatrial.pages.charts import Figure, Svg, strip
from seatrial.pages.words import power_of_ten, short
from seatrial.train.evaluation import Evaluation, Importance, Metric
from seatrial.train.figures.calibration import calibration
from seatrial.train.figures.curves import curves
from seatrial.train.figures.error_analysis import confusion, mistakes
from seatrial.train.figures.importance import worth
from seatrial.train.figures.residuals import residuals
from seatrial.train.figures.summary import verdict
from seatrial.train.figures.table_columns import data_lines
from seatrial.train.profile import Fingerprint


@dataclass(frozen=True)
class RunReport:
    """All that the report tells of."""

    metadata: Metadata
    version: str
    evaluation: Evaluation
    importance: Sequence[Importance]
    fingerprint: Fingerprint
    held_out: Columns
    columns: Sequence[Column]
    row_name: str = "row"


@dataclass(frozen=True)
class Card:
    """One metric as a card: its figure, its interval as text and as a drawing, its baseline."""

    label: str
    value: str
    interval: str
    baseline: str
    drawing: Svg | None
    higher_is_better: bool


def render_report(report: RunReport) -> str:
    """Render the page: no script, nothing to fetch, no clock; the same run gives the same bytes."""
    meta, evaluation = report.metadata, report.evaluation
    regression = evaluation.task == "regression"
    tells: list[Figure] = []
    believes: list[Figure] = []
    if regression:
        tells = list(residuals(evaluation, meta.target))
    else:
        tells = list(curves(evaluation, meta.label))
        believes = list(calibration(evaluation, meta.label))
    headline = evaluation.metrics[0]
    return render(
        "report.html",
        meta=meta,
        version=report.version,
        verdict=verdict(evaluation, meta.target, meta.label, report.row_name),
        cards=[_card(metric) for metric in evaluation.metrics],
        tells=tells,
        believes=believes,
        confusion=None if regression else confusion(evaluation, meta.label),
        mistakes=mistakes(evaluation, report.held_out, report.columns, meta.label),
        worth=worth(report.importance, headline),
        data=list(data_lines(report.fingerprint, meta.label)),
        fingerprint=report.fingerprint,
        columns=report.columns,
        made=_made(meta),
    )


def _card(metric: Metric) -> Card:
    baseline = "" if metric.baseline is None else short(metric.baseline)
    value = short(metric.value)
    if metric.interval is None:
        return Card(metric.label, value, "", baseline, None, metric.higher_is_better)
    low, high = metric.interval
    interval = f"{short(low)} to {short(high)}"
    described = f"{value}, 95 % interval {interval}" + (f", baseline {baseline}" if baseline else "")
    drawing = strip(metric.value, low, high, metric.baseline, described)
    return Card(metric.label, value, interval, baseline, drawing, metric.higher_is_better)


def _made(meta: Metadata) -> str:
    """How the release runs, and how that was proved."""
    proof = meta.proof
    if meta.engine == "native":
        return f"Not compiled: {proof.get('reason', '')} The release runs natively, with scikit-learn."
    rows = proof["rows_table"] + proof["rows_generated"]
    if meta.task == "regression":
        return (
            f"Compiled to one graph in double precision. On {rows:,} rows, {proof['rows_generated']:,} of them "
            f"generated from the schema, it differs from scikit-learn by at most "
            f"{power_of_ten(proof['largest_difference'])} of the value."
        )
    return (
        f"Compiled to one graph in double precision. On {rows:,} rows, {proof['rows_generated']:,} of them generated "
        f"from the schema, its probabilities differ from scikit-learn's by at most "
        f"{power_of_ten(proof['largest_difference'])}, "
        f"and {proof['labels_differ'] or 'no'} labels differ; {proof['ties'] or 'none'} of the rows lie exactly on "
        "the threshold."
    )
