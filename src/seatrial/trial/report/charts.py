"""Draws what a trial measured: old in the quiet colour, new in the accent colour, failures in the failure colour."""

from collections.abc import Sequence
from typing import NamedTuple

from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent
from seatrial.trial.records import Check
from seatrial.trial.report.evidence import BeforeAfter, ChangeHistogram
from seatrial.trial.report.reading import FAILED
from seatrial.trial.report.words import cut, figure, times

OLD, NEW = 0, 1  # series of the charts
ALLOWED, FAULT = 8, 9  # more series, coloured by assets/trial.css
NAME, MOST = 24, 16  # the most letters of a name, and lines of a chart
FAMILIES = {
    "changes": "predictions",
    "flips": "labels",
    "shares": "shares of each label",
    "losses": "error",
    "slices": "groups of rows",
    "search": "pairs of groups",
    "sensitivity": "use of columns",
    "probes": "generated rows",
}
LABELS = {"log_loss": "log loss", "rmse": "RMSE", "mae": "mean abs. error", "roc_auc": "ROC AUC"}
COST_NAMES = {"cost.latency_64": "latency, 64 rows", "cost.latency_10000": "latency, 10,000 rows"}
COST_UNITS = {"size": (2**-20, "MB"), "memory": (1.0, "MB")}  # seconds are shown as ms
HIGHER_IS_BETTER = ("roc_auc", "accuracy")
FAR = 6.0  # a bar longer than this many times its limit is cut
FAR_OFF = 25.0  # the same for a metric, in margins


def limits(checks: Sequence[Check]) -> Figure | None:
    """Each statistical check's value in units of its own limit."""
    judged = [c for c in checks if c.name.startswith("total.") and c.limit and 0 <= c.severity < 1e6]
    if len(judged) < 2:
        return None
    named = [(c.name.removeprefix("total."), c) for c in sorted(judged, key=lambda c: -c.severity)]
    rows = [(FAMILIES.get(name, name), c.severity, c.outcome in FAILED) for name, c in named]
    over = sum(failed for _, _, failed in rows)
    exceeded = f"{over} of {len(rows)} {'exceeds' if over == 1 else 'exceed'} it." if over else "No change exceeds it."
    caption = (
        "Each bar is one kind of change: its largest value, in units of what harmless retraining of the baseline's "
        f"recipe reaches. Bars left of the line are within noise. {exceeded}"
    )
    high = min(max([1.0, *(value for _, value, _ in rows)]), FAR)
    chart = _listing("times the limit", [name for name, _, _ in rows], [high], most=high * 1.22)
    chart.bar((0, 0), (1, len(rows)), ALLOWED, kind="pale")
    chart.line([(1, 0), (1, len(rows))], OLD, dashed=True)
    for place, (_, value, failed) in enumerate(rows):
        middle = len(rows) - place - 0.5
        chart.bar((0, middle - 0.28), (min(value, FAR), middle + 0.28), FAULT if failed else NEW)
        chart.text(min(value, FAR), middle, f"{times(value)}\u00d7", FAULT if failed else OLD, dx=6, dy=4)
    listed = ", ".join(f"{name} {times(value)}" for name, value, _ in rows)
    return Figure("Changes relative to noise", draw(f"Bars in units of the limit: {listed}.", chart), caption)


def change(histogram: ChangeHistogram) -> Figure | None:
    """How far each row moved, with the band of a usual harmless retrain."""
    edges, shares, noise = histogram.edges, histogram.shares, histogram.noise
    if len(edges) != len(shares) + 1 or not any(shares) or sorted(edges) != list(edges) or edges[0] == edges[-1]:
        return None
    most = max(shares)
    ends = [edges[0], edges[-1], *(noise or ())]
    low, high = min(ends), max(ends)
    ticks = tuple(tick for tick in Axis.over(histogram.label, [low, high], count=6).ticks if low <= tick <= high)
    chart = Chart(Axis(histogram.label, low, high, ticks), _shares(most))
    if noise:
        chart.bar((noise[0], 0), (noise[1], most * 1.15), ALLOWED, kind="pale")
        chart.text(noise[1], most * 1.15, "noise", anchor="end", dx=-5, dy=14)
    outside, gap = 0.0, (high - low) * 0.002
    least = most * 0.006  # the few rows far out matter most, so their bars stay visible
    for start, end, share in zip(edges[:-1], edges[1:], shares, strict=True):
        beyond = noise is not None and not noise[0] <= (start + end) / 2 <= noise[1]
        outside += share if beyond else 0.0
        if share:
            chart.bar((start + gap, 0), (end - gap, max(share, least)), 2 if beyond else NEW)
    caption = f"Rows by how far their prediction moved ({histogram.label})."
    if noise:
        exceeding = f"{percent(outside / sum(shares))} of the rows are" if outside else "no row is"
        caption += f" In a usual retrain, 99 % of the rows stay in the shaded band; here {exceeding} outside it."
    described = f"Histogram of the {histogram.label}, from {figure(low)} to {figure(high)}."
    return Figure("How far the predictions moved", draw(described, chart), caption)


