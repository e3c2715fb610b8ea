"""Calls feature functions that are plain arithmetic once on arrays: `fare / family_size` a thousand times as fast.

A function's source is evaluated operation by operation, each over the rows for which Python would do it. Where
arrays may compute something else, `NotOnArraysError` is raised, and the function is called row by row, as others are.
Training compares both ways (train/array_proof.py); only functions that it names in release.json are called on arrays.
"""

import ast
import builtins
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from seatrial.model.array_arithmetic import (
    ARITHMETIC,
    CALLS,
    COMPARE,
    EXACT,
    Mask,
    NotOnArraysError,
    NumericColumn,
    answer,
    arithmetic,
    constant,
    joined,
    present,
    truth,
    unary,
    whole_numbers_fit,
)

MOST_NODES = 200
MOST_CHOICES = 6  # `if` statements in a row, each of which divides the rows


Names = dict[str, NumericColumn]
_Thunk = Callable[[Names, int], NumericColumn]


@dataclass(frozen=True)
class ArrayFunction:
    """A feature function that can be evaluated on arrays; `constants` are the numbers of its module that it reads."""

    parameters: tuple[str, ...]
    body: tuple[ast.stmt, ...]
    constants: dict[str, Any]
    calls: dict[str, Any]
    digest: str

    def __call__(self, arguments: Sequence[NumericColumn]) -> NumericColumn:
        """Evaluate it for all rows. Raises NotOnArraysError where the result may differ from Python's."""
        for argument in arguments:
            whole_numbers_fit(argument)
        names = dict(zip(self.parameters, arguments, strict=True))
        with np.errstate(all="ignore"):
            return self._run(self.body, names, len(arguments[0].values))

    def numbers(self) -> list[float]:
        """The numbers that its source names."""
        nodes = (node for statement in self.body for node in ast.walk(statement))
        named = [node.value for node in nodes if isinstance(node, ast.Constant)]
        return [value for value in (*named, *self.constants.values()) if _is_number(value)]

    def _run(self, body: Sequence[ast.stmt], names: Names, rows: int) -> NumericColumn:
        for place, statement in enumerate(body):
            if isinstance(statement, ast.Return):
                return self._value(statement.value, names, rows) if statement.value else constant(None, rows)
            if isinstance(statement, ast.Assign):
                (target,) = statement.targets
                assert isinstance(target, ast.Name)
                names = {**names, target.id: self._value(statement.value, names, rows)}
            elif isinstance(statement, ast.If):
                rest = body[place + 1 :]
                then, otherwise = [*statement.body, *rest], [*statement.orelse, *rest]
                return _choose(
                    truth(self._value(statement.test, names, rows)),
                    names,
                    lambda some, n: self._run(then, some, n),  # noqa: B023 - called at once
                    lambda some, n: self._run(otherwise, some, n),  # noqa: B023
                )
        return constant(None, rows)

    def _value(self, node: ast.expr, names: Names, rows: int) -> NumericColumn:
        def value(part: ast.expr) -> NumericColumn:
            return self._value(part, names, rows)

        match node:
            case ast.Constant():
                return constant(node.value, rows)
            case ast.Name() if node.id in names:
                return names[node.id]
            case ast.Name() if node.id in self.constants:
                return constant(self.constants[node.id], rows)
            case ast.UnaryOp():
                return unary(node.op, value(node.operand))
            case ast.BinOp():
                return arithmetic(node.op, value(node.left), value(node.right))
            case ast.Compare():
                return self._comparison(node, value)
            case ast.IfExp():
                then, otherwise = self._later(node.body), self._later(node.orelse)
                return _choose(truth(value(node.test)), names, then, otherwise)
            case ast.BoolOp():
                return self._boolean(node.op, node.values, names, rows)
            case ast.Call():
                return CALLS[self.calls[ast.unparse(node.func)]](*map(value, node.args))
        raise NotOnArraysError  # a name that has no value yet

    def _later(self, node: ast.expr) -> _Thunk:
        return lambda names, rows: self._value(node, names, rows)

    def _boolean(self, operator: ast.boolop, parts: Sequence[ast.expr], names: Names, rows: int) -> NumericColumn:
        first = self._value(parts[0], names, rows)
        if len(parts) == 1:
            return first

        def rest(some: Names, n: int) -> NumericColumn:
            return self._boolean(operator, parts[1:], some, n)

        def itself(some: Names, _: int) -> NumericColumn:
            return some[""]

        own = {**names, "": first}
        return _choose(truth(first), own, *((rest, itself) if isinstance(operator, ast.And) else (itself, rest)))

    def _comparison(self, node: ast.Compare, value: Callable[[ast.expr], NumericColumn]) -> NumericColumn:
        if isinstance(node.ops[0], ast.Is | ast.IsNot):
            absent = np.isnan(value(node.left).values)
            return answer(absent if isinstance(node.ops[0], ast.Is) else ~absent)
        numbers = [present(value(part)) for part in (node.left, *node.comparators)]
        pairs = zip(node.ops, numbers, numbers[1:], strict=False)
        return answer(np.logical_and.reduce([COMPARE[type(o)](a.values, b.values) for o, a, b in pairs]))


