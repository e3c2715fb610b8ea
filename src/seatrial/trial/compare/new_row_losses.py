"""How the baseline fares on the rows that are new: as on those held out before, or the new ones do not fit.

Neither kind of row had a part in its training, so without a fault both are answered alike. Wrong labels, a broken join
or another unit in the new rows show at once, whatever the candidate has learnt from them. So does a world that has
changed, which is why this asks for acceptance and does not block.
"""

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import grouped, ticked
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

FEWEST = 15
GROWN = 1.25  # or how many times the mean loss is what it was
EFFECT = 0.56  # how often a new row is answered worse than an old one; 0.5 is by chance


def compare_new_row_losses(
    scoring: Scoring, old: tuple[Columns, Array, Array], new: tuple[Columns, Array, Array], policy: Policy
) -> list[Check]:
    """Compare the baseline's losses on its held-out rows and on new ones: (columns, scores, truth) of each.

    By the ranks of the losses (Mann and Whitney 1947) and by their means, for all rows and for each group, with
    Bonferroni's correction.
    """
    before, after = scoring.losses(*old[1:]), scoring.losses(*new[1:])
    if min(len(before), len(after)) < FEWEST:
        told = f"{len(after)} new rows are too few to say whether the baseline fits them."
        return [Check("data.surprise", "data", Outcome.noted, told)]
    both = {name: np.concatenate([values, new[0][name]]) for name, values in old[0].items()}
    parts: list[tuple[str, Array, Array]] = [("", np.ones(len(before), dtype=bool), np.ones(len(after), dtype=bool))]
    for grouping in grouped(both, policy.slices):
        for k, name in enumerate(grouping.names):
            inside = grouping.codes == k
            if min(inside[: len(before)].sum(), inside[len(before) :].sum()) >= FEWEST:
                parts.append((name, inside[: len(before)], inside[len(before) :]))
    # Half of this part of the budget for all rows together, the other half for all groups.
    alpha = policy.false_alarms / 12
    found = [(name, *_worse(before[a], after[b])) for name, a, b in parts]
    limits = [alpha / 2, *[alpha / 2 / max(len(parts) - 1, 1)] * (len(parts) - 1)]
    failed = [
        (p / limit, name, effect)
        for (name, p, effect), limit in zip(found, limits, strict=True)
        if p < limit and effect > EFFECT
    ]
    means = (float(before.mean()), float(after.mean()))
    what = "Brier score" if scoring.classifies else "mean error, in units of the labels' spread"
    told = f"{what} {means[1]:.3g} on {len(after):,} new rows, {means[0]:.3g} on rows held out before"
    if not failed:
        summary = f"The new rows fit what the baseline knows: {told}."
        return [Check("data.surprise", "data", Outcome.passed, summary, old=means[0], new=means[1])]
    ratio, group, effect = min(failed)
    where = f", most of all where {ticked(group)}" if group else ""
    return [
        Check(
            "data.surprise",
            "data",
            Outcome.waiting,
            f"labels or columns of the new rows do not fit what the baseline knows{where}: {told}",
            subject=group,
            old=means[0],
            new=means[1],
            severity=float(-np.log10(max(ratio, 1e-300))),
            hint="If the world has changed, accept this difference; else look at how the new rows were made.",
            evidence={"worse_than_old": effect},
        )
    ]


def _worse(old: Array, new: Array) -> tuple[float, float]:
    from scipy.stats import mannwhitneyu, ttest_ind

    if np.ptp(old) == 0 and np.ptp(new) == 0 and old[0] == new[0]:
        return 1.0, 0.5
    ranks = mannwhitneyu(new, old, alternative="greater")
    effect = float(ranks.statistic) / (len(old) * len(new))
    # Wrong labels turn small losses into large ones and shift few ranks: that shows in the means (Welch 1947).
    means = ttest_ind(new, old, equal_var=False, alternative="greater")
    grown = float(new.mean()) / max(float(old.mean()), 1e-12)
    if grown >= GROWN:
        effect = max(effect, EFFECT + 1e-6)
    p = min(
        float(ranks.pvalue), float(means.pvalue) if np.isfinite(means.pvalue) and min(len(old), len(new)) >= 30 else 1.0
    )
    return min(1.0, 2 * p), effect
