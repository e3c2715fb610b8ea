"""A server that gets SIGTERM, with the drain that the rendered files turn on, loses no request on an open connection."""

import json
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.projects.tiny import make_project
from tests.serve.clients import Client, process

from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.kubernetes import Kubernetes
from seatrial.deploy.railway import Railway
from seatrial.model import Release

CONNECTIONS = 32


def kubernetes_drain(project: ProjectSettings) -> str:
    deployment = next(iter(yaml.safe_load_all(Kubernetes(project, {}).render("0.1.0", "0" * 64))))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str(next(each["value"] for each in container["env"] if each["name"] == "SEATRIAL_DRAIN"))


def railway_drain(project: ProjectSettings) -> str:
    found = re.search(r"SEATRIAL_DRAIN=(\d+)", Railway(project, {}).files()["Dockerfile"])
    assert found
    return found[1]


class KeepAliveClient(threading.Thread):
    """Sends a request now and then on one connection, until the server says that it closes the connection."""

    def __init__(self, port: int, row: bytes, pause: float) -> None:
        super().__init__(daemon=True)
        self.client, self.row, self.pause = Client(port), row, pause
        self.answered = 0
        self.lost = 0
        self.start()

    def run(self) -> None:
        while not self.lost:
            try:
                reply = self.client.predict(self.row)
            except (OSError, EOFError):
                self.lost += 1
                return
            self.answered += reply.status == 200
            if reply.headers.get("connection") == "close":
                return
            time.sleep(self.pause)


def lost_at_sigterm(titanic_project: Path, row: bytes, drain: str, *options: str) -> int:
    """Stop a server under load; returns how many of the connections lost a request."""
    with process(titanic_project / "src", "--port", "0", *options, SEATRIAL_DRAIN=drain) as server:
        port = server.started()
        clients = [KeepAliveClient(port, row, 0.02 * (n + 1)) for n in range(CONNECTIONS)]
        time.sleep(1)
        began = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 5  # it does not wait for the end of the drain if nobody is left
        for client in clients:
            client.join(5)
        assert all(client.answered > 0 for client in clients)
        return sum(client.lost for client in clients)


@pytest.fixture
def tiny(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


@pytest.fixture
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


@pytest.mark.parametrize(
    ("rendered", "options"),
    [
        (kubernetes_drain, ()),
        pytest.param(railway_drain, (), marks=pytest.mark.soak),
        pytest.param(kubernetes_drain, ("--workers", "2"), marks=pytest.mark.soak),
    ],
    ids=["kubernetes", "railway", "two workers"],
)
def test_no_open_connection_loses_a_request(
    tiny: ProjectSettings, titanic_project: Path, row: bytes, rendered: Any, options: tuple[str, ...]
) -> None:
    assert lost_at_sigterm(titanic_project, row, rendered(tiny), *options) == 0


def test_without_the_drain_some_do(titanic_project: Path, row: bytes) -> None:
    assert lost_at_sigterm(titanic_project, row, "0") > 0
