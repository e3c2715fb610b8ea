"""Steps and models that are polynomials in pieces of one column: bins, quantiles, splines, isotonic regression.

A search tree in a TreeEnsemble finds the piece, as exactly as a comparison of doubles, and a polynomial around the
piece's own origin gives the value. For lines that is the arithmetic of `numpy.interp`, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import numpy as np
import sklearn.preprocessing as pre
from numpy.polynomial import Polynomial
from onnx import TensorProto
from scipy.special import ndtri
from sklearn.isotonic import IsotonicRegression

from seatrial.compile.graph import DOUBLE, Graph, Matrix, Refused
from seatrial.compile.trees import Ensemble
from seatrial.model.features import Floats

TAIL = 1e-7  # scikit-learn's bound on how near a share may be to 0 and 1 before the normal distribution


@dataclass(frozen=True)
class Pieces:
    """Polynomials of one column: piece i is used from edge i - 1, included, to edge i, for any number of outputs.

    Its value is the sum over m of coefficients[i, m] * (x - origins[i]) ** m.
    """

    edges: Floats  # (pieces - 1,), ascending
    origins: Floats  # (pieces,)
    coefficients: Floats  # (pieces, powers, outputs)


def lines(x: Floats, y: Floats, *, outside: tuple[float, float] | None = None) -> Pieces:
    """Return what `numpy.interp` draws through points: straight lines, and constants outside (the ends by default).

    With duplicates in `x` the last one counts at that value, as there.
    """
    before, after = outside or (y[0], y[-1])
    with np.errstate(all="ignore"):
        slopes = np.where(np.diff(x) > 0, np.diff(y) / np.diff(x), 0.0)  # between duplicates there is no value
    if not np.isfinite(slopes).all():
        raise Refused("two of its points are too near each other for a line between them")
    values = np.concatenate([[before], y, [after]])
    slopes = np.concatenate([[0.0], slopes, [0.0, 0.0]])
    edges = np.append(x, np.nextafter(x[-1], np.inf))
    origins = np.concatenate([x[:1], x, x[-1:]])
    return Pieces(edges, origins, np.stack([values, slopes], axis=1)[:, :, None])


def intervals(edges: Sequence[Floats], matrix: Matrix, graph: Graph, starts: Sequence[int] | None = None) -> str:
    """Add for each column the number of its ascending edges that a value has reached, plus the column's start.

    The result is double (n, columns); a missing value has reached all edges.
    """
    ensemble = Ensemble()
    for column, values in enumerate(edges):
        _add_search_tree(ensemble, np.asarray(values, dtype=np.float64), column, starts[column] if starts else 0)
    return ensemble.node(matrix, len(edges), graph)


def add_pieces(columns: Sequence[Pieces], matrix: Matrix, graph: Graph) -> str:
    """Add the polynomials of each column, all of as many powers and outputs: double (n, columns * outputs)."""
    distinct = list({id(each): each for each in columns}.values())
    ends = np.cumsum([len(each.origins) for each in distinct]).tolist()
    start = {id(each): end - len(each.origins) for each, end in zip(distinct, ends, strict=True)}
    number = intervals([each.edges for each in columns], matrix, graph, [start[id(each)] for each in columns])
    number = graph.add("Cast", number, to=TensorProto.INT64)
    origins = graph.add("Gather", graph.constant(np.concatenate([each.origins for each in distinct])), number)
    distance = graph.add("Sub", graph.numbers(matrix), origins)
    distance = graph.add("Unsqueeze", distance, graph.constant([2], np.int64))
    coefficients = np.concatenate([each.coefficients for each in distinct])
    *lower, highest = (
        graph.add("Gather", graph.constant(coefficients[:, power]), number) for power in range(coefficients.shape[1])
    )
    total = highest
    for each in reversed(lower):
        total = graph.add("Add", graph.add("Mul", total, distance), each)
    return graph.add("Reshape", total, graph.constant([0, len(columns) * coefficients.shape[2]], np.int64))


def bins_discretizer(discretizer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to the number of the bin, or to a column of 0 and 1 for each bin."""
    if discretizer.dtype is not None and np.dtype(discretizer.dtype) != np.float64:
        raise Refused(f"it computes in {np.dtype(discretizer.dtype)}; leave its dtype out")
    number = intervals([edges[1:-1] for edges in discretizer.bin_edges_], matrix, graph)
    bins = graph.matrix(number, matrix.width)
    if discretizer.encode == "ordinal":
        return bins
    columns = np.repeat(np.arange(matrix.width), discretizer.n_bins_)
    wanted = np.concatenate([np.arange(count) for count in discretizer.n_bins_])
    inside = graph.add("Equal", graph.gather(bins.take(columns)), graph.constant(wanted))
    return graph.matrix(graph.add("Cast", inside, to=DOUBLE), len(columns))


