"""Versions that do not match: in pyproject.toml, the package, the built wheel, the lockfiles and their history."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.tree import Tree


def versions_that_differ(tree: Tree) -> Iterator[Finding]:
    """Two places that name the project's version and do not agree."""
    for path, line, message, hint in _mismatches(tree) if tree.name else ():
        yield Finding(path, line, "version-mismatch", message, hint)


def _mismatches(tree: Tree) -> Iterator[tuple[str, int, str, str]]:
    declared, init = tree.table("project").get("version"), f"src/{tree.name.replace('-', '_').lower()}/__init__.py"
    found = re.search(r"^__version__ *= *[\"']([^\"']+)[\"']", tree.text(init), re.MULTILINE)
    version = _version(declared or (found[1] if found else ""))
    if declared and found and version != _version(found[1]):
        message = f"__version__ is {found[1]}, and pyproject.toml has {declared}."
        yield init, tree.line_of(init, "__version__"), message, 'Read it from the package: dynamic = ["version"].'
    if version is None:
        return
    wheels = _wheels(tree)
    if wheels and version not in wheels:
        message = f"The newest wheel is {max(wheels)}, and the project is at {version}."
        yield f"dist/{wheels[max(wheels)]}", 1, message, "Run `seatrial build`."
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", tree.name)))
    for path in tree.files:
        lockfile = re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.txt$", path)
        for number, line in tree.lines(path) if lockfile else ():
            locked = re.match(rf"(?i){name}(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", line)
            if locked and (pinned := _version(locked[1])):
                yield from (
                    (path, number, *each) for each in _of_lockfile(tree, path, pinned, version, wheels.get(pinned))
                )


def _of_lockfile(
    tree: Tree, path: str, pinned: Version, version: Version, wheel: str | None
) -> Iterator[tuple[str, str]]:
    """What a lockfile with this version does not agree with: the project, the last deployment, the wheel in dist/."""
    if pinned > version:
        yield (
            f"The lockfile has {pinned}, and the project is only at {version}.",
            "Deploy a release that was built here.",
        )
    history = f"{path.rpartition('/')[0]}/history.jsonl"
    *_, last = ["{}", *tree.text(history).split("\n")[:-1]]
    try:
        deployed = _version(json.loads(last).get("version", pinned))
    except (ValueError, AttributeError):
        yield f"The last line of {history} is not a JSON object.", "Restore it from git."
        return
    if deployed != pinned:
        message = f"The lockfile has {pinned}, and the last deployment in {history} was {deployed}."
        yield message, "Deploy again; do not edit the lockfile by hand."
    data = (tree.root / "dist" / wheel).read_bytes() if wheel else b""
    if wheel and "--hash=" in tree.text(path) and sha256(data).hexdigest() not in tree.text(path):
        message = f"The lockfile has {pinned} with another hash than dist/{wheel}."
        yield message, "Raise __version__: a version is never built twice."


def _wheels(tree: Tree) -> dict[Version, str]:
    """The wheels of this project in dist/, which git does not track, by version."""
    wheels: dict[Version, str] = {}
    for path in (tree.root / "dist").glob("*.whl"):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except (InvalidWheelFilename, InvalidVersion):
            continue
        wheels |= {version: path.name} if name == canonicalize_name(tree.name) else {}
    return wheels


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


CHECKS = (versions_that_differ,)
