"""The containers of a canary, with an engine that only remembers them; tests/deploy/containers has real ones."""

import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.commands import run_here
from tests.deploy.pinned_releases import fake_pinned_release
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.deploy.container_canary import BESIDE, BORROWED, ContainerCanary
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import LOCKFILE_LABEL, VERSION_LABEL, Container
from seatrial.deploy.target import PinnedRelease

SERVICE = Container(True, {LOCKFILE_LABEL: "d1"}, image="i1", environment=("SEATRIAL_LEND_SOCKET=seatrial-8001",))
CANARY, OTHER = "tiny-canary", "tiny-beside-1"


@dataclass
class _Engine:
    """Remembers containers, with the options and arguments that they were started with, and what was done."""

    tool = SimpleNamespace(name="podman")
    containers: dict[str, Container] = field(default_factory=lambda: {"tiny": SERVICE})
    started: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    broken: str = ""  # the container that exits at once
    deaf: str = ""  # the container that is ready, and has not borrowed the socket

    def start_bare(self, name: str, image: str, digest: str, port: int, more: Sequence[str]) -> None:
        labels = dict(part.split("=", 1) for part in more if part.startswith("seatrial."))
        self.containers[name] = Container(name != self.broken, {LOCKFILE_LABEL: digest, **labels}, exit_code=2)
        self.started[name] = (image, list(more))

    def container(self, name: str) -> Container | None:
        return self.containers.get(name)

    def runs(self, name: str) -> bool:
        return name in self.containers and self.containers[name].running

    def labelled(self, label: str) -> list[str]:
        key, _, value = label.partition("=")
        return sorted(name for name, each in self.containers.items() if each.labels.get(key) == value)

    def succeeds(self, name: str, *command: str) -> bool:
        return self.runs(name) and not (name == self.deaf and BORROWED in command)

    def last_output(self, name: str) -> str:
        return "no socket"

    def wait_for_killed(self) -> None:
        pass

    def signal(self, number: str, *names: str) -> None:
        self.done.append(f"{number} {' '.join(names)}")

    def stop(self, *names: str, seconds: int = 10) -> None:
        self.done.append(f"stop {' '.join(names)}, {seconds} s")

    def remove(self, name: str) -> None:
        self.done.append(f"remove {name}")
        self.containers.pop(name, None)


@pytest.fixture
def engine() -> _Engine:
    return _Engine()


@pytest.fixture
def canary(engine: _Engine) -> ContainerCanary:
    return ContainerCanary(engine, "tiny", 8001, 5.0)  # type: ignore[arg-type] # of the same shape


@pytest.fixture
def pinned(tmp_path: Path) -> PinnedRelease:
    return fake_pinned_release(tmp_path / "pin", find_project(make_project(tmp_path / "tiny")), "0.2.0")


def begin(
    canary: ContainerCanary, pinned: PinnedRelease, commit: Callable[[], None] = list, options: Sequence[str] = ()
) -> None:
    canary.begin("tiny:0.2.0", pinned, 33, options, commit, lambda _: None)


def test_its_containers_borrow_the_socket_and_accept_once_it_is_recorded(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease
) -> None:
    before: list[list[str]] = []
    options = [
        "--env",
        "SEATRIAL_OPEN=1",
        "-p",
        "80:80",
        "--network=web",
        "--memory",
        "1g",
        "-P",
        "--dns",
        "::1",
        "-p81:81",
    ]
    begin(canary, pinned, lambda: before.append(list(engine.done)), options)
    assert before == [[]]
    assert engine.done == [f"USR1 {OTHER} {CANARY}"]
    images = {name: image for name, (image, _) in engine.started.items()}
    assert images == {CANARY: "tiny:0.2.0", OTHER: "i1"}
    assert engine.containers[OTHER].labels == {LOCKFILE_LABEL: "d1", BESIDE: "tiny"}
    joined = ["--env", "SEATRIAL_OPEN=1", "--memory", "1g", "--network", "container:tiny", "--restart", "no"]
    joined += ["--env", "SEATRIAL_BORROW_SOCKET=seatrial-8001", "--env", "SEATRIAL_DRAIN=30"]
    for _, more in engine.started.values():
        assert more[: len(joined)] == joined
    assert canary.status() == {"id": pinned.id, "version": "0.2.0", "sha256": pinned.sha256, "servers": 3}
    with pytest.raises(SeatrialError, match=r"A canary of 0\.2\.0 is running"):
        begin(canary, pinned)


def test_where_selinux_keeps_containers_apart_they_get_the_level_of_the_service(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease
) -> None:
    engine.containers["tiny"] = replace(SERVICE, security="system_u:system_r:container_t:s0:c12,c34")
    begin(canary, pinned)
    assert "label=level:s0:c12,c34" in engine.started[CANARY][1]


@pytest.mark.parametrize("broken", [CANARY, OTHER])
def test_where_one_does_not_come_up_none_is_left(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease, broken: str
) -> None:
    engine.broken = broken
    commits: list[None] = []
    with pytest.raises(SeatrialError, match=r"it exited before it was ready\. Its last output:\n  no socket"):
        begin(canary, pinned, lambda: commits.append(None))
    assert commits == []
    assert list(engine.containers) == ["tiny"]


