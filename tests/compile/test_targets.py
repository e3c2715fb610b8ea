"""Regressors of a transformed target compile where the way back is one of numpy's functions or a scaler."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from tests.compile.cases import FRAME, INPUTS, VALUES, compile_case
from tests.compile.test_ensembles import prepared

from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError

pytestmark = pytest.mark.slow


def back(values):
    return np.exp(values)


@pytest.mark.parametrize(
    ("there", "again"),
    [(np.log, np.exp), (np.log1p, np.expm1), (np.sqrt, np.square), (np.negative, np.negative)],
    ids=lambda function: function.__name__,
)
def test_functions_of_numpy_compile_exactly(there, again):
    model = TransformedTargetRegressor(Ridge(), func=there, inverse_func=again)
    compile_case(make_pipeline(prepared(), model), "regression", rows=1500)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), RobustScaler(), MinMaxScaler(), MaxAbsScaler()], ids=lambda each: type(each).__name__
)
def test_scalers_compile_exactly(scaler):
    model = TransformedTargetRegressor(DecisionTreeRegressor(max_depth=4), transformer=scaler)
    compile_case(make_pipeline(prepared(), model), "regression", rows=1500)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"func": np.log, "inverse_func": back}, "calls the Python function back"),
        ({"transformer": PowerTransformer()}, "PowerTransformer has no exact inverse"),
    ],
    ids=["function", "transformer"],
)
def test_another_way_back_is_refused_by_its_name(options, words):
    model = make_pipeline(prepared(), TransformedTargetRegressor(Ridge(), **options)).fit(FRAME, VALUES)
    with pytest.raises(CompileError, match=words):
        compile_pipeline(model, INPUTS)
