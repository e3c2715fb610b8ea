"""Imports between the modules of a package: where a release lacks one of them, it fails wherever it is installed."""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

REQUIRED = ("schema", "features", "pipeline")  # imported by their names


def missing_module(source: Path, package: str, shipped: Collection[str]) -> str:
    """What is not shipped of the modules that every release has, or that the package imports; in words, or empty.

    `shipped` are paths below `source`, of modules whose syntax is right. Imports within `try` are the author's own
    business.
    """
    paths = sorted(name for name in shipped if name.startswith(f"{package}/") and name.endswith(".py"))
    modules = {parent for name in paths for parent in _with_parents(name)}
    for required in REQUIRED:
        if f"{package}.{required}" not in modules:
            return f"src/{package}/{required}.py is missing"
    for name in paths:
        for imported, line in _imported(ast.parse((source / name).read_bytes()), name):
            if imported.partition(".")[0] != package or imported in modules:
                continue
            base, _, last = imported.rpartition(".")
            if base not in modules or not _defines(source / base.replace(".", "/"), last):
                return f"src/{name}, line {line}, imports {imported}, which is missing"
    return ""


def _with_parents(name: str) -> Iterator[str]:
    parts = name.removesuffix(".py").removesuffix("/__init__").split("/")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _imported(tree: ast.AST, name: str) -> Iterator[tuple[str, int]]:
    """What the module at `name` imports, each with its line; of `from a import b` it is a.b, a module or not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            folders = name.split("/")[: -node.level] if node.level else []
            base = [*folders, *([node.module] if node.module else [])]
            yield from ((".".join([*base, *alias.name.strip("*").split()]), node.lineno) for alias in node.names)
        elif not isinstance(node, ast.Try):
            yield from _imported(node, name)


def _defines(module: Path, name: str) -> bool:
    """Whether a module that is not a file of its own may come from the code of the one that it is imported from."""
    if (module / f"{name}.py").is_file():
        return False  # it is a module that is not shipped
    files = (module.with_suffix(".py"), module / "__init__.py")
    text = "".join(path.read_text("utf-8", errors="replace") for path in files if path.is_file())
    return bool(re.search(rf"\b({re.escape(name)}|__getattr__)\b|import \*", text))
