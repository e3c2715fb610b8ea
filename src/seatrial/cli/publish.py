"""`seatrial publish`: the built wheel onto the index."""

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def publish(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Put the built release on the project's package index, whole or not at all; a version is never overwritten.

    Example: [bold]seatrial publish && pip install --index-url file://$PWD/.seatrial/index/simple titanic-model[/]
    """
    from seatrial.core.project import find_project
    from seatrial.release import built_files, open_index

    found = find_project(project)
    published = open_index(found.index).publish(built_files(found))
    if json:
        show.result({"release": found.requirement, "index": found.index, "already": published.already})
    elif published.already:
        show.out.print(f"{found.requirement} is on the index already, with exactly these bytes.")
    else:
        show.out.print(f"{found.requirement} published to {show.place(found.index)}")
