"""`seatrial bump`: the version in the package's `__init__.py`, raised; a scheduled retrain does it when it has to."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from packaging.version import Version

    from seatrial.core.project import ProjectSettings


def bump(
    part: Annotated[Literal["patch", "minor", "major"], typer.Argument(help="Which part of it.")] = "patch",
    when_needed: Annotated[
        bool,
        typer.Option("--when-needed", help="Only if the table is not the one of the newest release on the index."),
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Raise the version in the package's __init__.py; nothing else is changed, and nothing committed.

    Example: [bold]seatrial bump minor[/]
    """
    from seatrial.core.project import read_toml
    from seatrial.core.version import next_version, parse_version, read_version, write_version

    found = project_on(project, index)
    file = found.version_file
    old = read_version(file)
    own = parse_version(old, file)
    if "version" in read_toml(found.root / "pyproject.toml")["project"]:
        raise SeatrialError(
            f"The version of {found.name} stands in pyproject.toml, {found.version}, and not in {file} alone.",
            hint='Take it out of [project], with dynamic = ["version"] in its place; or raise it there by hand.',
        )
    new, why = _needed(found, own, part) if when_needed else (next_version(own, part), "")
    if new:
        write_version(file, new)
    if json:
        show.result({"old": old, "new": new or old, "raised": bool(new), "why": why})
    elif new:
        show.out.print(f"{old} -> {new}{f': {why}' if why else ''}")
    else:
        show.out.print(f"{old} stays: {why}.")


def _needed(project: "ProjectSettings", own: "Version", part: str) -> tuple[str, str]:
    """The version that a retrain needs, empty where it is this one; and why."""
    from packaging.version import Version

    from seatrial.core.files import sha256
    from seatrial.core.version import next_version
    from seatrial.release import open_index
    from seatrial.train.provenance import git_state

    if not project.data.is_file():
        raise SeatrialError(f"{project.data} does not exist.", hint="It is `data` in [tool.seatrial].")
    releases = open_index(project.index).releases(project.name)
    if not releases:
        return "", f"there is no release of {project.name} on the index yet"
    newest, version = releases[-1], Version(releases[-1].version)
    if own > version:
        return "", f"the newest release on the index is {version}"
    made = newest.metadata or {}
    if made.get("data", {}).get("sha256") != sha256(project.data):
        return next_version(version, part), f"the table is not the one that {version} was trained on"
    if own < version and made.get("git") and made["git"].get("commit") == git_state(project.root).get("commit"):
        # A retrain that was cut off between publication and deployment: it is gone on with.
        return str(version), "the index has the release of this table and this code"
    return "", f"the table is the one that {version} was trained on"
