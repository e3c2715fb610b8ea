"""Versions that do not match, and a differential test of a version against itself."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import combinations

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.pipelines import all_commands
from seatrial.ci.doctor.tree import Tree

SPECIFIER = r"(?:===?|>=|~=|<=|!=|<|>)\s*[\w.*+!]+"
REQUIREMENTS = re.compile(r"(^|/)([\w.-]*requirements[\w.-]*|\w+)\.(txt|in)$")
ALONE = re.compile(r"(^|/)(tox\.ini|noxfile\.py|Makefile|pyproject\.toml)$|\.ya?ml$|test")


def versions_that_differ(tree: Tree) -> Iterator[Finding]:
    """The version in pyproject.toml, the package, the newest wheel in dist/, and the lockfiles of deployments."""
    declared, init = tree.project.get("version"), f"src/{tree.name.replace('-', '_').lower()}/__init__.py"
    found = re.search(r"^__version__ *= *[\"']([^\"']+)[\"']", tree.text(init), re.MULTILINE)
    version, wheels, faults = (
        _version(declared or (found[1] if found else "")),
        _wheels(tree),
        list[tuple[str, int, str]](),
    )
    if declared and found and version != _version(found[1]):
        fault = f"__version__ is {found[1]}, pyproject.toml has {declared}"
        faults.append((init, tree.line_of(init, "__version__"), fault))
    if version and wheels and version not in wheels:
        wheel = wheels[max(wheels)]
        faults.append((f"dist/{wheel}", 1, f"the newest wheel is {max(wheels)}, and the project is at {version}"))
    for path in [path for path in tree.files if re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.txt$", path)]:
        for number, line in tree.lines(path):
            locked = re.match(rf"(?i){_pattern(tree.name)}\s*==\s*([^\s;\\]+)", line) if version and tree.name else None
            if locked and version and (pinned := _version(locked[1])):
                faults += [(path, number, fault) for fault in _of_lockfile(tree, path, pinned, version, wheels)]
    for path, at, fault in faults:
        hint = "Build and deploy again; raise __version__ for a new release, and do not edit a lockfile by hand."
        yield Finding(path, at, "version-mismatch", f"Versions do not match: {fault}.", hint)


def _of_lockfile(tree: Tree, path: str, pinned: Version, version: Version, wheels: dict[Version, str]) -> Iterator[str]:
    """What a lockfile with this version does not agree with: the project, the last deployment, the wheel in dist/."""
    if pinned > version:
        yield f"the lockfile has {pinned}, and the project is only at {version}"
    history, text = f"{path.rpartition('/')[0]}/history.jsonl", tree.text(path)
    try:
        last = json.loads(["{}", *tree.text(history).splitlines()][-1])
        if _version(last.get("version", pinned)) != pinned:
            yield f"the lockfile has {pinned}, and the last deployment in {history} was {last['version']}"
    except (ValueError, AttributeError):
        yield f"the last line of {history} is not a JSON object"
    data = (tree.root / "dist" / wheels[pinned]).read_bytes() if pinned in wheels else b""
    if data and "--hash=" in text and sha256(data).hexdigest() not in text:
        yield f"the lockfile has {pinned} with another hash than dist/{wheels[pinned]}"


def _wheels(tree: Tree) -> dict[Version, str]:
    """The wheels of this project in dist/, which git does not track."""
    wheels = dict[Version, str]()
    for path in (tree.root / "dist").glob("*.whl"):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except (InvalidWheelFilename, InvalidVersion):
            continue
        wheels |= {version: path.name} if tree.name and name == canonicalize_name(tree.name) else {}
    return wheels


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


def _pattern(name: str) -> str:
    return "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", name))) + r"(?:\[[^\]]*\])?"


def compared_with_itself(tree: Tree) -> Iterator[Finding]:
    """A trial of one wheel against itself, or requirements of the project's package that one version meets."""
    faults, groups = list[tuple[str, int, str]](), dict[str, list[tuple[str, int, str]]]()
    for path, command in all_commands(tree):
        if re.match(r"seatrial trial\b.*( --same-wheel\b| (\S+) \2( |$))", command.text):
            faults.append((path, command.line, "the trial compares a release with itself"))
    wanted = re.compile(rf"(?i)(?<![\w.-]){_pattern(tree.name)}\s*({SPECIFIER}(?:\s*,\s*{SPECIFIER})*)")
    for path in [path for path in tree.files if tree.name and not re.search(r"(^|/)deploy/|CHANGELOG\.md$", path)]:
        together = bool(REQUIREMENTS.search(path))  # the requirements files of a folder belong together
        group = groups.setdefault(path.rpartition("/")[0] if together else path, [])
        for number, line in tree.lines(path) if together or ALONE.search(path) else ():
            group += [(path, number, text) for text in wanted.findall(line)]
    for (first, row, one), (path, number, other) in [
        pair for each in groups.values() for pair in combinations(each, 2)
    ]:
        if _can_be_same(one, other):
            faults.append((path, number, f"{tree.name}{other} can be the same as {one} in {first}:{row}"))
    for path, at, fault in faults:
        hint = "Compare a built wheel with the release it replaces, each in its own environment: `seatrial trial`."
        yield Finding(path, at, "same-release", f"This test can pass without a comparison: {fault}.", hint)


def _can_be_same(*texts: str) -> bool:
    """Whether one of two requirements names an exact version that the other accepts."""
    try:
        one, other = (SpecifierSet(text) for text in texts)
    except InvalidSpecifier:
        return False
    pairs = [(each, against) for exact, against in ((one, other), (other, one)) for each in exact]
    exact = [
        (each.version, against) for each, against in pairs if each.operator[:2] == "==" and "*" not in each.version
    ]
    return any(against.contains(version, prereleases=True) for version, against in exact)


CHECKS = (versions_that_differ, compared_with_itself)
