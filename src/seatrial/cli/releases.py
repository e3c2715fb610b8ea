"""`seatrial releases`: what is on the index, and what is served."""

from dataclasses import asdict
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, release_and_index


def releases(
    name: Annotated[str | None, typer.Argument(help="Only this model; default: the project's own.")] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the releases on the index: date, size, metrics, and which one is served.

    Example: [bold]seatrial releases --json[/]
    """
    from seatrial.steps.releases import list_releases

    model, settings = release_and_index(name, index, project)
    listed = list_releases(model, settings)
    if json:
        show.print_json([asdict(release) for release in listed])
        return
    if not listed:
        show.info(f"No release of {model} on {show.index_location(settings)} yet.")
        return
    headline = next((release.headline for release in reversed(listed) if release.headline), "")
    show.table(
        "",
        ("release", "published", "size", headline, "engine", "served"),
        [
            (
                f"{release.name} {release.version}",
                release.published[:16].replace("T", " "),
                show.file_size(release.size),
                "" if release.value is None else f"{release.value:.3f}",
                release.engine,
                ", ".join(release.served),
            )
            for release in listed
        ],
        right=(2, 3),
    )
