"""How often prediction intervals and sets are right on rows that nothing has seen, on three tables, in repetition.

Each repetition divides a table at random: 60 % to fit on, 20 % for the numbers, 20 % to measure. The mean over the
repetitions should be the level or a little more. A single release varies around it, the more the fewer rows it has: its
10th percentile shows how far.

    python -m benchmarks.interval_coverage
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.intervals import PredictionIntervals
from seatrial.train.interval_calibration import found_numbers

REPETITIONS = 200
CUSTOMERS = Path(__file__).parent.parent / "docs" / "customers.csv"


def tables() -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield a name, the columns, the target, and a pipeline for them."""
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.datasets import load_diabetes, load_digits
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    customers = pandas.read_csv(CUSTOMERS).drop(columns=["customer_id", "cancelled_on"])
    columns, churned = customers.drop(columns="churned"), customers["churned"]
    encoded = make_column_transformer(
        (OneHotEncoder(), ["plan", "contract"]),
        remainder=make_pipeline(SimpleImputer(), StandardScaler()),
    )
    yield "customers", columns, churned.to_numpy(), make_pipeline(encoded, LogisticRegression())
    columns, progression = load_diabetes(return_X_y=True, as_frame=True)
    yield "diabetes", columns, progression.to_numpy(), HistGradientBoostingRegressor(max_iter=50, random_state=0)
    columns, digits = load_digits(return_X_y=True, as_frame=True)
    yield "digits", columns, digits.to_numpy(), make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))


def measured(columns: Any, target: Any, pipeline: Any, seed: int) -> dict[str, tuple[float, float]]:
    """Return by level the share that is right, and the mean width or number of classes, of one division of the rows."""
    from sklearn.base import clone

    order = np.random.default_rng(seed).permutation(len(target))
    fitted, known, new = np.split(order, [len(order) * 3 // 5, len(order) * 4 // 5])
    model = clone(pipeline).fit(columns.iloc[fitted], target[fitted])
    classes = tuple(getattr(model, "classes_", ()))
    rule = DecisionRule("multiclass" if classes else "regression", classes)
    score = model.predict_proba if classes else model.predict
    truth = rule.positions(target)
    numbers = found_numbers(rule, truth[known], score(columns.iloc[known]))
    intervals, scores = PredictionIntervals(classes, numbers), score(columns.iloc[new])
    found = {}
    for level in intervals.levels:
        sizes = intervals.members(scores, level).sum(axis=1) if classes else np.diff(intervals.ends(scores, level))
        found[f"{level:g}"] = float(intervals.right(truth[new], scores, level).mean()), float(sizes.mean())
    return found


def main() -> None:
    """Print a table for each data set and level."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    print("| table | rows | level | mean coverage | standard error | 10th percentile | mean size |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, columns, target, pipeline in tables():
        found = [measured(columns, target, pipeline, seed) for seed in range(repetitions)]
        for level in found[0]:
            shares, sizes = np.array([each[level] for each in found]).T
            error = shares.std() / np.sqrt(repetitions)
            print(
                f"| {name} | {len(target):,} | {level} | {shares.mean():.3f} | {error:.3f} "
                f"| {np.percentile(shares, 10):.3f} | {sizes.mean():.3g} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
