"""Draws what a trial measured: old in the quiet colour, new in the accent's, what failed in the colour of failure."""

from collections.abc import Sequence

from seatrial.pages.charts import Axis, Chart, Figure, Svg, draw
from seatrial.pages.words import percent
from seatrial.trial.records import Check
from seatrial.trial.report.evidence import BeforeAfter, ChangeHistogram, CostChange, Member, MetricChange
from seatrial.trial.report.reading import FAILED
from seatrial.trial.report.words import cut, figure, times

OLD, NEW = 0, 1  # series of the charts
ALLOWED, FAULT = 8, 9  # more series, which assets/trial.css colours
NAME, MOST = 24, 16  # letters of a name and lines of a picture that there is room for
FAMILIES = {
    "changes": "predictions",
    "flips": "labels",
    "shares": "how often each answer",
    "losses": "error",
    "slices": "groups of rows",
    "search": "pairs of groups",
    "sensitivity": "use of columns",
    "probes": "made-up rows",
}
FAR = 6.0  # beyond so many times its limit, a bar is cut
FAR_OFF = 25.0  # the same of a metric, in margins


def limits(checks: Sequence[Check]) -> Figure | None:
    """Each statistical check's figure in units of its own limit."""
    judged = [c for c in checks if c.name.startswith("total.") and c.limit and 0 <= c.severity < 1e6]
    if len(judged) < 2:
        return None
    judged.sort(key=lambda c: -c.severity)
    rows = [(_family(c.name.removeprefix("total.")), c.severity, c.outcome in FAILED) for c in judged]
    over = sum(failed for _, _, failed in rows)
    caption = (
        "Each bar is one kind of change: its largest figure, in units of what harmless retraining of the baseline's "
        f"own recipe reaches. Left of the line is noise. {_over(over, len(rows))}"
    )
    return Figure("What changed, beside what is noise", _in_limits(rows, "times the limit"), caption)


def _family(name: str) -> str:
    return FAMILIES.get(name, name)


def members(title: str, found: Sequence[Member], what: str) -> Figure | None:
    """The figures of one check, each in units of its own limit."""
    if len(found) < 2:
        return None
    listed = sorted(found, key=lambda m: -m.value / m.limit)[:MOST]
    rows = [(m.name, max(m.value / m.limit, 0.0), m.value > m.limit) for m in listed]
    over = sum(failed for _, _, failed in rows)
    caption = (
        f"{what} Each in units of what harmless retraining reaches, since some are noisier than others. "
        f"{_over(over, len(rows))}"
    )
    return Figure(title, _in_limits(rows, "times the limit"), caption)


def _over(over: int, of: int) -> str:
    return f"{over} of {of} {'goes' if over == 1 else 'go'} beyond it." if over else "None goes beyond it."


def _in_limits(rows: Sequence[tuple[str, float, bool]], label: str) -> Svg:
    high = min(max([1.0, *(value for _, value, _ in rows)]), FAR)
    chart = _listing(label, [name for name, _, _ in rows], [high], most=high * 1.22)
    chart.bar((0, 0), (1, len(rows)), ALLOWED, kind="pale")
    chart.line([(1, 0), (1, len(rows))], OLD, dashed=True)
    for place, (_, value, failed) in enumerate(rows):
        middle = len(rows) - place - 0.5
        chart.bar((0, middle - 0.28), (min(value, FAR), middle + 0.28), FAULT if failed else NEW)
        chart.text(min(value, FAR), middle, f"{times(value)}\u00d7", FAULT if failed else OLD, dx=6, dy=4)
    told = ", ".join(f"{name} {times(value)}" for name, value, _ in rows)
    return draw(f"Bars in units of the limit: {told}.", chart)


