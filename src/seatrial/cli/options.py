"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.core.project import ProjectSettings

ProjectOption = Annotated[
    Path,
    typer.Option("--project", "-p", help="The project's folder; default: the one you are in.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")]
IndexOption = Annotated[
    str | None,
    typer.Option(
        "--index",
        help="The index: a name in [tool.seatrial.index], a folder, or an address; default: the project's first.",
        show_default=False,
    ),
]
HERE = Path()


def release_and_index(name: str | None, index: str | None, project: Path) -> "tuple[str, IndexSettings]":
    """Which release is meant, and on which index; a project is needed only for what was not said."""
    from seatrial.core.index_settings import choose_index

    found = project_if_any(project) if name and index else project_on(project)
    if index:
        place = choose_index(found.indexes if found else (), index)
        return name or (found or project_on(project)).name, place
    assert found is not None
    return name or found.name, found.index


def project_on(project: Path, index: str | None = None) -> "ProjectSettings":
    """Read the project, with the index that `--index` names as its own."""
    from dataclasses import replace

    from seatrial.core.index_settings import choose_index
    from seatrial.core.project import find_project

    found = find_project(project)
    return replace(found, index=choose_index(found.indexes, index)) if index else found


def project_if_any(project: Path) -> "ProjectSettings | None":
    """Read the project, where there is one; one that is wrong is an error still."""
    from seatrial.core.project import find_project, in_project

    return find_project(project) if in_project(project) else None
