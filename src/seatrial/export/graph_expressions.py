"""Reads a compiled graph as expressions: each tensor of one row becomes an array of numbers and expressions.

The row is the only one of its batch, so shapes, positions and everything else that does not depend on the columns are
plain numbers, computed here, and what is left is what has to be computed for each row.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from seatrial.export import graph_lookups
from seatrial.export.expressions import Expression, Expressions, Untranslatable
from seatrial.export.graph_cells import GraphReader, Operator, as_row, id_number, plain
from seatrial.export.tree_expressions import tree_ensemble
from seatrial.model.features import Array
from seatrial.model.inputs import Inputs

FLOAT, BOOL, DOUBLE = 1, 9, 11  # TensorProto's numbers of types
TYPES = {FLOAT: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, BOOL: np.bool_, DOUBLE: np.float64}
REASONS = {
    "Pad": "it compares a row with training rows (a kernel or neighbours)",
    "Scan": "it compares a row with training rows (a kernel or neighbours)",
    "TopK": "it sorts predictions (AdaBoostRegressor)",
}


def score_expressions(
    graph: bytes, inputs: Inputs, columns: dict[str, Expression], pool: Expressions
) -> list[Expression]:
    """Return the scores of a row: an expression for each class, or one for a regression.

    `columns` has the engine's inputs by their names: numbers, and texts that are never null. Raises Untranslatable
    naming an operator that has no translation.
    """
    import onnx

    reader = GraphReader(pool)
    model = onnx.load_model_from_string(graph)
    values = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    for name, listed in (("numbers", inputs.numbers), ("strings", inputs.strings)):
        values[name] = as_row([columns[each] for each in listed])
    for node in model.graph.node:
        operator = OPERATORS.get(node.op_type)
        if operator is None:
            reason = REASONS.get(node.op_type, "it has no translation")
            raise Untranslatable(f"the graph has the operator {node.op_type}: {reason}")
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        values[node.output[0]] = operator(reader, [values[name] for name in node.input if name], attributes)
    return [reader.lift(each) for each in values["scores"].ravel().tolist()]


def _numbers(name: str) -> Operator:
    """An operator of two arrays, on numbers alone where both have no expressions."""
    function = {"+": np.add, "-": np.subtract, "*": np.multiply}[name]

    def run(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
        if plain(*given):
            return np.asarray(function(*given))
        if name == "+":
            return reader.each(partial(_added, reader), *given)
        return reader.each(partial(reader.pool.arithmetic, name), *given)

    return run


def _added(reader: GraphReader, a: Expression, b: Expression) -> Expression:
    """Add; the ids of strings keep that they are, so that they can be looked up as strings."""
    pool = reader.pool
    if a.operator == "id" and b.constant:
        return pool.make("id", *a.arguments, kind="number", nullable=False, value=a.value + b.value)
    return pool.arithmetic("+", a, b)


def _divide(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    a, b = given
    if plain(a, b):
        return np.asarray(a // b if a.dtype.kind == "i" else a / b)
    return reader.each(reader.pool.divide, a, b)


def _compare(operator: str) -> Operator:
    def compare(reader: GraphReader, a: Expression, b: Expression) -> Expression:
        if operator == "=" and a.operator == "id" and b.constant:
            known = reader.texts.get(b.value - a.value)
            if known is not None:
                return reader.pool.compare("=", a.arguments[0], reader.pool.text(known))
            if b.value != 0.0:
                return reader.pool.boolean(False)
        return reader.pool.compare(operator, id_number(reader, a), id_number(reader, b))

    return lambda reader, given, _: reader.each(partial(compare, reader), *given)


def _one(function: Callable[[Expressions, Expression], Expression]) -> Operator:
    return lambda reader, given, _: reader.each(partial(function, reader.pool), given[0])


def _named(name: str) -> Operator:
    return _one(lambda pool, a: pool.function(name, a))


def _where(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    def where(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
        if condition.constant:  # before the ids of strings become numbers
            return reader.pool.case(condition, then, otherwise)
        return reader.pool.case(condition, id_number(reader, then), id_number(reader, otherwise))

    if plain(*given):
        return np.where(*given)
    return reader.each(where, *given)


def _cast(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    to, pool = attributes["to"], reader.pool
    if given[0].dtype != object:
        return given[0].astype(TYPES[to])
    if to == DOUBLE:
        return reader.each(pool.as_number, given[0])
    if to == FLOAT:
        return reader.each(pool.single, given[0])
    if to == BOOL:
        return reader.each(lambda a: pool.negate(pool.compare("=", a, pool.number(0))), given[0])
    return reader.each(lambda a: a if a.kind == "boolean" else pool.function("floor", a), given[0])  # to integers


def _matrix_product(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    a, b = given[:2]
    if plain(a, b):
        return np.asarray(a @ b)
    product = np.empty((len(a), b.shape[1]), dtype=object)
    picks = plain(b) and bool((np.isin(b, (0, 1)).all(axis=0) & (b.sum(axis=0) == 1)).all())
    if picks:  # columns of its input, whose ids of strings stay such
        return np.asarray(a[:, b.argmax(axis=0)])
    for row, place in np.ndindex(*product.shape):
        product[row, place] = _weighted_sum(reader, a[row], b[:, place])
    return product


def _weighted_sum(reader: GraphReader, values: Array, weights: Array) -> Expression:
    pairs = zip(values.tolist(), weights.tolist(), strict=True)
    terms = [reader.pool.arithmetic("*", id_number(reader, reader.lift(a)), reader.lift(b)) for a, b in pairs]
    return reader.pool.total([term for term in terms if not (term.constant and term.value == 0.0)])


def _gemm(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    a = given[0].T if attributes.get("transA") else given[0]
    b = given[1].T if attributes.get("transB") else given[1]
    scale = attributes.get("alpha", 1.0)
    product = _matrix_product(reader, [a, b * scale if scale != 1.0 else b], {})
    return product if len(given) == 2 else _numbers("+")(reader, [product, given[2]], {})


def _softmax(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    pool, cells = reader.pool, [reader.lift(each) for each in given[0][0].tolist()]
    if len(cells) == 2:
        first, second = cells
        ends = (pool.arithmetic("-", first, second), pool.arithmetic("-", second, first))
        return as_row([pool.sigmoid(each) for each in ends])
    highest = cells[0]
    for each in cells[1:]:
        highest = pool.greatest(highest, each)
    powers = [pool.function("exp", pool.arithmetic("-", each, highest)) for each in cells]
    total = pool.total(powers)
    return as_row([pool.make("/", power, total, kind="number") for power in powers])


def _reduce(function: Callable[[GraphReader, list[Expression]], Expression]) -> Operator:
    """Reduce one axis, the last one where none is named."""

    def run(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
        axes = given[1].tolist() if len(given) > 1 else [-1]
        if len(axes) != 1 or given[0].size == 0:
            raise Untranslatable("the graph sums over several axes")
        values = np.moveaxis(given[0], axes[0], -1)
        reduced = np.empty(values.shape[:-1], dtype=object)
        for place in np.ndindex(*reduced.shape):
            reduced[place] = function(reader, [reader.lift(each) for each in values[place].tolist()])
        return np.expand_dims(reduced, axes[0]) if attributes.get("keepdims", 1) else reduced

    return run


def _length(reader: GraphReader, cells: list[Expression]) -> Expression:
    return reader.pool.function("sqrt", _squares(reader, cells))


def _squares(reader: GraphReader, cells: list[Expression]) -> Expression:
    return reader.pool.total([reader.pool.arithmetic("*", each, each) for each in cells])


def _largest(reader: GraphReader, cells: list[Expression]) -> Expression:
    highest = cells[0]
    for each in cells[1:]:
        highest = reader.pool.greatest(highest, each)
    return highest


def _power(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    pool = reader.pool

    def power(a: Expression, b: Expression) -> Expression:
        if not b.constant:
            raise Untranslatable("the graph has a power whose exponent is not a constant")
        if b.value == 1.0:
            return a
        if b.value in (2.0, 3.0):
            square = pool.arithmetic("*", a, a)
            return square if b.value == 2.0 else pool.arithmetic("*", square, a)
        return pool.make("power", a, b, kind="number", nullable=True)

    return reader.each(power, *given)


def _several(function: Callable[[Expressions, Expression, Expression], Expression]) -> Operator:
    def run(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
        result = given[0]
        for other in given[1:]:
            result = reader.each(partial(function, reader.pool), result, other)
        return result.astype(np.int64) if all(each.dtype.kind == "i" for each in given) else result

    return run


def _clip(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    low, high = (given[place] if len(given) > place else np.array(end) for place, end in ((1, -np.inf), (2, np.inf)))
    raised = given[0] if np.isneginf(low) else reader.each(reader.pool.greatest, given[0], low)
    return raised if np.isposinf(high) else reader.each(reader.pool.least, raised, high)


def _tree_ensemble(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    return as_row(tree_ensemble([reader.lift(each) for each in given[0][0].tolist()], attributes, reader.pool))


def _shape(_: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    return np.array(given[0].shape[attributes.get("start", 0) : attributes.get("end")], dtype=np.int64)


def _reshape(_: GraphReader, given: Sequence[Array], __: dict[str, Any]) -> Array:
    wanted = [given[0].shape[place] if size == 0 else size for place, size in enumerate(given[1].tolist())]
    return given[0].reshape(wanted)


def _axes(given: Sequence[Array]) -> tuple[int, ...]:
    return tuple(given[1].tolist())


OPERATORS: dict[str, Operator] = {
    "Add": _numbers("+"),
    "Sub": _numbers("-"),
    "Mul": _numbers("*"),
    "Div": _divide,
    "Sum": _several(lambda pool, a, b: pool.arithmetic("+", a, b)),
    "Min": _several(lambda pool, a, b: pool.least(a, b)),
    "Max": _several(lambda pool, a, b: pool.greatest(a, b)),
    "Equal": _compare("="),
    "Less": _compare("<"),
    "LessOrEqual": _compare("<="),
    "Greater": _compare(">"),
    "GreaterOrEqual": _compare(">="),
    "And": _several(lambda pool, a, b: pool.both(a, b)),
    "Or": _several(lambda pool, a, b: pool.either(a, b)),
    "Not": _one(lambda pool, a: pool.negate(a)),
    "IsNaN": _one(lambda pool, a: pool.is_null(a)),
    "Neg": _named("negative"),
    "Abs": _named("abs"),
    "Exp": _named("exp"),
    "Log": _named("log"),
    "Sqrt": _named("sqrt"),
    "Floor": _named("floor"),
    "Ceil": _named("ceil"),
    "Sign": _named("sign"),
    "Sin": _named("sin"),
    "Cos": _named("cos"),
    "Tanh": _named("tanh"),
    "Reciprocal": _one(lambda pool, a: pool.divide(pool.number(1.0), a)),
    "Sigmoid": _one(lambda pool, a: pool.sigmoid(a)),
    "Softmax": _softmax,
    "Where": _where,
    "Cast": _cast,
    "Pow": _power,
    "Clip": _clip,
    "Gemm": _gemm,
    "MatMul": _matrix_product,
    "LabelEncoder": graph_lookups.label_encoder,
    "TreeEnsemble": _tree_ensemble,
    "ReduceSum": _reduce(lambda reader, cells: reader.pool.total(cells)),
    "ReduceMax": _reduce(_largest),
    "ReduceL2": _reduce(_length),
    "ReduceSumSquare": _reduce(_squares),
    "Concat": lambda _, given, attributes: np.concatenate(given, axis=attributes["axis"]),
    "Gather": graph_lookups.gather,
    "GatherElements": graph_lookups.gather_elements,
    "MatMulInteger": graph_lookups.integer_product,
    "Relu": _one(lambda pool, a: pool.greatest(a, pool.number(0.0))),
    "Shape": _shape,
    "Reshape": _reshape,
    "Expand": lambda _, given, __: np.broadcast_to(given[0], np.broadcast_shapes(given[0].shape, tuple(given[1]))),
    "Squeeze": lambda _, given, __: np.squeeze(given[0], axis=_axes(given)),
    "Unsqueeze": lambda _, given, __: np.expand_dims(given[0], axis=_axes(given)),
    "Transpose": lambda _, given, attributes: np.transpose(given[0], attributes.get("perm")),
}
