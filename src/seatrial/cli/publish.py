"""`seatrial publish`: uploads the built wheel to the index."""

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on


def publish(index: IndexOption = None, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Publish the built release to the project's package index, if it has passed its trial; never overwrite a release.

    Example: [bold]seatrial publish --index team[/]
    """
    from seatrial.steps.publish import publish as publish_release

    settings = project_on(project, index)
    with show.progress(quiet=json) as progress:
        published = publish_release(settings, progress)
    if json:
        show.print_json({"release": settings.requirement, "index": str(settings.index), "already": published.already})
    elif published.already:
        show.plain(f"{settings.requirement} is already on the index, with exactly these bytes.")
    else:
        show.plain(f"{settings.requirement} published to {show.index_location(settings.index)}")