def _shares(most: float) -> Axis:
    label = "share of the rows"
    if most > 1:
        return Axis.over(label, [most * 1.1], zero=True, count=4)
    return Axis(label, 0.0, most * 1.15, Axis.of_shares(label, most * 1.15).ticks, percent=True)


def metrics(checks: Sequence[Check]) -> Figure | None:
    """Each metric's change in units of its margin, with its interval; too far to the left fails."""
    rows = [row for row in map(_metric, checks) if row][:MOST]
    if not rows:
        return None
    ends = [end for row in rows for end in row.change]
    scale = Axis.over("change in units of the margin, better to the right", [-1.6, 1.0, *ends], count=6)
    names = [cut(row.name, NAME) for row in rows]
    chart = Chart(scale, Axis("", 0, len(rows), ()), height=48 + 44 * len(rows), names=names)
    chart.bar((scale.low, 0), (-1, len(rows)), FAULT, kind="pale")
    chart.line([(0, 0), (0, len(rows))], OLD)
    chart.line([(-1, 0), (-1, len(rows))], OLD, dashed=True)
    for place, row in enumerate(rows):
        low, at, high = row.change
        middle, series = len(rows) - place - 0.5, FAULT if high < -1 else NEW
        chart.line([(low, middle), (high, middle)], series)
        chart.dots([(at, middle)], series, 4.5, kind="one")
        text, far = f"{figure(row.old)} → {figure(row.new)}", scale.at((low + high) / 2)
        anchor, x = ("start", low) if far < 0.25 else ("end", high) if far > 0.75 else ("middle", (low + high) / 2)
        chart.text(x, middle, text, series, anchor=anchor, dy=-9)
    caption = (
        "The candidate's metrics minus the baseline's on the same rows, with the interval of a paired bootstrap. A "
        "metric in the shaded area is worse by more than the margin that the policy allows."
    )
    return Figure("Better or worse", draw(f"Changes of metrics: {_described(rows)}.", chart), caption)


class _Metric(NamedTuple):
    name: str
    old: float
    new: float
    change: list[float]  # in margins, better is positive: the low end of the interval, the change itself, the high end


def _metric(check: Check) -> _Metric | None:
    """Read a metric from the check `metrics.worse` and its interval."""
    interval = check.evidence.get("interval")
    if check.name != "metrics.worse" or check.old is None or check.new is None or not check.limit:
        return None
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        return None
    # Errors and their intervals are shares of the old value.
    worse = check.old - check.new if check.subject in HIGHER_IS_BETTER else check.new / max(check.old, 1e-12) - 1
    best, worst = interval
    change = [min(max(-each / check.limit, -FAR_OFF), FAR_OFF) for each in (worst, worse, best)]
    return _Metric(LABELS.get(check.subject, check.subject), check.old, check.new, change)


def before_after(title: str, pairs: Sequence[BeforeAfter], label: str, caption: str) -> Figure | None:
    """Old and new of each line: a ring for the old value, a dot for the new one, and a range for where it may be."""
    order = sorted(pairs, key=lambda p: (not p.failed, -abs(p.new - p.old)))[:MOST]
    if not order:
        return None
    values = [v for p in order for v in (p.old, p.new, p.low, p.high) if v is not None]
    chart = _listing(label, [_named(pair) for pair in order], values)
    for place, pair in enumerate(order):
        middle, series = len(order) - place - 0.5, FAULT if pair.failed else NEW
        if pair.low is not None and pair.high is not None:
            chart.bar((pair.low, middle - 0.3), (pair.high, middle + 0.3), ALLOWED, kind="pale")
        chart.line([(pair.old, middle), (pair.new, middle)], series)
        chart.dots([(pair.old, middle)], OLD, 4.5, kind="one")
        chart.dots([(pair.new, middle)], series, 5)
    if len(pairs) > MOST:
        caption += f" {len(pairs) - MOST} more moved less."
    return Figure(title, draw(f"{label}: {_described(order)}.", chart), caption)


