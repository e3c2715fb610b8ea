"""Writes mapie_numbers.json: what MAPIE, another implementation, answers for the rows that `cases` makes.

    python -m venv mapie && mapie/bin/pip install mapie==1.6.0
    PYTHONPATH=. mapie/bin/python -m tests.train.mapie_numbers

MAPIE is not needed to test; `test_interval_calibration.py` compares with the file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

Array = Any

PATH = Path(__file__).with_suffix(".json")
CLASSES = 3
# Rows for one group of predictions at each level, and the levels in percent.
REGRESSIONS = {60: (50, 80, 90, 95), 250: (99,)}
CLASSIFIERS = {120: (50, 80, 90, 95, 99)}


def regression_rows(rows: int) -> tuple[Array, Array, Array]:
    """True values, predictions, and predictions of new rows."""
    generator = np.random.default_rng(rows)
    predicted = generator.uniform(10, 1_000, rows)
    return predicted * generator.lognormal(0, 0.2, rows), predicted, generator.uniform(10, 1_000, 10)


def classifier_rows(rows: int) -> tuple[Array, Array, Array]:
    """True positions, probabilities, and probabilities of new rows."""
    generator = np.random.default_rng(rows)
    scores = generator.dirichlet(np.full(CLASSES, 0.5), rows + 40)
    truth = np.array([generator.choice(CLASSES, p=row) for row in scores[:rows]])
    return truth, scores[:rows], scores[rows:]


def main() -> None:
    """Ask MAPIE."""
    from mapie.classification import SplitConformalClassifier
    from mapie.conformity_scores import AbsoluteConformityScore
    from mapie.regression import SplitConformalRegressor
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Predicted(RegressorMixin, BaseEstimator):
        """Predicts what it is given."""

        fitted_ = True

        def fit(self, rows: Any, truth: Any) -> Any:
            return self

        def predict(self, rows: Any) -> Any:
            return np.asarray(rows)[:, 0]

    class Scored(ClassifierMixin, BaseEstimator):
        """Scores what it is given."""

        fitted_ = True
        classes_ = np.arange(CLASSES)

        def fit(self, rows: Any, truth: Any) -> Any:
            return self

        def predict_proba(self, rows: Any) -> Any:
            return np.asarray(rows)

        def predict(self, rows: Any) -> Any:
            return np.asarray(rows).argmax(axis=1)

    found: dict[str, dict[str, Any]] = {"intervals": {}, "sets": {}}
    for rows, levels in REGRESSIONS.items():
        truth, predicted, new = regression_rows(rows)
        for level in levels:
            # Each end has half of the errors outside: of equal tails.
            model = SplitConformalRegressor(Predicted(), level / 100, AbsoluteConformityScore(sym=False))
            model.conformalize(predicted[:, None], truth)
            found["intervals"][f"{rows} {level}"] = model.predict_interval(new[:, None])[1][:, :, 0].tolist()
    for rows, levels in CLASSIFIERS.items():
        truth, scores, new = classifier_rows(rows)
        for level in levels:
            sets = SplitConformalClassifier(Scored(), level / 100, "lac").conformalize(scores, truth)
            found["sets"][f"{rows} {level}"] = sets.predict_set(new)[1][:, :, 0].astype(int).tolist()
    PATH.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
