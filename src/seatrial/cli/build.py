"""`seatrial build`: the trained model as a wheel."""

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def build(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Build the trained model into an sdist and a wheel, with PyPA's build; the same inputs give the same bytes.

    Example: [bold]seatrial build[/]
    """
    from seatrial.core.project import find_project
    from seatrial.release import build_release

    found = find_project(project)
    with show.steps(quiet=json) as step:
        built = build_release(found, step)
    if json:
        show.result({"wheel": built.wheel, "sdist": built.sdist, "sha256": built.sha256, "size": built.size})
    else:
        show.out.print(f"{show.place(built.wheel)}  {show.size(built.size)}  sha256 {built.sha256[:16]}…")
