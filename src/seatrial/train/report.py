"""The report of a run: one HTML page that opens anywhere, for the people who decide about the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.model.features import Columns
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.pages import render
from seatrial.pages.charts import Svg, strip
from seatrial.pages.words import power_of_ten, short
from seatrial.train.evaluation import Evaluation, Importance, Metric
from seatrial.train.figures.calibration import calibration
from seatrial.train.figures.curves import curves
from seatrial.train.figures.error_analysis import confusion, largest_errors
from seatrial.train.figures.importance import importance_chart
from seatrial.train.figures.residuals import residuals
from seatrial.train.figures.summary import summarize
from seatrial.train.figures.table_columns import column_summaries
from seatrial.train.profile import Fingerprint


@dataclass(frozen=True)
class RunReport:
    """Everything that the report shows."""

    metadata: Metadata
    version: str
    evaluation: Evaluation
    importance: Sequence[Importance]
    fingerprint: Fingerprint
    held_out: Columns
    columns: Sequence[Column]
    row_name: str = "row"


@dataclass(frozen=True)
class MetricCard:
    """One metric as a card: its value, its interval as text and as a drawing, and its baseline."""

    label: str
    value: str
    interval: str
    baseline: str
    drawing: Svg | None
    higher_is_better: bool


def render_report(report: RunReport) -> str:
    """Render the page: no script, nothing to fetch, no clock; the same run gives the same bytes."""
    meta, evaluation = report.metadata, report.evaluation
    regression = evaluation.regression
    return render(
        "report.html",
        meta=meta,
        version=report.version,
        summary=summarize(evaluation, meta.target, meta.label, report.row_name),
        cards=[_card(metric) for metric in evaluation.metrics],
        performance=list(residuals(evaluation, meta.target) if regression else curves(evaluation, meta.label)),
        calibration=[] if regression else list(calibration(evaluation, meta.label)),
        confusion=None if regression else confusion(evaluation, meta.label),
        errors=largest_errors(evaluation, report.held_out, report.columns, meta.label),
        importance=importance_chart(report.importance, evaluation.metrics[0]),
        data=list(column_summaries(report.fingerprint, meta.label)),
        fingerprint=report.fingerprint,
        columns=report.columns,
        engine=_engine(meta),
    )


def _card(metric: Metric) -> MetricCard:
    baseline = "" if metric.baseline is None else short(metric.baseline)
    value = short(metric.value)
    if metric.interval is None:
        return MetricCard(metric.label, value, "", baseline, None, metric.higher_is_better)
    low, high = metric.interval
    interval = f"{short(low)} to {short(high)}"
    described = f"{value}, 95 % interval {interval}" + (f", baseline {baseline}" if baseline else "")
    drawing = strip(metric.value, low, high, metric.baseline, described)
    return MetricCard(metric.label, value, interval, baseline, drawing, metric.higher_is_better)


def _engine(meta: Metadata) -> str:
    """How the release runs, and how that was proved."""
    proof = meta.proof
    if meta.engine == "native":
        return f"Not compiled: {proof.get('reason', '')} The release runs natively, with scikit-learn."
    rows, generated = proof["rows_table"] + proof["rows_generated"], proof["rows_generated"]
    largest = power_of_ten(proof["largest_difference"])
    compared = f"Compiled to one graph in double precision. On {rows:,} rows ({generated:,} drawn from the schema), "
    if meta.task == "regression":
        return f"{compared}its predictions differ from scikit-learn's by at most {largest} of the value."
    labels, ties = proof["labels_differ"] or "no", proof["ties"] or "none"
    return (
        f"{compared}its probabilities differ from scikit-learn's by at most {largest}, and {labels} labels differ; "
        f"{ties} of the rows are exactly on the threshold."
    )
