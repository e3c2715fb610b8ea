"""`seatrial demo`: from a table to a served release, each step by the same code as its own command."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption
from seatrial.core.project import ProjectSettings

if TYPE_CHECKING:
    from seatrial.steps.serve import Servable


def demo(
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="The port to listen on.", min=1, max=65535)] = 8001,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the first prediction instead of serving on.")
    ] = False,
    project: ProjectOption = HERE,
) -> None:
    """Train, compile, build, publish to the local index, install into a clean environment, serve, and predict once.

    Example: [bold]seatrial demo --port 8080[/]
    """
    from seatrial.core.ports import check_port
    from seatrial.core.project import find_project
    from seatrial.steps.serve import predict_example, serve, wait_until_ready
    from seatrial.steps.server_process import wait_for

    started = time.perf_counter()
    settings = find_project(project)
    check_port(host, port, hint="Choose another with PORT=8002.")
    show.info(f"From a table to a served release: {settings.requirement}")
    report = _train(settings)
    _release(settings)
    servable = _install(settings)
    _heading("Serve it", "seatrial serve")
    with serve(servable, host=host, port=port, options=("--log-level", "warning")) as server:
        with show.progress() as progress:
            progress("starting the server")
            url = wait_until_ready(server, host, port)
            row, response = predict_example(url)
        show.out.print(f"\n[dim]POST {url}/api/v1/predict[/]\n{json.dumps(row)}\n[dim]answered[/]")
        show.out.print(json.dumps(response))
        show.out.print(
            f"\nServed {time.perf_counter() - started:.0f} s after the start.\n"
            f"  the page      [bold blue]{url}/[/]\n  the API       [bold blue]{url}/docs[/]\n"
            f"  the report    {show.short_path(report)}\n  the index     {show.index_location(settings.index)}"
        )
        if not once:
            show.out.print("\nCtrl-C stops it.")
            raise typer.Exit(wait_for(server))


def _train(settings: ProjectSettings) -> Path:
    from seatrial.steps.train import train

    _heading("Train and compile", "seatrial train")
    with show.progress() as progress:
        run = train(settings, progress=progress)
    best = run.metadata.metrics[run.metadata.headline]
    show.info(f"  {best['label']} {best['value']:.3f} on {run.metadata.split['test_rows']:,} held-out rows")
    return run.report


def _release(settings: ProjectSettings) -> None:
    from seatrial.release import build_release, open_index, publish_toolkit
    from seatrial.steps.publish import publish
    from seatrial.steps.trial import run_trial
    from seatrial.steps.trial_setup import find_pair

    _heading("Build a wheel", "seatrial build")
    with show.progress() as progress:
        built = build_release(settings, progress)
    show.info(f"  {built.wheel.filename}, {show.file_size(built.wheel.size)}")
    index = open_index(settings.index)
    _heading("Compare it with the release that it would replace", "seatrial trial")
    if any(release.sha256 == built.wheel.sha256 for release in index.releases(settings.name)):
        show.info("  exactly these bytes are already on the index")
    else:
        with show.progress() as progress:
            result = run_trial(find_pair(settings), progress=progress)
        show.info(f"  {result.verdict.cause}")
    _heading("Publish it to the local index", "seatrial publish")
    with show.progress() as progress:
        progress("putting the toolkit there, as it would be on PyPI")
        publish_toolkit(index, progress)
        progress("publishing the release")
        publish(settings, progress)


def _install(settings: ProjectSettings) -> "Servable":
    from seatrial.steps.serve import prepare_release

    _heading("Install it from there into a clean environment", "part of seatrial serve")
    with show.progress() as progress:
        servable = prepare_release(settings.requirement, settings.index, progress)
    show.info(f"  {servable.python.parent.parent.name}{', which existed already' if servable.cached else ''}")
    return servable


def _heading(what: str, command: str) -> None:
    show.err.print(f"\n[bold]{what}[/]  [dim]{command}[/]")
