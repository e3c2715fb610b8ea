"""`seatrial publish`: the built wheel onto the index."""

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on


def publish(index: IndexOption = None, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Put the built release on the project's package index, if it has passed its trial; never over another one.

    Example: [bold]seatrial publish --index team[/]
    """
    from seatrial.steps.trial import publish_tried

    found = project_on(project, index)
    with show.steps(quiet=json) as step:
        published = publish_tried(found, step)
    if json:
        show.result({"release": found.requirement, "index": str(found.index), "already": published.already})
    elif published.already:
        show.out.print(f"{found.requirement} is on the index already, with exactly these bytes.")
    else:
        show.out.print(f"{found.requirement} published to {show.index(found.index)}")
