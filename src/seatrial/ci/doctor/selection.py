"""Which tests a pytest command would run, found without running anything: by file, by name, by -m and by -k."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seatrial.ci.doctor.arguments import LISTING, Asked, below, read_words, settings_of, words_of
from seatrial.ci.doctor.tree import Tree

VARIABLE = re.compile(r"[$*{<`]")


@dataclass(frozen=True)
class _Test:
    """A test: `file::name` or `file::Class::name`, and its markers; `perhaps` one that may be inherited or imported."""

    name: str
    marks: frozenset[str] = frozenset()
    perhaps: bool = False


def why_no_test(tree: Tree, words: list[str], folder: str | None = "") -> str:
    """Say why `pytest` with these arguments runs no test; empty where it runs some, or where we cannot tell."""
    if LISTING & {word.partition("=")[0] for word in words}:
        return "pytest is asked to list, not to run"
    folder = tree.inside(folder)
    if folder is None:
        return ""
    asked = Asked()
    read_words(asked, words)
    there = [path for path in asked.paths if path not in asked.perhaps or tree.has(below(folder, path) or "-")]
    told = settings_of(tree, folder, there, asked)
    if told is None:
        return ""
    asked = Asked()  # again: what the settings add comes first, so that the command line has its way
    added = told.get("addopts", "")
    read_words(asked, [*words_of(added), *words])
    if any(VARIABLE.search(path) for path in (*there, *asked.ignored, *asked.deselected)):
        return ""
    if asked.otherwise or any(key in told for key in ("python_files", "python_functions", "python_classes")):
        return ""
    paths = there or words_of(told.get("testpaths")) or ["."]
    return _why_none(tree, folder, paths, asked, bool(there))


def _why_none(tree: Tree, folder: str, paths: list[str], asked: Asked, named: bool) -> str:
    places = [below(folder, path.partition("::")[0]) for path in paths]
    if None in places:
        return ""
    known = [place for place in places if place is not None]
    for place in known:
        if not tree.has(place):
            # Where only `testpaths` names it, pytest looks everywhere instead.
            return f"{place} does not exist" if named else ""
    shown = ", ".join(place or "the project" for place in known)
    files = [n for n in tree.files if _is_test(n, known) and not any(_under(n, _in(folder, i)) for i in asked.ignored)]
    if not files:
        return f"there is no test file in {shown}"
    found = [test for file in files for test in _tests(tree.text(file), file)]
    if not found:
        return f"no file in {shown} has a test"
    wanted = [f"{_in(folder, path.partition('::')[0])}::{path.partition('::')[2]}" for path in paths if "::" in path]
    whole = [place for place, path in zip(known, paths, strict=True) if "::" not in path]
    if wanted:
        found = [test for test in found if any(_under(test.name, p) for p in whole) or _is_named(test, wanted)]
        if not found:
            return f"there is no test {' or '.join(wanted)}"
    gone = [_in(folder, each) for each in asked.deselected]
    left = [test for test in found if test.perhaps or not _is_named(test, gone)]
    if not left:
        return "every test is deselected"
    for expression, meets in ((asked.marker, _by_marker), (asked.keyword, _by_keyword)):
        met = [test for test in left if test.perhaps or not expression or meets(expression, test)]
        if not met:
            return f"no test meets {expression!r}"
        left = met
    return ""


def _in(folder: str, path: str) -> str:
    return below(folder, path) or path


def _is_test(name: str, places: list[str]) -> bool:
    if name in places:
        return True
    base = name.rpartition("/")[2]
    named = base.endswith(".py") and (base.startswith("test_") or base.endswith("_test.py"))
    return named and any(_under(name, place) for place in places)


def _under(name: str, place: str) -> bool:
    return place in ("", ".", name) or name.startswith((place.rstrip("/") + "/", place + "::"))


def _is_named(test: _Test, wanted: list[str]) -> bool:
    """Whether a test, or what it belongs to, is among these node ids; a parameter in brackets counts for its test."""
    ids = [each.partition("[")[0].rstrip("/") for each in wanted]
    if test.perhaps:
        return any(each.startswith(test.name) for each in ids)
    return any(test.name == each or test.name.startswith((f"{each}::", f"{each}/")) for each in ids)


def _tests(text: str, path: str) -> Iterator[_Test]:
    """Each test of a file."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield _Test(path, perhaps=True)  # pytest will say so
        return
    yield from _below(module.body, path, frozenset())


def _below(body: list[ast.stmt], name: str, marks: frozenset[str]) -> Iterator[_Test]:
    marks = marks | {
        mark
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for mark in _marks(node.value)
    }
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own = marks | {mark for decorator in node.decorator_list for mark in _marks(decorator)}
            if isinstance(node, ast.ClassDef):
                if any(ast.unparse(base).rpartition(".")[2] not in ("object", "TestCase") for base in node.bases):
                    yield _Test(f"{name}::{node.name}", own, perhaps=True)
                yield from _below(node.body, f"{name}::{node.name}", own)
            elif node.name.startswith("test"):
                yield _Test(f"{name}::{node.name}", own)
        elif isinstance(node, ast.ImportFrom):
            if any(each.name == "*" or each.name.lower().startswith("test") for each in node.names):
                yield _Test(name, marks, perhaps=True)
        else:  # under an `if`, a `try`, a `with`
            for part in ("body", "orelse", "handlers", "finalbody"):
                inner = [n for n in getattr(node, part, []) if isinstance(n, ast.stmt)]
                yield from _below(inner, name, marks)


def _marks(node: ast.AST) -> set[str]:
    """The names behind `pytest.mark.` in an expression."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Attribute) and each.value.attr == "mark"
    }


def _by_marker(expression: str, test: _Test) -> bool:
    return _true(expression, lambda word: word in test.marks)


def _by_keyword(expression: str, test: _Test) -> bool:
    words = test.name.lower() + " " + " ".join(test.marks).lower()
    return _true(expression, lambda word: word.lower() in words)


def _true(expression: str, holds: Callable[[str], bool]) -> bool:
    """Whether an expression of names with and, or, not is true; one that we cannot read counts as true."""

    def value(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(value(each) for each in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not value(node.operand)
        if not isinstance(node, ast.Name):
            raise ValueError
        return holds(node.id)

    try:
        return value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
