"""`python -m benchmarks.replica_samples`: what limits from replicas of a sample are, beside those from all rows.

Made-up tables, a rare class or none, three estimators. For each, a baseline, a harmless retrain that exchanges 30 % of
the rows, and five faults. Predictions alone are compared, which is what replicas are for.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial import noise
from seatrial.trial.compare.metrics import compare_metrics
from seatrial.trial.compare.queries import Queries, QueryScores, Scorer, make_queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import NoiseFloor, groups_of
from seatrial.trial.compare.total import compare_total
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome
from seatrial.trial.replica_rows import part_chances

POLICY, SCORING, COLUMNS = Policy(), Scoring("binary", (0, 1), 1), 10
CHANGE = POLICY.expected_change
WHOLE = 10**9  # rows of a sample that is no sample
Labelled = tuple[Array, Array]


def main() -> None:
    """Print how many times as wide limits are with a sample, and what is found with and without it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replica_samples", description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--sample", type=int, default=8_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--models", nargs="*", default=["linear", "boosted", "forest"])
    options = parser.parse_args()
    print("| model | odds | limits: times as wide | harmless stopped: all, sample | faults found: all, sample |")
    print("| --- | --- | --- | --- | --- |")
    for model in options.models:
        for odds in (0.0, -5.0):
            ratios: dict[str, list[float]] = {}
            stopped: dict[tuple[bool, int], list[bool]] = {}
            for seed in range(options.seeds):
                _compare(model, odds, seed, options.rows, options.sample, ratios, stopped)
            wide = ", ".join(f"{name} {np.exp(np.mean(np.log(each))):.2f}" for name, each in ratios.items())
            counts = [
                ", ".join(
                    f"{sum(stopped[harmless, size])} of {len(stopped[harmless, size])}"
                    for size in (WHOLE, options.sample)
                )
                for harmless in (True, False)
            ]
            print(f"| {model} | {odds:g} | {wide} | {' | '.join(counts)} |", flush=True)


def _compare(
    model: str, odds: float, seed: int, rows: int, sample: int,
    ratios: dict[str, list[float]], stopped: dict[tuple[bool, int], list[bool]],
) -> None:  # fmt: skip
    draw = np.random.default_rng(seed)
    x, y = _drawn(draw, int(rows * (1 + CHANGE)), odds)
    asked, truth = _drawn(draw, 5_000, odds)
    queries = make_queries(SCORING, _columns(asked), truth)
    old = queries.ask(_fitted(model, x[:rows], y[:rows]))
    late = np.arange(rows) >= rows - int(rows * CHANGE)
    changed = list(_candidates(draw, x[-rows:], y[-rows:], late))
    answers = [(name == "harmless", queries.ask(_fitted(model, *table))) for name, table in changed]
    floors = {size: _floor(model, x[:rows], y[:rows], queries, size) for size in (WHOLE, sample)}
    for size, floor in floors.items():
        for harmless, new in answers:
            stopped.setdefault((harmless, size), []).append(_blocks(queries, old, new, floor))
    for family, limit in floors[WHOLE].limits.items():
        other = floors[sample].limits.get(family)
        if other:
            shared = [name for name in limit.noise if name in other.noise]
            ratios.setdefault(family, []).append(float(np.median([other.of(n) / limit.of(n) for n in shared] or [1.0])))


def _drawn(draw: np.random.Generator, rows: int, odds: float) -> Labelled:
    x = draw.normal(size=(rows, COLUMNS))
    x[:, 9] = draw.integers(0, 6, rows)
    z = x[:, 0] - 0.7 * x[:, 1] + 0.8 * x[:, 2] * x[:, 3] + 0.5 * (x[:, 9] == 2) + 0.3 * x[:, 8] + odds
    x[:, 8] = np.exp(x[:, 8])
    return x, (draw.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


def _candidates(draw: np.random.Generator, x: Array, y: Array, late: Array) -> Iterator[tuple[str, Labelled]]:
    """A harmless retrain, and faults of its new rows (`late`, a mask) or of a whole column."""
    some = late & (draw.random(len(y)) < 0.1)
    yield "harmless", (x, y)
    yield "another unit", (_with(x, 0, np.where(late, 1000 * x[:, 0], x[:, 0])), y)
    yield "zeros", (_with(x, 1, np.where(some, 0.0, x[:, 1])), y)
    yield "wrong labels", (x, np.where(some, 1 - y, y))
    yield "a column is gone", (_with(x, 2, np.zeros(len(y))), y)
    yield "wrong labels of a group", (x, np.where(late & (x[:, 9] == 4), 0, y))


def _with(x: Array, column: int, values: Array) -> Array:
    changed = x.copy()
    changed[:, column] = values
    return changed


def _columns(x: Array) -> Columns:
    return {f"x{k}": x[:, k] for k in range(COLUMNS)}


def _fitted(model: str, x: Array, y: Array) -> Scorer:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimator = {
        "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        "boosted": lambda: HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=10),
        "forest": lambda: RandomForestClassifier(20, max_depth=12, random_state=0),
    }[model]()
    estimator.fit(x, y)
    return lambda columns: np.asarray(estimator.predict_proba(np.stack(list(columns.values()), axis=1)))


def _floor(model: str, x: Array, y: Array, queries: Queries, size: int) -> NoiseFloor:
    with patch.object(noise, "part_chances", partial(part_chances, most=size)):
        refit = lambda rows: _fitted(model, x[rows], y[rows])  # noqa: E731
        replicas = noise.draw_replicas(refit, y, queries, POLICY, stratified=True)
    return noise.calibrate(queries, groups_of(queries, []), replicas, POLICY)


def _blocks(queries: Queries, old: QueryScores, new: QueryScores, floor: NoiseFloor) -> bool:
    checks = compare_total(queries, groups_of(queries, []), old, new, floor, POLICY)
    if queries.truth is not None:
        metrics = floor.of_members("metrics")
        checks += compare_metrics(queries.scoring, old.rows, new.rows, queries.truth, POLICY, noise=metrics)
    return any(check.outcome is Outcome.blocked for check in checks)


if __name__ == "__main__":
    main()
