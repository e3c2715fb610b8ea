"""Bins, quantiles, splines and isotonic regression: the same pieces, and the same arithmetic in each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.compile.cases import NUMBERS, compile_case, numeric
from tests.compile.run_graph import run_graph

from seatrial.compile.graph import Refused
from seatrial.compile.pieces import add_pieces, intervals, isotonic_line, lines
from seatrial.core.errors import CompileError

LINEAR, TREE = LogisticRegression(max_iter=300), DecisionTreeClassifier(random_state=0)
AVERAGED = {"quantile_method": "averaged_inverted_cdf"}
STEPS = {
    "bins one-hot": KBinsDiscretizer(5, **AVERAGED),
    "bins dense": KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
    "bins by number": KBinsDiscretizer(7, encode="ordinal", strategy="kmeans", random_state=0),
    "quantiles": QuantileTransformer(n_quantiles=50),
    "all quantiles": QuantileTransformer(n_quantiles=400),
}
SMOOTH = {
    "normal quantiles": QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    "all normal quantiles": QuantileTransformer(n_quantiles=400, output_distribution="normal"),
    "constant splines": SplineTransformer(),
    "linear splines": SplineTransformer(extrapolation="linear", degree=2),
    "continued splines": SplineTransformer(extrapolation="continue", knots="quantile"),
    "periodic splines": SplineTransformer(extrapolation="periodic", n_knots=6),
    "straight splines": SplineTransformer(degree=1, include_bias=False),
    "sparse splines": SplineTransformer(sparse_output=True, include_bias=False),
}
VALUES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-300])


@pytest.mark.slow
@pytest.mark.parametrize("model", [LINEAR, TREE], ids=["linear", "tree"])
@pytest.mark.parametrize("name", STEPS)
def test_bins_and_quantiles_compile_to_the_last_bit(name, model):
    compile_case(make_pipeline(numeric(STEPS[name]), model))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMOOTH)
def test_splines_and_normal_quantiles_compile_before_a_smooth_model(name):
    compile_case(make_pipeline(numeric(SMOOTH[name]), LINEAR))


@pytest.mark.slow
def test_missing_values_pass_through_quantiles_and_are_zero_in_splines():
    compile_case(make_pipeline(ColumnTransformer([("numbers", QuantileTransformer(n_quantiles=20), NUMBERS)]), TREE))
    splines = SplineTransformer(handle_missing="zeros")
    compile_case(make_pipeline(ColumnTransformer([("numbers", splines, NUMBERS)]), LINEAR))


@pytest.mark.slow
@pytest.mark.parametrize("outside", ["clip", "nan"])
def test_isotonic_regression_compiles_to_the_last_bit(outside):
    model = IsotonicRegression(increasing=False, out_of_bounds=outside)
    fare = ColumnTransformer([("fare", "passthrough", ["fare"])])
    assert compile_case(make_pipeline(fare, model), "regression").proof.largest_difference == 0


def test_an_isotonic_regression_is_equal_on_its_points_and_their_neighbours():
    generator = np.random.default_rng(0)
    x = np.sort(generator.random(500)) ** 3
    model = IsotonicRegression(out_of_bounds="clip").fit(x, x + generator.normal(size=500) / 5)
    points = model.X_thresholds_
    around = [points, np.nextafter(points, -9), np.nextafter(points, 9), generator.random(20_000), [-1.0, 2.0]]
    values = np.concatenate(around)[:, None]
    actual = run_graph(values, lambda matrix, graph: add_pieces([isotonic_line(model)], matrix, graph))
    np.testing.assert_array_equal(actual[:, 0], model.predict(values[:, 0]))


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12), values=st.lists(VALUES, min_size=1, max_size=9)
)
def test_lines_are_those_of_numpy_to_the_last_bit(points, values):
    x, y = np.array(sorted(point[0] for point in points)), np.array([point[1] for point in points])
    at = np.concatenate([values, x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)])
    with np.errstate(all="ignore"):
        expected = np.interp(at, x, y)
    try:
        column = lines(x, y)
    except Refused:
        assert np.diff(x)[np.diff(x) > 0].min() < 1e-290
        return
    actual = run_graph(at[:, None], lambda matrix, graph: add_pieces([column], matrix, graph))
    np.testing.assert_array_equal(actual[:, 0], expected)


def test_intervals_count_the_edges_that_a_value_has_reached():
    edges = [np.array([-1.0, 0.0, 0.0, 2.0]), np.array([])]
    at = np.array([-1.0, np.nextafter(-1, -2), -0.0, 5e-324, -5e-324, 2.0, np.nextafter(2, 1), np.inf, -np.inf])
    rows = np.column_stack([at, at])
    actual = run_graph(rows, lambda matrix, graph: intervals(edges, matrix, graph, starts=[0, 7]))
    np.testing.assert_array_equal(actual[:, 0], np.searchsorted(edges[0], at, side="right"))
    assert (actual[:, 1] == 7).all()


def test_splines_of_many_shapes_are_exact_far_outside():
    generator = np.random.default_rng(0)
    fitted, at = generator.exponential(size=(200, 2)), generator.normal(size=(400, 2)) * 5
    for extrapolation in ("constant", "linear", "continue", "periodic"):
        for degree in (2, 3, 5):
            spline = SplineTransformer(degree=degree, extrapolation=extrapolation, knots="quantile", n_knots=7)
            expected = spline.fit(fitted).transform(at)
            actual = run_graph(at, spline)
            scale = np.maximum(1.0, np.abs(expected).max(axis=1, keepdims=True))
            assert np.abs((actual - expected) / scale).max() < 1e-12, (extrapolation, degree)


def test_normal_quantiles_are_scipys_from_end_to_end():
    points = np.concatenate([np.linspace(0, 1, 4001), np.geomspace(5e-8, 0.5, 999), 1 - np.geomspace(5e-8, 0.5, 999)])
    step = QuantileTransformer(n_quantiles=2, output_distribution="normal").fit([[0.0], [1.0]])
    rows = np.concatenate([points, np.nextafter(points, 2), [-1.0, 2.0, np.nan]])[:, None]
    np.testing.assert_allclose(run_graph(rows, step), step.transform(rows), rtol=1e-13, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (KBinsDiscretizer(3, dtype=np.float32, **AVERAGED), "it computes in float32"),
        (SplineTransformer(degree=1, extrapolation="linear"), "needs a degree of at least 2"),
    ],
)
def test_what_is_not_exact_is_refused_with_the_reason(step, reason):
    with pytest.raises(CompileError, match=reason):
        compile_case(make_pipeline(numeric(StandardScaler(), step), LINEAR))
