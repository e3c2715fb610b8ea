"""How the code of two releases differs, read from their files without running them: modules, functions, parameters."""

import ast
import difflib
from collections import Counter
from dataclasses import dataclass

from seatrial.wheels.wheel import WheelInfo

COMPARED_LINES = 2_000  # of one module: the time grows with more than their square
MOST_LINES = 400  # of one module's difference; more are counted
PARSED_LIMIT = 256 * 2**10  # characters of a module that is parsed
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
        texts = before.splitlines(), after.splitlines()
        if max(map(len, texts)) > COMPARED_LINES:
            lines = [f"The module has more than {COMPARED_LINES:,} lines, which are not compared."]
        else:
            lines = list(difflib.unified_diff(*texts, old.version, new.version, n=2, lineterm=""))
        more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
        changes.append(ModuleChange(name, state, "\n".join([*lines[:MOST_LINES], *more])))
    return changes


def feature_functions(wheel: WheelInfo) -> dict[str, str]:
    """The public functions of features.py by their names, each as its code without comments."""
    body = _parsed(wheel, FEATURES).body
    return {node.name: _unparsed(node) for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}


def parameters(wheel: WheelInfo) -> dict[str, str]:
    """The named arguments of the estimators that pipeline.py calls, as `Estimator.argument`; computed ones as code."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for node in ast.walk(_parsed(wheel, PIPELINE)):
        name = _called(node)
        if isinstance(node, ast.Call) and name[:1].isupper():
            for keyword in node.keywords:
                base = f"{name}.{keyword.arg or '**'}"
                seen[base] += 1
                found[f"{base} ({seen[base]})" if seen[base] > 1 else base] = _unparsed(keyword.value)
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


def _unparsed(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "nested too deeply to be shown"


def _source(wheel: WheelInfo, name: str) -> str:
    return wheel.read(f"{wheel.package}/{name}").decode("utf-8", "replace")


def _parsed(wheel: WheelInfo, name: str) -> ast.Module:
    source = _source(wheel, name)
    try:
        return ast.parse(source if len(source) <= PARSED_LIMIT else "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
