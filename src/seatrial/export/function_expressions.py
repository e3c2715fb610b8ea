"""Translates feature functions into expressions: a stated part of Python, read from the function's source.

Every path through the function ends in a `return`, and each `if` becomes a condition, so that the result is one
expression. What Python would raise for is a missing value here: the release refuses such a row.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from seatrial.export import python_calls, python_functions
from seatrial.export.expressions import Expressions, Untranslatable
from seatrial.export.python_values import (
    NOTHING,
    Outcome,
    Unsupported,
    Value,
    chosen,
    number_of,
    text_of,
    truth,
)
from seatrial.model.features import Feature

R = TypeVar("R")
STATEMENTS = 400  # that paths through a function may have together: each `if` in a row doubles what follows it


def feature_expressions(
    features: Sequence[Feature], columns: Mapping[str, Value], pool: Expressions
) -> dict[str, Value]:
    """Return the value of each feature, given those of the schema's columns.

    Raises Untranslatable with the function, the line and what has no translation.
    """
    known = dict(columns)
    for feature in features:
        arguments = []
        for name in feature.reads:
            if name not in known:
                raise Untranslatable(
                    f"{feature.name}: `{name}` is of a type that has no translation (a date or a time)"
                )
            arguments.append(known[name])
        returned = Translation(pool).call(feature.function, arguments)
        value = number_of(returned, pool) if feature.numeric else text_of(returned, pool)
        known[feature.name] = value
    return {feature.name: known[feature.name] for feature in features}


@dataclass
class _Budget:
    left: int = STATEMENTS


class Translation:
    """Translates one function, and the project's own functions that it calls."""

    def __init__(self, pool: Expressions, budget: _Budget | None = None, depth: int = 0) -> None:
        self.pool = pool
        self._budget = budget or _Budget()
        self._depth = depth
        self._globals: dict[str, Any] = {}
        self._name, self._line = "", 1

    def call(self, function: Any, arguments: Sequence[Outcome]) -> Outcome:
        """The value that a function returns for these arguments."""
        self._name, self._globals = function.__name__, function.__globals__
        try:
            lines, self._line = inspect.getsourcelines(function)
            [definition] = ast.parse(textwrap.dedent("".join(lines))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            raise Untranslatable(f"{self._name}: its source cannot be read") from None
        if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
            raise self._refuse(definition, "a decorator" if isinstance(definition, ast.FunctionDef) else "this form")
        names = [each.arg for each in definition.args.args]
        if (
            len(names) != len(arguments)
            or definition.args.vararg
            or definition.args.kwarg
            or definition.args.kwonlyargs
        ):
            raise self._refuse(definition, "a call with other arguments than one for each parameter")
        return self._block(definition.body, dict(zip(names, arguments, strict=True)))

    def _block(self, statements: Sequence[ast.stmt], known: dict[str, Outcome]) -> Outcome:
        """The value that is returned by these statements and nothing after them."""
        for position, statement in enumerate(statements):
            self._budget.left -= 1
            if self._budget.left < 0:
                raise self._refuse(statement, f"a function with more than {STATEMENTS} statements on its paths")
            match statement:
                case ast.Return():
                    return NOTHING if statement.value is None else self.value(statement.value, known)
                case ast.If():
                    return self._if(statement, statements[position + 1 :], known)
                case ast.Assign(targets=[ast.Name(id=name)]):
                    known = {**known, name: self.value(statement.value, known)}
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as given):
                    known = {**known, name: self.value(given, known)}
                case ast.AugAssign(target=ast.Name(id=name)):
                    operation = ast.BinOp(ast.Name(name, ast.Load()), statement.op, statement.value)
                    known = {**known, name: self.value(ast.copy_location(operation, statement), known)}
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    pass  # a docstring
                case _:
                    raise self._refuse(statement, _words(statement))
        return NOTHING

    def _if(self, statement: ast.If, rest: Sequence[ast.stmt], known: dict[str, Outcome]) -> Outcome:
        known = dict(known)
        condition = truth(self.value(statement.test, known), self.pool)
        if condition.constant:
            return self._block([*(statement.body if condition.value else statement.orelse), *rest], known)
        then = self._block([*statement.body, *rest], known)
        otherwise = self._block([*statement.orelse, *rest], known)
        return self._at(statement, lambda: chosen(condition, then, otherwise, self.pool))

    def _at(self, node: ast.AST, make: Callable[[], R]) -> R:
        """Name the line in what is refused."""
        try:
            return make()
        except Unsupported as refused:
            raise self._refuse(node, str(refused)) from None

    def _refuse(self, node: ast.AST, what: str) -> Untranslatable:
        line = self._line + getattr(node, "lineno", 1) - 1
        return Untranslatable(f"{self._name}, line {line}: {what} has no translation")

    def value(self, node: ast.expr, known: dict[str, Outcome]) -> Outcome:
        """The value of a Python expression."""
        form = FORMS.get(type(node))
        if form is None:
            raise self._refuse(node, _words(node))
        return form(self, node, known)

    def _literal(self, node: ast.Constant, _: dict[str, Outcome]) -> Outcome:
        return self._at(node, lambda: python_calls.literal(node.value, self.pool))

    def _walrus(self, node: ast.NamedExpr, known: dict[str, Outcome]) -> Outcome:
        known[node.target.id] = self.value(node.value, known)
        return known[node.target.id]

    def _if_else(self, node: ast.IfExp, known: dict[str, Outcome]) -> Outcome:
        condition = truth(self.value(node.test, known), self.pool)
        if condition.constant:
            return self.value(node.body if condition.value else node.orelse, known)
        then, otherwise = self.value(node.body, known), self.value(node.orelse, known)
        return self._at(node, lambda: chosen(condition, then, otherwise, self.pool))

    def _binary(self, node: ast.BinOp, known: dict[str, Outcome]) -> Outcome:
        left, right = self.value(node.left, known), self.value(node.right, known)
        return self._at(node, lambda: python_calls.binary(type(node.op).__name__, left, right, self.pool))

    def _named(self, node: ast.Name, known: dict[str, Outcome]) -> Outcome:
        name = node.id
        if name in known:
            return known[name]
        if name in self._globals:
            return self._at(node, lambda: python_calls.literal(self._globals[name], self.pool))
        raise self._refuse(node, f"`{name}`, which may not be set,")

    def _constant(self, node: ast.expr, _: dict[str, Outcome]) -> Outcome:
        """A container or an attribute of constants, such as `(1, 2)` or `math.pi`."""
        try:
            constant = ast.literal_eval(node)
        except ValueError:
            constant = self._attribute(node)
        return self._at(node, lambda: python_calls.literal(constant, self.pool))

    def _attribute(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self._globals.get(node.value.id)
            if inspect.ismodule(module) and module.__name__ == "math":
                return getattr(module, node.attr, None)
        raise self._refuse(node, _words(node))

    def _bool_op(self, node: ast.BoolOp, known: dict[str, Outcome]) -> Outcome:
        """`a and b` is b where a is true, else a; `a or b` is a where it is true, else b."""
        first, *others = node.values
        value = self.value(first, known)
        for other in others:
            condition, before = truth(value, self.pool), value
            stops = isinstance(node.op, ast.Or)
            if condition.constant and bool(condition.value) is stops:
                return value
            after = self.value(other, known)
            then, otherwise = (before, after) if stops else (after, before)
            value = self._at(node, partial(python_calls.either_value, condition, then, otherwise, self.pool))
        return value

    def _unary(self, node: ast.UnaryOp, known: dict[str, Outcome]) -> Outcome:
        value = self.value(node.operand, known)
        if isinstance(node.op, ast.Not):
            return Value(self.pool.negate(truth(value, self.pool)), whole=True)
        return self._at(node, lambda: python_calls.signed(type(node.op).__name__, value, self.pool))

    def _compare(self, node: ast.Compare, known: dict[str, Outcome]) -> Outcome:
        left, holds = self.value(node.left, known), self.pool.boolean(True)
        for operator, following in zip(node.ops, node.comparators, strict=True):
            right = self.value(following, known)
            name = type(operator).__name__
            found = self._at(node, partial(python_calls.comparison, name, left, right, self.pool))
            holds, left = self.pool.both(holds, found), right
        return Value(holds, whole=True)

    def _joined(self, node: ast.JoinedStr, known: dict[str, Outcome]) -> Outcome:
        parts: list[Outcome] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                if part.format_spec is not None or part.conversion != -1:
                    raise self._refuse(part, "a format within an f-string")
                parts.append(self.value(part.value, known))
            else:
                parts.append(self.value(part, known))
        return self._at(node, lambda: python_calls.joined(parts, self.pool))

    def _subscript(self, node: ast.Subscript, known: dict[str, Outcome]) -> Outcome:
        base = self.value(node.value, known)
        if not isinstance(node.slice, ast.Slice):
            at = self.value(node.slice, known)
            return self._at(node, lambda: python_calls.item(base, at, self.pool))
        if node.slice.step is not None:
            raise self._refuse(node, "a slice with a step")
        ends = [self._bound(each) for each in (node.slice.lower, node.slice.upper)]
        return self._at(node, lambda: python_calls.part(base, ends[0], ends[1], self.pool))

    def _bound(self, node: ast.expr | None) -> int | None:
        """The constant end of a slice."""
        if node is None:
            return None
        try:
            value = ast.literal_eval(node)
        except ValueError:
            value = self._globals.get(node.id) if isinstance(node, ast.Name) else None
        if type(value) is not int:
            raise self._refuse(node, "a slice whose ends are not constants")
        return value

    def _call(self, node: ast.Call, known: dict[str, Outcome]) -> Outcome:
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self._refuse(node, "a call with keywords or stars")
        pool = self.pool
        match node.func:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if self._is_module(module, known):
                arguments = [self.value(each, known) for each in node.args]
                return self._at(node, lambda: python_functions.of_math(f"{module}.{name}", arguments, pool))
            case ast.Attribute(value=owner, attr=name):
                subject = self.value(owner, known)
                arguments = [self.value(each, known) for each in node.args]
                return self._at(node, lambda: python_calls.method(subject, name, arguments, pool))
            case ast.Name(id=name):
                arguments = [self.value(each, known) for each in node.args]
                own = self._globals.get(name)
                if inspect.isfunction(own) and own.__globals__ is self._globals and self._depth < 8:
                    return Translation(pool, self._budget, self._depth + 1).call(own, arguments)
                return self._at(node, lambda: python_functions.builtin(name, arguments, pool))
            case _:
                raise self._refuse(node, "this call")

    def _is_module(self, name: str, known: dict[str, Outcome]) -> bool:
        return name not in known and inspect.ismodule(self._globals.get(name))


def _words(node: ast.AST) -> str:
    """Name a form of Python as people do."""
    names = {
        "For": "a loop", "While": "a loop", "Try": "`try`", "With": "`with`", "Raise": "`raise`", "Lambda": "a lambda",
        "ListComp": "a comprehension", "SetComp": "a comprehension", "DictComp": "a comprehension",
        "GeneratorExp": "a comprehension", "Match": "`match`", "Assign": "an assignment to anything but a name",
        "Import": "an import", "ImportFrom": "an import", "Attribute": "this attribute", "Assert": "`assert`",
    }  # fmt: skip
    return names.get(type(node).__name__, f"this ({type(node).__name__})")


FORMS: dict[type[ast.expr], Callable[[Translation, Any, dict[str, Outcome]], Outcome]] = {
    ast.Constant: Translation._literal,
    ast.Name: Translation._named,
    ast.NamedExpr: Translation._walrus,
    ast.IfExp: Translation._if_else,
    ast.BoolOp: Translation._bool_op,
    ast.UnaryOp: Translation._unary,
    ast.BinOp: Translation._binary,
    ast.Compare: Translation._compare,
    ast.JoinedStr: Translation._joined,
    ast.Subscript: Translation._subscript,
    ast.Call: Translation._call,
    **dict.fromkeys((ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Attribute), Translation._constant),
}
