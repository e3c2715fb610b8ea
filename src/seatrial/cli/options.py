"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path,
    typer.Option("--project", "-p", help="The project's folder; default: the one you are in.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")]
IndexOption = Annotated[
    Path | None,
    typer.Option("--index", help="The folder that is the index; default: the project's.", show_default=False),
]
HERE = Path()


def release_and_index(name: str | None, index: Path | None, project: Path) -> tuple[str, Path]:
    """Which release is meant, and on which index; a project is needed only for what was not said."""
    if name and index:
        return name, index.absolute()
    from seatrial.core.project import find_project

    found = find_project(project)
    return name or found.name, index.absolute() if index else found.index
