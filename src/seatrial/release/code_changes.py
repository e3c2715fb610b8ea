"""How the code of two releases differs, read from their files without running them: modules, functions, parameters."""

import ast
import difflib
from dataclasses import dataclass

from seatrial.wheels.wheel import WheelInfo

MOST_LINES = 400  # of one module's difference; more are counted
FEATURES, PIPELINE = "features.py", "pipeline.py"


@dataclass(frozen=True)
class ModuleChange:
    """A module of the package: changed, new or gone, with the lines that differ."""

    name: str
    state: str
    diff: str


def changed_modules(old: WheelInfo, new: WheelInfo) -> list[ModuleChange]:
    """The modules that differ, but for a raised version; each release's modules are named within its package."""
    changes = []
    for name in new.changed_code(old):
        before, after = _source(old, name), _source(new, name)
        state = "changed" if before and after else "new" if after else "gone"
        lines = list(
            difflib.unified_diff(before.splitlines(), after.splitlines(), old.version, new.version, n=2, lineterm="")
        )
        more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
        changes.append(ModuleChange(name, state, "\n".join([*lines[:MOST_LINES], *more])))
    return changes


def feature_functions(wheel: WheelInfo) -> dict[str, str]:
    """The public functions of features.py by their names, each as its code without comments."""
    body = _parsed(wheel, FEATURES).body
    return {node.name: ast.unparse(node) for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}


def parameters(wheel: WheelInfo) -> dict[str, str]:
    """The named arguments of the estimators that pipeline.py calls, as `Estimator.argument`; computed ones as code."""
    found: dict[str, str] = {}
    for node in ast.walk(_parsed(wheel, PIPELINE)):
        name = _called(node)
        if isinstance(node, ast.Call) and name[:1].isupper():
            for keyword in node.keywords:
                key = base = f"{name}.{keyword.arg or '**'}"
                number = 1
                while key in found:
                    number += 1
                    key = f"{base} ({number})"
                found[key] = ast.unparse(keyword.value)
    return found


def estimators(wheel: WheelInfo) -> list[str]:
    """The classes that pipeline.py calls, each once, by name."""
    names = {_called(node) for node in ast.walk(_parsed(wheel, PIPELINE))}
    return sorted(name for name in names if name[:1].isupper())


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _source(wheel: WheelInfo, name: str) -> str:
    return wheel.read(f"{wheel.package}/{name}").decode("utf-8", "replace")


def _parsed(wheel: WheelInfo, name: str) -> ast.Module:
    try:
        return ast.parse(_source(wheel, name))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])
