"""The page of a search: what was tried, what it gained, and which parameters mattered."""

from collections.abc import Iterator, Sequence

import numpy as np

from seatrial.pages import render
from seatrial.pages.charts import Axis, Chart, Figure, draw
from seatrial.pages.words import percent, short
from seatrial.train.search.study import SearchResult, TriedValues

MOST_LISTED = 20  # trials in the table
MOST_SLICES = 12


def counted(search: SearchResult) -> str:
    """How many values were tried, and how."""
    states = [trial.state for trial in search.trials]
    early, failed = states.count("stopped early"), states.count("failed")
    parts = [f"{states.count('complete')} complete", *([f"{early} stopped early"] if early else [])]
    parts += [f"{failed} failed or interrupted"] if failed else []
    return (
        f"{len(states):,} trials of the study {search.id} ({', '.join(parts)}), "
        f"each scored on {search.folds} folds of {search.rows:,} training rows"
    )


def gained(search: SearchResult) -> str:
    """What the best trial gained over pipeline.py as it is."""
    measure, now = search.measure.label, short(search.current.mean)
    if search.best is None:
        return f"No trial is complete; pipeline.py as it is has a mean {measure} of {now}."
    if search.best.values == search.current.values:
        return f"pipeline.py has the best values that were found: the mean {measure} is {now}."
    if not search.better:
        return f"No trial is better than pipeline.py as it is, whose mean {measure} is {now}."
    better, gain = sum(gain > 0 for gain in search.gains), short(float(np.mean(search.gains)))
    return (
        f"The best mean {measure} is {short(search.best.mean)}; pipeline.py as it is has {now}. The gain is {gain} "
        f"with a standard error of {short(_error(search.gains))}; {better} of {search.folds} folds gain."
    )


def flattering() -> str:
    """Why the best score is not what to expect of the model."""
    return (
        "The best score of many is too good by chance, the more so the more were tried. "
        "`seatrial train` measures the model on held-out rows, which the search has not seen."
    )


def render_search(search: SearchResult, release: str, pages: Sequence[tuple[str, str]] = ()) -> str:
    """Render the page: no script, nothing to fetch, no clock, and no row of the table."""
    sign = 1 if search.measure.higher_is_better else -1
    complete = sorted((t for t in search.trials if t.state == "complete"), key=lambda trial: -sign * trial.mean)
    names = list(dict.fromkeys(name for trial in complete for name in trial.values))
    return render(
        "search.html",
        release=release,
        search=search,
        pages=pages,
        counted=counted(search),
        gained=gained(search),
        flattering=flattering().replace("`", ""),
        names=_headings(names),
        lines=[
            _line("pipeline.py", search.current, names),
            *(_line(f"{t.number}", t, names) for t in complete[:MOST_LISTED]),
        ],
        more=max(len(complete) - MOST_LISTED, 0),
        failures=sorted({trial.note for trial in search.trials if trial.note}),
        figures=list(_figures(search)),
        slices=list(_slices(search, complete)),
    )


def _headings(names: Sequence[str]) -> list[str]:
    """Names of parameters without the paths of their steps, where that is clear."""
    ends = [name.rpartition("__")[2] for name in names]
    return ends if len(set(ends)) == len(ends) else list(names)


def _line(name: str, trial: TriedValues, names: Sequence[str]) -> tuple[str, str, str, list[str]]:
    values = [repr(trial.values[name]) if name in trial.values else "" for name in names]
    return name, short(trial.mean), short(_error(trial.scores)), values


def _error(scores: Sequence[float]) -> float:
    """The standard error of a mean over folds."""
    return float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


def _figures(search: SearchResult) -> Iterator[Figure]:
    if any(trial.state == "complete" for trial in search.trials):
        yield _history(search)
    if search.importance:
        yield _importance(search)


