"""Measures the noise floor: how far apart two harmless trainings of the same recipe are, and the limits that follow.

The baseline's recipe is trained again on random parts of its training rows. Two models whose n rows differ in a share q
have a difference with a variance of about 2q/n (for a smooth statistic). Two models trained on random parts of share s
of the same rows have one of 2(1/s - 1)/n. So parts of share s = 1 / (1 + q) simulate a retrain that exchanges q of the
rows.

Each family of statistics gets an equal part of one budget of false alarms (Bonferroni). Within a family, the statistic
is the largest of its members in units of their own noise (max-T, Westfall and Young 1993). The limit is a prediction
limit for one more draw, on the scale of square roots, with Student's t for the number of replicas. Of a large table,
parts of a sample are drawn that vary as much (`replica_rows`).
"""

import math
import time
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from seatrial.core.progress import Progress, silent
from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.queries import Queries, QueryScores, Scorer
from seatrial.trial.compare.statistics import FAMILIES, MINIMAL, FamilyStatistics, Limit, NoiseFloor, measure
from seatrial.trial.policy import Policy
from seatrial.trial.replica_rows import part_chances

Refit = Callable[[Array], Scorer]  # positions among the baseline's training rows -> the recipe trained on them

# Of the budget; eight are for new rows: one for their columns, one for their losses, and six for their traits.
PARTS = len(FAMILIES) + 8
FEWEST_REPLICAS = 5
REPORT_SECONDS = 5.0  # between two reports of progress
UPPER = 0.95  # the quantile of the pairs of replicas that says how many decisions a harmless retrain turns
SAFETY = 1.15  # for what added or exchanged rows do beyond what parts of the same rows show
WIDEST = 100.0  # a limit this many times the typical noise means that the noise is not understood
SMALLEST_CLASS = 2
COUNTED = ("flips", "shares", "metrics")  # statistics that count whole rows: among few rows, one is a large step
LEAST = 3.0  # times a member's noise: something that no replica showed may still happen


def part_of_budget(policy: Policy) -> float:
    """The probability of a false alarm that each part of the statistics may have."""
    return policy.false_alarms / PARTS


def part_share(policy: Policy) -> float:
    """The share of the training rows that a replica is trained on."""
    return 1 / (1 + policy.expected_change)


def draw_replicas(
    refit: Refit,
    target: Array,
    queries: Queries,
    policy: Policy,
    *,
    stratified: bool,
    groups: Array | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> list[QueryScores]:
    """Train the baseline's recipe on random parts of its training rows and ask each replica the queries.

    `target` (n,) are the training rows' labels. A part keeps at least two rows of each class, because no recipe can be
    trained without them. Of many rows, the parts are those of a sample (`replica_rows`). Where the rows are split by
    `groups` (n,), whole groups are left out, as whole groups come and go between two releases. After the policy's
    `replica_seconds` no further one is begun once there are enough for a limit, which is the wider the fewer they are.
    """
    began = reported = time.monotonic()
    generator = np.random.default_rng(seed)
    classes = [np.flatnonzero(target == label) for label in np.unique(target)] if stratified else []
    units = np.arange(len(target)) if groups is None else np.unique(groups, return_inverse=True)[1]
    chances = part_chances(units, classes, policy.expected_change)
    replicas: list[QueryScores] = []
    for number in range(policy.replicas):
        now = time.monotonic()
        if len(replicas) >= FEWEST_REPLICAS and now - began > policy.replica_seconds:
            break
        if now - reported > REPORT_SECONDS:
            progress(f"training replica {number + 1} of {policy.replicas} of the baseline")
            reported = now
        kept = generator.random(int(units.max()) + 1)[units] < chances
        for rows in classes:
            if kept[rows].sum() < min(SMALLEST_CLASS, len(rows)):
                kept[rows[:SMALLEST_CLASS]] = True
        replicas.append(queries.ask(refit(np.flatnonzero(kept))))
    return replicas


def calibrate(
    queries: Queries, groupings: list[Grouping], replicas: Sequence[QueryScores], policy: Policy
) -> NoiseFloor:
    """Learn each family's limit from the differences between the replicas."""
    if len(replicas) < FEWEST_REPLICAS:
        reason = f"{len(replicas)} replicas could be trained, and {FEWEST_REPLICAS} are needed"
        return NoiseFloor({}, dict.fromkeys(FAMILIES, reason), len(replicas), part_share(policy))
    by_family: dict[str, list[FamilyStatistics]] = {family: [] for family in FAMILIES}
    pairs = list(combinations(range(len(replicas)), 2))
    for i, j in pairs:
        pair = (replicas[i], replicas[j]) if (i + j) % 2 else (replicas[j], replicas[i])
        for family, statistics in measure(queries, groupings, *pair, policy.min_slice).items():
            by_family[family].append(statistics)
    limits, dropped = {}, {}
    for family, measured in by_family.items():
        if measured and len(measured) < len(pairs) / 2:
            dropped[family] = "most pairs of replicas could not be compared"
        elif measured:
            limit = _limit(family, measured, queries.size, len(replicas), part_of_budget(policy))
            if limit is None:
                dropped[family] = "replicas differ too much for a limit"
            else:
                limits[family] = limit
    return NoiseFloor(limits, dropped, len(replicas), part_share(policy), _turned(queries, replicas))


def _turned(queries: Queries, replicas: Sequence[QueryScores]) -> float | None:
    """What share of decisions two replicas turn, or how far a regression's answers move; None without rows."""
    scoring, rows = queries.scoring, [each.rows for each in replicas]
    if not queries.size:
        return None
    if scoring.classifies:
        decided = [scoring.decide(np.nan_to_num(each)) for each in rows]
        moved = [float((one != other).mean()) for one, other in combinations(decided, 2)]
    else:
        unit = float(np.nanstd(rows[0])) or 1.0
        moved = [float(np.nanmean(np.minimum(np.abs(a - b) / unit, 1.0))) for a, b in combinations(rows, 2)]
    return float(np.quantile(moved, UPPER)) * SAFETY


def _limit(family: str, measured: list[FamilyStatistics], rows: int, replicas: int, alpha: float) -> Limit | None:
    from scipy.special import stdtrit

    # The search finds another pair each time: its statistic is one member whatever the pair is called.
    values = [
        list(zip(("",) if family == "search" else each.members, np.abs(each.values).tolist(), strict=True))
        for each in measured
    ]
    together: dict[str, list[float]] = {}
    for pair in values:
        for name, value in pair:
            together.setdefault(name, []).append(value)
    floor = max(0.1 * MINIMAL[family], 1 / rows if family in COUNTED else 0.0)
    noise = {name: math.sqrt(float(np.mean(np.square(each)))) + floor for name, each in together.items()}
    largest = [max(value / noise[name] for name, value in pair) for pair in values]
    # The square root makes the largest of many, and the size of a single signed statistic, about equally normal. The
    # logarithm has a long tail towards 0 for the latter, and gave limits of up to 25 times the noise.
    roots = np.sqrt(largest)
    if not np.isfinite(roots).all():
        return None
    freedom = replicas - 1  # pairs share replicas, so there are no more independent draws than this
    reach = float(stdtrit(freedom, 1 - alpha)) * float(roots.std(ddof=1)) * math.sqrt(1 + 1 / replicas)
    limit = max((float(roots.mean()) + reach) ** 2, float(np.max(largest)), LEAST) * SAFETY
    if limit > WIDEST:
        return None
    return Limit(noise, limit, float(np.median(list(noise.values()))) if family != "search" else noise[""])
