"""How each operator of an expression is written in SQL; sqlglot knows what each dialect calls it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlglot import exp

from seatrial.export.expressions import Expression, Untranslatable

Dialect = Literal["duckdb", "postgres", "snowflake", "bigquery", "spark"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
EXPONENT = ("duckdb", "spark")  # there, 0.1 is a decimal, and 1e-1 a double
CASTED = ("postgres", "snowflake")  # there, a literal is never a double
TINY = "1e-100"
COMPARED = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE, "=": exp.EQ, "<>": exp.NEQ}
INFIX: dict[str, Any] = {
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "and": exp.And, "or": exp.Or, **COMPARED,
}  # fmt: skip
PRODUCTS = ("*", "/", "divide or null")


@dataclass(frozen=True)
class Literals:
    """Constants, columns and types in one dialect."""

    dialect: Dialect

    def double(self, inner: Any) -> Any:
        """Cast to a double."""
        return exp.cast(inner, "double" if self.dialect != "snowflake" else "float", dialect=self.dialect)

    def number(self, value: float) -> Any:
        """A literal with exactly this value; a double where the dialect has such literals."""
        text = repr(abs(value))
        if self.dialect in EXPONENT and "e" not in text:
            text += "e0"
        literal = exp.Literal.number(text)
        return exp.Neg(this=literal) if math.copysign(1.0, value) < 0 else literal

    def constant(self, each: Expression, *, typed: bool = False) -> Any:
        """A constant; a number is cast to a double where `typed` says that its type matters."""
        if each.value is None:
            return exp.cast(exp.null(), "text", dialect=self.dialect)
        if each.kind == "boolean":
            return exp.true() if each.value else exp.false()
        if each.kind == "number" and math.isinf(each.value):
            return self.double(exp.Literal.string("Infinity" if each.value > 0 else "-Infinity"))
        plain = self.value(each.value)
        return self.double(plain) if typed and each.kind == "number" and self.dialect in CASTED else plain

    def value(self, value: Any) -> Any:
        """A text or a number as a literal; NaN is null."""
        if isinstance(value, str):
            return exp.Literal.string(value)
        return self.double(exp.null()) if math.isnan(value) else self.number(float(value))

    def column(self, each: Expression) -> Any:
        """A column of the table, as the numbers and texts that the model reads; NaN is null."""
        column = quoted(each.value)
        if each.kind != "number":
            return column
        cast = self.double(column)
        if not each.nullable:
            return cast
        if self.dialect == "bigquery":
            return exp.If(this=exp.func("IS_NAN", cast), true=exp.null(), false=cast.copy())
        return exp.Nullif(this=cast, expression=self.double(exp.Literal.string("NaN")))

    def normal(self, each: Expression, text: Any) -> Any:
        """0 for a tiny number that may come from a column: a product that underflows is an error in PostgreSQL."""
        if self.dialect != "postgres" or not _may_be_tiny(each):
            return text
        tiny = exp.LT(this=exp.Abs(this=text), expression=exp.Literal.number(TINY))
        return exp.Case(ifs=[exp.If(this=tiny, true=exp.Literal.number("0.0"))], default=text.copy())

    def single(self, a: Any) -> Any:
        """A number rounded to single precision."""
        if self.dialect in ("bigquery", "snowflake"):
            raise Untranslatable(f"the graph rounds to single precision, and {self.dialect} has no such numbers")
        return self.double(exp.cast(a, "float" if self.dialect == "spark" else "real", dialect=self.dialect))

    def matches(self, pattern: str, text: Any) -> Any:
        """Whether a text contains a pattern."""
        literal = exp.Literal.string(pattern)
        if self.dialect == "snowflake":  # its REGEXP_LIKE asks for the whole text
            return exp.GT(this=exp.func("REGEXP_INSTR", text, literal), expression=exp.Literal.number(0))
        return exp.RegexpLike(this=wrapped(text), expression=literal)

    def group(self, pattern: str, number: int, text: Any) -> Any:
        """A group of the first match of a pattern."""
        literal, position = exp.Literal.string(pattern), exp.Literal.number(number)
        if self.dialect in ("postgres", "snowflake"):
            one, flags = exp.Literal.number(1), exp.Literal.string("c" if self.dialect == "postgres" else "e")
            return exp.Anonymous(this="REGEXP_SUBSTR", expressions=[text, literal, one, one.copy(), flags, position])
        if self.dialect == "bigquery":  # it takes a pattern with one group at most
            only = exp.Literal.string(only_group(pattern, number))
            return exp.Anonymous(this="REGEXP_EXTRACT", expressions=[text, only])
        return exp.Anonymous(this="REGEXP_EXTRACT", expressions=[text, literal, position])


def quoted(name: str) -> Any:
    """A quoted reference to a column."""
    return exp.column(exp.to_identifier(name, quoted=True))


def infix(operator: str, a: Any, b: Any) -> Any:
    """`a operator b`, with parentheses where they are needed or make it clearer; a long sum has none."""
    left, right = wrapped(a), wrapped(b)
    if operator == "+":
        left, right = (each if isinstance(each, exp.Mul) else inside for each, inside in ((a, left), (b, right)))
        left = a if isinstance(a, exp.Add) else left
    if operator in ("and", "or"):
        kept = exp.Predicate | (exp.And if operator == "and" else exp.Or)
        left, right = (each if isinstance(each, kept) else inside for each, inside in ((a, left), (b, right)))
    options = {"typed": True} if operator == "/" else {}  # or sqlglot adds a cast for dialects that divide integers
    return INFIX[operator](this=left, expression=right, **options)


def wrapped(inner: Any) -> Any:
    """Put parentheses around what consists of several parts."""
    several = isinstance(inner, exp.Binary | exp.Not | exp.Is | exp.In | exp.Between) and not isinstance(inner, exp.Dot)
    return exp.Paren(this=inner) if several else inner


def only_group(pattern: str, number: int) -> str:
    """The pattern with one group that is captured."""
    parts, seen, place = [], 0, 0
    while place < len(pattern):
        if pattern[place] == "\\":
            parts.append(pattern[place : place + 2])
            place += 2
            continue
        parts.append(pattern[place])
        if pattern[place] == "(" and pattern[place + 1 : place + 2] != "?":
            seen += 1
            if seen != number:
                parts.append("?:")
        place += 1
    return "".join(parts)


def _may_be_tiny(each: Expression) -> bool:
    """Whether a number may be one of a column as it is; sums and functions of it are not tiny."""
    if each.operator in ("case", "least", "greatest", "negative", "abs", "*", "/"):
        return any(_may_be_tiny(inner) for inner in each.arguments)
    return each.operator == "column"


def _not(literals: Literals, each: Expression, inner: Any) -> Any:  # noqa: ARG001 - every operator has these
    argument = each.arguments[0]
    if not argument.nullable:
        return exp.Not(this=inner if argument.operator == "is null" else wrapped(inner))
    return exp.Case(ifs=[exp.If(this=inner, true=exp.false())], default=exp.true())


def _joined(_: Literals, __: Expression, *texts: Any) -> Any:
    """Texts one after another by ||, which is null where one of them is."""
    joined = wrapped(texts[0])
    for text in texts[1:]:
        joined = exp.DPipe(this=joined, expression=wrapped(text), safe=True)
    return joined


def _substring(_: Literals, each: Expression, text: Any) -> Any:
    start, length = each.value
    size = None if length is None else exp.Literal.number(length)
    return exp.Substring(this=text, start=exp.Literal.number(start + 1), length=size)


def _trimmed(position: str | None) -> Callable[..., Any]:
    return lambda _, each, text: exp.Trim(this=text, expression=exp.Literal.string(each.value), position=position)


def _of_one(kind: Any) -> Callable[..., Any]:
    return lambda _, __, a: kind(this=a)


def _named(name: str) -> Callable[..., Any]:
    return lambda literals, _, *arguments: exp.func(name, *arguments, dialect=literals.dialect)


OPERATORS: dict[str, Callable[..., Any]] = {
    "exp": _of_one(exp.Exp),
    "log": _of_one(exp.Ln),
    "sqrt": _of_one(exp.Sqrt),
    "floor": _of_one(exp.Floor),
    "ceil": _of_one(exp.Ceil),
    "abs": _of_one(exp.Abs),
    "sign": _of_one(exp.Sign),
    "sin": _named("SIN"),
    "cos": _named("COS"),
    "tanh": _named("TANH"),
    "least": _named("LEAST"),
    "greatest": _named("GREATEST"),
    "power": lambda _, __, a, b: exp.Pow(this=a, expression=b),
    "negative": lambda _, __, a: exp.Neg(this=wrapped(a)),
    "single": lambda literals, _, a: literals.single(a),
    "divide or null": lambda literals, _, a, b: infix("/", a, exp.Nullif(this=b, expression=literals.number(0.0))),
    "not": _not,
    "is null": lambda _, __, a: exp.Is(this=wrapped(a), expression=exp.null()),
    "in": lambda literals, each, a: exp.In(this=wrapped(a), expressions=[literals.value(one) for one in each.value]),
    "label": lambda _, each: exp.convert(each.value),
    "untyped null": lambda _, __: exp.null(),
    "lower": _of_one(exp.Lower),
    "upper": _of_one(exp.Upper),
    "strip": _trimmed(None),
    "lstrip": _trimmed("LEADING"),
    "rstrip": _trimmed("TRAILING"),
    "substring": _substring,
    "last": lambda _, each, text: exp.Right(this=text, expression=exp.Literal.number(each.value)),
    "replace": lambda literals, each, text: exp.func(
        "REPLACE", text, *map(exp.Literal.string, each.value), dialect=literals.dialect
    ),
    "length": lambda literals, _, text: literals.double(exp.Length(this=text)),
    "contains": lambda _, __, text, part: exp.GT(
        this=exp.StrPosition(this=text, substr=part), expression=exp.Literal.number(0)
    ),
    "concat": _joined,
    "matches": lambda literals, each, text: literals.matches(each.value, text),
    "group": lambda literals, each, text: literals.group(*each.value, text),
}
