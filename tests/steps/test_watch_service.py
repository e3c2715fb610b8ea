"""`watch --serve`: the page, the document and the gauges; a failed look keeps the last result; keys, hosts, methods."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_project
from tests.watch.watched import finding, watched

from seatrial.core.access_keys import make_key, render_keys
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.http.hosts import AllowedHosts
from seatrial.serve.access import AccessControl
from seatrial.serve.server_settings import Settings
from seatrial.steps import alarm_files
from seatrial.steps.look import WatchLook
from seatrial.steps.watch_service import ROUTES, WatchApp, WatchedProject, serve_watch


class Answer:
    def __init__(self, app: WatchApp, method: str, path: str, headers: dict[str, str]) -> None:
        sent: list[dict[str, Any]] = []
        lines = [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1", **headers}.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": lines, "query_string": b""}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(app(scope, None, send))
        self.status: int = sent[0]["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        self.text: str = sent[1]["body"].decode()


class Watch:
    """A served watch whose looks give what `next_look` is."""

    def __init__(self, root: Path, keys: str = "") -> None:
        self.next_look: WatchLook | Exception = WatchLook(watched(finding()), alarm_files.AlarmBook())
        self.project = WatchedProject(find_project(root), self._take)
        access = AccessControl(Settings(keys=keys, keys_text=""), ROUTES)
        self.app = WatchApp(self.project, access, AllowedHosts(bound="127.0.0.1"))

    def _take(self) -> WatchLook:
        if isinstance(self.next_look, Exception):
            raise self.next_look
        return self.next_look

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return Answer(self.app, method, path, headers)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "tiny-model")


def test_it_serves_the_page_the_document_and_the_gauges(root: Path) -> None:
    watch = Watch(root)
    watch.project.look()
    page = watch.get("/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    assert "is 100 times what it was" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert json.loads(watch.get("/watch.json").text)["state"] == "alarm"
    assert watch.get("/watch.md").text.startswith("## ⛔")
    assert 'seatrial_watch_look_age_limit_seconds{project="titanic-model"} 172800.0' in watch.get("/metrics").text
    assert watch.get("/health").status == 200


def test_before_the_first_look_it_says_so(root: Path) -> None:
    watch = Watch(root)
    assert (watch.get("/").status, watch.get("/watch.json").status, watch.get("/metrics").text) == (503, 503, "")
    assert "first time" in watch.get("/").text


@pytest.mark.parametrize("error", [SeatrialError("The log <b> cannot be read.", hint="Look."), OSError("gone")])
def test_a_look_that_fails_is_said_and_the_last_result_stays(root: Path, error: Exception) -> None:
    watch = Watch(root)
    first, watch.next_look = watch.next_look, error
    watch.project.look()
    assert watch.get("/").status == 503
    assert "<b>" not in watch.get("/").text
    watch.next_look = first
    watch.project.look()
    watch.next_look = error
    watch.project.look()
    page = watch.get("/")
    assert (page.status, "The last look failed" in page.text, "is 100 times" in page.text) == (200, True, True)
    watch.next_look = first
    watch.project.look()
    assert "The last look failed" not in watch.get("/").text


def test_paths_methods_and_hosts_that_are_not_its_own_are_refused(root: Path) -> None:
    watch = Watch(root)
    watch.project.look()
    assert watch.get("/api/v1/predict").status == 404
    assert watch.get("/../alarms.json").status == 404
    assert watch.get("/", "POST").status == 405
    assert watch.get("/", host="evil.example").status == 421


def test_with_keys_each_path_needs_its_scope(root: Path, tmp_path: Path) -> None:
    made = [make_key(name, [name]) for name in ("log", "metrics")]
    file = tmp_path / "keys.json"
    file.write_text(render_keys([key for key, _ in made]))
    log, metrics = (f"Bearer {secret}" for _, secret in made)
    watch = Watch(root, str(file))
    watch.project.look()
    for path, good, bad in (("/", log, metrics), ("/watch.json", log, metrics), ("/metrics", metrics, log)):
        assert watch.get(path).status == 401
        assert watch.get(path, authorization="Bearer st_wrong").status == 401
        assert watch.get(path, authorization=bad).status == 403
        assert watch.get(path, authorization=good).status == 200
    assert watch.get("/health").status == 200


def test_a_browser_sends_the_key_as_a_password(root: Path, tmp_path: Path) -> None:
    key, secret = make_key("ann", ["log"])
    file = tmp_path / "keys.json"
    file.write_text(render_keys([key]))
    watch = Watch(root, str(file))
    watch.project.look()
    assert watch.get("/").headers["www-authenticate"].startswith("Basic ")
    basic = base64.b64encode(f"anyone:{secret}".encode()).decode()
    assert watch.get("/", authorization=f"Basic {basic}").status == 200
    assert watch.get("/", authorization="Basic !!!").status == 401


def test_it_is_not_open_to_other_machines_without_keys(root: Path) -> None:
    with pytest.raises(SeatrialError, match="could read the log") as caught:
        serve_watch(find_project(root), host="0.0.0.0", port=0, on_start=print)
    assert "seatrial keys add" in caught.value.hint


@pytest.mark.parametrize("every", ["1s", "soon", "-1h", ""])
def test_an_interval_that_cannot_be_is_refused(root: Path, every: str) -> None:
    with pytest.raises(SeatrialError, match="--every"):
        serve_watch(find_project(root), every=every, port=0, on_start=print)
