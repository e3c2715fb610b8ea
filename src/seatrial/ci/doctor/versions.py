"""Versions that do not match, and a differential test of a version against itself."""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import combinations

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.pipelines import all_commands
from seatrial.ci.doctor.tree import Tree
from seatrial.core.errors import SeatrialError
from seatrial.wheels.wheel import parse_wheel_name

Fault = tuple[str, int, str]  # path, line, what is wrong
SPECIFIER = r"(?:===?|>=|~=|<=|!=|<|>)\s*[\w.*+!]+"


def versions_that_differ(tree: Tree) -> Iterator[Finding]:
    """The version in pyproject.toml, the package, the newest wheel in dist/, and the lockfiles of deployments."""
    declared, init = tree.project.get("version"), f"src/{tree.name.replace('-', '_').lower()}/__init__.py"
    own = [(n, each[1]) for n, line in tree.lines(init) if (each := re.match(r"__version__ *= *[\"'](.+?)[\"']", line))]
    version, wheels, faults = _version(declared or own[0][1] if declared or own else ""), _wheels(tree), list[Fault]()
    if declared and own and version != _version(own[0][1]):
        faults.append((init, own[0][0], f"__version__ is {own[0][1]}, pyproject.toml has {declared}"))
    if version and wheels and version not in wheels:
        fault = f"the newest wheel is {max(wheels)}, and the project is at {version}"
        faults.append((f"dist/{wheels[max(wheels)]}", 1, fault))
    for path, number, specifiers in _requirements(tree, r"(^|/)deploy/(.*/)?requirements[^/]*\.txt$"):
        pinned = _version(specifiers.removeprefix("==").strip())
        if pinned and version and pinned > version:
            faults.append((path, number, f"the lockfile has {pinned}, and the project is only at {version}"))
        wheel, text = wheels.get(pinned, "") if pinned else "", tree.text(path)
        if wheel and "--hash=" in text and sha256((tree.root / "dist" / wheel).read_bytes()).hexdigest() not in text:
            faults.append((path, number, f"the lockfile has {pinned} with another hash than dist/{wheel}"))
    for path, at, fault in faults:
        hint = "Build and deploy again; raise __version__ for a new release, and do not edit a lockfile by hand."
        yield Finding(path, at, "version-mismatch", f"Versions do not match: {fault}.", hint)


def _requirements(tree: Tree, files: str) -> Iterator[Fault]:
    """What files whose paths match require of the project's own package, as path, line and specifiers."""
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", tree.name)))
    wanted = re.compile(rf"(?i)\s*{name}(?:\[[^\]]*\])?\s*({SPECIFIER}(?:\s*,\s*{SPECIFIER})*)")
    for path in [path for path in tree.files if tree.name and re.search(files, path)]:
        yield from ((path, number, each[1]) for number, line in tree.lines(path) if (each := wanted.match(line)))


def _wheels(tree: Tree) -> dict[Version, str]:
    """The wheels of this project in dist/, which git does not track."""
    wheels = dict[Version, str]()
    for path in (tree.root / "dist").glob("*.whl"):
        try:
            name, version = parse_wheel_name(path)
        except (SeatrialError, InvalidVersion):
            continue
        wheels |= {version: path.name} if tree.name and name == canonicalize_name(tree.name) else {}
    return wheels


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


def compared_with_itself(tree: Tree) -> Iterator[Finding]:
    """A trial of one wheel against itself, or requirements files of a folder whose lines one version can meet."""
    faults = list[Fault]()
    for path, command in all_commands(tree):
        if re.match(r"seatrial trial\b.*( --same-wheel\b| (\S+) \2( |$))", command.text):
            faults.append((path, command.line, "the trial compares a release with itself"))
    wanted = _requirements(tree, r"^(?!(.*/)?deploy/)(.*/)?[\w.-]*requirements[\w.-]*\.(txt|in)$")
    for (first, row, one), (path, number, other) in combinations(wanted, 2):
        if first.rpartition("/")[0] == path.rpartition("/")[0] and _can_be_same(one, other):
            faults.append((path, number, f"{tree.name}{other} can be the same as {one} in {first}:{row}"))
    for path, at, fault in faults:
        hint = "Compare a built wheel with the release it replaces, each in its own environment: `seatrial trial`."
        yield Finding(path, at, "same-release", f"This test can pass without a comparison: {fault}.", hint)


def _can_be_same(one: str, other: str) -> bool:
    """Whether one of two requirements names an exact version that the other accepts."""
    try:
        sets = SpecifierSet(one), SpecifierSet(other)
    except InvalidSpecifier:
        return False
    exact = [s.version for each in sets for s in each if s.operator in ("==", "===") and "*" not in s.version]
    return any(all(each.contains(version, prereleases=True) for each in sets) for version in exact)


CHECKS = (versions_that_differ, compared_with_itself)
