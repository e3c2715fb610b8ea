"""Functions of single values, and products of columns, equal to numpy's and SciPy's."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from tests.compile.cases import STRINGS, compile_case, numeric
from tests.compile.run_graph import run_graph

from seatrial.compile.powers import UFUNCS, expm1, log1p
from seatrial.core.errors import CompileError

LINEAR, TREE = LogisticRegression(max_iter=300), DecisionTreeClassifier(random_state=0)
POLYNOMIALS = {
    "squares": PolynomialFeatures(2),
    "cubes": PolynomialFeatures(3, include_bias=False),
    "interactions": PolynomialFeatures((2, 3), interaction_only=True),
    "constant": PolynomialFeatures((0, 1)),
}
EXACT = (np.absolute, np.ceil, np.floor, np.negative, np.reciprocal, np.rint, np.sign, np.sqrt, np.square)
HARD = np.concatenate(
    [
        [0.0, 1.0, 5e-324, 1e-300, 1e-16, 1e-8, 0.5, 700.0],
        np.geomspace(1e-12, 600, 3000),
        1 + np.geomspace(1e-15, 1, 99),
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("model", [LINEAR, TREE], ids=["linear", "tree"])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_products_compile_to_the_last_bit(name, model):
    compile_case(make_pipeline(numeric(MinMaxScaler(), POLYNOMIALS[name]), model))


@pytest.mark.slow
def test_products_of_flags_compile():
    flags = make_pipeline(OneHotEncoder(handle_unknown="ignore"), PolynomialFeatures(2, interaction_only=True))
    compile_case(make_pipeline(ColumnTransformer([("flags", flags, STRINGS)]), LINEAR))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"standardize": False}], ids=str)
def test_powers_of_yeo_and_johnson_compile(options):
    compile_case(make_pipeline(numeric(PowerTransformer(**options)), LINEAR))


@pytest.mark.slow
def test_powers_that_differ_in_the_last_bit_are_refused_before_a_tree():
    with pytest.raises(CompileError, match=r"graph differs from the pipeline: .*labels differ; worst row: age="):
        compile_case(make_pipeline(numeric(PowerTransformer()), TREE))


@pytest.mark.slow
def test_powers_of_box_and_cox_compile():
    columns = ColumnTransformer([("numbers", PowerTransformer("box-cox"), ["fare", "size"])])
    compile_case(make_pipeline(columns, LINEAR))


@pytest.mark.parametrize("power", [-3.0, -1e-17, 0.0, 1e-9, 0.5, 1.0, 2.0, 2 + 4e-16, 5.5])
def test_each_power_is_scipys_on_both_sides_of_zero(power):
    step = PowerTransformer(standardize=False).fit(np.arange(6.0)[:, None])
    step.lambdas_ = np.array([power])
    rows = np.concatenate([HARD, -HARD, [np.nan]])[:, None]
    np.testing.assert_allclose(run_graph(rows, step), step.transform(rows), rtol=1e-13, atol=0)


@pytest.mark.parametrize(("ours", "theirs"), [(log1p, np.log1p), (expm1, np.expm1)])
def test_logarithm_and_exponential_are_accurate_near_zero(ours, theirs):
    rows = np.concatenate([HARD, -HARD, [-1.0, -2.0, 1e300, -1e300, np.nan]])[:, None]
    with np.errstate(all="ignore"):
        expected = theirs(rows)
    actual = run_graph(rows, lambda matrix, graph: ours(graph.numbers(matrix), graph))
    np.testing.assert_allclose(actual, expected, rtol=2e-15, atol=0)


@pytest.mark.parametrize("function", UFUNCS, ids=lambda function: function.__name__)
def test_functions_of_numpy_are_applied(function):
    rows = np.concatenate([HARD, -HARD, [0.5, 1.5, 2.5, -0.5, -2.5, np.nan]])[:, None]
    with np.errstate(all="ignore"):
        expected = function(rows)
    actual = run_graph(rows, FunctionTransformer(function))
    near_zero = 1e-15 if function in (np.sin, np.cos) else 1e-300  # far from 0, both are exact only in units of 1
    np.testing.assert_allclose(actual, expected, rtol=0 if function in EXACT else 2e-15, atol=near_zero)


@pytest.mark.slow
def test_a_logarithm_compiles_in_a_pipeline():
    compile_case(make_pipeline(numeric(FunctionTransformer(np.log1p)), StandardScaler(), LINEAR))


@pytest.mark.slow
@pytest.mark.parametrize("function", [np.sqrt, np.square], ids=str)
def test_exact_functions_compile_before_a_tree(function):
    compile_case(make_pipeline(numeric(MinMaxScaler((1, 2)), FunctionTransformer(function)), TREE))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (FunctionTransformer(np.cbrt), "calls the Python function cbrt"),
        (FunctionTransformer(np.sqrt, kw_args={"where": True}), "calls sqrt with arguments of its own"),
    ],
)
def test_functions_that_a_graph_cannot_call_are_refused(step, reason):
    with pytest.raises(CompileError, match=reason):
        compile_case(make_pipeline(numeric(step), LINEAR))
