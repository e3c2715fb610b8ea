"""`seatrial bump`: raise the version in the package's `__init__.py`."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on


def bump(
    part: Annotated[Literal["patch", "minor", "major"], typer.Argument(help="Which part to raise.")] = "patch",
    when_needed: Annotated[
        bool,
        typer.Option("--when-needed", help="Only if the newest release on the index was trained on another table."),
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Raise the version in the package's __init__.py; nothing else is changed, and nothing is committed.

    Example: [bold]seatrial bump minor[/]
    """
    from seatrial.steps.bump import bump as raise_version

    raised = raise_version(project_on(project, index), part, when_needed=when_needed)
    if json:
        show.print_json(asdict(raised))
    elif raised.raised:
        show.plain(f"{raised.old} -> {raised.new}{f': {raised.why}' if raised.why else ''}")
    else:
        show.plain(f"{raised.old} stays: {raised.why}.")
