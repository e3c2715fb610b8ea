"""The pictures of a trial's page, sorted by the question that they answer; each only where its figures are there.

The figures lie in `verdict.pictures`, or in the `evidence` of a check, under these keys. The records are those of
`evidence.py`, as `dataclasses.asdict` gives them.

| key            | holds                        | drawn as                                                      |
| -------------- | ---------------------------- | ------------------------------------------------------------- |
| `change`       | one Change                   | histogram of the change, with the band of noise               |
| `flips`        | one Flips                    | matrix of labels: the baseline's down, the candidate's across |
| `metrics`      | Measures                     | their changes with intervals, in units of the margin          |
| `slices`       | Pairs                        | dot plot, old to new, with the interval of the new            |
| `slices_label` | a text: what `slices` are of | the label of that plot                                        |
| `sensitivity`  | Pairs                        | paired bars, with marks where the new one may end             |
| `shares`       | Pairs                        | dot plot of the data's shares, old to new                     |
| `costs`        | Costs                        | how many times the old one, with the limit                    |
| `members`      | Members of the check's own   | bars in units of the limit, in place of a picture not given   |

The checks give more by themselves: `total.*` every kind of change beside what is noise (by `severity`), `metrics.worse`
the metrics (by `evidence["interval"]`), the suite `cost` the costs (by `old`, `new` and `limit`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seatrial.pages.charts import Figure
from seatrial.pages.words import percent
from seatrial.trial.records import Verdict
from seatrial.trial.report import charts
from seatrial.trial.report.evidence import (
    BeforeAfter,
    ChangeHistogram,
    LabelFlips,
    all_of,
    costs_of,
    failed_subjects,
    measures_of,
    members_of,
    one_of,
)

MOST_CLASSES = 12


@dataclass(frozen=True)
class Section:
    """A question, and the pictures that answer it."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class LabelCount:
    """Rows of one old and one new label, and their share of those with that old label."""

    rows: int
    share: float
    percent: str
    same: bool


@dataclass(frozen=True)
class ConfusionMatrix:
    """Old labels down, each with its counts and their sum; new labels across."""

    classes: tuple[str, ...]
    lines: tuple[tuple[str, tuple[LabelCount, ...], int], ...]
    caption: str


def sections(verdict: Verdict) -> Iterator[Section]:
    """Draw what can be drawn; a question without a picture is not asked."""
    change = one_of(verdict, "change", ChangeHistogram)
    pictures: dict[str, list[Figure | None]] = {
        "How much changed": [
            charts.limits(verdict.checks),
            charts.change(change) if change else None,
        ],
        "Better or worse, and for whom": [charts.measures(measures_of(verdict)), _slices(verdict)],
        "What it goes by": [_sensitivity(verdict)],
        "What it learned from, and what it costs": [_shares(verdict), charts.costs(costs_of(verdict))],
    }
    for title, found in pictures.items():
        drawn = tuple(picture for picture in found if picture is not None)
        if drawn:
            yield Section(title, drawn)


def flips(verdict: Verdict) -> ConfusionMatrix | None:
    """Count the labels then and now."""
    found = one_of(verdict, "flips", LabelFlips)
    many = len(found.classes) if found else 0
    if found is None or not 1 < many <= MOST_CLASSES or [len(line) for line in found.counts] != [many] * many:
        return None
    lines = tuple(
        (found.classes[place], tuple(_count(n, sum(line), place == k) for k, n in enumerate(line)), sum(line))
        for place, line in enumerate(found.counts)
    )
    rows = sum(total for _, _, total in lines)
    moved = rows - sum(line[place] for place, line in enumerate(found.counts))
    caption = f"{moved or 'None'} of {rows:,} rows {'is' if moved < 2 else 'are'} decided otherwise than before."
    if moved and found.worse is not None:
        better = f", {found.better:,} were wrong and are right" if found.better is not None else ""
        caption += f" {found.worse:,} were right and are wrong now{better}."
    return ConfusionMatrix(found.classes, lines, caption)


def _count(rows: int, total: int, same: bool) -> LabelCount:
    share = rows / total if total else 0.0
    return LabelCount(rows, share, percent(share), same)


def _slices(verdict: Verdict) -> Figure | None:
    found = _blamed(all_of(verdict, "slices", BeforeAfter), failed_subjects(verdict, "total.slices", "total.search"))
    label = str(verdict.pictures.get("slices_label", "error"))
    caption = (
        "Each group's figure before (ring) and now (dot); in brackets its rows, shaded the 95 % interval of the figure "
        "now. Small groups move by chance alone."
    )
    what = "How far each group's predictions moved, and how much worse they became."
    members = members_of(verdict, "total.slices")
    return charts.pairs("Groups of rows", found, label, caption) or charts.members("Groups of rows", members, what)


def _sensitivity(verdict: Verdict) -> Figure | None:
    found = _blamed(all_of(verdict, "sensitivity", BeforeAfter), failed_subjects(verdict, "total.sensitivity"))
    title, label = "Use of each column", "mean change of the prediction"
    caption = (
        "What shuffling a column does to the predictions: the upper bar is the baseline, the lower one the candidate. "
        "A lower bar that is gone says that the column is ignored."
    )
    if any(pair.high is not None for pair in found):
        caption += " The marks are how far harmless retraining goes."
    what = "How much more or less shuffling each column does to the predictions than before."
    members = members_of(verdict, "total.sensitivity")
    return charts.bars(title, found, label, caption) or charts.members(title, members, what)


def _shares(verdict: Verdict) -> Figure | None:
    found = _blamed(all_of(verdict, "shares", BeforeAfter), failed_subjects(verdict, "data.column", "data.labels"))
    caption = "The ring is the baseline's data, the dot the candidate's."
    if any(pair.high is not None for pair in found):
        caption += " The shaded part is where chance leaves it."
    return charts.pairs("The data, then and now", found, "share of the rows", caption)


def _blamed(found: list[BeforeAfter], subjects: set[str]) -> list[BeforeAfter]:
    return [replace(pair, failed=pair.failed or pair.name in subjects) for pair in found]