def change(found: ChangeHistogram) -> Figure | None:
    """How far each row moved, with the band of what harmless retraining does."""
    edges, shares = found.edges, found.shares
    if len(edges) != len(shares) + 1 or not any(shares) or sorted(edges) != list(edges) or edges[0] == edges[-1]:
        return None
    most = max(shares)
    reach = [edges[0], edges[-1], *(found.noise or ())]
    low, high = min(reach), max(reach)
    base = Axis.over(found.label, [low, high])
    chart = Chart(Axis(found.label, low, high, tuple(t for t in base.ticks if low <= t <= high)), _shares(most))
    if found.noise:
        chart.bar((found.noise[0], 0), (found.noise[1], most * 1.15), ALLOWED, kind="pale")
        chart.text(found.noise[1], most * 1.15, "noise", anchor="end", dx=-5, dy=14)
    outside, gap = 0.0, (high - low) * 0.002
    least = most * 0.006  # a row or two far out is what one looks for, so it gets a hair's height
    for start, end, share in zip(edges[:-1], edges[1:], shares, strict=True):
        beyond = found.noise is not None and not found.noise[0] <= (start + end) / 2 <= found.noise[1]
        outside += share if beyond else 0.0
        if share:
            chart.bar((start + gap, 0), (end - gap, max(share, least)), 2 if beyond else NEW)
    caption = f"Rows by how far their answer moved ({found.label})."
    if found.noise:
        beyond_it = f"{percent(outside / sum(shares))} of the rows lie" if outside else "no row lies"
        caption += f" The shaded band is what harmless retraining does to rows like these; {beyond_it} beyond it."
    described = f"Histogram of the {found.label}, from {figure(low)} to {figure(high)}."
    return Figure("How far the answers moved", draw(described, chart), caption)


def _shares(most: float) -> Axis:
    return Axis.over("share of the rows", [most * 1.1], zero=True, count=4) if most > 1 else _shares_below_one(most)


def _shares_below_one(most: float) -> Axis:
    scale = Axis.of_shares("share of the rows", most * 1.15)
    return Axis(scale.label, 0.0, most * 1.15, scale.ticks, percent=True)


def measures(found: Sequence[MetricChange]) -> Figure | None:
    """Each metric's change in units of its margin, with its interval: too far to the left is too much."""
    rows = [m for m in found if m.margin > 0][:MOST]
    if not rows:
        return None
    # To the right is better, so what became worse lies to the left; a margin may be tiny beside what happened.
    placed = [(m, _margins(m, m.worse), _margins(m, m.high), _margins(m, m.low)) for m in rows]
    ends = [end for _, _, low, high in placed for end in (low, high)]
    scale = Axis.over("change in units of the margin, to the right is better", [-1.6, 1.0, *ends], count=6)
    names = [cut(m.name, NAME) for m in rows]
    chart = Chart(scale, Axis("", 0, len(rows), ()), height=48 + 44 * len(rows), names=names)
    chart.bar((scale.low, 0), (-1, len(rows)), FAULT, kind="pale")
    chart.line([(0, 0), (0, len(rows))], OLD)
    chart.line([(-1, 0), (-1, len(rows))], OLD, dashed=True)
    for place, (m, at, low, high) in enumerate(placed):
        middle = len(rows) - place - 0.5
        series = FAULT if high < -1 else NEW
        chart.line([(low, middle), (high, middle)], series)
        chart.dots([(at, middle)], series, 4.5, kind="one")
        text, far = f"{figure(m.old)} → {figure(m.new)}", scale.at((low + high) / 2)
        anchor, x = ("start", low) if far < 0.25 else ("end", high) if far > 0.75 else ("middle", (low + high) / 2)
        chart.text(x, middle, text, series, anchor=anchor, dy=-9)
    told = "; ".join(f"{m.name} {figure(m.old)} before, {figure(m.new)} now" for m in rows)
    caption = (
        "The candidate's metrics less the baseline's on the same rows, with the interval of a paired bootstrap. On the "
        "shaded side it would be worse by more than the margin that the policy allows."
    )
    return Figure("Better or worse", draw(f"Changes of metrics: {told}.", chart), caption)


