"""The importance of each column to the model, as bars."""

import math
from collections.abc import Sequence

from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import short
from seatrial.train.evaluation import Importance, Metric

MOST = 20
MOST_NAMED = 12  # columns that share the last line
NAME = 20  # letters of a column's name that fit


def importance_chart(importance: Sequence[Importance], headline: Metric) -> Figure | None:
    """Draw the columns by the loss that shuffling them causes; None where no loss was measured."""
    used = sorted((one for one in importance if one.mean or one.spread), key=lambda one: -one.mean)
    unused = [one.column for one in importance if not (one.mean or one.spread)]
    if not used:
        return None
    digits = max(0, 2 - math.floor(math.log10(max(abs(one.mean) + one.spread for one in used))))
    least = 10.0**-digits  # a smaller loss would be written as 0
    shown = [one for one in used if abs(one.mean) >= least][:MOST] or used[:1]
    rest = [one for one in used if one not in shown]
    names = [one.column if len(one.column) <= NAME else one.column[: NAME - 1] + "…" for one in shown]
    names += [f"{len(rest)} more"] if rest else []
    ends = [end for one in shown for end in (one.mean - one.spread, one.mean + one.spread)]
    room = max(*ends, 0.0) * 0.12  # for the last bar's number
    axis = Axis.over(f"loss in {headline.label}", [*ends, max(ends) + room], zero=True, count=4)
    chart = Chart(axis, Axis("", 0, len(names), ()), height=48 + 25 * len(names), names=names)
    for position, one in enumerate(shown):
        middle = len(names) - position - 0.5
        low, high = sorted((0.0, one.mean))
        chart.bar((low, middle - 0.28), (high, middle + 0.28), 1, kind="pale")
        chart.line([(one.mean - one.spread, middle), (one.mean + one.spread, middle)], 1)
        chart.text(max(high, one.mean + one.spread), middle, f"{one.mean:.{digits}f}", dx=6, dy=4)
    if axis.low < 0:
        chart.line([(0, 0), (0, len(names))], 0)
    if rest:
        most = max(abs(one.mean) for one in rest)
        chart.text(0, 0.5, f"below {least:.{digits}f}" if most < least else f"up to {most:.{digits}f}", dx=6, dy=4)
    caption = (
        f"Each column's values are shuffled among the held-out rows. The bar is the loss in {headline.label} "
        f"(from {short(headline.value)}), and the line at its end shows how much the shuffles differ. "
        f"“{shown[0].column}” is the most important column, with a loss of {short(shown[0].mean)}."
    )
    if rest:
        listed = ", ".join(one.column for one in rest[:MOST_NAMED]) + (", …" if len(rest) > MOST_NAMED else "")
        caption += f" The last line stands for {listed}."
    if unused:
        caption += f" Not used by the model: {', '.join(unused)}."
    described = ", ".join(f"{one.column} {short(one.mean)}" for one in shown)
    return Figure("Permutation importance", draw(f"Bars of the loss in {headline.label}: {described}.", chart), caption)
