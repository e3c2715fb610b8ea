"""Writes expressions as one SELECT: what is used several times is computed once, in a stage (a CTE) of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seatrial.core.errors import SeatrialError
from seatrial.export.expressions import Expression
from seatrial.export.sql_operators import COMPARED, INFIX, OPERATORS, PRODUCTS, Dialect, Literals, infix, quoted

CHEAP = ("column", "constant", "label", "is null", "untyped null")
NAMES = 1_000  # PostgreSQL has at most 1,664 columns in a SELECT
LARGE = 10**9


@dataclass(frozen=True)
class Output:
    """A column of the result."""

    name: str
    expression: Expression


def select(outputs: Sequence[Output], *, table: str, keep: Sequence[str], dialect: Dialect, comment: str = "") -> str:
    """Write the SELECT: the kept columns of the table as they are, and the outputs after them."""
    writer = _Writer(Literals(dialect), keep)
    source: Any = _table(table, dialect)
    ctes = []
    for number, stage in enumerate(writer.stages([output.expression for output in outputs])):
        carried = [quoted(name) for name in keep] if number == 0 else [exp.Star()]
        named = [exp.alias_(writer.sql(each), writer.names[id(each)], quoted=True) for each in stage]
        alias = exp.TableAlias(this=exp.to_identifier(f"stage_{number + 1}"))
        # PostgreSQL would put the text of a stage wherever its columns are used, and compute them as often.
        fence = True if dialect == "postgres" else None
        ctes.append(exp.CTE(this=exp.select(*carried, *named).from_(source), alias=alias, materialized=fence))
        source = exp.to_table(f"stage_{number + 1}")
    chosen = [exp.alias_(writer.sql(output.expression), output.name, quoted=True) for output in outputs]
    query = exp.select(*map(quoted, keep), *chosen).from_(source)
    query.set("with_", exp.With(expressions=ctes))
    notes = "".join(f"-- {line}\n" for line in comment.splitlines())
    return f"{notes}{query.sql(dialect=dialect, pretty=True, comments=False)}\n"


def _table(name: str, dialect: Dialect) -> Any:
    try:
        return exp.to_table(name, dialect=dialect)
    except SqlglotError:
        raise SeatrialError(
            f"{name!r} is not the name of a table in {dialect}.", hint="Quote it as the database does, or rename it."
        ) from None


class _Writer:
    """Writes expressions; those with a name are referred to by it."""

    def __init__(self, literals: Literals, keep: Sequence[str]) -> None:
        self._literals = literals
        self._taken = {name.lower() for name in keep}
        self.names: dict[int, str] = {}
        self._known: set[int] = set()

    def stages(self, roots: Sequence[Expression]) -> list[list[Expression]]:
        """Order what has to be computed: the columns of the table first, then what is used more than once."""
        order, uses = used(roots)
        shared = _shared(order, uses)
        level: dict[int, int] = {}
        stages: dict[int, list[Expression]] = {0: []}
        for each in order:
            depth = max((level[id(inner)] for inner in each.arguments), default=0)
            if each.operator == "column" or id(each) in shared:
                stages.setdefault(depth, []).append(each)
                self._name(each)
                depth += 1
            level[id(each)] = depth
        return [stages[depth] for depth in sorted(stages)]

    def _name(self, each: Expression) -> None:
        base = f"x_{each.value}" if each.operator == "column" else f"v{len(self.names) + 1}"
        while base.lower() in self._taken:
            base += "_"
        self._taken.add(base.lower())
        self.names[id(each)] = base

    def sql(self, each: Expression) -> Any:
        """The expression; the first time that a named one is asked for, it is its definition."""
        if id(each) in self.names:
            if id(each) in self._known:
                return quoted(self.names[id(each)])
            self._known.add(id(each))
        return self._written(each)

    def _written(self, each: Expression) -> Any:
        if each.operator == "column":
            return self._literals.column(each)
        if each.operator == "constant":
            return self._literals.constant(each)
        if each.operator == "case":
            return self._case(each)
        if each.operator == "lookup":
            return self._lookup(each)
        arguments = [self.sql(inner) for inner in each.arguments]
        if each.operator in PRODUCTS:
            arguments = [
                self._literals.normal(inner, text) for inner, text in zip(each.arguments, arguments, strict=True)
            ]
        if each.operator in INFIX:
            return infix(each.operator, *arguments)
        return OPERATORS[each.operator](self._literals, each, *arguments)

    def _typed(self, each: Expression) -> Any:
        """A value whose type decides that of all values that it is chosen among."""
        return self._literals.constant(each, typed=True) if each.constant else self.sql(each)

    def _case(self, each: Expression) -> Any:
        """CASE; one within another's ELSE is another WHEN."""
        case = exp.Case(ifs=[])
        inner = each
        while True:
            condition, then, otherwise = inner.arguments
            case.append("ifs", exp.If(this=self.sql(condition), true=self.sql(then)))
            if otherwise.operator != "case" or id(otherwise) in self.names:
                break
            inner = otherwise
        case.set("default", self._typed(otherwise))
        return case

    def _lookup(self, each: Expression) -> Any:
        subject, default = self.sql(each.arguments[0]), self._typed(each.arguments[1])
        value = self._literals.value
        ifs = [exp.If(this=value(key), true=value(found)) for key, found in each.value]
        return exp.Case(this=subject, ifs=ifs, default=default)


def _cheap(each: Expression) -> bool:
    """Whether an expression is written out wherever it is used: a value, or a comparison with a constant."""
    if each.operator in ("not", "or", "and"):
        return all(map(_cheap, each.arguments))
    if each.operator == "case":
        return _cheap(each.arguments[0]) and all(inner.constant for inner in each.arguments[1:])
    compared = each.operator in COMPARED and any(inner.constant for inner in each.arguments)
    return compared or each.operator in CHEAP


def _shared(order: Sequence[Expression], uses: Counter[int]) -> set[int]:
    """What gets a name: what is used more than once; of thousands, those that save most text."""
    size: dict[int, int] = {}
    saved: list[tuple[int, int]] = []
    for each in order:
        size[id(each)] = 1 + sum(min(size[id(inner)], LARGE) for inner in each.arguments)
        if uses[id(each)] > 1 and not _cheap(each):
            saved.append((size[id(each)] * (uses[id(each)] - 1), id(each)))
    return {place for _, place in sorted(saved, key=lambda pair: -pair[0])[:NAMES]}


def used(roots: Sequence[Expression]) -> tuple[list[Expression], Counter[int]]:
    """All expressions, arguments first, and how often each is written out."""
    order: list[Expression] = []
    seen: set[int] = set()
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        each, done = waiting.pop()
        if done:
            order.append(each)
        elif id(each) not in seen:
            seen.add(id(each))
            waiting.append((each, True))
            waiting += [(inner, False) for inner in reversed(each.arguments)]
    uses: Counter[int] = Counter(id(root) for root in roots)
    for each in reversed(order):
        for inner in each.arguments:
            uses[id(inner)] += uses[id(each)] if _cheap(each) else 1
    return order, uses