def quantile_transformer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to the share of training values below, or to the normal distribution's quantile of that share.

    The share is the mean of two interpolations, from below and from above, which differ where values are equal.
    """
    quantiles, shares = transformer.quantiles_, transformer.references_
    if np.isnan(quantiles).any():
        raise Refused("one of its columns has no value")
    values = graph.numbers(matrix)
    negative = graph.matrix(graph.add("Neg", values), matrix.width)
    below = add_pieces([lines(column, shares) for column in quantiles.T], matrix, graph)
    above = add_pieces([lines(-column[::-1], -shares[::-1]) for column in quantiles.T], negative, graph)
    share = graph.add("Mul", graph.add("Sub", below, above), graph.constant(0.5))
    low, high = graph.constant(quantiles[0]), graph.constant(quantiles[-1])
    if transformer.output_distribution == "uniform":
        first, last = graph.add("Equal", values, low), graph.add("Equal", values, high)
    else:
        tail = graph.constant(TAIL)
        first = graph.add("Less", graph.add("Sub", values, tail), low)
        last = graph.add("Greater", graph.add("Add", values, tail), high)
    share = graph.add("Where", last, graph.constant(1.0), share)
    share = graph.add("Where", first, graph.constant(0.0), share)
    if transformer.output_distribution == "normal":
        share = _normal_quantile(share, matrix.width, graph)
    return graph.matrix(share, matrix.width)


def spline_transformer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to the values of the B-splines of each column."""
    splines = transformer.bsplines_
    if transformer.extrapolation == "linear" and transformer.degree < 2 and len(splines) > 1:
        raise Refused('with extrapolation="linear" it needs a degree of at least 2')
    columns = [_spline_pieces(spline, transformer.extrapolation) for spline in splines]
    inside = _wrapped(splines, matrix, graph) if transformer.extrapolation == "periodic" else matrix
    outputs = columns[0].coefficients.shape[2]
    values = add_pieces(columns, inside, graph)
    if transformer.handle_missing == "zeros":
        missing = graph.add("IsNaN", graph.gather(matrix.take(np.repeat(np.arange(matrix.width), outputs))))
        values = graph.add("Where", missing, graph.constant(0.0), values)
    result = graph.matrix(values, len(columns) * outputs)
    if transformer.include_bias:
        return result
    return result.take(i for i in range(result.width) if (i + 1) % outputs)


def isotonic_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to predictions (n,)."""
    if matrix.width != 1:
        raise Refused(f"it takes one column, and gets {matrix.width}")
    return graph.add("Reshape", add_pieces([isotonic_line(model)], matrix, graph), graph.constant([-1], np.int64))


def isotonic_line(model: Any) -> Pieces:
    """Return the lines between the thresholds of an isotonic regression, and NaN or the ends outside."""
    x, y = model.X_thresholds_, model.y_thresholds_
    if x.dtype != np.float64:
        raise Refused(f"an isotonic regression fitted in {x.dtype} has steps as narrow as its rounding")
    return lines(x, y, outside=None if model.out_of_bounds == "clip" or len(y) == 1 else (np.nan, np.nan))


def _add_search_tree(ensemble: Ensemble, edges: Floats, column: int, start: int) -> None:
    """Add a balanced tree over the edges of a column, whose leaves are the number of the piece."""
    left: list[int] = []
    right: list[int] = []
    middles: list[int] = []

    def grow(low: int, high: int) -> int:
        node, middle = len(left), (low + high) // 2
        left.append(-1)
        right.append(-1)
        middles.append(middle)
        if low < high:
            left[node], right[node] = grow(low, middle), grow(middle + 1, high)
        return node

    grow(0, len(edges))
    inner = np.array(left) >= 0
    below = np.append(np.nextafter(edges, -np.inf), 0.0)  # left if x <= the double before the edge: if x < edge
    ensemble.add_tree(
        np.array(left),
        np.array(right),
        feature=np.full(len(left), column),
        threshold=np.where(inner, below[middles], 0.0),
        missing_left=np.zeros(len(left), dtype=np.int64),
        values=np.array(middles, dtype=np.float64) + start,
        target=column,
    )


def _normal_quantile(share: str, width: int, graph: Graph) -> str:
    """Add the standard normal distribution's quantiles of shares (n, width), clipped as in scikit-learn."""
    opposite = graph.add("Sub", graph.constant(1.0), share)
    tail = graph.matrix(graph.add("Min", share, opposite), width)
    lower = add_pieces([_lower_quantiles()] * width, tail, graph)
    upper = graph.add("Greater", share, graph.constant(0.5))
    quantile = graph.add("Where", upper, graph.add("Neg", lower), lower)
    shortest = TAIL - np.spacing(1)
    ends = ndtri([shortest, 1 - shortest])
    return graph.add("Clip", quantile, graph.constant(ends[0]), graph.constant(ends[1]))