def _choose(condition: Mask, names: Names, then: _Thunk, otherwise: _Thunk) -> NumericColumn:
    """Evaluate one expression for the rows where the condition holds, and the other one for the other rows."""
    rows, true = len(condition), int(np.count_nonzero(condition))
    if true == rows:
        return then(names, rows)
    if not true:
        return otherwise(names, rows)
    result = np.empty(rows)
    kinds = []
    for mask, thunk, count in ((condition, then, true), (~condition, otherwise, rows - true)):
        part = thunk({name: NumericColumn(each.values[mask], each.kind) for name, each in names.items()}, count)
        result[mask] = part.values
        kinds.append(part.kind)
    return NumericColumn(result, joined(*kinds))


_SEVERAL = (min, max)  # take two arguments or more, all others one
_ALLOWED = (
    *(ast.Return, ast.Assign, ast.If, ast.IfExp, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Name),
    *(
        ast.Attribute,
        ast.Constant,
        ast.And,
        ast.Or,
        ast.Not,
        ast.USub,
        ast.UAdd,
        ast.Is,
        ast.IsNot,
        ast.Load,
        ast.Store,
    ),
    *(*ARITHMETIC, *COMPARE),
)


def array_function(function: Callable[..., Any]) -> ArrayFunction | None:
    """Return a feature function in a form that can be evaluated on arrays, None if it does more than arithmetic."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        (definition,) = ast.parse(source).body
        up_to_date = _is_up_to_date(function)
    except (OSError, SyntaxError, TypeError, ValueError):
        return None
    if not up_to_date or not isinstance(definition, ast.FunctionDef):
        return None
    if definition.decorator_list or function.__closure__:
        return None
    parameters = tuple(inspect.signature(function).parameters)
    if [each.arg for each in definition.args.args] != list(parameters):
        return None
    body = definition.body[1:] if ast.get_docstring(definition) is not None else definition.body
    nodes = [node for statement in body for node in ast.walk(statement)]
    if len(nodes) > MOST_NODES or sum(isinstance(node, ast.If) for node in nodes) > MOST_CHOICES:
        return None
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    constants, calls = _surroundings(function, nodes, {*parameters, *stored})
    if not all(_allowed(node, calls) for node in nodes):
        return None
    digest = hashlib.sha256(f"{source}{sorted(constants.items())}".encode()).hexdigest()
    return ArrayFunction(parameters, tuple(body), constants, calls, digest)


def _is_up_to_date(function: Callable[..., Any]) -> bool:
    """Whether a function is what its file has now: the file may have changed since it was imported."""
    code = function.__code__
    found = _codes_in("".join(inspect.findsource(function)[0]), code.co_filename).get(
        (code.co_name, code.co_firstlineno)
    )
    return found is not None and _instructions(found) == _instructions(code)


@lru_cache(maxsize=4)
def _codes_in(source: str, file: str) -> dict[tuple[str, int], CodeType]:
    codes = [each for each in compile(source, file, "exec").co_consts if isinstance(each, CodeType)]
    return {(each.co_name, each.co_firstlineno): each for each in codes}


def _instructions(code: CodeType) -> tuple[Any, ...]:
    return code.co_code, code.co_consts, code.co_names, code.co_varnames


def _surroundings(
    function: Callable[..., Any], nodes: Sequence[ast.AST], own: set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The numbers of its module and the functions that a function uses, by how it writes them."""
    known = {**vars(builtins), **function.__globals__}
    constants, calls = {}, {}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in own and _is_number(known.get(node.id)):
            constants[node.id] = known[node.id]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in own:
            calls[node.func.id] = known.get(node.func.id)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "math"
        ):
            calls[ast.unparse(node.func)] = getattr(known.get("math"), node.func.attr, None)
    return constants, calls


def _is_number(value: Any) -> bool:
    return type(value) in (bool, int, float) and abs(value) <= (1e300 if type(value) is float else EXACT)


def _allowed(node: ast.AST, calls: dict[str, Any]) -> bool:
    match node:
        case ast.Constant():
            return node.value is None or _is_number(node.value)
        case ast.Compare():
            with_none = any(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
            last = node.comparators[-1]
            return not with_none or (len(node.ops) == 1 and isinstance(last, ast.Constant) and last.value is None)
        case ast.Call():
            called = calls.get(ast.unparse(node.func))
            if node.keywords or not callable(called) or called not in CALLS:
                return False
            return (len(node.args) > 1) if called in _SEVERAL else len(node.args) == 1
        case ast.Assign():
            return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        case ast.Attribute():
            return isinstance(node.value, ast.Name) and node.value.id == "math" and ast.unparse(node) in calls
    return isinstance(node, _ALLOWED)
