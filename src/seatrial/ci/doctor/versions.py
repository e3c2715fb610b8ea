"""Versions that do not agree: in pyproject.toml, in the package, in the built wheel, in the pins and their history."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.tree import Tree


def versions_that_differ(tree: Tree) -> Iterator[Finding]:
    """Two places that name the project's version and do not agree."""
    if not tree.name:
        return
    told = tree.table("project").get("version")
    init = f"src/{tree.name.replace('-', '_').lower()}/__init__.py"
    found = re.search(r"^__version__ *= *[\"']([^\"']+)[\"']", tree.text(init), re.MULTILINE)
    if told and found and _version(told) != _version(found.group(1)):
        line = tree.line_of(init, "__version__")
        message = f"__version__ is {found.group(1)}, and pyproject.toml says {told}."
        yield Finding(init, line, "version-mismatch", message, 'Let pyproject.toml read it: dynamic = ["version"].')
    version = _version(str(told or (found.group(1) if found else "")))
    if version:
        yield from _built(tree, version)
        yield from _pinned(tree, version)


def _built(tree: Tree, version: Version) -> Iterator[Finding]:
    """The newest wheel in dist/, which git does not keep."""
    wheels = {}
    for path in (tree.root / "dist").glob("*.whl"):
        try:
            name, of, _, _ = parse_wheel_filename(path.name)
        except (InvalidWheelFilename, InvalidVersion):
            continue
        if name == canonicalize_name(tree.name):
            wheels[of] = path
    if wheels and version not in wheels:
        newest = wheels[max(wheels)]
        message = f"The newest wheel is of {max(wheels)}, and the project is at {version}."
        yield Finding(f"dist/{newest.name}", 1, "version-mismatch", message, "Run `seatrial build`.")


def _pinned(tree: Tree, version: Version) -> Iterator[Finding]:
    name = "[-_.]+".join(re.split(r"[-_.]+", re.escape(tree.name).replace("\\", "")))
    for path in tree.files:
        if not re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.txt$", path):
            continue
        for number, line in tree.lines(path):
            found = re.match(rf"(?i){name}(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", line)
            pinned = _version(found.group(1)) if found else None
            if pinned is None:
                continue
            if pinned > version:
                message = f"The pin is {pinned}, and the project is only at {version}."
                yield Finding(path, number, "version-mismatch", message, "Deploy a release that was made from here.")
            yield from _history(tree, path, number, pinned)
            yield from _bytes(tree, path, number, pinned)


def _history(tree: Tree, path: str, number: int, pinned: Version) -> Iterator[Finding]:
    """The last line of a target's history names what is pinned."""
    history = f"{path.rpartition('/')[0]}/history.jsonl"
    lines = [line for _, line in tree.lines(history) if line.strip()]
    if not lines:
        return
    try:
        last = _version(str(json.loads(lines[-1]).get("version", "")))
    except (ValueError, AttributeError):
        yield Finding(history, len(lines), "version-mismatch", "This line is no JSON object.", "Restore it from git.")
        return
    if last and last != pinned:
        message = f"The pin is {pinned}, and the last deployment in {history} was {last}."
        yield Finding(path, number, "version-mismatch", message, "Deploy again; a pin is not written by hand.")


def _bytes(tree: Tree, path: str, number: int, pinned: Version) -> Iterator[Finding]:
    """A wheel of the pinned version that lies in dist/ is the pinned one."""
    text = "\n".join(line for _, line in tree.lines(path))
    for wheel in (tree.root / "dist").glob("*.whl"):
        if _is(wheel, tree.name, pinned) and "--hash=" in text and sha256(wheel.read_bytes()).hexdigest() not in text:
            message = f"The pin is of {pinned}, and of other bytes than dist/{wheel.name}."
            yield Finding(
                path, number, "version-mismatch", message, "Raise __version__: a version is never made twice."
            )


def _is(wheel: Path, name: str, version: Version) -> bool:
    try:
        found, of, _, _ = parse_wheel_filename(wheel.name)
    except (InvalidWheelFilename, InvalidVersion):
        return False
    return found == canonicalize_name(name) and of == version


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


CHECKS = (versions_that_differ,)
