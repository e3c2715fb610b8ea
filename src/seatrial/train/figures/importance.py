"""What each column is worth to the model, as bars."""

import math
from collections.abc import Sequence

from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import short
from seatrial.train.evaluation import Importance, Metric

MOST = 20
NAME = 20  # letters of a column's name that there is room for


def worth(importance: Sequence[Importance], headline: Metric) -> Figure | None:
    """Draw the columns by what shuffling them costs; nothing where nothing could be measured."""
    used = sorted((one for one in importance if one.mean or one.spread), key=lambda one: -one.mean)
    unused = [one.column for one in importance if not (one.mean or one.spread)]
    if not used:
        return None
    listed = used[:MOST]
    names = [one.column if len(one.column) <= NAME else one.column[: NAME - 1] + "…" for one in listed]
    ends = [end for one in listed for end in (one.mean - one.spread, one.mean + one.spread)]
    room = max(*ends, 0.0) * 0.12  # for the last bar's figure
    digits = max(0, 2 - math.floor(math.log10(max(abs(end) for end in ends))))
    scale = Axis.over(f"loss of {headline.label}", [*ends, max(ends) + room], zero=True, count=4)
    chart = Chart(scale, Axis("", 0, len(listed), ()), height=48 + 25 * len(listed), names=names)
    for position, one in enumerate(listed):
        middle = len(listed) - position - 0.5
        low, high = sorted((0.0, one.mean))
        chart.bar((low, middle - 0.28), (high, middle + 0.28), 1, kind="pale")
        chart.line([(one.mean - one.spread, middle), (one.mean + one.spread, middle)], 1)
        chart.text(max(high, one.mean + one.spread), middle, f"{one.mean:.{digits}f}", dx=6, dy=4)
    if scale.low < 0:
        chart.line([(0, 0), (0, len(listed))], 0)
    first = listed[0]
    caption = (
        f"Each column's values are shuffled among the held-out rows; the bar is what that costs in {headline.label} "
        f"({short(headline.value)}), the line through its end how much the shuffles differ. “{first.column}” is worth "
        f"most: {short(first.mean)}."
    )
    if len(used) > MOST:
        caption += f" The {len(used) - MOST} columns beyond the first {MOST} are worth less."
    if unused:
        caption += f" Not used at all: {', '.join(unused)}."
    told = ", ".join(f"{one.column} {short(one.mean)}" for one in listed)
    return Figure("What each column is worth", draw(f"Bars of {headline.label} lost: {told}.", chart), caption)