@pytest.mark.parametrize(("deaf", "title"), [(CANARY, "tiny-model 0.2.0"), (OTHER, OTHER)])
def test_one_that_serves_but_has_not_borrowed_the_socket_is_no_canary(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease, deaf: str, title: str
) -> None:
    engine.deaf = deaf
    with pytest.raises(SeatrialError, match=f"{title} cannot run as a canary: it has not borrowed the socket of tiny"):
        begin(canary, pinned)
    assert list(engine.containers) == ["tiny"]


def test_the_container_of_another_service_with_the_name_of_a_canary_is_left_alone(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease
) -> None:
    other = engine.containers[CANARY] = Container(True, {})
    assert (canary.status(), canary.end()) == (None, False)
    with pytest.raises(SeatrialError, match="A container tiny-canary exists that is not of this service"):
        begin(canary, pinned)
    canary.settle(set())
    assert engine.containers == {"tiny": SERVICE, CANARY: other}


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc, in a container")
def test_what_serves_in_a_container_shows_whether_it_has_a_socket_of_the_port(tmp_path: Path) -> None:
    first = tmp_path / "comm"  # the name of process 1
    first.write_text("python\n")
    script = BORROWED.replace("/proc/1/comm", str(first))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        looks = [sys.executable, "-c", script, str(port)]
        assert subprocess.run(looks, check=False).returncode == 0
        first.write_text("sh\n")
        assert subprocess.run(looks, check=False).returncode == 2
        first.write_text("tini\n")
    assert subprocess.run(looks, check=False).returncode == 1


def test_what_cannot_be_recorded_does_not_run(engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease) -> None:
    def refuse() -> None:
        raise SeatrialError("the disk is full")

    with pytest.raises(SeatrialError, match="the disk is full"):
        begin(canary, pinned, refuse)
    assert list(engine.containers) == ["tiny"]


@pytest.mark.parametrize(
    ("service", "message"),
    [
        (None, "Nothing serves on docker"),
        (replace(SERVICE, running=False), "Nothing serves on docker"),
        (replace(SERVICE, environment=()), "an earlier Seatrial started it"),
    ],
)
def test_without_a_container_that_lends_its_socket_there_is_no_canary(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease, service: Container | None, message: str
) -> None:
    engine.containers = {"tiny": service} if service else {}
    with pytest.raises(SeatrialError, match=message):
        begin(canary, pinned)
    assert engine.started == {}


def test_after_a_killed_command_a_recorded_canary_goes_on_and_any_other_is_removed(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease
) -> None:
    begin(canary, pinned)
    engine.done.clear()
    canary.settle({pinned.id})
    assert engine.done == [f"USR1 {OTHER} {CANARY}"]
    canary.settle(set())
    assert list(engine.containers) == ["tiny"]
    canary.settle(set())
    assert list(engine.containers) == ["tiny"]


def test_one_that_was_interrupted_before_the_candidate_started_leaves_nothing(
    engine: _Engine, canary: ContainerCanary
) -> None:
    engine.containers[OTHER] = Container(True, {BESIDE: "tiny"})
    canary.settle(set())
    assert list(engine.containers) == ["tiny"]


def test_its_end_lets_connections_end_first_and_one_that_died_is_said_to_have(
    engine: _Engine, canary: ContainerCanary, pinned: PinnedRelease
) -> None:
    assert (canary.status(), canary.end()) == (None, False)
    begin(canary, pinned)
    engine.done.clear()
    assert canary.end()
    assert engine.done == [f"stop {OTHER} {CANARY}, 35 s", f"remove {OTHER}", f"remove {CANARY}"]
    begin(canary, pinned)
    engine.containers[CANARY] = replace(engine.containers[CANARY], running=False, exit_code=137)
    assert canary.status() == {"id": None, "ended": "it exited with code 137"}
    canary.settle({pinned.id})  # the history takes the reason from it
    assert canary.status() == {"id": None, "ended": "it exited with code 137"}
    canary.settle(set())
    assert not canary.end()
    assert list(engine.containers) == ["tiny"]


@pytest.mark.parametrize(
    ("answered", "serving"), [("0.1.0", "0.1.0"), ("0.2.0", "0.1.0"), ("0.3.0", "0.3.0"), (None, None)]
)
def test_what_serves_is_not_what_a_canary_answers(
    engine: _Engine,
    canary: ContainerCanary,
    pinned: PinnedRelease,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answered: str | None,
    serving: str | None,
) -> None:
    monkeypatch.setattr("seatrial.deploy.docker.version_at", lambda url: answered)
    target = Docker(find_project(tmp_path / "tiny"), {"image": "tiny"})
    target._engine = engine  # type: ignore[assignment] # of the same shape
    engine.containers["tiny"] = replace(SERVICE, labels={VERSION_LABEL: "0.1.0"})
    begin(canary, pinned)
    assert target.serving() == serving


@pytest.mark.parametrize("words", [("--promote",), ("--take-back",), ("0.2.0", "--canary", "10")])
def test_a_target_without_canaries_does_not_advise_to_start_one(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run_here("deploy", "railway", *words, cwd=make_project(tmp_path / "tiny"))
    assert (done.returncode, "The target railway runs no canaries." in done.stderr) == (1, True)
    assert "Targets that do: local, docker." in done.stderr
    assert "deploy railway" not in done.stderr
