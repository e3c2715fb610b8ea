"""Bump: raise the version in the package's `__init__.py`; a scheduled retrain does it when it is needed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from packaging.version import Version

    from seatrial.core.project import ProjectSettings


@dataclass(frozen=True)
class Bump:
    """The version before and after, whether it was raised, and why (or why not)."""

    old: str
    new: str
    raised: bool
    why: str


def bump(project: "ProjectSettings", part: str, *, when_needed: bool = False) -> Bump:
    """Raise one part of the version; with `when_needed` only if a retrain needs a new one. Nothing else is changed."""
    from seatrial.core.project import read_toml
    from seatrial.core.version import next_version, parse_version, read_version, write_version

    file = project.version_file
    old = read_version(file)
    current = parse_version(old, file)
    if "version" in read_toml(project.root / "pyproject.toml")["project"]:
        raise SeatrialError(
            f"The version of {project.name} is in pyproject.toml ({project.version}), and not only in {file}.",
            hint='Replace it in [project] with dynamic = ["version"]; or raise it there by hand.',
        )
    new, why = _needed(project, current, part) if when_needed else (next_version(current, part), "")
    if new:
        write_version(file, new)
    return Bump(old, new or old, bool(new), why)


def _needed(project: "ProjectSettings", current: "Version", part: str) -> tuple[str, str]:
    """The version that a retrain needs, "" where it can keep the current one; and why."""
    from packaging.version import Version

    from seatrial.core.files import sha256
    from seatrial.core.version import next_version
    from seatrial.release import open_index
    from seatrial.train.provenance import git_state

    if not project.data.is_file():
        raise SeatrialError(
            f"{project.data} does not exist.", hint="Correct `data` under [tool.seatrial] in pyproject.toml."
        )
    releases = open_index(project.index).releases(project.name)
    if not releases:
        return "", f"there is no release of {project.name} on the index yet"
    newest, version = releases[-1], Version(releases[-1].version)
    if current > version:
        return "", f"the newest release on the index is {version}"
    made = newest.metadata or {}
    if made.get("data", {}).get("sha256") != sha256(project.data):
        return next_version(version, part), f"the table is not the one that {version} was trained on"
    if current < version and made.get("git") and made["git"].get("commit") == git_state(project.root).get("commit"):
        # A retrain that was interrupted between publication and deployment: continue with its version.
        return str(version), "the index has the release of this table and this code"
    return "", f"the table is the one that {version} was trained on"
