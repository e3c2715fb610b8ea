"""`seatrial demo`: the main job from end to end, each step by the same code as its own command."""

import json as json_module
import socket
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings


def demo(
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="The port to listen on.", min=1, max=65535)] = 8001,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the first prediction, instead of serving on.")
    ] = False,
    project: ProjectOption = HERE,
) -> None:
    """Train, compile, build, publish to the local index, install into a clean environment, serve, and ask once.

    Example: [bold]seatrial demo --port 8080[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.server_process import running_server, wait_for, wait_until_ready

    begun = time.perf_counter()
    found = find_project(project)
    _check_port(host, port)
    show.say(f"From a table to a served release: {found.requirement}")
    report = _train(found)
    _publish(found)
    python, package = _install(found)
    _heading("Serve it", "seatrial serve")
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    with running_server(python, package, ["--host", host, "--port", str(port), "--log-level", "warning"]) as server:
        with show.steps() as step:
            step("starting the server")
            wait_until_ready(server, url)
            row, answer = _ask(url)
        show.out.print(f"\n[dim]POST {url}/api/v1/predict[/]\n{json_module.dumps(row)}\n[dim]answered[/]")
        show.out.print(json_module.dumps(answer))
        show.out.print(
            f"\nServed {time.perf_counter() - begun:.0f} s after the start.\n"
            f"  the page      [bold blue]{url}/[/]\n  the API       [bold blue]{url}/docs[/]\n"
            f"  the report    {show.place(report)}\n  the index     {show.index(found.index)}"
        )
        if not once:
            show.out.print("\nCtrl-C stops it.")
            raise typer.Exit(wait_for(server))


def _train(project: ProjectSettings) -> Path:
    _heading("Train and compile", "seatrial train")
    with show.steps() as step:
        step("loading scikit-learn")
        from seatrial.compile import compile_release
        from seatrial.train import train

        run = train(project, compile_release, progress=step)
    best = run.metadata.metrics[run.metadata.headline]
    show.say(f"  {best['label']} {best['value']:.3f} on {run.metadata.split['test_rows']:,} held-out rows")
    return run.report


def _publish(project: ProjectSettings) -> None:
    from seatrial.release import build_release, open_index, publish_toolkit
    from seatrial.steps.trial import hold_pair, pair_of, publish_tried, write

    _heading("Build a wheel", "seatrial build")
    with show.steps() as step:
        built = build_release(project, step)
    show.say(f"  {built.wheel.name}, {show.size(built.size)}")
    index = open_index(project.index)
    _heading("Try it against the release that it would replace", "seatrial trial")
    if any(release.sha256 == built.sha256 for release in index.releases(project.name)):
        show.say("  these very bytes are on the index already")
    else:
        with show.steps() as step:
            pair = pair_of(project)
            held = hold_pair(pair, progress=step)
            write(pair.folder, held)
        show.say(f"  {held.verdict.cause}")
    _heading("Publish it to the local index", "seatrial publish")
    with show.steps() as step:
        step("putting the toolkit there, as it would be on PyPI")
        publish_toolkit(index, step)
        step("publishing the release")
        publish_tried(project, step)


def _install(project: ProjectSettings) -> tuple[Path, str]:
    from seatrial.steps.environment import serving_environment

    _heading("Install it from there into a clean environment", "part of seatrial serve")
    with show.steps() as step:
        environment, package = serving_environment(project.requirement, project.index, step)
    show.say(f"  {environment.root.name}{', there already' if environment.cached else ''}")
    return environment.python, package


def _heading(what: str, command: str) -> None:
    show.err.print(f"\n[bold]{what}[/]  [dim]{command}[/]")


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SeatrialError(
                f"Port {port} on {host} cannot be used: {error.strerror}.",
                hint="Choose another with PORT=8002.",
            ) from None


def _ask(url: str) -> tuple[Any, Any]:
    with urllib.request.urlopen(f"{url}/api/v1/model", timeout=10) as answer:  # noqa: S310
        row = json_module.load(answer)["example"]
    request = urllib.request.Request(  # noqa: S310
        f"{url}/api/v1/predict", json_module.dumps(row).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return row, json_module.load(answer)
