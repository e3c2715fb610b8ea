"""Whether the baseline predicts the new rows as well as it predicts rows that were held out from its training.

Neither kind of row was used in its training, so without a fault both are predicted equally well. Wrong labels, a
broken join or another unit in the new rows show up, whatever the candidate has learned from them. So does a change
in the real world, which is why this asks for acceptance and does not block.
"""

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import grouped, ticked
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

FEWEST = 15
FEWEST_FOR_MEANS = 30  # rows from which a t-test of skewed losses can be trusted
GROWN = 1.25  # or how many times larger the mean loss is
EFFECT = 0.56  # how often a new row has a larger loss than an old one; 0.5 by chance


def compare_new_row_losses(
    scoring: Scoring, old: tuple[Columns, Array, Array], new: tuple[Columns, Array, Array], policy: Policy
) -> list[Check]:
    """Compare the baseline's losses on its held-out rows and on new ones: (columns, scores, truth) of each.

    Uses the ranks of the losses (Mann and Whitney 1947) and their means, for all rows and for each group, with
    Bonferroni's correction.
    """
    before, after = scoring.losses(*old[1:]), scoring.losses(*new[1:])
    if min(len(before), len(after)) < FEWEST:
        summary = f"There are {len(after)} new rows, too few to compare the baseline's losses on them."
        return [Check("data.surprise", "data", Outcome.noted, summary)]
    both = {name: np.concatenate([values, new[0][name]]) for name, values in old[0].items()}
    size = len(before)
    parts = [("", np.ones(size, dtype=bool), np.ones(len(after), dtype=bool))]
    for grouping in grouped(both, policy.slices):
        for k, name in enumerate(grouping.names):
            first, second = grouping.codes[:size] == k, grouping.codes[size:] == k
            if min(first.sum(), second.sum()) >= FEWEST:
                parts.append((name, first, second))
    # Half of this part of the budget is for all rows together, the other half for all groups.
    alpha = policy.false_alarms / 12 / 2
    limits = [alpha, *[alpha / max(len(parts) - 1, 1)] * (len(parts) - 1)]
    tests = [(name, *_worse(before[a], after[b])) for name, a, b in parts]
    failed = [
        (p / limit, name, effect)
        for (name, p, effect), limit in zip(tests, limits, strict=True)
        if p < limit and effect > EFFECT
    ]
    old_mean, new_mean = float(before.mean()), float(after.mean())
    summary = f"{scoring.loss_name} {new_mean:.3g} on {len(after):,} new rows, {old_mean:.3g} on rows held out before"
    if not failed:
        summary = f"The baseline predicts the new rows as well as before: {summary}."
        return [Check("data.surprise", "data", Outcome.passed, summary, old=old_mean, new=new_mean)]
    ratio, group, effect = min(failed)
    where = f", especially where {ticked(group)}" if group else ""
    return [
        Check(
            "data.surprise", "data", Outcome.waiting,
            f"labels or columns of the new rows do not fit the baseline{where}: {summary}",
            subject=group, old=old_mean, new=new_mean, severity=float(-np.log10(max(ratio, 1e-300))),
            hint="If the change is real, accept this difference; otherwise check where the new rows come from.",
            evidence={"worse_than_old": effect},
        )
    ]  # fmt: skip


def _worse(old: Array, new: Array) -> tuple[float, float]:
    """The p-value that the new losses are not larger, and how often one is."""
    from scipy.stats import mannwhitneyu, ttest_ind

    if np.ptp(old) == 0 and np.ptp(new) == 0 and old[0] == new[0]:
        return 1.0, 0.5
    ranks = mannwhitneyu(new, old, alternative="greater")
    effect = float(ranks.statistic) / (len(old) * len(new))
    # Wrong labels turn small losses into large ones and shift few ranks: that shows in the means (Welch 1947).
    means = ttest_ind(new, old, equal_var=False, alternative="greater")
    if float(new.mean()) / max(float(old.mean()), 1e-12) >= GROWN:
        effect = max(effect, EFFECT + 1e-6)
    p = float(ranks.pvalue)
    if np.isfinite(means.pvalue) and min(len(old), len(new)) >= FEWEST_FOR_MEANS:
        p = min(p, float(means.pvalue))
    return min(1.0, 2 * p), effect
