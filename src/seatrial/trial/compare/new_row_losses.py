"""Whether the baseline predicts the new rows as well as it predicts rows that were held out from its training.

Neither kind of row was used in its training, so without a fault both are predicted equally well. Wrong labels, a
broken join or another unit in the new rows show up, whatever the candidate has learned from them. So does a change
in the real world, which is why this asks for acceptance and does not block.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import Grouping, grouped, ticked
from seatrial.trial.compare.new_rows import FEWEST
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.splits import Key, Splits, limits_of, random_splits, sampled
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

GROWN = 1.25  # how many times larger the mean loss is
EFFECT = 0.56  # how often a new row has a larger loss than an old one; 0.5 by chance
ALL = ""  # the group of all rows
Predicted = tuple[Columns, Array, Array]  # rows, their scores and their labels


@dataclass(frozen=True)
class _Worse:
    """How much worse a group's new rows are predicted: the ratio of the mean losses, and how often one is larger."""

    group: str
    ratio: float
    effect: float
    times: float

    @property
    def matters(self) -> bool:
        return self.ratio >= GROWN or self.effect > EFFECT


def compare_new_row_losses(
    scoring: Scoring, old: Predicted, new: Predicted, policy: Policy, alpha: float
) -> list[Check]:
    """Compare the baseline's losses on its held-out rows and on new ones: (columns, scores, truth) of each.

    Compares the means and the ranks of the losses, for all rows and for each group; all of them together fail with
    probability `alpha` at most if the new rows are like the held-out ones (see `splits`).
    """
    before, after = scoring.losses(*old[1:]), scoring.losses(*new[1:])
    if min(len(before), len(after)) < FEWEST:
        summary = f"There are {len(after)} new rows, too few to compare the baseline's losses on them."
        return [Check("data.surprise", "data", Outcome.noted, summary)]
    both = {name: np.concatenate([values, new[0][name]]) for name, values in old[0].items()}
    worse = _worse(np.concatenate([before, after]), grouped(both, policy.slices), len(before), alpha)
    old_mean, new_mean = float(before.mean()), float(after.mean())
    summary = f"{scoring.loss_name} {new_mean:.3g} on {len(after):,} new rows, {old_mean:.3g} on rows held out before"
    if worse is None:
        summary = f"The baseline predicts the new rows as well as before: {summary}."
        return [Check("data.surprise", "data", Outcome.passed, summary, old=old_mean, new=new_mean)]
    where = f", especially where {ticked(worse.group)}" if worse.group else ""
    what = "labels or columns of the new rows do not fit the baseline"
    return [
        Check(
            "data.surprise", "data", Outcome.waiting, f"{what}{where}: {summary}",
            subject=worse.group, old=old_mean, new=new_mean, severity=worse.times,
            hint="If the change is real, accept this difference; otherwise check where the new rows come from.",
            evidence={"worse_than_old": worse.effect, "ratio": worse.ratio},
        )
    ]  # fmt: skip


def _worse(losses: Array, groupings: list[Grouping], old: int, alpha: float) -> _Worse | None:
    """The group whose new rows are predicted worst, if that matters and chance does not explain it."""
    first, second = sampled(old, len(losses) - old)
    part = np.concatenate([first, old + second])
    losses, groupings = losses[part], [grouping.taken(part) for grouping in groupings]
    splits = random_splits(len(first), len(second))
    measured: dict[Key, Array] = {}
    kinds = {"mean": losses, "rank": _ranks(losses)}
    whole = Grouping(ALL, (ALL,), np.zeros(len(losses), dtype=int))
    for grouping in (whole, *groupings):
        counts = splits.both(grouping.codes, grouping.size)
        for kind, values in kinds.items():
            measured[kind, grouping.column, ""] = _grown(splits, values, grouping, counts).max(axis=1)
    limits = limits_of(measured, alpha)
    over = limits.exceeded({key: float(values[0]) for key, values in measured.items()})
    found = [_describe(losses, groupings, len(first), key, times) for key, times in over.items()]
    relevant = [each for each in found if each.matters]
    # The whole explains more than a group of it, unless the group stands out much more.
    return max(relevant, key=lambda each: each.times * (1.5 if each.group == ALL else 1.0), default=None)


def _ranks(losses: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(losses) / len(losses))


def _grown(splits: Splits, values: Array, grouping: Grouping, counts: tuple[Array, Array]) -> Array:
    """By how many standard errors the new rows' mean is above the old ones', by group: (splits, size).

    `counts` are the groups' rows in each split, old and new.
    """
    (old, new), codes, size = counts, grouping.codes, grouping.size
    before, after = splits.sums(values, codes, size)
    squares = np.bincount(codes, values**2, size)
    count = np.maximum(np.bincount(codes, minlength=size), 1)
    deviation = np.sqrt(np.maximum(squares / count - ((before + after) / count) ** 2, 1e-24))
    spread = deviation * np.sqrt(1 / np.maximum(old, 1) + 1 / np.maximum(new, 1))
    change = (after / np.maximum(new, 1) - before / np.maximum(old, 1)) / spread
    return np.where((old >= FEWEST) & (new >= FEWEST), change, 0.0)


def _describe(losses: Array, groupings: list[Grouping], old: int, key: Key, times: float) -> _Worse:
    column = key[1]
    inside, name = np.ones(len(losses), dtype=bool), ALL
    if column != ALL:
        grouping = next(each for each in groupings if each.column == column)
        actual = Splits(len(losses), np.arange(old, len(losses))[None])
        values = _ranks(losses) if key[0] == "rank" else losses
        grown = _grown(actual, values, grouping, actual.both(grouping.codes, grouping.size))
        k = int(grown[0].argmax())
        inside, name = grouping.codes == k, grouping.names[k]
    before, after = losses[:old][inside[:old]], losses[old:][inside[old:]]
    ratio = float(after.mean()) / max(float(before.mean()), 1e-12)
    return _Worse(name, ratio, _larger(before, after), times)


def _larger(old: Array, new: Array) -> float:
    """How often a new loss is larger than an old one; ties count half (Mann and Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    if np.ptp(old) == 0 and np.ptp(new) == 0 and old[0] == new[0]:
        return 0.5
    return float(mannwhitneyu(new, old, alternative="greater").statistic) / (len(old) * len(new))