def _margins(measure: MetricChange, worse: float) -> float:
    return min(max(-worse / measure.margin, -FAR_OFF), FAR_OFF)


def pairs(title: str, found: Sequence[BeforeAfter], label: str, caption: str) -> Figure | None:
    """Old and new of each line: a ring where it was, a dot where it is, and where it may be."""
    order = sorted(found, key=lambda p: (not p.failed, -abs(p.new - p.old)))[:MOST]
    if not order:
        return None
    values = [v for p in order for v in (p.old, p.new, p.low, p.high) if v is not None]
    names = [_named(pair) for pair in order]
    chart = _listing(label, names, values)
    for place, pair in enumerate(order):
        middle, series = len(order) - place - 0.5, FAULT if pair.failed else NEW
        if pair.low is not None and pair.high is not None:
            chart.bar((pair.low, middle - 0.3), (pair.high, middle + 0.3), ALLOWED, kind="pale")
        chart.line([(pair.old, middle), (pair.new, middle)], series)
        chart.dots([(pair.old, middle)], OLD, 4.5, kind="one")
        chart.dots([(pair.new, middle)], series, 5)
    if len(found) > MOST:
        caption += f" {len(found) - MOST} more moved less."
    told = ", ".join(f"{pair.name} {figure(pair.old)} before, {figure(pair.new)} now" for pair in order)
    return Figure(title, draw(f"{label}: {told}.", chart), caption)


def bars(title: str, found: Sequence[BeforeAfter], label: str, caption: str) -> Figure | None:
    """Old and new of each line as a pair of bars, with ticks where the new one may end."""
    order = sorted(found, key=lambda p: (not p.failed, -max(p.old, p.new)))[:MOST]
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
        furthest = max(v for v in (pair.old, pair.new, pair.high or 0.0))
        chart.text(
            furthest, middle, f"{figure(pair.old)} → {figure(pair.new)}", series if pair.failed else OLD, dx=7, dy=4
        )
    told = ", ".join(f"{pair.name} {figure(pair.old)} before, {figure(pair.new)} now" for pair in order)
    return Figure(title, draw(f"{label}: {told}.", chart), caption)


def costs(found: Sequence[CostChange]) -> Figure | None:
    """How many times the old cost the new one is, with its limit."""
    rows = [c for c in found if c.old > 0][:MOST]
    if not rows:
        return None
    ratios = [c.new / c.old for c in rows]
    high = min(max([1.0, *ratios, *(c.limit for c in rows if c.limit)]), 12.0)
    chart = _listing(
        "times as much as before", [cut(c.name, NAME) for c in rows], [high], step=30, most=high * 1.4, zero=True
    )
    for place, (cost, ratio) in enumerate(zip(rows, ratios, strict=True)):
        middle, failed = len(rows) - place - 0.5, cost.limit is not None and ratio > cost.limit
        chart.bar((0, middle - 0.25), (min(ratio, high), middle + 0.25), FAULT if failed else NEW)
        if cost.limit is not None and cost.limit <= high:
            chart.line([(cost.limit, middle - 0.42), (cost.limit, middle + 0.42)], OLD)
        unit = f" {cost.unit}" if cost.unit else ""
        text = f"{figure(cost.old)} → {figure(cost.new)}{unit}"
        chart.text(min(max(ratio, cost.limit or 0.0), high), middle, text, FAULT if failed else OLD, dx=6, dy=4)
    chart.line([(1, 0), (1, len(rows))], OLD, dashed=True)
    told = ", ".join(f"{c.name} {times(r)} times" for c, r in zip(rows, ratios, strict=True))
    caption = "At the dashed line it costs what it did; the upright marks are the policy's limits."
    return Figure("Size and time", draw(f"Costs: {told}.", chart), caption)


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
