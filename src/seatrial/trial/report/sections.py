"""The charts of a trial's page, sorted by the question that they answer. A chart without data is left out.

The data is in `verdict.pictures` under these keys. The records are those of `evidence.py`, as `dataclasses.asdict`
returns them.

| key            | holds                          | drawn as                                                      |
| -------------- | ------------------------------ | ------------------------------------------------------------- |
| `change`       | a ChangeHistogram              | histogram of the change, with the band of noise               |
| `flips`        | LabelFlips                     | matrix of labels: the baseline's down, the candidate's across |
| `slices`       | a list of BeforeAfter          | dot plot, old to new, with the interval of the new value      |
| `slices_label` | a text: what `slices` measures | the label of that plot                                        |
| `sensitivity`  | a list of BeforeAfter          | paired bars, with marks for the range of harmless retraining  |
| `traffic`      | a list of BeforeAfter          | dot plot of the positive answers to logged requests           |
| `shares`       | a list of BeforeAfter          | dot plot of the data's shares, old to new                     |

Other charts come from the checks: `total.*` gives every kind of change relative to noise (by `severity`),
`metrics.worse` the metrics (by `evidence["interval"]`), the suite `cost` the costs (by `old`, `new` and `limit`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seatrial.pages.charts import Figure
from seatrial.pages.words import percent
from seatrial.trial.records import Verdict
from seatrial.trial.report import charts
from seatrial.trial.report.evidence import BeforeAfter, ChangeHistogram, LabelFlips, all_of, one_of
from seatrial.trial.report.reading import FAILED

MOST_CLASSES = 12


@dataclass(frozen=True)
class LabelCount:
    """Rows with one old and one new label, and their share of those with that old label."""

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


@dataclass(frozen=True)
class Section:
    """A question with the charts that answer it; `note` is what the checks say, and `holds` whether all passed."""

    title: str
    figures: list[Figure]
    note: str
    holds: bool


def sections(verdict: Verdict) -> Iterator[Section]:
    """Draw what can be drawn: each question with the charts that answer it; one without a chart is left out."""
    change = one_of(verdict, "change", ChangeHistogram)
    questions: dict[str, tuple[tuple[str, ...], list[Figure | None]]] = {
        "How much changed": (
            ("total", "rebuild"),
            [charts.limits(verdict.checks), charts.change(change) if change else None],
        ),
        "Better or worse, and for whom": (
            ("metrics", "total.slices", "total.search"),
            [charts.metrics(verdict.checks), _slices(verdict)],
        ),
        "What production was asked": (("traffic",), [_traffic(verdict)]),
        "Which columns it uses": (("total.sensitivity",), [_sensitivity(verdict)]),
        "Training data and cost": (("data", "cost"), [_shares(verdict), charts.costs(verdict.checks)]),
    }
    for title, (names, figures) in questions.items():
        if drawn := [figure for figure in figures if figure]:
            yield Section(title, drawn, *_state(verdict, names))


def _state(verdict: Verdict, names: tuple[str, ...]) -> tuple[str, bool]:
    """What the checks with these names, or whose names start so, say in a word; and whether all of them hold."""
    about = [c for c in verdict.checks if c.name in names or c.name.partition(".")[0] in names]
    over = sum(check.outcome in FAILED for check in about)
    if over:
        return f"{over} of {len(about)} checks {'does' if over == 1 else 'do'} not hold", False
    return ("all checks hold" if about else ""), True


def flips(verdict: Verdict) -> ConfusionMatrix | None:
    """Count the labels before and after."""
    labels = one_of(verdict, "flips", LabelFlips)
    size = len(labels.classes) if labels else 0
    if labels is None or not 1 < size <= MOST_CLASSES or [len(line) for line in labels.counts] != [size] * size:
        return None
    lines = tuple(
        (labels.classes[place], tuple(_count(n, sum(line), place == k) for k, n in enumerate(line)), sum(line))
        for place, line in enumerate(labels.counts)
    )
    rows = sum(total for _, _, total in lines)
    moved = rows - sum(line[place] for place, line in enumerate(labels.counts))
    caption = f"{moved:,} of {rows:,} rows {'has' if moved == 1 else 'have'} another predicted label than before."
    if moved and labels.worse is not None:
        better = f", {labels.better:,} were wrong and are right" if labels.better is not None else ""
        caption += f" {labels.worse:,} were right and are wrong now{better}."
    return ConfusionMatrix(labels.classes, lines, caption)


def _count(rows: int, total: int, same: bool) -> LabelCount:
    share = rows / total if total else 0.0
    return LabelCount(rows, share, percent(share), same)


def _slices(verdict: Verdict) -> Figure | None:
    label = str(verdict.pictures.get("slices_label", "error"))
    caption = (
        "Each group's error before (ring) and now (dot); in brackets its rows, shaded the 95 % interval of the error "
        "now. Small groups move by chance alone."
    )
    return charts.before_after(
        "Groups of rows", _marked(verdict, "slices", "total.slices", "total.search"), label, caption
    )


def _sensitivity(verdict: Verdict) -> Figure | None:
    pairs = _marked(verdict, "sensitivity", "total.sensitivity")
    caption = (
        "What shuffling a column does to the predictions: the upper bar is the baseline, the lower one the candidate. "
        "A column whose lower bar is missing is ignored."
    )
    if any(pair.high is not None for pair in pairs):
        caption += " The marks show the range of harmless retraining."
    return charts.bars("Use of each column", pairs, "mean change of the prediction", caption)


def _traffic(verdict: Verdict) -> Figure | None:
    caption = "What share of each group's logged requests gets the positive answer, before (ring) and now (dot)."
    pairs = _marked(verdict, "traffic", "traffic.slices", "traffic.search")
    return charts.before_after("Answers to logged requests", pairs, "share with the positive answer", caption)


def _shares(verdict: Verdict) -> Figure | None:
    caption = (
        "The ring is the baseline's training data, the dot the candidate's. The shaded range is what chance explains."
    )
    return charts.before_after(
        "The data, before and now", _marked(verdict, "shares", "data.column", "data.labels"), "share of rows", caption
    )


def _marked(verdict: Verdict, key: str, *checks: str) -> list[BeforeAfter]:
    """The records under a key; those whose group or column these checks blame are marked as failed."""
    blamed = {c.subject for c in verdict.checks if c.subject and c.outcome in FAILED and c.name in checks}

    def failed(name: str) -> bool:
        return name in blamed or any(name.startswith(f"{subject} ") for subject in blamed)

    return [replace(pair, failed=pair.failed or failed(pair.name)) for pair in all_of(verdict, key, BeforeAfter)]
