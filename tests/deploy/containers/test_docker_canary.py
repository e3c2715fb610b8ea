"""The canary of the target `docker`, with Podman: real containers share a port and lose no request."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.deploy.containers.container_tools import ContainerTools
from tests.deploy.load_generator import LoadProcess
from tests.deploy.pinned_releases import free_port
from tests.deploy.project_repo import ProjectRepo
from tests.serve.clients import until

from seatrial.core.errors import SeatrialError
from seatrial.deploy.container_canary import ContainerCanary
from seatrial.deploy.docker import Docker
from seatrial.deploy.health import version_at
from seatrial.deploy.history import RUNNING, Entry
from seatrial.deploy.target import PinnedRelease
from seatrial.deploy.target_state import TargetState

pytestmark = pytest.mark.soak
TURNS = 12
NETWORKS = {"host": [], "bridge": ["--network", "bridge"]}  # by `run_args`; the test engine's default is the host's


@pytest.fixture
def target(
    request: pytest.FixtureRequest, tools: ContainerTools, two_releases, pinned: dict[str, PinnedRelease]
) -> Iterator[Docker]:
    """0.1.0 serves; on a bridge, as with most engines, unless a test says otherwise."""
    network = NETWORKS[getattr(request, "param", "bridge")]
    target = Docker(two_releases[0], {"port": free_port(), "patience": 30.0, "open": True, "run_args": network})
    target.check()
    target.switch(pinned["0.1.0"], lambda: None, _silent)
    yield target
    target.stop()
    assert containers(tools) == []


def _silent(_: str) -> None:
    pass


def containers(tools: ContainerTools) -> list[str]:
    return sorted(tools.run("podman", "ps", "--all", "--format", "{{.Names}}").stdout.split())


def versions(target: Docker, asked: int = 40) -> set[str | None]:
    return {version_at(target.url) for _ in range(asked)}


@pytest.mark.parametrize("target", NETWORKS, indirect=True)
def test_no_request_is_lost_when_a_canary_comes_and_is_taken_back(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    served: list[set[str | None]] = []
    with LoadProcess(target.settings.port) as load:
        time.sleep(0.5)
        target.canary(pinned["0.2.0"], 33, lambda: served.append(versions(target)), _silent)
        assert target.running_canary() == {
            "id": pinned["0.2.0"].id, "version": "0.2.0", "sha256": pinned["0.2.0"].sha256, "servers": 3
        }  # fmt: skip
        time.sleep(3)
        assert target.take_back()
        time.sleep(1)
    print(load.result)  # noqa: T201 - the figure, for -s
    assert served == [{"0.1.0"}]  # before it is recorded, it is asked nothing
    assert load.result["lost"] == []
    assert load.result["unlabelled"] == 0
    assert set(load.result["answered"]) == {"0.1.0", "0.2.0"}
    assert versions(target) == {"0.1.0"}
    assert (target.running_canary(), target.take_back()) == (None, False)
    assert containers(tools) == ["titanic-model"]


def test_a_promotion_and_a_stop_end_a_canary(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    target.canary(pinned["0.2.0"], 50, lambda: None, _silent)
    assert versions(target) == {"0.1.0", "0.2.0"}
    with pytest.raises(SeatrialError, match=r"A canary of 0\.2\.0 is running"):
        target.canary(pinned["0.2.0"], 50, lambda: None, _silent)
    target.switch(pinned["0.2.0"], lambda: None, _silent)
    assert versions(target) == {"0.2.0"}
    assert target.running_canary() is None
    assert containers(tools) == ["titanic-model"]
    target.canary(pinned["0.1.0"], 50, lambda: None, _silent)
    assert target.stop()
    assert containers(tools) == []


def test_a_canary_that_dies_and_one_whose_service_dies_end(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    target.canary(pinned["0.2.0"], 33, lambda: None, _silent)
    tools.run("podman", "kill", "titanic-model-canary")
    until(lambda: target.running_canary() == {"id": None, "ended": "it exited with code 137"})
    assert versions(target) == {"0.1.0"}
    assert not target.take_back()  # it only removes what is left
    assert containers(tools) == ["titanic-model"]
    target.canary(pinned["0.2.0"], 33, lambda: None, _silent)
    tools.run("podman", "kill", "titanic-model")
    until(lambda: target._canary._running() == [])
    target.settle(pinned["0.1.0"], _silent)
    assert versions(target) == {"0.1.0"}
    assert containers(tools) == ["titanic-model"]


def test_a_canary_that_cannot_start_leaves_nothing(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SeatrialError("it cannot be recorded")

    with pytest.raises(SeatrialError, match="it cannot be recorded"):
        target.canary(pinned["0.2.0"], 50, refuse, _silent)
    start = ContainerCanary._start

    def with_wrong_option(self: ContainerCanary, name: str, image: str, *rest: object) -> None:
        start(self, name, image, rest[0], [*rest[1], "--env", "SEATRIAL_WAIT_LIMIT=never"], rest[2])

    monkeypatch.setattr(ContainerCanary, "_start", with_wrong_option)
    with pytest.raises(SeatrialError, match="cannot run as a canary: it exited before it was ready") as failed:
        target.canary(pinned["0.2.0"], 50, lambda: None, _silent)
    assert "'never' is not a number of seconds" in failed.value.message
    assert versions(target) == {"0.1.0"}
    assert containers(tools) == ["titanic-model"]


def test_wherever_a_command_is_killed_the_next_one_settles_the_canary(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease], tmp_path: Path
) -> None:
    """What the history has goes on, and answers; anything else is removed."""
    new, moments, state = pinned["0.2.0"], random.Random(7), TargetState(target.project, "docker")
    entry = Entry(new.id, "canary", "", "", "", new.name, new.version, new.sha256, new.package, "", outcome=RUNNING)
    for turn in range(TURNS):
        state.history_path.unlink(missing_ok=True)
        killed(lambda: target.canary(new, 50, lambda: state.record(entry), _silent), moments.uniform(0, 8))
        recorded = state.history_path.exists()
        print(f"turn {turn}: {'recorded' if recorded else 'not recorded'}")  # noqa: T201
        target.settle(pinned["0.1.0"], _silent)
        assert bool(target.running_canary()) == recorded
        assert versions(target) == ({"0.1.0", "0.2.0"} if recorded else {"0.1.0"})
        killed(target.take_back, moments.uniform(0, 2))
        target.take_back()
        assert containers(tools) == ["titanic-model"]
    state.history_path.unlink(missing_ok=True)


def test_the_commands_keep_its_history(tools: ContainerTools, repo: ProjectRepo) -> None:
    port = free_port()
    path, heading = repo.root / "pyproject.toml", "[tool.seatrial.deploy.docker]\n"
    settings = f'port = {port}\nopen = true\nrun_args = ["--network", "bridge"]\n'
    path.write_text(path.read_text().replace(heading, heading + settings))
    repo.git("commit", "--quiet", "-am", "Deploy to docker")
    url = f"http://127.0.0.1:{port}"
    repo.ok("deploy", "docker", "0.1.0")
    assert "No canary is running on docker" in repo.run("deploy", "docker", "--promote").stderr
    assert "runs as a canary on docker" in repo.ok("deploy", "docker", "0.2.0", "--canary", "50")
    assert {version_at(url) for _ in range(40)} == {"0.1.0", "0.2.0"}
    for _ in range(10):
        assert "docker serves 0.1.0." in repo.ok("deployments", "docker")
    assert "taken back" in repo.ok("deploy", "docker", "--take-back")
    repo.ok("deploy", "docker", "0.2.0", "--canary", "50")
    tools.run("podman", "kill", "titanic-model-canary")
    assert "it exited with code 137" in repo.run("deploy", "docker", "--promote").stderr
    repo.ok("deploy", "docker", "0.2.0", "--canary", "50")
    assert "0.2.0 serves on docker" in repo.ok("deploy", "docker", "--promote")
    assert {version_at(url) for _ in range(40)} == {"0.2.0"}
    repo.ok("deploy", "docker", "0.3.0", "--canary", "50")
    assert "0.1.0" in repo.ok("rollback", "docker")
    assert {version_at(url) for _ in range(40)} == {"0.1.0"}
    lines = (repo.root / "deploy" / "docker" / "history.jsonl").read_text().splitlines()
    assert [(each["kind"], each["version"], each["outcome"]) for each in map(json.loads, lines)] == [
        ("deploy", "0.1.0", "healthy"),
        ("canary", "0.2.0", "taken back"),
        ("canary", "0.2.0", "taken back"),
        ("canary", "0.2.0", "promoted"),
        ("deploy", "0.2.0", "healthy"),
        ("canary", "0.3.0", "taken back"),
        ("rollback", "0.1.0", "healthy"),
    ]
    assert json.loads(lines[2])["said"] == "it exited with code 137"
    assert repo.git("status", "--porcelain", "deploy") == ""
    repo.ok("deploy", "docker", "--stop")
    assert containers(tools) == []


def killed(work: Callable[[], object], seconds: float) -> None:
    """Run something in a process that is killed after so long."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            work()
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
