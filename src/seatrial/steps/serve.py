"""Serve: a release over HTTP, from an environment of its own; or the project as it was last trained."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.core.access_keys import KEYS_FILE
from seatrial.core.environment_variables import allowed_environment
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, write_atomic
from seatrial.core.index_settings import IndexSettings
from seatrial.core.ports import url_of
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings
from seatrial.deploy.health import request_json
from seatrial.deploy.health import wait_until_ready as wait
from seatrial.model.metadata import METADATA_FILE
from seatrial.prediction_log.log_settings import LogSettings, log_variables, parse_log_settings
from seatrial.prediction_log.project_log import log_settings
from seatrial.release import open_index
from seatrial.steps.lockfile import EXTRAS, offer_toolkit
from seatrial.steps.releases import list_releases, releases_page
from seatrial.steps.running_servers import servers_folder
from seatrial.trial.gate import result_folders
from seatrial.wheels.environments import make_environment
from seatrial.wheels.wheel import WheelInfo

READY_SECONDS = 60.0  # how long a server may take to become ready
STOP_SECONDS = 10.0  # until a server that does not end is killed
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# That only the server reads; the others are options of `seatrial serve`, with their variables.
SERVER_VARIABLES = ("SEATRIAL_KEYS", "SEATRIAL_ALLOWED_HOSTS", "SEATRIAL_LOG_KEY")
ServerProcess = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Servable:
    """What a server is started from: an interpreter, the package to serve, and environment variables."""

    python: Path
    package: str
    variables: dict[str, str] = field(default_factory=dict)
    reports: dict[str, Path] = field(default_factory=dict)  # pages of this machine about the release, by their title
    cached: bool = False  # whether the environment existed already
    passed_on: tuple[str, ...] = ()  # names of variables that the server gets besides the harmless ones


def prepare_release(
    requirement: str,
    index: IndexSettings,
    progress: Progress = silent,
    project: ProjectSettings | None = None,
    extras: Sequence[str] = (),
) -> Servable:
    """Install a release of the index, with the server and its `extras`, into a clean environment.

    `project` may have its reports.
    """
    opened = open_index(index)
    progress(f"fetching {requirement}")
    wheel = opened.fetch_wheel(opened.find(requirement))
    source = offer_toolkit(opened, progress)
    environment = make_environment(wheel, extras=(*EXTRAS, *extras), index=source, progress=progress)
    reports: dict[str, Path] = {}
    if project:
        reports |= reports_about(project, wheel.release, wheel.sha256) | _releases_report(project, index, wheel)
    passed_on = served_variables(project)
    return Servable(environment.python, wheel.package, {}, reports, environment.cached, passed_on)


def served_variables(project: ProjectSettings | None) -> tuple[str, ...]:
    """The names of the environment variables that the project's service gets besides the harmless ones."""
    names = (project.deploy.get("local", {}) if project else {}).get("environment", [])
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def served_log(project: ProjectSettings | None, named: str = "") -> LogSettings | None:
    """The prediction log of a server that somebody starts: a named destination, or what the project's settings say.

    `named` may be settings as JSON, too.
    """
    settings = log_settings(project, by_default=False) if project else None
    if not named:
        return settings
    given = parse_log_settings(named)
    given = given.model_copy(update={"to": str(Path(given.to).absolute())}) if given.local else given
    return settings.model_copy(update=given.model_dump(exclude_unset=True)) if settings else given


def project_keys(project: ProjectSettings | None, is_open: bool = False) -> Path | None:
    """The access keys of a project; None if it has none, or if anyone may call the server."""
    file = project.root / KEYS_FILE if project and not is_open else None
    return file if file and file.is_file() else None


def _releases_report(project: ProjectSettings, index: IndexSettings, wheel: WheelInfo) -> dict[str, Path]:
    """Write the list of releases; only of an index in a folder, since reading all metrics takes long over HTTP."""
    path = project.root / ".seatrial" / "releases.html"
    if not index.folder:
        return {}
    with suppress(SeatrialError, OSError):  # a damaged release, or a project that cannot be written, can be served
        listed = list_releases(wheel.name, index)
        write_atomic(path, releases_page(listed, wheel.name, wheel.version, str(index.folder)))
        return {"Releases": path}
    return {}


def prepare_checkout(project: ProjectSettings) -> Servable:
    """Serve the project's own source with what was last trained, in this interpreter's environment."""
    file = project.artifacts / METADATA_FILE
    reports = reports_about(project, read_json(file)) if file.is_file() else {}
    variables = {"PYTHONPATH": str(project.source)}
    return Servable(Path(sys.executable), project.package, variables, reports, passed_on=served_variables(project))


def reports_about(project: ProjectSettings, metadata: Any, wheel: str = "") -> dict[str, Path]:
    """The reports in a project about a release: of the training that wrote this release.json, and of the newest trial.

    `wheel` is the SHA-256 of its wheel.
    """
    found: dict[str, Path] = {}
    for file in sorted(project.runs.glob("*/run.json")):
        run: Any = None
        with suppress(SeatrialError, OSError, ValueError):  # a damaged run has no report about this release
            run = read_json(file)
        if isinstance(run, dict) and {k: v for k, v in run.items() if k not in ("id", "version")} == metadata:
            found["Training report"] = file.with_name("report.html")
    for folder in result_folders(project.root, wheel)[:1] if wheel else ():
        found["Trial"] = folder / "trial.html"
    return {title: path for title, path in found.items() if path.is_file()}


@contextmanager
def serve(
    servable: Servable, *, host: str, port: int, options: tuple[str, ...] = (), log: LogSettings | None = None
) -> Iterator[ServerProcess]:
    """Run the server for the length of the block; `options` are more options of `python -m seatrial.serve`.

    `log` is its prediction log, if it has one: in a variable, since a command line can be read by others.

    The server ends with the block, and whatever stops this process ends the block, so no server is left behind.
    """
    environment = allowed_environment((*servable.passed_on, *SERVER_VARIABLES)) | {
        "SEATRIAL_SERVED_DIR": str(servers_folder()),
        **servable.variables,
        **(log_variables(log.text()) if log and log.to else {}),
    }
    if host in LOOPBACK:  # the reports show rows of the table
        reports = {title: str(path.resolve()) for title, path in servable.reports.items()}
        environment["SEATRIAL_REPORTS"] = json.dumps(reports)
    command = [str(servable.python), "-m", "seatrial.serve", servable.package, "--host", host, "--port", str(port)]
    with _exit_on_sigterm():
        server = subprocess.Popen([*command, *options], env=environment)
        try:
            yield server
        finally:
            _stop(server)


def wait_until_ready(server: ServerProcess, host: str, port: int) -> str:
    """Wait until the server is ready, and return its URL; SeatrialError where it ends or takes too long."""
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
    row = request_json(f"{url}/api/v1/model")["example"]
    return row, request_json(f"{url}/api/v1/predict", row)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def wait_for(server: ServerProcess) -> int:
    """Wait until the server ends, and return its exit code; a request to stop this process is passed on to it."""
    while True:
        try:
            return max(server.wait(), 0)
        except (KeyboardInterrupt, SystemExit):
            server.terminate()  # Ctrl-C in a terminal has reached it too, and a second signal does no harm


def _stop(server: ServerProcess) -> None:
    """Ask the server to end, and kill it if it does not."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
