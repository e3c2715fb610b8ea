"""Whether the candidate's prediction intervals or sets contain the truth as often as they say."""

from seatrial.model.features import Array
from seatrial.model.intervals import prediction_intervals
from seatrial.model.metadata import Metadata
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import Check, Outcome, judged_check

LEVEL = 0.9
HINT = "Train again, so that the release gets numbers of its own; or look whether these rows are like the table's."


def check_coverage(
    metadata: Metadata, scoring: Scoring, scores: Array, truth: Array, *, alpha: float, fewest: int
) -> list[Check]:
    """Test the share of right intervals at one level; none without this level, or with too few rows.

    `scores` are the candidate's on rows that it was not fitted on, `truth` (n,) their labels, and `alpha` is the
    probability of a false alarm. Of rows like those that gave the numbers, the covered ones are beta-binomial. Rows
    that gave the numbers themselves are covered anyway, so the test takes no part of the budget away from others: it
    can fail by chance on rows of `--data` only.
    """
    from scipy.stats import betabinom

    known = prediction_intervals(metadata)
    if LEVEL not in known.levels or len(truth) < fewest or metadata.split.get("by") == "group":  # rows of few groups
        return []
    calibrated = int(known.stored["rows"])
    outside = max(round((calibrated + 1) * (1 - LEVEL)), 1)
    right = int(known.right(truth, scores, LEVEL).sum())
    chance = float(betabinom.cdf(right, len(truth), calibrated + 1 - outside, outside))
    share = right / len(truth)
    what = "true class" if scoring.classifies else "true value"
    summary = f"the {what} is in {share:.1%} of the {known.name} of {LEVEL:.0%} on {len(truth):,} labelled rows"
    return [
        judged_check(
            "metrics.coverage", "total", chance < alpha,
            f"the candidate's {known.name} are wrong too often: {summary}", f"Covered as promised: {summary}.",
            differs=Outcome.waiting, new=share, limit=LEVEL, severity=(1 - share) / (1 - LEVEL), hint=HINT,
            evidence={"p": chance, "alpha": alpha},
        )
    ]  # fmt: skip
