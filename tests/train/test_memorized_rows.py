"""Estimators that keep their training rows are named, and no others."""

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import SVC

from seatrial.train.memorized_rows import memorizing

ROWS = 60
NUMBERS = np.random.default_rng(0).normal(size=(ROWS, 3))
TARGET = (NUMBERS[:, 0] > 0).astype(int)


def fitted(estimator: Any) -> Any:
    columns = ColumnTransformer([("n", StandardScaler(), [0, 1]), ("c", OneHotEncoder(handle_unknown="ignore"), [2])])
    return make_pipeline(columns, estimator).fit(np.round(NUMBERS), TARGET)


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (KNeighborsClassifier(3), ("KNeighborsClassifier",)),
        (SVC(), ("SVC",)),
        (VotingClassifier([("a", LogisticRegression()), ("b", KNeighborsClassifier(3))]), ("KNeighborsClassifier",)),
        (BaggingClassifier(KNeighborsClassifier(3), n_estimators=2), ("KNeighborsClassifier",)),
        (LogisticRegression(), ()),
        (RandomForestClassifier(5), ()),
        (HistGradientBoostingClassifier(max_iter=3), ()),
        (MLPClassifier((4,), max_iter=5), ()),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_estimators_that_keep_rows(estimator: Any, names: tuple[str, ...]) -> None:
    assert memorizing(fitted(estimator), ROWS) == names


def test_a_gaussian_process_and_an_encoder() -> None:
    process = GaussianProcessClassifier().fit(NUMBERS, TARGET)
    assert memorizing(process, ROWS) != ()
    assert memorizing(TargetEncoder().fit(NUMBERS.round(), TARGET), ROWS) == ()
