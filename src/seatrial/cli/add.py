"""`seatrial add`: a CI service or a deployment target, for a project that was made without."""

from enum import StrEnum
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption


class Piece(StrEnum):
    """What can be added."""

    circleci = "circleci"
    github = "github"
    gitlab = "gitlab"
    docker = "docker"
    railway = "railway"
    kubernetes = "kubernetes"


def add(
    piece: Annotated[Piece, typer.Argument(help="What to add.", show_default=False)],
    project: ProjectOption = HERE,
) -> None:
    """Add a CI service or a deployment target: its files, its settings, and its place in the README.

    Example: [bold]seatrial add kubernetes[/]
    """
    from seatrial.ci.writing import differences
    from seatrial.cli.pieces import piece_files
    from seatrial.cli.update import tell
    from seatrial.core.errors import SeatrialError
    from seatrial.core.files import write_whole
    from seatrial.core.project import find_project
    from seatrial.template.facts import PROVIDERS
    from seatrial.template.merging import write
    from seatrial.template.updating import change_answers, read_answers

    root = find_project(project).root
    answers = read_answers(root)
    is_ci = piece.value in PROVIDERS
    if is_ci and answers.get("ci", "none") not in ("none", piece.value):
        raise SeatrialError(
            f"The project has {answers['ci']} already, and two would release twice.",
            hint=f"Set `ci: none` in .copier-answers.yml and remove its file, then add {piece.value}.",
        )
    targets = [*answers.get("deploy", ["local"])]
    changes = {"ci": piece.value} if is_ci else {"deploy": [*dict.fromkeys([*targets, piece.value])]}
    with show.steps() as step:
        step(f"adding {piece.value}")
        merge = change_answers(root, changes)
        write(root, merge)
        files = piece_files(find_project(root), piece.value if is_ci else "none", () if is_ci else (piece.value,))
    tell(merge)
    differing = 0
    for each in differences(files):
        if each.missing:
            write_whole(each.path, files[each.path])
            show.out.print(f"  {'written':<9} {show.place(each.path)}", markup=False)
        else:
            differing += 1
            show.out.print(each.diff, markup=False)
            show.say(f"  left      {show.place(each.path)}: it is there with other content")
    if not merge.files and not differing and not merge.conflicts and not differences(files):
        show.say(f"{piece.value} is there.")
    if merge.conflicts or differing:
        raise typer.Exit(1)
