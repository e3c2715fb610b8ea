"""`seatrial watch --serve`: the page of the watch, its JSON document and its gauges, and a look at each interval.

It is a server of its own beside the model server: a look reads the whole log, which must not slow predictions down.
Beyond this machine it needs keys, with the scopes of the model server: `log` for the page, `metrics` for the gauges.
"""

import base64
import binascii
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.moments import parse_length
from seatrial.core.ports import listen, url_of
from seatrial.core.project import ProjectSettings
from seatrial.http.hosts import AllowedHosts, is_loopback
from seatrial.http.messages import EncodedResponse, refusal, request_id, send_response
from seatrial.serve.access import AUTHORIZATION, AccessControl
from seatrial.serve.routes import LOG_SCOPE, METRICS_SCOPE, OPEN, Route
from seatrial.serve.server_settings import KEYS, Settings
from seatrial.steps import alarm_files
from seatrial.steps.look import WatchLook, look
from seatrial.watch.watch_metrics import CONTENT_TYPE
from seatrial.watch.watch_settings import read_watch_settings

ROUTES = (
    Route("GET", "/", LOG_SCOPE),
    Route("GET", "/watch.json", LOG_SCOPE),
    Route("GET", "/watch.md", LOG_SCOPE),
    Route("GET", "/metrics", METRICS_SCOPE),
    Route("GET", "/health", OPEN),
)
SHORTEST = 10.0  # seconds between two looks
LONGEST_REFRESH = 300  # seconds after which a browser loads the page again
HTML = "text/html; charset=utf-8"
ASK = (b"www-authenticate", b'Basic realm="seatrial watch, the key is the password", charset="UTF-8"')
SAFE = ((b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-store"))


class WatchedProject:
    """The last look at a project, and what became of the one after it."""

    def __init__(self, project: ProjectSettings, take: Callable[[], WatchLook]) -> None:
        self.project = project
        self._take = take
        self._look: WatchLook | None = None
        self._problem = ""
        self._lock = threading.Lock()
        self.refresh = 5

    def look(self) -> None:
        """Look again. What fails is shown on the page, and the last result stays."""
        try:
            found, problem = self._take(), ""
        except SeatrialError as error:
            found, problem = None, f"{error.message} {error.hint}"
        except Exception as error:  # of a library: the next look may work
            found, problem = None, f"{type(error).__name__}: {error}"
        with self._lock:
            self._look, self._problem = found or self._look, problem

    def page(self) -> tuple[int, str]:
        """The status and the page."""
        from seatrial.watch.watch_page import to_html

        found, problem = self._newest()
        if found is None:
            return 503, _waiting(problem, self.refresh)
        return 200, to_html(found.watched, found.book, refresh=self.refresh, problem=problem)

    def file(self, name: str) -> tuple[int, str]:
        """The status, and the JSON document or the Markdown."""
        found, problem = self._newest()
        return (200, found.files()[name]) if found else (503, problem or "It is being looked for the first time.")

    def metrics(self) -> tuple[int, str]:
        """The status and the gauges; those of the last look stay, so that their age shows that looks fail."""
        found, _ = self._newest()
        return 200, found.gauges() if found else ""

    def _newest(self) -> tuple[WatchLook | None, str]:
        """The last look, with the alarms as they are now: somebody may have acknowledged one."""
        from dataclasses import replace

        with self._lock:
            found, problem = self._look, self._problem
        if found is None:
            return None, problem
        try:
            return replace(found, book=alarm_files.read_book(self.project.root)), problem
        except SeatrialError as error:
            return found, problem or error.message


def _waiting(problem: str, refresh: int) -> str:
    from html import escape

    text = escape(problem) or "It is being looked for the first time."
    return (
        f'<!DOCTYPE html><html lang="en"><meta http-equiv="refresh" content="{refresh}"><title>Watch</title><p>{text}'
    )


class WatchApp:
    """An ASGI application with the page, the document, the gauges, and a health check."""

    def __init__(self, watched: WatchedProject, access: AccessControl, hosts: AllowedHosts) -> None:
        self._watched = watched
        self._access = access
        self._hosts = hosts

    async def __call__(self, scope: dict[str, Any], _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Answer one request."""
        import asyncio

        if scope["type"] != "http":
            return
        status, body, headers = await asyncio.to_thread(self._answer, scope)
        await send_response(send, EncodedResponse(status, body, (*headers, *SAFE)), request_id(scope["headers"]))

    def _answer(self, scope: dict[str, Any]) -> EncodedResponse:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if not self._hosts.allows(host):
            return refusal(421, "This server does not answer to that host name.")
        headers = [_as_bearer(name, value) for name, value in scope["headers"]]
        refused = self._access.decide(scope["method"], scope["path"], headers, scope.get("query_string", b"")).refusal
        if refused and refused.status == 401 and scope["path"] == "/":
            kept = tuple(line for line in refused.headers if line[0] != ASK[0])
            return EncodedResponse(401, refused.body, (*kept, ASK))
        if refused:
            return refused
        if scope["path"] == "/health":
            return _encoded((200, '{"status": "ok"}'), "application/json")
        if scope["path"] == "/metrics":
            return _encoded(self._watched.metrics(), CONTENT_TYPE)
        if scope["path"] == "/":
            return _encoded(self._watched.page(), HTML)
        kind = "application/json" if scope["path"].endswith("json") else "text/markdown; charset=utf-8"
        status, text = self._watched.file(scope["path"][1:])
        return _encoded((status, text), kind if status == 200 else "text/plain; charset=utf-8")


def _encoded(answer: tuple[int, str], kind: str) -> EncodedResponse:
    return EncodedResponse(answer[0], answer[1].encode("utf-8", "replace"), ((b"content-type", kind.encode()),))


def _as_bearer(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A browser asks for a password, and sends it with any user name: that is the key."""
    if name != AUTHORIZATION or not value.lower().startswith(b"basic "):
        return name, value
    try:
        _, _, secret = base64.b64decode(value[6:], validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return name, value
    return name, b"Bearer " + secret


def serve_watch(
    project: ProjectSettings,
    *,
    every: str = "1h",
    host: str = "127.0.0.1",
    port: int = 8003,
    keys: Path | None = None,
    release: str = "",
    log: str = "",
    on_start: Callable[[str], None],
) -> None:
    """Serve the watch until the process is stopped, and look again after `every`; `on_start` is called with the URL.

    Raises SeatrialError where it would be open to other machines: that needs `keys`, or those of the project.
    """
    from seatrial.http import GuardedServer, guarded_config
    from seatrial.steps.serve import project_keys

    seconds = parse_length(every, "--every").total_seconds()
    if seconds < SHORTEST:
        raise UsageError(f"--every {every} is too short.", hint=f"Use {SHORTEST:g}s or more.")
    read_watch_settings(project.watch, project.root)  # an error is reported before anything listens
    settings = Settings(host=host, port=port, keys=str(keys or project_keys(project) or ""))
    access = AccessControl(settings, ROUTES)
    with listen(host, port) as listener:
        bound = listener.getsockname()[0]
        if not settings.locked and not is_loopback(bound):
            raise SeatrialError(
                f"Anybody who reaches {host} could read the log.",
                hint=f"Make a key with `seatrial keys add NAME --scope log`, or set {KEYS}; or use --host 127.0.0.1.",
            )
        watched = WatchedProject(project, lambda: look(project, release=release, log=log))
        app = WatchApp(watched, access, AllowedHosts(bound=bound))
        stopped = threading.Event()
        thread = threading.Thread(target=_look_again, args=(watched, seconds, stopped), daemon=True, name="watch")
        thread.start()
        on_start(url_of(host, listener.getsockname()[1]))
        try:
            GuardedServer(guarded_config(app, lifespan="off")).run(sockets=[listener])
        finally:
            stopped.set()


def _look_again(watched: WatchedProject, seconds: float, stopped: threading.Event) -> None:
    """Look at regular moments; a look that takes longer than the interval delays the next one."""
    while not stopped.is_set():
        begun = time.monotonic()
        watched.look()
        watched.refresh = int(min(seconds, LONGEST_REFRESH))
        stopped.wait(max(seconds - (time.monotonic() - begun), 1.0))
