"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.core.project import ProjectSettings
    from seatrial.template.reading.csv_file import CsvOptions


class OnBadRows(StrEnum):
    """What to do with rows that break the schema."""

    fail = "fail"
    drop = "drop"


ProjectOption = Annotated[
    Path,
    typer.Option("--project", "-p", help="The project's folder; default: the current one.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")]
IndexOption = Annotated[
    str | None,
    typer.Option(
        "--index",
        help="The index: a name in [tool.seatrial.index], a folder, or a URL; default: the project's first.",
        show_default=False,
    ),
]
OnBadRowsOption = Annotated[
    OnBadRows,
    typer.Option("--on-bad-rows", help="Rows that break the schema: reject the table, or drop the rows."),
]
QueryOption = Annotated[str, typer.Option("--query", help="The SQL query, for a database.", show_default=False)]
SheetOption = Annotated[
    str, typer.Option("--sheet", help="The sheet of an Excel or OpenDocument file.", show_default=False)
]
SeparatorOption = Annotated[
    str | None, typer.Option("--separator", help="The separator of a CSV file.", show_default=False)
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="The encoding of a CSV file.", show_default=False)
]
HeaderOption = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether a CSV file has a header.", show_default=False),
]
DeployOption = Annotated[
    str, typer.Option("--deploy", help="Targets: local, docker, railway, kubernetes; separated by commas.")
]
HERE = Path()


def csv_options(separator: str | None, encoding: str | None, header: bool | None) -> "CsvOptions":
    """Make options for reading CSV; a tab may be written as `tab` or `\\t`."""
    from seatrial.template.reading.csv_file import CsvOptions

    return CsvOptions({"tab": "\t", "\\t": "\t"}.get(separator or "", separator), encoding, header)


def deploy_targets(text: str) -> tuple[str, ...]:
    """Read a list of deployment targets, separated by commas."""
    from seatrial.steps.new import choose_targets

    return choose_targets([word.strip() for word in text.split(",") if word.strip()])


def release_and_index(name: str | None, index: str | None, project: Path) -> "tuple[str, IndexSettings]":
    """Return the release's name and its index; a project is needed only for the one that is not named."""
    from seatrial.core.index_settings import choose_index

    settings = project_if_any(project) if name and index else project_on(project)
    if index:
        chosen = choose_index(settings.indexes if settings else (), index)
        return name or (settings or project_on(project)).name, chosen
    if settings is None:
        raise SeatrialError("No index is named.", hint="Name one with --index.")
    return name or settings.name, settings.index


def project_on(project: Path, index: str | None = None) -> "ProjectSettings":
    """Read the project, with the index named by `--index` as its own."""
    from dataclasses import replace

    from seatrial.core.index_settings import choose_index
    from seatrial.core.project import find_project

    settings = find_project(project)
    return replace(settings, index=choose_index(settings.indexes, index)) if index else settings


def project_if_any(project: Path) -> "ProjectSettings | None":
    """Read the project, if there is one; invalid settings are still an error."""
    from seatrial.core.project import find_project, in_project

    return find_project(project) if in_project(project) else None