@cache
def _lower_quantiles() -> Pieces:
    """Return Taylor series of the normal distribution's quantile up to one half, exact to 1e-15.

    The derivative of order m is a polynomial in the quantile, divided by the density to the power m; the polynomials
    follow from each other (G. Steinbrecher and W. Shaw, Quantile mechanics, 2008, section 3). It has no end at 0, so
    the pieces grow by a fiftieth: each is short beside its distance from there.
    """
    smallest = TAIL / 2  # below, every quantile is clipped
    edges = np.geomspace(smallest, 0.5, 800)
    centres = np.sqrt(edges[:-1] * edges[1:])
    quantiles = ndtri(centres)
    density = np.exp(-(quantiles**2) / 2) / np.sqrt(2 * np.pi)
    series, polynomial = [quantiles], Polynomial([1.0])
    for order in range(1, 8):
        series.append(polynomial(quantiles) / (density**order * factorial(order)))
        polynomial = polynomial.deriv() + order * Polynomial([0.0, 1.0]) * polynomial
    inside = np.stack(series, axis=1)
    outside = np.zeros((1, inside.shape[1]))
    outside[0, 0] = ndtri(smallest)
    pieces = np.concatenate([outside, inside])
    return Pieces(edges[:-1], np.concatenate([[smallest], centres]), pieces[:, :, None])


def _spline_pieces(spline: Any, extrapolation: str) -> Pieces:
    """Read a B-spline's polynomials: its derivatives at the knot on the left of each piece, by powers."""
    degree = spline.k
    knots = spline.t[degree : len(spline.t) - degree]
    powers = np.arange(max(degree, 1) + 1)  # a line outside needs two coefficients even for constants inside
    starts = knots[:-1]
    inside = np.stack([spline(starts, nu=int(m)) / factorial(m) for m in powers], axis=1)
    first, last = knots[0], knots[-1]
    ends = np.stack([_end(spline, end, extrapolation, len(powers)) for end in (first, last)])
    if extrapolation in ("continue", "periodic"):
        ends, origins = inside[[0, -1]], starts[[0, -1]]
    else:
        origins = np.array([first, last])
    return Pieces(
        np.concatenate([starts, [np.nextafter(last, np.inf)]]),
        np.concatenate([origins[:1], starts, origins[1:]]),
        np.concatenate([ends[:1], inside, ends[1:]]),
    )


def _end(spline: Any, end: float, extrapolation: str, powers: int) -> Floats:
    """Return the polynomial outside of one end, around that end."""
    outside = np.zeros((powers, spline.c.shape[1]))
    if extrapolation == "error":
        outside[:] = np.nan
    elif extrapolation == "linear":
        outside[0], outside[1] = spline(end), spline(end, nu=1)
    elif spline.k > 0:  # constant; splines of degree 0 are zero outside
        outside[0] = spline(end)
    return outside


def _wrapped(splines: Sequence[Any], matrix: Matrix, graph: Graph) -> Matrix:
    """Move values into the period of each column's spline, by the arithmetic of Python's `%`."""
    low = np.array([spline.t[spline.k] for spline in splines])
    period = np.array([spline.t[len(spline.t) - spline.k - 1] for spline in splines]) - low
    if (period <= 0).any():
        raise Refused("one of its columns has a single value, so no period")
    first, length = graph.constant(low), graph.constant(period)
    rest = graph.add("Mod", graph.add("Sub", graph.numbers(matrix), first), length, fmod=1)
    negative = graph.add("Less", rest, graph.constant(0.0))
    rest = graph.add("Where", negative, graph.add("Add", rest, length), rest)
    return graph.matrix(graph.add("Add", first, rest), matrix.width)


TRANSFORMERS = {
    pre.KBinsDiscretizer: bins_discretizer,
    pre.QuantileTransformer: quantile_transformer,
    pre.SplineTransformer: spline_transformer,
}
MODELS = {IsotonicRegression: isotonic_regressor}