def _history(search: SearchResult) -> Figure:
    complete = [trial for trial in search.trials if trial.state == "complete"]
    early = [trial for trial in search.trials if trial.state == "stopped early" and trial.scores]
    means = [trial.mean for trial in (*complete, *early, search.current)]
    label = f"mean {search.measure.label}"
    chart = Chart(Axis.over("trial", [0, search.trials[-1].number]), Axis.over(label, means), height=320)
    ends = (chart.x.low, chart.x.high)
    chart.line([(end, search.current.mean) for end in ends], 0, dashed=True)
    chart.dots([(trial.number, trial.mean) for trial in early], 2, kind="many")
    chart.dots([(trial.number, trial.mean) for trial in complete], 1)
    best = np.maximum.accumulate if search.measure.higher_is_better else np.minimum.accumulate
    reached = best([trial.mean for trial in complete]).tolist()
    chart.line(list(zip((trial.number for trial in complete), reached, strict=True)), 1)
    caption = (
        f"Each dot is a trial, and the line is the best so far. The dashed line is pipeline.py as it is "
        f"({short(search.current.mean)})."
    )
    if early:
        caption += " Trials in the other colour were stopped early, since their first folds were worse than the median."
    described = f"{label} of {len(complete)} trials; the best is {short(reached[-1])}."
    return Figure("History", draw(described, chart), caption)


def _importance(search: SearchResult) -> Figure:
    shares = sorted(search.importance.items(), key=lambda pair: -pair[1])
    names = [name for name, _ in shares]
    top = max(share for _, share in shares)
    axis = Axis.of_shares("share of the differences", 1.0 if top > 0.6 else top * 1.2)
    chart = Chart(axis, Axis("", 0, len(names), ()), height=48 + 25 * len(names), names=[_name(name) for name in names])
    for position, (_, share) in enumerate(shares):
        middle = len(names) - position - 0.5
        chart.bar((0, middle - 0.28), (share, middle + 0.28), 1, kind="pale")
        chart.text(
            share,
            middle,
            percent(share),
            dx=-4 if share > top * 0.8 else 6,
            dy=4,
            anchor="end" if share > top * 0.8 else "start",
        )
    caption = (
        "How much of the differences between the trials each parameter explains by itself (PED-ANOVA). "
        f"“{names[0]}” explains most: {percent(shares[0][1])}."
    )
    described = ", ".join(f"{name} {percent(share)}" for name, share in shares)
    return Figure("Importance of the parameters", draw(f"Bars: {described}.", chart), caption)


def _slices(search: SearchResult, complete: Sequence[TriedValues]) -> Iterator[Figure]:
    """One figure for each parameter: the score by its value."""
    names = list(dict.fromkeys(name for trial in complete for name in trial.suggested))
    for name in sorted(names, key=lambda name: -search.importance.get(name, 0.0))[:MOST_SLICES]:
        tried = [trial for trial in complete if name in trial.suggested]
        if len({repr(trial.suggested[name]) for trial in tried}) > 1:
            yield _slice(search, name, tried)


def _slice(search: SearchResult, name: str, tried: Sequence[TriedValues]) -> Figure:
    values = [trial.suggested[name] for trial in tried]
    label, means = f"mean {search.measure.label}", [trial.mean for trial in tried]
    best = search.best
    assert best is not None
    value = best.suggested.get(name)
    caption = f"The best trial has {value:.4g}." if isinstance(value, float) else f"The best trial has {value!r}."
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        x = Axis.of_magnitudes(name, values) if name in search.logarithmic else Axis.over(name, values)
        chart = Chart(x, Axis.over(label, means), height=280)
        chart.dots(list(zip(values, means, strict=True)), 1)
        if name in best.suggested:
            chart.dots([(best.suggested[name], best.mean)], 2, 5, kind="one")
    else:
        names = sorted({repr(value) for value in values})
        y = Axis("", 0, len(names), ())
        chart = Chart(Axis.over(label, means), y, height=60 + 30 * len(names), names=[*map(_name, names)])
        rows = [len(names) - names.index(repr(value)) - 0.5 for value in values]
        places = list(zip(means, rows, strict=True))
        chart.dots(places, 1)
    return Figure(name, draw(f"{label} by {name}.", chart), caption)


def _name(name: str) -> str:
    short_name = name.rpartition("__")[2]
    return short_name if len(short_name) <= 20 else short_name[:19] + "…"
