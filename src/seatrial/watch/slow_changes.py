"""Joins that break in more and more rows: compared with the oldest windows, since a slow change hides in its own past.

Shares of a single column that move slowly are a season as often as a fault, so they do not alarm: the metrics do, if
they suffer. How well a column goes together with the others hardly depends on which rows are asked about. So if the
rows of the newest windows are those of the oldest ones, and a part of them mixed up, a join is what breaks.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.changes import LookAt, joined_counts
from seatrial.watch.false_alarms import limit
from seatrial.watch.input_tally import InputTally
from seatrial.watch.row_fit import RowFit
from seatrial.watch.watch_records import Finding, Level

NEWEST, OLDEST = 8, 28  # windows that are compared
FEWEST_OLDEST = 14
WANDERS = 0.05  # of rows, that may seem to be mixed up because other rows are asked about
LEAST_SLOW = 0.1  # of rows, that must be
EXPLAINED = 0.7  # of how the levels changed, by mixing rows up


@dataclass(frozen=True)
class SlowMix:
    """The share of the rows that seem to be mixed up now, its spread, and what part of the change it explains."""

    share: float
    spread: float
    explained: float


def slow_joins(tally: InputTally, known: Collection[str], look: LookAt, alpha: float, version: str) -> list[Finding]:
    """Find the column whose rows are mixed up more and more; those `known` to have changed say nothing about others."""
    from scipy.stats import norm

    mixes: list[tuple[SlowMix, RowFit]] = []
    for fit in tally.fits:
        mix = slow_mix(look.of(*joined_counts(tally.fit_counts[fit.name], "", look.last)), fit.mixed)
        if mix is not None:
            mixes.append((mix, fit))
    findings = []
    for mix, fit in sorted(mixes, key=lambda each: -each[0].share):
        # Other rows move many columns a little; a broken join moves one of them, and a part of those close to it.
        usual = max(float(np.median([each.share for each, other in mixes if other is not fit] or [0.0])), 0.0)
        beyond = mix.share - usual
        log_p = float(norm.logsf((beyond - WANDERS) / mix.spread))
        if beyond < LEAST_SLOW or mix.explained < EXPLAINED or {fit.name, *fit.partners} & {*known}:
            continue
        if log_p < limit(alpha, len(tally.fits)):
            findings.append(_finding(mix, fit, log_p, version))
    return findings[:1]


def slow_mix(windows: Array, mixed: Array) -> SlowMix | None:
    """Say how many of the newest rows are mixed up; `windows` (n, levels) are counts, `mixed` (levels,) shares.

    It is the share that explains the newest counts best, as the oldest ones plus so many mixed-up rows (least squares,
    weighted by the variances of the counts).
    """
    filled = windows[windows.sum(axis=1) > 0]
    oldest = filled[: min(OLDEST, (len(filled) - NEWEST) // 2)]
    if len(oldest) < FEWEST_OLDEST or not windows[-1].sum():
        return None
    new, old = filled[-NEWEST:].sum(axis=0), oldest.sum(axis=0) + 0.5
    shares, change = old / old.sum(), new / new.sum() - old / old.sum()
    towards = mixed - shares
    size = float((towards**2 / shares).sum())
    share = float((change * towards / shares).sum()) / size if size else 0.0
    left = float(((change - share * towards) ** 2 / shares).sum())
    whole = float((change**2 / shares).sum())
    spread = float(np.sqrt((1 / new.sum() + 1 / old.sum()) / size)) if size else np.inf
    return SlowMix(share, spread, 1 - left / whole if whole else 0.0)


def _finding(mix: SlowMix, fit: RowFit, log_p: float, version: str) -> Finding:
    others = ", ".join(f"`{name}`" for name in fit.partners[:4])
    summary = (
        f"`{fit.name}` goes together with {others} in fewer and fewer rows, although each column is as before: a "
        f"broken join, or mixed-up rows; about {percent(mix.share)} of requests more than in the first weeks."
    )
    return Finding(
        "drift.join", "drift", Level.alarm, summary, version, fit.name, None, mix.share, 0.0, mix.share, log_p,
        severity=90.0, hint=f"Check how `{fit.name}` is joined to the other columns.",
        evidence={"columns": [fit.name, *fit.partners[:4]], "against": "the first weeks"},
    )  # fmt: skip
