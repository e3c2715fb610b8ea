"""What runs natively: each class is refused with its reason, and can be stored and served all the same."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tests.compile.cases import BINARY, FRAME, INPUTS, NUMBERS, TABLE, numeric

from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError
from seatrial.model.engines import NativeEngine
from seatrial.model.inputs import stack_columns
from seatrial.train.native import dump_native

LINEAR = LogisticRegression(max_iter=300)


CASES = {
    "neighbours": (make_pipeline(numeric(StandardScaler()), KNeighborsClassifier()), "equally near"),
    "neighbours in a radius": (
        make_pipeline(numeric(StandardScaler()), RadiusNeighborsClassifier(9.0)),
        "equally near",
    ),
    "imputed by neighbours": (
        make_pipeline(ColumnTransformer([("numbers", KNNImputer(), NUMBERS)]), StandardScaler(), LINEAR),
        "equally near",
    ),
    "support vectors": (make_pipeline(numeric(StandardScaler()), SVC(probability=True, random_state=0)), "stops"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_what_runs_natively_is_refused_with_the_reason_and_served(name, tmp_path):
    pipeline, reason = CASES[name]
    pipeline.fit(FRAME, BINARY)
    with pytest.raises(CompileError, match=reason):
        compile_pipeline(pipeline, INPUTS)
    (tmp_path / "model.skops").write_bytes(dump_native(pipeline))
    served = NativeEngine(tmp_path / "model.skops", INPUTS)(*stack_columns(INPUTS, TABLE))
    np.testing.assert_array_equal(served, pipeline.predict_proba(FRAME))


@pytest.mark.slow
def test_the_classifier_of_a_gaussian_process_is_refused_with_the_reason():
    pipeline = make_pipeline(numeric(StandardScaler()), GaussianProcessClassifier(optimizer=None)).fit(FRAME, BINARY)
    with pytest.raises(CompileError, match="its probabilities are integrals"):
        compile_pipeline(pipeline, INPUTS)


def test_scikit_learns_own_neighbours_depend_on_the_index():
    """The reason for neighbours: of two rows that are equally near, the index decides which one counts."""
    grid = np.array([[x, y] for x in range(8) for y in range(8)], dtype=float)
    labels = np.arange(64) % 3
    by_index = [
        KNeighborsClassifier(3, algorithm=name).fit(grid, labels).predict_proba(grid + 0.5)
        for name in ("brute", "kd_tree")
    ]
    assert (by_index[0] != by_index[1]).any()
