"""Serve: a release over HTTP, from an environment of its own; or the project as it was last trained."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import url_of
from seatrial.core.progress import Progress, silent
from seatrial.steps.server_process import ServerProcess, server_process

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.core.project import ProjectSettings

READY_SECONDS = 60.0  # how long a server may take to become ready


@dataclass(frozen=True)
class Servable:
    """What a server is started from: an interpreter, the package to serve, and environment variables."""

    python: Path
    package: str
    variables: dict[str, str] = field(default_factory=dict)
    cached: bool = False  # whether the environment existed already


def prepare_release(requirement: str, index: "IndexSettings", progress: Progress = silent) -> Servable:
    """Install a release of the index, with the server, into a clean environment."""
    from seatrial.steps.environment import serving_environment

    environment, package = serving_environment(requirement, index, progress)
    return Servable(environment.python, package, cached=environment.cached)


def prepare_checkout(project: "ProjectSettings") -> Servable:
    """Serve the project's own source with what was last trained, in this interpreter's environment."""
    return Servable(Path(sys.executable), project.package, {"PYTHONPATH": str(project.source)})


@contextmanager
def serve(servable: Servable, *, host: str, port: int, options: tuple[str, ...] = ()) -> Iterator[ServerProcess]:
    """Run the server for the length of the block; `options` are more options of `python -m seatrial.serve`."""
    arguments = ["--host", host, "--port", str(port), *options]
    with server_process(servable.python, servable.package, arguments, servable.variables) as server:
        yield server


def wait_until_ready(server: ServerProcess, host: str, port: int) -> str:
    """Wait until the server is ready, and return its URL; SeatrialError where it ends or takes too long."""
    from seatrial.deploy.health import wait_until_ready as wait

    url = url_of(host, port)
    try:
        wait(url, READY_SECONDS, lambda: server.poll() is None)
    except SeatrialError as error:
        raise SeatrialError(
            f"{error.message[:1].upper()}{error.message[1:]}.", hint="Its output says why; the port may be in use."
        ) from None
    return url


def predict_example(url: str) -> tuple[Any, Any]:
    """Send the release's example row to its server; returns the row and the response."""
    from seatrial.deploy.health import request_json

    row = request_json(f"{url}/api/v1/model")["example"]
    return row, request_json(f"{url}/api/v1/predict", row)
