"""Draws one figure over time as a small inline SVG: few elements, so that a page of hundreds of them opens at once.

The styles are in assets/watch.css. A year of days has as many elements as one week.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from seatrial.pages.charts import NEAREST, Svg, px, svg

WIDE, HIGH = 320, 84
TOP, BOTTOM = 6, 6
MOST_MARKS = 60  # of deployments; more would be a grey area


@dataclass(frozen=True)
class TimePoint:
    """A figure at a time, in seconds since 1970, with its interval; a value that is None is a gap."""

    time: float
    value: float | None
    low: float | None = None
    high: float | None = None


def over_time(
    points: Sequence[TimePoint],
    described: str,
    *,
    begin: float,
    end: float,
    usual: tuple[float | None, float | None] = (None, None),
    reference: float | None = None,
    marks: Sequence[float] = (),
    since: float | None = None,
) -> tuple[Svg, float, float]:
    """Draw a figure from `begin` to `end`; returns the drawing, and the lowest and the highest value that it shows.

    `usual` is drawn as a band, `reference` as a dashed line, `marks` as vertical lines, and what is from `since` on as
    changed.
    """
    low, high = _range(points, usual, reference)
    span = end - begin

    def place(time: float, value: float) -> tuple[float, float]:
        share, part = (value - low) / (high - low), (time - begin) / span if span else 0.5
        return 3 + part * (WIDE - 6), TOP + (1 - min(max(share, 0.0), 1.0)) * (HIGH - TOP - BOTTOM)

    parts = []
    band = [value for value in usual if value is not None]
    if len(band) == 2:
        (_, bottom), (_, top) = place(begin, band[0]), place(begin, band[1])
        size = f'width="{WIDE}" height="{px(max(bottom - top, 1.0))}"'
        parts.append(f'<rect class="usual" x="0" y="{px(top)}" {size}/>')
    inside = [mark for mark in marks if begin <= mark <= end][-MOST_MARKS:]
    if inside:
        upright = "".join(f"M{px(place(mark, low)[0])} 0V{HIGH}" for mark in inside)
        parts.append(f'<path class="deployed" d="{upright}"/>')
    if reference is not None:
        parts.append(f'<path class="reference" d="M0 {px(place(begin, reference)[1])}H{WIDE}"/>')
    runs = list(_runs(points))
    areas = "".join(_area([(place(p.time, p.low), place(p.time, p.high)) for p in run if _bounded(p)]) for run in runs)  # type: ignore[arg-type]
    if areas:
        parts.append(f'<path class="between" d="{areas}"/>')
    lines = [[(p.time, place(p.time, p.value)) for p in run if p.value is not None] for run in runs]
    alone = "".join(_path([line[0][1]]) for line in lines if len(line) == 1)
    for name, path in (
        ("line", "".join(_path([point for _, point in line]) for line in lines if len(line) > 1)),
        ("alone", alone),
        ("changed line", "".join(_path(_after(line, since)) for line in lines if since is not None)),
    ):
        if path:
            parts.append(f'<path class="{name}" d="{path}"/>')
    return svg("over-time", WIDE, HIGH, described, "".join(parts)), low, high


def _bounded(point: TimePoint) -> bool:
    return point.low is not None and point.high is not None


def _range(
    points: Sequence[TimePoint], usual: tuple[float | None, float | None], reference: float | None
) -> tuple[float, float]:
    """What the drawing shows: all values; of intervals and bands, at most as much again, or values would be flat."""
    values = [p.value for p in points if p.value is not None]
    values += [] if reference is None else [reference]
    if not values:
        return 0.0, 1.0
    least, most = min(values), max(values)
    room = (most - least) or abs(most) * 0.2 or 1.0
    others = [v for p in points for v in (p.low, p.high) if v is not None] + [v for v in usual if v is not None]
    low = max(min([least, *others]), least - room)
    high = min(max([most, *others]), most + room)
    if low == high:
        low, high = low - room / 2, high + room / 2
    return (max(low, 0.0) if least >= 0 else low), high


def _runs(points: Sequence[TimePoint]) -> Iterator[list[TimePoint]]:
    """The points between gaps."""
    for there, run in groupby(points, lambda point: point.value is not None):
        if there:
            yield list(run)


def _after(line: Sequence[tuple[float, tuple[float, float]]], since: float) -> list[tuple[float, float]]:
    return [point for time, point in line if time >= since]


def _path(placed: Sequence[tuple[float, float]]) -> str:
    """A line through points; one alone is a dot, by the round end of a line without length."""
    if len(placed) == 1:
        return f"M{px(placed[0][0])} {px(placed[0][1])}h0.01"
    kept: list[tuple[float, float]] = []
    for point in placed:
        near = kept and abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) < NEAREST
        if not near or point is placed[-1]:
            kept.append(point)
    return f"M{'L'.join(f'{px(x)} {px(y)}' for x, y in kept)}" if kept else ""


def _area(bounds: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> str:
    if len(bounds) < 2:
        return ""
    there = [low for low, _ in bounds]
    back = [high for _, high in reversed(bounds)]
    return f"M{'L'.join(f'{px(x)} {px(y)}' for x, y in [*there, *back])}Z"
