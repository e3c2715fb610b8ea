"""Which tests a pytest command would run, found without running anything: by file, by -m and by -k."""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from seatrial.ci.doctor.tree import Tree

# Options of pytest whose value is the next word.
VALUED = frozenset(
    [
        "-m",
        "-k",
        "-n",
        "-p",
        "-c",
        "-o",
        "-r",
        "-W",
        "--junitxml",
        "--junit-xml",
        "--cov",
        "--dist",
        "--rootdir",
        "--tb",
        "--maxfail",
        "--durations",
        "--ignore",
        "--deselect",
        "--confcutdir",
    ]
)


def why_no_test(tree: Tree, words: list[str], folder: str = "") -> str:
    """Say why `pytest` with these arguments runs no test; empty where it runs some, or where we cannot tell."""
    told = tree.settings.get("tool", {}).get("pytest", {}).get("ini_options", {})
    added = told.get("addopts", "") if not folder else ""
    arguments = [*(shlex.split(added) if isinstance(added, str) else added), *words]
    if {"--collect-only", "--co", "--version", "--fixtures", "--markers", "-h", "--help"} & set(arguments):
        return "pytest is asked to list, not to run"
    paths, marker, keyword, ignored = _arguments(arguments)
    if any(re.search(r"[$*{]", path) for path in paths):
        return ""
    if not paths:
        paths = list(told.get("testpaths", [])) if not folder else []
    places = [str(PurePosixPath(folder, path.partition("::")[0])) for path in paths or ["."]]
    for path in places:
        if path != "." and not any(name == path or name.startswith(path.rstrip("/") + "/") for name in tree.files):
            return f"{path} does not exist"
    files = [n for n in tree.files if _is_test(n, places) and not any(_below(n, each) for each in ignored)]
    if not files:
        return f"there is no test file in {', '.join(places)}"
    found = [(name, marks) for file in files for name, marks in _tests(tree.text(file), file)]
    if not found:
        return f"no file in {', '.join(places)} has a test"
    for expression, meets in ((marker, _by_marker), (keyword, _by_keyword)):
        if expression and not any(meets(expression, test) for test in found):
            return f"no test meets {expression!r}"
        found = [test for test in found if not expression or meets(expression, test)]
    return ""


def _arguments(words: list[str]) -> tuple[list[str], str, str, list[str]]:
    paths, marker, keyword, ignored = [], "", "", []
    waiting = iter(words)
    for word in waiting:
        option, equals, value = word.partition("=")
        if word.startswith("--"):
            value = value if equals else next(waiting, "") if option in VALUED else ""
        elif word[:2] in VALUED and word.startswith("-"):
            option, value = word[:2], word[2:] or next(waiting, "")
        elif not word.startswith("-"):
            paths.append(word)
            continue
        if option == "-m":
            marker = value
        elif option == "-k":
            keyword = value
        elif option == "--ignore":
            ignored.append(value)
    return paths, marker, keyword, ignored


def _is_test(name: str, places: list[str]) -> bool:
    if name in places:
        return True
    base = name.rpartition("/")[2]
    named = base.endswith(".py") and (base.startswith("test_") or base.endswith("_test.py"))
    return named and any(_below(name, place) for place in places)


def _below(name: str, place: str) -> bool:
    return place in (".", name) or name.startswith(place.rstrip("/") + "/")


def _tests(text: str, path: str) -> Iterator[tuple[str, set[str]]]:
    """Each test of a file: what -k looks at, and its markers."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        yield path, set()  # pytest will say so
        return
    everywhere = {
        mark
        for node in module.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for mark in _marks(node.value)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            own = {mark for decorator in node.decorator_list for mark in _marks(decorator)}
            yield f"{path}::{node.name}", everywhere | own


def _marks(node: ast.AST) -> set[str]:
    """The names behind `pytest.mark.` in an expression."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Attribute) and each.value.attr == "mark"
    }


def _by_marker(expression: str, test: tuple[str, set[str]]) -> bool:
    return _true(expression, lambda word: word in test[1])


def _by_keyword(expression: str, test: tuple[str, set[str]]) -> bool:
    return _true(expression, lambda word: word.lower() in test[0].lower())


def _true(expression: str, holds: Callable[[str], bool]) -> bool:
    """Whether an expression of names with and, or, not is true; one that we cannot read counts as true."""

    def value(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(value(each) for each in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not value(node.operand)
        return holds(node.id) if isinstance(node, ast.Name) else True

    try:
        return value(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        return True
