"""Functions of single values, and products of columns: powers, logarithms, polynomial features.

ONNX has neither log1p nor expm1. Both follow from logarithm and exponential by the correction of W. Kahan, accurate to
a few units in the last place (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 1.14.1).
"""

from collections.abc import Callable
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import sklearn.preprocessing as pre

from seatrial.compile.graph import DOUBLE, Graph, Matrix, Refused, join
from seatrial.compile.preprocessing import standard_scaler

TINY = np.finfo(np.float64).eps  # exponents closer to 0 than this are logarithms, as in SciPy


def log1p(values: str, graph: Graph) -> str:
    """Add log(1 + x)."""
    one = graph.constant(1.0)
    shifted = graph.add("Add", values, one)
    rounded = graph.add("Sub", shifted, one)
    corrected = graph.add("Mul", graph.add("Log", shifted), graph.add("Div", values, rounded))
    return graph.add("Where", graph.add("Equal", rounded, graph.constant(0.0)), values, corrected)


def expm1(values: str, graph: Graph) -> str:
    """Add exp(x) - 1."""
    one = graph.constant(1.0)
    power = graph.add("Exp", values)
    plain = graph.add("Sub", power, one)
    corrected = graph.add("Mul", plain, graph.add("Div", values, graph.add("Log", power)))
    small = graph.add("Where", graph.add("Equal", power, one), values, corrected)
    large = graph.add("Greater", graph.add("Abs", values), one)  # the plain difference is accurate, and may be infinite
    return graph.add("Where", large, plain, small)


def _operator(name: str) -> Callable[[str, Graph], str]:
    return lambda values, graph: graph.add(name, values)


def _log_of_base(base: float) -> Callable[[str, Graph], str]:
    return lambda values, graph: graph.add("Div", graph.add("Log", values), graph.constant(np.log(base)))


UFUNCS: dict[Any, Callable[[str, Graph], str]] = {
    np.absolute: _operator("Abs"),
    np.fabs: _operator("Abs"),
    np.ceil: _operator("Ceil"),
    np.floor: _operator("Floor"),
    np.rint: _operator("Round"),
    np.negative: _operator("Neg"),
    np.reciprocal: _operator("Reciprocal"),
    np.sign: _operator("Sign"),
    np.sqrt: _operator("Sqrt"),
    np.square: lambda values, graph: graph.add("Mul", values, values),
    np.exp: _operator("Exp"),
    np.expm1: expm1,
    np.log: _operator("Log"),
    np.log1p: log1p,
    np.log2: _log_of_base(2),
    np.log10: _log_of_base(10),
    np.sin: _operator("Sin"),
    np.cos: _operator("Cos"),
    np.tanh: _operator("Tanh"),
    np.isnan: lambda values, graph: graph.add("Cast", graph.add("IsNaN", values), to=DOUBLE),
}


def function_transformer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Pass the columns through, or apply a function of numpy that ONNX has too; a Python function is refused."""
    function = transformer.func
    if function is None:
        return matrix
    convert = UFUNCS.get(function) if isinstance(function, np.ufunc) else None
    if convert is None:
        name = getattr(function, "__name__", str(function))
        raise Refused(f"it calls the Python function {name}, which a graph cannot contain; make it a feature function")
    if transformer.kw_args:
        raise Refused(f"it calls {function.__name__} with arguments of its own")
    return graph.matrix(convert(graph.numbers(matrix), graph), matrix.width)


def polynomial_features(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Add products of columns, each the product of all but its first factor times the first, as in scikit-learn."""
    choose = combinations if transformer.interaction_only else combinations_with_replacement
    columns = range(matrix.width)
    parts = [graph.matrix(graph.repeat([1.0], matrix), 1)] if transformer.include_bias else []
    factors: list[tuple[int, ...]] = [(column,) for column in columns]
    products = matrix
    for degree in range(1, transformer._max_degree + 1):
        if degree > 1:
            position = {each: i for i, each in enumerate(factors)}
            factors = list(choose(columns, degree))
            if not factors:
                break
            rest = graph.numbers(products.take(position[each[1:]] for each in factors))
            first = graph.numbers(matrix.take(each[0] for each in factors))
            products = graph.matrix(graph.add("Mul", rest, first), len(factors))
        if degree >= transformer._min_degree:
            parts.append(products)
    return join(parts)


def power_transformer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Raise each column to its own power, by Box and Cox or by Yeo and Johnson, and scale if configured.

    I. Yeo and R. Johnson, A new family of power transformations, Biometrika 87 (2000).
    """
    powers = np.asarray(transformer.lambdas_, dtype=np.float64)
    if not np.isfinite(powers).all():
        raise Refused("it found no power for one of its columns")
    values = graph.numbers(matrix)
    if transformer.method == "box-cox":
        raised = _raised(graph.add("Log", values), graph.constant(_exponents(powers)), graph)
    else:
        positive = graph.add("GreaterOrEqual", values, graph.constant(0.0))
        sides = graph.constant(_exponents(powers)), graph.constant(_exponents(2 - powers))
        exponents = graph.add("Where", positive, *sides)
        raised = _raised(log1p(graph.add("Abs", values), graph), exponents, graph)
        raised = graph.add("Where", positive, raised, graph.add("Neg", raised))
    result = graph.matrix(raised, matrix.width)
    return standard_scaler(transformer._scaler, result, graph) if transformer.standardize else result


def _exponents(powers: Any) -> Any:
    return np.where(np.abs(powers) <= TINY, 0.0, powers)


def _raised(logarithm: str, exponents: str, graph: Graph) -> str:
    """Add (x ** p - 1) / p of the logarithm of x, which is the logarithm itself for p = 0."""
    power = graph.add("Div", expm1(graph.add("Mul", exponents, logarithm), graph), exponents)
    return graph.add("Where", graph.add("Equal", exponents, graph.constant(0.0)), logarithm, power)


TRANSFORMERS = {
    pre.FunctionTransformer: function_transformer,
    pre.PolynomialFeatures: polynomial_features,
    pre.PowerTransformer: power_transformer,
}
