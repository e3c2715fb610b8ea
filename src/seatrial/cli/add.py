"""`seatrial add`: a CI service or a deployment target, for a project that was made without."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption
from seatrial.core.choices import PROVIDERS, Provider, Remote
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

Piece = Literal[Provider, Remote]


def add(
    piece: Annotated[Piece, typer.Argument(help="What to add.", show_default=False)],
    project: ProjectOption = HERE,
) -> None:
    """Add a CI service or a deployment target: its files, its settings, and its place in the README.

    Example: [bold]seatrial add kubernetes[/]
    """
    from seatrial.cli.project_files import piece_files, write_missing
    from seatrial.cli.update import tell
    from seatrial.core.project import find_project
    from seatrial.template.merge import write
    from seatrial.template.template_update import change_answers, read_answers

    found = find_project(project)
    root = found.root
    answers = read_answers(root)
    is_ci = piece in PROVIDERS
    if is_ci:
        _refuse_a_second(found, str(answers.get("ci", "none")), piece)
    targets = [*answers.get("deploy", ["local"])]
    changes = {"ci": piece} if is_ci else {"deploy": [*dict.fromkeys([*targets, piece])]}
    with show.steps() as step:
        step(f"adding {piece}")
        merge = change_answers(root, changes)
        write(root, merge)
    tell(merge)
    if "pyproject.toml" in merge.conflicts:
        raise typer.Exit(1)  # it cannot be read with marks in it; once they are gone, the same command writes the rest
    files = piece_files(find_project(root), piece if is_ci else "none", () if is_ci else (piece,))
    written, left = write_missing(files)
    for path in written:
        show.out.print(f"  {'written':<9} {show.place(path)}", markup=False)
    for each in left:
        show.out.print(each.diff, markup=False)
        show.say(f"  left      {show.place(each.path)}: it is there with other content")
    if not (merge.files or written or left):
        show.say(f"{piece} is there.")
    if merge.conflicts or left:
        raise typer.Exit(1)


def _refuse_a_second(project: "ProjectSettings", there: str, wanted: str) -> None:
    """Raise SeatrialError where another CI service is at work; one whose file is gone is not."""
    from seatrial.cli.project_files import piece_files

    if there in ("none", wanted):
        return
    files = [path for path in piece_files(project, there, ()) if path.exists()]
    if files:
        raise SeatrialError(
            f"The project has {there} already, and two would release twice.",
            hint=f"Remove {show.place(files[0])}, then add {wanted}.",
        )
