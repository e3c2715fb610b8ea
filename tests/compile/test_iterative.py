"""The iterative imputer repeats its fitted rounds."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute._iterative import IterativeImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.compile.cases import BINARY, FRAME, NUMBERS, compile_case

from seatrial.core.errors import CompileError

IMPUTERS = [
    IterativeImputer(max_iter=3, random_state=0),
    IterativeImputer(Ridge(), max_iter=2, n_nearest_features=2, add_indicator=True, random_state=0),
    IterativeImputer(max_iter=2, min_value=0, max_value=60, imputation_order="descending", skip_complete=True),
]


def imputed(imputer):
    columns = ColumnTransformer([("numbers", imputer, NUMBERS)])
    return make_pipeline(columns, StandardScaler(), LogisticRegression(max_iter=300))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_fitted_rounds_compile(imputer):
    compile_case(imputed(imputer))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_column_without_a_value_is_dropped():
    pipeline = imputed(IterativeImputer(max_iter=2, random_state=0))
    compile_case(pipeline.fit(FRAME.assign(grade=np.nan), BINARY), fitted=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("imputer", "reason"),
    [
        (IterativeImputer(sample_posterior=True, max_iter=2), "it draws the values at random"),
        (IterativeImputer(ExtraTreesRegressor(3), max_iter=2), "its estimator is ExtraTreesRegressor"),
        (make_pipeline(IterativeImputer(max_iter=2), IterativeImputer(missing_values=3.0)), "its missing_values are 3"),
    ],
    ids=["random", "trees", "marked"],
)
def test_other_imputers_are_refused(imputer, reason):
    with pytest.raises(CompileError, match=reason):
        compile_case(imputed(imputer))
