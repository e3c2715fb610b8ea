"""Draws charts as inline SVG: panels with two axes and marks, in the page's own colours, light and dark.

The unit is a pixel of a drawing that is `WIDTH` wide; pages scale it to the column. The same marks give the same bytes.
The styles are in assets/charts.css.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WIDTH = 380
TOP, RIGHT, BOTTOM = 30, 14, 40  # margins of a panel; the top is smaller if the y axis has no label
LETTER = 6.6  # mean width of a letter at 12 px
MINUS = "\u2212"
MANY = 4_096  # points of a line that are thinned together
NEAREST = 1.5  # points of a line that are closer look like one; this also limits the size of a long curve

Point = tuple[float, float]


@dataclass(frozen=True)
class Svg:
    """A drawing. Templates insert it unescaped, since its texts are escaped where it is made."""

    markup: str

    def __html__(self) -> str:
        return self.markup


@dataclass(frozen=True)
class Figure:
    """A drawing with its title, and a caption that says how to read it and what it shows."""

    title: str
    drawing: Svg
    caption: str


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`, with `ticks`."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    percent: bool = False
    log: bool = False

    @classmethod
    def of_shares(cls, label: str, high: float = 1.0) -> "Axis":
        """A scale of shares from 0 % to 100 %, or to `high` if all are small."""
        ticks = (0.0, 0.25, 0.5, 0.75, 1.0) if high == 1 else tuple(nice_ticks(0, high))
        return cls(label, 0.0, high, ticks, percent=True)

    @classmethod
    def over(cls, label: str, values: Iterable[float], *, zero: bool = False, count: int = 5) -> "Axis":
        """A scale that fits all values with a small margin; with `zero` it starts there, with a margin above only."""
        numbers = [float(value) for value in values] + ([0.0] if zero else [])
        low, high = min(numbers), max(numbers)
        margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        low, high = (low if zero and low == 0 else low - margin), high + margin
        return cls(label, low, high, tuple(nice_ticks(low, high, count)))

    @classmethod
    def of_magnitudes(cls, label: str, values: Iterable[float], count: int = 6) -> "Axis":
        """A logarithmic scale that fits all values, which are positive."""
        numbers = [float(value) for value in values]
        low, high = min(numbers), max(numbers)
        margin = max((high / low) ** 0.04, 1.05)
        low, high = low / margin, high * margin
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for factors in ((1, 2, 5), (1,)):
            ticks = [tick for power in powers for f in factors if low <= (tick := float(f"{f}e{power}")) <= high]
            if len(ticks) <= count:
                break
        return cls(label, low, high, tuple(ticks[:: math.ceil(len(ticks) / count) or 1]), log=True)

    def written(self, tick: float) -> str:
        """The label of a tick, with enough digits to differ from the next."""
        if self.percent:
            return f"{tick * 100:.10g} %"
        if self.log:
            return f"{tick:g}".replace("e-0", "e-").replace("-", MINUS)
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else abs(tick)
        return _compact(tick, step)

    def at(self, value: float) -> float:
        """The position of a value, from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` multiples of 1, 2 or 5 times a power of ten within a range (after Heckbert 1990)."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12) + 0.0 for place in range(first, last + 1)]


def _compact(value: float, step: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if step >= size or (abs(value) >= size * 10 and step >= size / 10):
            return f"{value / size:.10g}{unit}".replace("-", MINUS) if value else "0"
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return f"{value:,.{digits}f}".replace("-", MINUS)


class Chart:
    """One panel. Marks are drawn in the order of the calls; `series` is 1 to 4, or 0 for the background."""

    def __init__(self, x: Axis, y: Axis, *, height: float = 300, left: float = 0, names: Sequence[str] = ()) -> None:
        """Make an empty panel. `names` label the y axis, from the top, instead of ticks."""
        self.x, self.y, self.height, self.names = x, y, height, names
        texts = names or [y.written(tick) for tick in y.ticks]
        self.top = TOP if y.label else 8
        self.left = left or max([len(text) for text in texts], default=0) * LETTER + 10
        self._marks: list[str] = []

    def place(self, x: float, y: float) -> Point:
        """The position of two values in the drawing."""
        wide, high = WIDTH - self.left - RIGHT, self.height - self.top - BOTTOM
        return self.left + self.x.at(x) * wide, self.top + (1 - self.y.at(y)) * high

    def line(self, points: "Sequence[Point] | npt.NDArray[np.float64]", series: int, *, dashed: bool = False) -> None:
        """Draw a line through points: pairs, or an array (n, 2)."""
        if not isinstance(points, Sequence):
            points = points.tolist() if len(points) <= MANY else points[self._to_draw(points)].tolist()
        thinned: list[Point] = []
        placed = [self.place(*point) for point in points]
        for point in placed:
            if not thinned or math.dist(point, thinned[-1]) >= NEAREST or point is placed[-1]:
                thinned.append(point)
        path = "M" + "L".join(f"{px(x)} {px(y)}" for x, y in thinned)
        self._marks.append(f'<path class="line s{series}{" dashed" if dashed else ""}" d="{path}"/>')

    def _to_draw(self, points: "npt.NDArray[np.float64]") -> list[int]:
        """The places of the points of a long line that are drawn, on axes that are not logarithmic."""
        import numpy as np

        placed: npt.NDArray[np.float64] = np.column_stack(self.place(points[:, 0], points[:, 1]))  # type: ignore[arg-type]
        kept, place = [0], 1
        while place < len(placed):
            far = np.hypot(*(placed[place : place + MANY] - placed[kept[-1]]).T) >= NEAREST
            if far.any():
                kept.append(place + int(far.argmax()))
                place = kept[-1] + 1
            else:
                place += MANY
        return kept if kept[-1] == len(placed) - 1 else [*kept, len(placed) - 1]

    def bar(self, low: Point, high: Point, series: int, *, kind: str = "fill") -> None:
        """Fill the rectangle between two corners; the kind `pale` is for a background of other marks."""
        (x0, y1), (x1, y0) = self.place(*low), self.place(*high)
        left, top = min(x0, x1), min(y0, y1)
        size = f'width="{px(abs(x1 - x0))}" height="{px(abs(y1 - y0))}"'
        self._marks.append(f'<rect class="{kind} s{series}" x="{px(left)}" y="{px(top)}" {size}/>')

    def dots(self, points: Iterable[Point], series: int, radius: float = 2.5, kind: str = "dot") -> None:
        """Draw a dot at each point; the kind `many` is translucent, the kind `one` is emphasised."""
        circles = [f'<circle cx="{px(x)}" cy="{px(y)}" r="{px(radius)}"/>' for x, y in (self.place(*p) for p in points)]
        self._marks.append(f'<g class="{kind} s{series}">{"".join(circles)}</g>')

    def text(
        self, x: float, y: float, text: str, series: int = 0, *, anchor: str = "start", dx: float = 0, dy: float = 0
    ) -> None:
        """Label a mark; `dx` and `dy` move the text by pixels, to the right and down."""
        left, top = self.place(x, y)
        left, top = left + dx, top + dy
        written = html.escape(text)
        self._marks.append(
            f'<text class="label s{series}" x="{px(left)}" y="{px(top)}" text-anchor="{anchor}">{written}</text>'
        )

    def panel(self) -> str:
        """The axes and the marks, as SVG."""
        wide = WIDTH - RIGHT
        parts = [f'<text x="0" y="12">{html.escape(self.y.label)}</text>'] if self.y.label else []
        for position, name in enumerate(self.names):
            _, top = self.place(self.x.low, self.y.high - position - 0.5)
            parts.append(
                f'<text x="{px(self.left - 8)}" y="{px(top + 4)}" text-anchor="end">{html.escape(name)}</text>'
            )
        for tick in () if self.names else self.y.ticks:
            _, top = self.place(self.x.low, tick)
            written = self.y.written(tick)
            parts.append(f'<path class="grid" d="M{px(self.left)} {px(top)}H{wide}"/>')
            parts.append(f'<text x="{px(self.left - 7)}" y="{px(top + 4)}" text-anchor="end">{written}</text>')
        _, bottom = self.place(self.x.low, self.y.low)
        for tick in self.x.ticks:
            left, _ = self.place(tick, self.y.low)
            parts.append(f'<path class="axis" d="M{px(left)} {px(bottom)}v4"/>')
            parts.append(
                f'<text x="{px(left)}" y="{px(bottom + 17)}" text-anchor="middle">{self.x.written(tick)}</text>'
            )
        parts.append(f'<path class="axis" d="M{px(self.left)} {px(bottom)}H{wide}"/>')
        if self.x.label:
            label = html.escape(self.x.label)
            parts.append(f'<text x="{wide}" y="{px(bottom + 34)}" text-anchor="end">{label}</text>')
        return "".join(parts + self._marks)


def draw(described: str, *charts: Chart) -> Svg:
    """Stack panels vertically; `described` is the text for screen readers."""
    parts, top = [], 0.0
    for chart in charts:
        parts.append(f'<g transform="translate(0 {px(top)})">{chart.panel()}</g>')
        top += chart.height
    return svg("chart", WIDTH, top, described, "".join(parts))


def small_bars(shares: Sequence[float], described: str) -> Svg:
    """A drawing for a table cell: bars side by side, the largest at full height."""
    wide, high = 120, 28
    step, most = min(wide / len(shares), 25), max(shares) or 1.0
    gap = 1 if len(shares) < 40 else 0
    bars = [
        f'<rect x="{px(place * step)}" y="{px(high - size)}" width="{px(step - gap)}" height="{px(size)}"/>'
        for place, size in enumerate(max(share / most * (high - 2), 1.0 if share else 0.0) for share in shares)
        if size
    ]
    return svg("spark", wide, high, described, f'<g class="fill s1">{"".join(bars)}</g>')


def strip(value: float, low: float, high: float, baseline: float | None, described: str) -> Svg:
    """A value within its interval, with a mark at the baseline."""
    wide, high_px = 200, 18
    ends = [value, low, high] + ([] if baseline is None else [baseline])
    least, most = min(ends), max(ends)
    span = (most - least) or 1.0

    def at(number: float) -> str:
        return px(6 + (number - least) / span * (wide - 12))

    mark = "" if baseline is None else f'<path class="mark" d="M{at(baseline)} 2v14"/>'
    inner = (
        f'<path class="track" d="M6 9H{wide - 6}"/><path class="band" d="M{at(low)} 9H{at(high)}"/>{mark}'
        f'<circle class="point" cx="{at(value)}" cy="9" r="4.5"/>'
    )
    return svg("strip", wide, high_px, described, inner)


def svg(kind: str, wide: float, high: float, described: str, inner: str) -> Svg:
    """Make a drawing of its parts; `kind` is its class, and `described` the text for screen readers."""
    label = html.escape(described, quote=True)
    return Svg(f'<svg class="{kind}" viewBox="0 0 {px(wide)} {px(high)}" role="img" aria-label="{label}">{inner}</svg>')


def px(value: float) -> str:
    """Format a coordinate to a tenth of a pixel."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
