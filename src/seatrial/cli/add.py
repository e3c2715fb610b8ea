"""`seatrial add`: a CI service or a deployment target, for a project that was created without it."""

from typing import Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption
from seatrial.core.choices import Provider, Remote


def add(
    name: Annotated[Literal[Provider, Remote], typer.Argument(help="What to add.", show_default=False)],
    project: ProjectOption = HERE,
) -> None:
    """Add a CI service or a deployment target: its files, its settings, and its section in the README.

    Example: [bold]seatrial add kubernetes[/]
    """
    from seatrial.cli.update import show_merge
    from seatrial.core.project import find_project
    from seatrial.steps.add import add as add_to_project

    with show.progress() as progress:
        added = add_to_project(find_project(project), name, progress)
    show_merge(added.merge)
    for path in added.written:
        show.plain(f"  {'written':<9} {show.short_path(path)}")
    for difference in added.kept:
        show.plain(difference.diff)
        show.info(f"  kept      {show.short_path(difference.path)}: it exists with other content")
    if not (added.merge.files or added.written or added.kept):
        show.info(f"The project already has {name}.")
    if added.merge.conflicts or added.kept:
        raise typer.Exit(1)
