"""The tensors of one row as arrays of expressions and plain numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seatrial.export.expressions import Expression, Expressions
from seatrial.model.features import Array

Operator = Callable[["GraphReader", Sequence[Array], dict[str, Any]], Array]


class GraphReader:
    """Makes expressions of the cells of arrays, and knows what the ids of strings stand for."""

    def __init__(self, pool: Expressions) -> None:
        self.pool = pool
        self.texts: dict[float, str] = {}  # what the ids of strings stand for

    def lift(self, value: Any) -> Expression:
        """The expression of a value that may be a plain number."""
        if isinstance(value, Expression):
            return value
        return self.pool.boolean(bool(value)) if isinstance(value, bool | np.bool_) else self.pool.number(value)

    def each(self, function: Callable[..., Expression], *arrays: Array) -> Array:
        """Apply a function of expressions to every element; numbers that come out are plain again."""

        def one(*cells: Any) -> Any:
            made = function(*map(self.lift, cells))
            return made.value if made.constant and made.kind != "text" else made

        with np.errstate(all="ignore"):
            return np.asarray(np.frompyfunc(one, len(arrays), 1)(*arrays), dtype=object)


def as_row(cells: Sequence[Any]) -> Array:
    """An array (1, n) of expressions and numbers."""
    row = np.empty((1, len(cells)), dtype=object)
    row[0, :] = cells
    return row


def plain(*arrays: Array) -> bool:
    """Whether arrays have numbers only."""
    return all(each.dtype != object for each in arrays)


def id_number(reader: GraphReader, a: Expression) -> Expression:
    """The number of a string, where an operator needs it as such."""
    if a.operator != "id":
        return a
    table = {text: number + a.value for number, text in reader.texts.items()}
    return reader.pool.lookup(a.arguments[0], table, reader.pool.number(a.value))
