"""The null: how far two harmless trainings of the same recipe lie apart, and the limits that follow from it.

The baseline's recipe is trained again on random parts of its training rows. Two models that share all but a share q of
n rows differ with a variance of about 2q/n (of a smooth statistic); two models on random parts of share s of the same
rows differ with 2(1/s - 1)/n. So parts of share s = 1 / (1 + q) stand for a retrain that exchanges q of the rows.

Every statistical family gets an equal part of one budget of false alarms (Bonferroni). Within a family the figure is
the largest of its members in units of their own noise (max-T, Westfall and Young 1993), and the limit is a prediction
limit for one more draw, on the scale of square roots, with Student's t for the number of replicas.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.queries import Queries, QueryScores, Scorer
from seatrial.trial.compare.statistics import FAMILIES, MINIMAL, Figures, measure
from seatrial.trial.policy import Policy

Refit = Callable[[Array], Scorer]  # positions among the baseline's training rows -> the recipe trained on them

PARTS = len(FAMILIES) + 3  # of the budget: three are for new rows, see `compare.arrivals` and `compare.surprise`
FEWEST_REPLICAS = 5
SAFETY = 1.15  # what rows added or exchanged do beyond what parts of the same rows show
WIDEST = 100.0  # a limit this many times the typical noise means the noise is not understood
SMALLEST_CLASS = 2
COUNTED = ("flips", "shares", "metrics")  # figures made of whole rows: in few rows, one of them is a large step
LEAST = 3.0  # of a member's noise: what no replica showed may still happen


@dataclass(frozen=True)
class Limit:
    """One family's limit: a member fails where its figure exceeds `largest` times its own `noise`."""

    noise: dict[str, float]
    largest: float
    typical: float  # noise of a member that no replica showed

    def of(self, member: str) -> float:
        """The limit of one member, in the figure's own unit."""
        return self.largest * self.noise.get(member, self.typical)


@dataclass(frozen=True)
class NoiseFloor:
    """The limits by family, and which families have none and why."""

    limits: dict[str, Limit]
    dropped: dict[str, str]
    replicas: int
    share: float


def part_share(policy: Policy) -> float:
    """The share of the training rows that a replica is trained on."""
    return 1 / (1 + policy.expected_change)


def draw_replicas(
    refit: Refit, target: Array, queries: Queries, policy: Policy, *, stratified: bool, seed: int = 0
) -> list[QueryScores]:
    """Train the baseline's recipe on random parts of its training rows and put the questions to each.

    `target` (n,) are the training rows' labels. A part keeps at least two rows of each class, as no recipe could be
    trained without. A replica that cannot be trained is left out; `calibrate` says so if too few are left.
    """
    generator = np.random.default_rng(seed)
    answers = []
    groups = [np.flatnonzero(target == label) for label in np.unique(target)] if stratified else []
    for _ in range(policy.replicas):
        kept = generator.random(len(target)) < part_share(policy)
        for rows in groups:
            if kept[rows].sum() < min(SMALLEST_CLASS, len(rows)):
                kept[rows[:SMALLEST_CLASS]] = True
        answers.append(queries.ask(refit(np.flatnonzero(kept))))
    return answers


def calibrate(
    queries: Queries, groupings: list[Grouping], replicas: Sequence[QueryScores], policy: Policy
) -> NoiseFloor:
    """Learn each family's limit from the replicas' differences among one another."""
    if len(replicas) < FEWEST_REPLICAS:
        reason = f"{len(replicas)} replicas could be trained, and {FEWEST_REPLICAS} are needed"
        return NoiseFloor({}, dict.fromkeys(FAMILIES, reason), len(replicas), part_share(policy))
    drawn: dict[str, list[Figures]] = {family: [] for family in FAMILIES}
    for i, j in combinations(range(len(replicas)), 2):
        pair = (replicas[i], replicas[j]) if (i + j) % 2 else (replicas[j], replicas[i])
        for family, figures in measure(queries, groupings, *pair, policy.min_slice).items():
            drawn[family].append(figures)
    limits, dropped = {}, {}
    pairs = len(replicas) * (len(replicas) - 1) // 2
    for family, found in drawn.items():
        if not found:
            continue
        if len(found) < pairs / 2:
            dropped[family] = "most pairs of replicas could not be compared"
            continue
        limit = _limit(family, found, queries.size, len(replicas), policy.false_alarms / PARTS)
        if limit is None:
            dropped[family] = "replicas differ too wildly for a limit"
        else:
            limits[family] = limit
    return NoiseFloor(limits, dropped, len(replicas), part_share(policy))


def _limit(family: str, found: list[Figures], rows: int, replicas: int, alpha: float) -> Limit | None:
    from scipy.stats import t as student

    together: dict[str, list[float]] = {}
    # The search names another pair each time: its figure is one member whatever it is called.
    for figures in found:
        names = ("",) if family == "search" else figures.members
        for name, value in zip(names, np.abs(figures.values).tolist(), strict=True):
            together.setdefault(name, []).append(value)
    floor = max(0.1 * MINIMAL[family], 1 / rows if family in COUNTED else 0.0)
    noise = {name: math.sqrt(float(np.mean(np.square(values)))) + floor for name, values in together.items()}
    largest = []
    for figures in found:
        names = ("",) if family == "search" else figures.members
        largest.append(max(v / noise[n] for n, v in zip(names, np.abs(figures.values).tolist(), strict=True)))
    # The square root makes the largest of many and the size of a single signed figure about equally normal; the
    # logarithm has a long tail towards 0 for the latter, and its limits were up to 25 times the noise.
    roots = np.sqrt(largest)
    if not np.isfinite(roots).all():
        return None
    freedom = replicas - 1  # pairs share replicas: there are no more independent draws than these
    reach = float(student.ppf(1 - alpha, freedom)) * float(roots.std(ddof=1)) * math.sqrt(1 + 1 / replicas)
    limit = max((float(roots.mean()) + reach) ** 2, float(np.max(largest)), LEAST) * SAFETY
    if limit > WIDEST:
        return None
    return Limit(noise, limit, float(np.median(list(noise.values()))) if family != "search" else noise[""])
