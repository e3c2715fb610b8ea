"""`seatrial serve`: a release over HTTP, from an environment of its own."""

from enum import StrEnum
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, ProjectOption, release_and_index


class LogFormat(StrEnum):
    """How the server logs; auto is text on a terminal, and JSON when piped."""

    auto = "auto"
    text = "text"
    json = "json"


def serve(
    release: Annotated[
        str | None,
        typer.Argument(help="The release, for example titanic-model==0.1.0; default: the project's newest."),
    ] = None,
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="The port to listen on.", min=0, max=65535)] = 8001,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1)] = 1,
    log_format: Annotated[
        LogFormat, typer.Option(help="Auto is text on a terminal, JSON when piped.")
    ] = LogFormat.auto,
    checkout: Annotated[
        bool, typer.Option("--checkout", help="Serve the project as it was last trained, not a release.")
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Serve a release from the index, in a clean environment: a page to try it, /docs, and a JSON API.

    Example: [bold]seatrial serve titanic-model==0.1.0 --port 8001[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.serve import prepare_checkout, prepare_release
    from seatrial.steps.serve import serve as run_server
    from seatrial.steps.server_process import wait_for

    if checkout and release:
        raise typer.BadParameter("name a release, or use --checkout")
    if checkout:
        servable = prepare_checkout(find_project(project))
    else:
        name, settings = release_and_index(release, index, project)
        with show.progress() as progress:
            servable = prepare_release(name, settings, progress)
    options = ("--workers", str(workers), "--log-format", log_format.value)
    with run_server(servable, host=host, port=port, options=options) as server:
        raise typer.Exit(wait_for(server))