def bars(title: str, pairs: Sequence[BeforeAfter], label: str, caption: str) -> Figure | None:
    """Old and new of each line as a pair of bars, with marks for where the new one may end."""
    order = sorted(pairs, key=lambda p: (not p.failed, -max(p.old, p.new)))[:MOST]
    if not order:
        return None
    values = [v for p in order for v in (p.old, p.new, p.high) if v is not None]
    chart = _listing(label, [_named(pair) for pair in order], values, step=34, most=max(values) * 1.3, zero=True)
    for place, pair in enumerate(order):
        middle, series = len(order) - place - 0.5, FAULT if pair.failed else NEW
        chart.bar((0, middle + 0.02), (pair.old, middle + 0.32), OLD, kind="pale")
        chart.bar((0, middle - 0.32), (pair.new, middle - 0.02), series)
        for end in (pair.low, pair.high):
            if end is not None:
                chart.line([(end, middle - 0.4), (end, middle + 0.06)], OLD)
        furthest = max(pair.old, pair.new, pair.high or 0.0)
        text = f"{figure(pair.old)} → {figure(pair.new)}"
        chart.text(furthest, middle, text, series if pair.failed else OLD, dx=7, dy=4)
    return Figure(title, draw(f"{label}: {_described(order)}.", chart), caption)


def costs(checks: Sequence[Check]) -> Figure | None:
    """How many times the old cost the new one is, with its limit."""
    rows = [
        (COST_NAMES.get(c.name, c.name.removeprefix("cost.")), c.old, c.new, c.limit)
        for c in checks
        if c.suite == "cost" and c.old and c.new is not None and c.limit
    ]
    if not rows:
        return None
    ratios = [new / old for _, old, new, _ in rows]
    high = min(max([1.0, *ratios, *(limit for *_, limit in rows)]), 12.0)
    names = [cut(name, NAME) for name, *_ in rows]
    chart = _listing("times as much as before", names, [high], step=30, most=high * 1.75, zero=True)
    for place, ((name, old, new, limit), ratio) in enumerate(zip(rows, ratios, strict=True)):
        middle, series = len(rows) - place - 0.5, FAULT if ratio > limit else NEW
        chart.bar((0, middle - 0.25), (min(ratio, high), middle + 0.25), series)
        if limit <= high:
            chart.line([(limit, middle - 0.42), (limit, middle + 0.42)], OLD)
        factor, unit = COST_UNITS.get(name, (1e3, "ms"))
        text = f"{figure(old * factor)} → {figure(new * factor)} {unit}"
        chart.text(min(max(ratio, limit), high), middle, text, FAULT if ratio > limit else OLD, dx=6, dy=4)
    chart.line([(1, 0), (1, len(rows))], OLD, dashed=True)
    listed = ", ".join(f"{name} {times(ratio)} times" for name, ratio in zip(names, ratios, strict=True))
    caption = "The dashed line is the old cost; the vertical marks are the policy's limits."
    return Figure("Size and time", draw(f"Costs: {listed}.", chart), caption)


def _described(rows: Sequence[BeforeAfter | _Metric]) -> str:
    """The values of a chart in words, for people who do not see it."""
    return ", ".join(f"{row.name} {figure(row.old)} before, {figure(row.new)} now" for row in rows)


def _named(pair: BeforeAfter) -> str:
    rows = f" ({pair.rows:,})" if pair.rows is not None else ""
    return cut(pair.name, NAME - len(rows)) + rows


def _listing(
    label: str, names: Sequence[str], values: Sequence[float], *, step: int = 25, most: float = 0, zero: bool = False
) -> Chart:
    scale = Axis.over(label, values, zero=zero or bool(most), count=4)
    if most:
        scale = Axis(label, min(0.0, scale.low), most, tuple(t for t in scale.ticks if t <= most))
    return Chart(scale, Axis("", 0, len(names), ()), height=48 + step * len(names), names=[cut(n, NAME) for n in names])
