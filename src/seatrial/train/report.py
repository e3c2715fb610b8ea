"""The report of a run: one HTML page that opens anywhere, for the people who decide about the model."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from seatrial.model.features import Columns
from seatrial.model.metadata import Metadata
from seatrial.model.row_split import split_words
from seatrial.model.schema import Column
from seatrial.pages import render
from seatrial.pages.charts import Svg, strip
from seatrial.pages.words import short
from seatrial.train.evaluation import Evaluation, Importance, Metric
from seatrial.train.figures.calibration import calibration
from seatrial.train.figures.curves import curves
from seatrial.train.figures.error_analysis import confusion, largest_errors
from seatrial.train.figures.groups import row_groups
from seatrial.train.figures.importance import importance_chart
from seatrial.train.figures.residuals import residuals
from seatrial.train.figures.summary import summarize
from seatrial.train.figures.table_columns import column_summaries
from seatrial.train.figures.thresholds import PER, threshold_lines
from seatrial.train.model_card import coverage_lines, coverage_words, fitted_words, how_it_runs, never_predicted
from seatrial.train.profile import Fingerprint


def render_report(
    meta: Metadata,
    version: str,
    evaluation: Evaluation,
    importance: Sequence[Importance],
    fingerprint: Fingerprint,
    shown: Evaluation,
    held_out: Columns,
    columns: Sequence[Column],
    row_name: str = "row",
    costs: Mapping[str, float] = MappingProxyType({}),
    pages: Sequence[tuple[str, str]] = (),
) -> str:
    """Render the page: no script, nothing to fetch, no clock; the same run gives the same bytes.

    `shown` is the evaluation of the rows in `held_out`: of a table that is not in memory, some of those that are
    measured. `costs` are those of the two errors of a binary task, where the project sets them; `pages` are related.
    """
    regression = evaluation.regression
    cards = zip(evaluation.metrics, evaluation.terminal_rows(), strict=True)
    return render(
        "report.html",
        meta=meta,
        version=version,
        summary=summarize(evaluation, meta.target, meta.label, row_name),
        missed=never_predicted(meta),
        cards=[(metric, *texts, _drawing(metric, *texts), _simple_models(metric)) for metric, (_, *texts) in cards],
        performance=list(residuals(evaluation, meta.target) if regression else curves(evaluation, meta.label)),
        thresholds=threshold_lines(evaluation, costs),
        costs=costs,
        pages=pages,
        per=f"{PER:,}",
        calibration=[] if regression else list(calibration(evaluation, meta.label)),
        coverage=coverage_lines(meta),
        coverage_words=coverage_words(meta),
        confusion=None if regression else confusion(evaluation, meta.label),
        errors=largest_errors(shown, held_out, columns, meta.label),
        groups=row_groups(shown, importance, held_out, columns),
        importance=importance_chart(importance, evaluation.metrics[0]),
        data=list(column_summaries(fingerprint, meta.label)),
        fingerprint=fingerprint,
        columns=columns,
        engine=how_it_runs(meta),
        fitted=fitted_words(meta),
        chosen=split_words(meta.split, str),
    )


def _drawing(metric: Metric, value: str, interval: str, baseline: str) -> Svg | None:
    if metric.interval is None:
        return None
    described = f"{value}, 95 % interval {interval}" + (f", baseline {baseline}" if baseline else "")
    return strip(metric.value, *metric.interval, metric.baseline, described)


def _simple_models(metric: Metric) -> list[str]:
    known = (("best single column", metric.single), ("plain linear model", metric.linear))
    return [f"{name} {short(value)}" for name, value in known if value is not None]
