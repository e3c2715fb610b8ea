"""`seatrial build`: the trained model as a wheel."""

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def build(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Build the trained model into an sdist and a wheel, with PyPA's build; the same inputs give the same bytes.

    Example: [bold]seatrial build[/]
    """
    from seatrial.core.project import find_project
    from seatrial.release import build_release

    settings = find_project(project)
    with show.progress(quiet=json) as progress:
        built = build_release(settings, progress)
    if json:
        wheel = built.wheel
        show.print_json({"wheel": wheel.path, "sdist": built.sdist, "sha256": wheel.sha256, "size": wheel.size})
    else:
        size = show.file_size(built.wheel.size)
        show.plain(f"{show.short_path(built.wheel.path)}  {size}  sha256 {built.wheel.sha256[:16]}…")
