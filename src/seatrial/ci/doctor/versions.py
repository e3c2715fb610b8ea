"""Versions that do not match, and a differential test of a version against itself."""

import re
from collections.abc import Iterator
from itertools import combinations

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.pipelines import all_commands
from seatrial.ci.doctor.tree import Tree

Fault = tuple[str, int, str]  # path, line, what is wrong
SPECIFIER = r"(?:===?|>=|~=|<=|!=|<|>)\s*[\w.*+!]+"


def check(tree: Tree) -> Iterator[Advice]:
    """The versions in pyproject.toml, the package and the lockfiles of deployments; a release compared with itself."""
    declared, init = tree.project.get("version"), f"src/{tree.project['name'].replace('-', '_').lower()}/__init__.py"
    own = [(n, each[1]) for n, line in tree.lines(init) if (each := re.match(r"__version__ *= *[\"'](.+?)[\"']", line))]
    version, faults = _version(declared or own[0][1] if declared or own else ""), list[Fault]()
    if declared and own and version != _version(own[0][1]):
        faults.append((init, own[0][0], f"__version__ is {own[0][1]}, pyproject.toml has {declared}"))
    for path, number, specifiers in _requirements(tree, r"(^|/)deploy/(.*/)?requirements[^/]*\.txt$"):
        pinned = _version(specifiers.removeprefix("==").strip())
        if pinned and version and pinned > version:
            faults.append((path, number, f"the lockfile has {pinned}, and the project is only at {version}"))
    for path, line, fault in faults:
        hint = "Build and deploy again; raise __version__ for a new release, and do not edit a lockfile by hand."
        yield Advice(path, line, "version-mismatch", f"Versions do not match: {fault}.", hint)
    for path, line, fault in _compared_with_itself(tree):
        hint = "Compare a built wheel with the release it replaces, each in its own environment: `seatrial trial`."
        yield Advice(path, line, "same-release", f"This test can pass without a comparison: {fault}.", hint)


def _requirements(tree: Tree, files: str) -> Iterator[Fault]:
    """What files whose paths match require of the project's own package, as path, line and specifiers."""
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", tree.project["name"])))
    wanted = re.compile(rf"(?i)\s*{name}(?:\[[^\]]*\])?\s*({SPECIFIER}(?:\s*,\s*{SPECIFIER})*)")
    for path in [path for path in tree.files if tree.project["name"] and re.search(files, path)]:
        yield from ((path, number, each[1]) for number, line in tree.lines(path) if (each := wanted.match(line)))


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


def _compared_with_itself(tree: Tree) -> Iterator[Fault]:
    """A trial of one wheel against itself, or requirements files of a folder whose lines one version can meet."""
    for path, command in all_commands(tree):
        if re.match(r"seatrial trial\b.*( --same-wheel\b| (\S+) \2( |$))", command.text):
            yield path, command.line, "the trial compares a release with itself"
    wanted = _requirements(tree, r"^(?!(.*/)?deploy/)(.*/)?[\w.-]*requirements[\w.-]*\.(txt|in)$")
    for (first, row, one), (path, number, other) in combinations(wanted, 2):
        if first.rpartition("/")[0] == path.rpartition("/")[0] and _can_be_same(one, other):
            yield path, number, f"{tree.project['name']}{other} can be the same as {one} in {first}:{row}"


def _can_be_same(one: str, other: str) -> bool:
    """Whether one of two requirements names an exact version that the other accepts."""
    try:
        both = SpecifierSet(f"{one},{other}")
    except InvalidSpecifier:
        return False
    exact = [each.version for each in both if each.operator in ("==", "===") and "*" not in each.version]
    return any(both.contains(version, prereleases=True) for version in exact)
