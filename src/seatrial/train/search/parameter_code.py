"""Writes values of parameters into pipeline.py, where its calls of the estimators are; everything else stays as it is.

An edit is believed only after the new text was run: the pipeline that it builds has the new values, and differs in
nothing else.
"""

import ast
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, importable
from seatrial.train.pipeline_parameters import described

WIDTH = 120  # of a line, before a call's arguments get a line each


@dataclass(frozen=True)
class ChangedCode:
    """The new text of pipeline.py; None where it could not be changed surely, with the reason."""

    text: str | None
    reason: str = ""


def changed_code(project: ProjectSettings, source: str, pipeline: Any, values: Mapping[str, Any]) -> ChangedCode:
    """Write `values` (by parameter, as `model__C`) into `source`, which builds `pipeline`."""
    has = pipeline.get_params()  # CatBoost's has only what is set
    wanted = {name: value for name, value in values.items() if not same(has.get(name), value)}
    text = source
    try:
        for name, value in wanted.items():
            text = _with_argument(text, *_owner(pipeline, name), value)
    except _UnsureError as unsure:
        return ChangedCode(None, str(unsure))
    except SyntaxError:
        return ChangedCode(None, "it cannot be parsed")
    if not _builds(project, text, pipeline, values):
        return ChangedCode(None, "the changed code would build another pipeline")
    return ChangedCode(text)


def same(one: Any, other: Any) -> bool:
    """Whether two values of a parameter are the same, as `1` and `True` are not."""
    return type(one) is type(other) and repr(one) == repr(other)


class _UnsureError(Exception):
    """There is no single place for a value."""


def _owner(pipeline: Any, name: str) -> tuple[str, str]:
    """The class of the estimator that has a parameter, and the parameter's own name."""
    path, _, own = name.rpartition("__")
    return type(pipeline.get_params()[path] if path else pipeline).__name__, own


def _with_argument(source: str, called: str, name: str, value: Any) -> str:
    """Set a keyword argument of the only call of a class."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _name(node) == called]
    if len(calls) != 1:
        raise _UnsureError(f"it has {len(calls)} calls of {called}" if calls else f"no call of {called} is in it")
    (call,) = calls
    lines = _Lines(source)
    for keyword in call.keywords:
        if keyword.arg == name:
            return lines.replaced(*lines.span(keyword.value), repr(value))
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    end = lines.span(call)[1] - 1  # before the closing bracket
    written = f"{name}={value!r}"
    if not arguments:
        return lines.replaced(end, end, written)
    last = max(lines.span(argument)[1] for argument in arguments)
    if call.lineno != call.end_lineno:  # each argument may have a line of its own
        line = lines.text[lines.text.rfind("\n", 0, last) + 1 : last]
        indent = line[: len(line) - len(line.lstrip())]
        if remark := re.match(r"(,?)([ \t]*#[^\r\n]*)", lines.text[last:]):  # it is about the argument before
            return lines.replaced(last, last + remark.end(), f",{remark[2]}\n{indent}{written}{remark[1]}")
        return lines.replaced(last, last, f",\n{indent}{written}")
    changed = lines.replaced(last, last, f", {written}")
    if len(changed.splitlines()[call.lineno - 1]) <= WIDTH:
        return changed
    return _broken(lines, call, written)


def _broken(lines: "_Lines", call: ast.Call, added: str) -> str:
    """Give each argument of a call a line, as formatters do where one line is too long."""
    line = lines.text.splitlines()[call.lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    parts = [*call.args, *call.keywords]
    texts = [lines.text[slice(*lines.span(part))] for part in parts] + [added]
    inner = "".join(f"{indent}    {text},\n" for text in texts)
    return lines.replaced(lines.span(call.func)[1], lines.span(call)[1], f"(\n{inner}{indent})")


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


class _Lines:
    """A text with the positions that a syntax tree has, whose columns count bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [f"{line}\n" for line in text.split("\n")]  # as Python counts lines; splitlines knows more ends

    def span(self, node: Any) -> tuple[int, int]:
        """Where a node starts and ends in the text."""
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        before = sum(map(len, self._lines[: line - 1]))
        return before + len(self._lines[line - 1].encode()[:column].decode())

    def replaced(self, start: int, end: int, new: str) -> str:
        """The text with another part between two positions."""
        return self.text[:start] + new + self.text[end:]


def _builds(project: ProjectSettings, text: str, pipeline: Any, values: Mapping[str, Any]) -> bool:
    """Whether the text builds the same pipeline, but for these values."""
    try:
        made = _run(project, text)
    except SeatrialError:
        return False
    before, after = described(pipeline), described(made)
    rest = (before.keys() | after.keys()) - values.keys()
    return all(before.get(name) == after.get(name) for name in rest) and all(
        same(made.get_params().get(name), value) for name, value in values.items()
    )


def _run(project: ProjectSettings, text: str) -> Any:
    """Build the pipeline of a text that stands for pipeline.py."""
    name = f"{project.package}.pipeline"
    module = types.ModuleType(name)
    module.__package__, module.__file__ = project.package, str(pipeline_file(project))
    with importable(project):
        sys.modules[name] = module
        try:
            exec(compile(text, module.__file__, "exec"), module.__dict__)  # noqa: S102 - the project's own code
            return module.build()
        except (SyntaxError, TypeError, ValueError, NameError, AttributeError) as error:
            raise SeatrialError(f"{type(error).__name__}: {error}") from error
        finally:
            del sys.modules[name]


def pipeline_file(project: ProjectSettings) -> Path:
    """The file with the project's `build()`."""
    return project.source / project.package / "pipeline.py"
