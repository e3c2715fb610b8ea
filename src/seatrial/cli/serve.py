"""`seatrial serve`: a release over HTTP, from an environment of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption


def serve(
    release: Annotated[
        str | None,
        typer.Argument(help="Which release, as titanic-model==0.1.0; default: the project's newest."),
    ] = None,
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="The port to listen on.", min=0, max=65535)] = 8001,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1)] = 1,
    log_format: Annotated[str, typer.Option(help="text, json, or auto: text on a terminal, JSON when piped.")] = "auto",
    checkout: Annotated[
        bool, typer.Option("--checkout", help="Serve the project as it was last trained, not a release.")
    ] = False,
    project: ProjectOption = HERE,
) -> None:
    """Serve a release from the index, in a clean environment of its own: a page to try it, /docs, and a JSON API.

    Example: [bold]seatrial serve titanic-model==0.1.0 --port 8001[/]
    """
    from seatrial.core.project import find_project

    found = find_project(project)
    arguments = ["--host", host, "--port", str(port), "--workers", str(workers), "--log-format", log_format]
    if checkout:
        if release:
            raise typer.BadParameter("name a release, or use --checkout")
        python, package, path = Path(sys.executable), found.package, {"PYTHONPATH": str(found.source)}
    else:
        from seatrial.cli.environment import serving_environment

        with show.steps() as step:
            environment, package = serving_environment(release or found.name, found.index, step)
        python, path = environment.python, {}
    raise typer.Exit(run_server(python, package, arguments, path))


def start_server(python: Path, package: str, arguments: list[str], extra: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the server of `package` with the interpreter of its environment."""
    from seatrial.cli.served import served_folder

    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"SEATRIAL_SERVED_DIR": str(served_folder()), **extra}
    return subprocess.Popen([str(python), "-m", "seatrial.serve", package, *arguments], env=environment)


def run_server(python: Path, package: str, arguments: list[str], extra: dict[str, str]) -> int:
    """Run a server until it ends, handing on the signals that ask it to; returns its exit code."""
    server = start_server(python, package, arguments, extra)
    return wait_for(server)


def wait_for(server: "subprocess.Popen[bytes]") -> int:
    """Wait for a server; Ctrl-C reaches it by itself, other ways of asking are handed on."""
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        while True:
            try:
                return max(server.wait(), 0)
            except KeyboardInterrupt:
                continue  # the terminal has told the server as well; it ends in its own time
    finally:
        signal.signal(signal.SIGTERM, before)
