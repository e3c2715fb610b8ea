"""`seatrial publish`: the built wheel onto the index."""

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def publish(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Put the built release on the project's package index, if it has passed its trial; whole or not at all.

    Example: [bold]seatrial publish && pip install --index-url file://$PWD/.seatrial/index/simple titanic-model[/]
    """
    from seatrial.cli.trial import publish_tried
    from seatrial.core.project import find_project

    found = find_project(project)
    published = publish_tried(found)
    if json:
        show.result({"release": found.requirement, "index": found.index, "already": published.already})
    elif published.already:
        show.out.print(f"{found.requirement} is on the index already, with exactly these bytes.")
    else:
        show.out.print(f"{found.requirement} published to {show.place(found.index)}")
