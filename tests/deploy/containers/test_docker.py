"""The target `docker`, by Podman: releases switched, taken back, broken, interrupted."""

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.deploy.containers.workbench import Workbench
from tests.deploy.pinning import free_port

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import pin_digest
from seatrial.deploy.target import Pinned

pytestmark = pytest.mark.slow
TURNS = 20


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture
def target(bench: Workbench, two_releases, port: int) -> Docker:
    return make(two_releases[0], port)


def make(project: ProjectSettings, port: int, **settings: object) -> Docker:
    found = Docker(project, {"port": port, "patience": 20.0, **settings})
    found.check()
    return found


@pytest.fixture(scope="module", autouse=True)
def _first(bench: Workbench, two_releases, pins: dict[str, Pinned], port: int) -> Iterator[None]:
    """The first deployment of all."""
    target = make(two_releases[0], port)
    assert target.serving() is None
    commits: list[str] = []
    assert target.switch(pins["0.1.0"], lambda: commits.append("0.1.0"), lambda _: None) == f"http://127.0.0.1:{port}"
    assert commits == ["0.1.0"]
    yield
    bench.run("podman", "rm", "--all", "--force")


def containers(bench: Workbench) -> list[str]:
    return sorted(bench.run("podman", "ps", "--all", "--format", "{{.Names}}").stdout.split())


def deploy(target: Docker, pinned: Pinned) -> tuple[list[str | None], list[str]]:
    """Deploy; gives what served at the moment of the commit, and the steps told."""
    served: list[str | None] = []
    steps: list[str] = []
    target.prepare(pinned, steps.append)
    target.switch(pinned, lambda: served.append(target.serving()), steps.append)
    return served, steps


def test_a_release_is_switched_and_taken_back_quickly(
    bench: Workbench, target: Docker, pins: dict[str, Pinned]
) -> None:
    assert deploy(target, pins["0.2.0"])[0] == ["0.1.0"]  # the old one serves until the new one has proven itself
    assert target.serving() == "0.2.0"
    begun = time.monotonic()
    served, steps = deploy(target, pins["0.1.0"])
    took = time.monotonic() - begun
    print(f"taken back in {took:.1f} s")  # noqa: T201 - the figure, for -s
    assert served == ["0.2.0"]
    assert "the image titanic-model:0.1.0 is there already" in steps
    assert target.serving() == "0.1.0"
    assert took < 15
    assert containers(bench) == ["titanic-model"]


def test_a_release_that_does_not_start_changes_nothing_and_its_last_words_are_told(
    bench: Workbench, two_releases, port: int, pins: dict[str, Pinned]
) -> None:
    broken = make(
        two_releases[0], port, run_args=["--entrypoint", '["python", "-c", "raise SystemExit(\'no, not I\')"]']
    )
    commits: list[None] = []
    with pytest.raises(SeatrialError, match="ended before it was ready") as refused:
        broken.switch(pins["0.2.0"], lambda: commits.append(None), lambda _: None)
    assert "no, not I" in refused.value.message
    assert commits == []
    assert broken.serving() == "0.1.0"
    assert containers(bench) == ["titanic-model"]


def test_a_release_that_answers_as_another_is_refused(target: Docker, pins: dict[str, Pinned]) -> None:
    """The image of 0.1.0 under the tag of 0.3.0."""
    engine = target._engine
    engine.tool.run("tag", "titanic-model:0.1.0", "titanic-model:0.3.0", doing="tag")
    with pytest.raises(SeatrialError, match=r"it says that it is version 0\.1\.0, not 0\.3\.0"):
        deploy(target, replace(pins["0.1.0"], version="0.3.0"))
    assert target.serving() == "0.1.0"


@pytest.mark.parametrize("moment", ["before the commit", "after the commit", "old one stopped", "new one started"])
def test_an_interrupted_deployment_is_settled(
    bench: Workbench, target: Docker, pins: dict[str, Pinned], port: int, moment: str
) -> None:
    engine, old, new = target._engine, pins["0.1.0"], pins["0.2.0"]
    target.settle(old, lambda _: None)
    spare = free_port()
    pin = pin_digest(new)
    if moment != "after the commit":
        engine.start("titanic-model-next", "titanic-model:0.2.0", pin, spare, "127.0.0.1")
    if moment in ("old one stopped", "new one started"):
        engine.rename("titanic-model", "titanic-model-old")
        engine.stop("titanic-model-old")
    if moment == "new one started":
        engine.start("titanic-model", "titanic-model:0.2.0", pin, port, "127.0.0.1")
    truth = old if moment == "before the commit" else new
    target.settle(truth, lambda _: None)
    assert target.serving() == truth.version
    assert containers(bench) == ["titanic-model"]
    target.settle(truth, lambda _: None)  # nothing to do, and nothing done
    assert target.serving() == truth.version


@pytest.mark.soak
def test_a_deployment_killed_at_any_moment_is_settled(
    bench: Workbench, target: Docker, pins: dict[str, Pinned], tmp_path: Path
) -> None:
    """SIGKILL at random moments: what was committed serves after the next look, and nothing else is left."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    for turn in range(TURNS):
        old, new = (pins["0.1.0"], pins["0.2.0"])[:: 1 if turn % 2 == 0 else -1]
        target.settle(old, lambda _: None)
        decided = tmp_path / f"decided-{turn}"
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                target.switch(new, decided.touch, lambda _: None)
            os._exit(0)
        time.sleep(moments.uniform(0, 6))  # a switch takes some four seconds
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        truth = new if decided.exists() else old
        print(f"turn {turn}: {truth.version} was decided")  # noqa: T201
        target.settle(truth, lambda _: None)
        assert target.serving() == truth.version
        assert containers(bench) == ["titanic-model"]


def test_where_the_new_one_does_not_get_the_port_the_old_one_comes_back(
    bench: Workbench, target: Docker, pins: dict[str, Pinned], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.settle(pins["0.1.0"], lambda _: None)
    stop = type(target._engine).stop
    thieves: list[socket.socket] = []

    def stop_and_lose_the_port(engine: object, name: str) -> None:
        stop(engine, name)
        thieves.append(socket.create_server(("127.0.0.1", port)))

    again = type(target._engine).again

    def give_it_back(engine: object, name: str) -> None:
        thieves.pop().close()
        again(engine, name)

    monkeypatch.setattr(type(target._engine), "stop", stop_and_lose_the_port)
    monkeypatch.setattr(type(target._engine), "again", give_it_back)
    with pytest.raises(SeatrialError, match=f"Port {port} on 127.0.0.1 cannot be used") as refused:
        deploy(target, pins["0.2.0"])
    assert "The old container serves again, while the pin says 0.2.0." in refused.value.message
    monkeypatch.undo()
    end = time.monotonic() + 10
    while target.serving() != "0.1.0":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert containers(bench) == ["titanic-model"]


def test_a_port_that_somebody_else_has_is_told_before_anything_is_built(
    two_releases, bench: Workbench, pins: dict[str, Pinned]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = int(other.getsockname()[1])
        target = make(two_releases[0], taken, image="another-model")
        with pytest.raises(SeatrialError, match=f"Port {taken} on 127.0.0.1 cannot be used: Address already in use"):
            deploy(target, pins["0.1.0"])
    assert bench.run("podman", "image", "exists", "another-model:0.1.0", check=False).returncode != 0


def test_an_image_that_cannot_be_built_is_one_clear_error(
    two_releases, bench: Workbench, pins: dict[str, Pinned], tmp_path
) -> None:
    """The pin wants a file with another hash than the one in the build context."""
    wrong = tmp_path / "requirements.txt"
    wrong.write_text(pins["0.1.0"].requirements.read_text().replace(pins["0.1.0"].sha256, "0" * 64))
    target = make(two_releases[0], free_port(), image="damaged-model")
    with pytest.raises(
        SeatrialError, match=r"podman cannot build the image damaged-model:0\.1\.0; it says:"
    ) as refused:
        deploy(target, replace(pins["0.1.0"], requirements=wrong))
    assert "cannot be installed as requirements.txt pins it" in refused.value.message
    assert target.serving() is None


def test_a_registry_out_of_reach_stops_the_deployment_before_the_commit(
    two_releases, bench: Workbench, pins: dict[str, Pinned], port: int
) -> None:
    target = make(two_releases[0], port, push="127.0.0.1:1/team")
    with pytest.raises(SeatrialError, match=r"podman cannot push 127\.0\.0\.1:1/team/titanic-model:0\.1\.0") as refused:
        target.prepare(pins["0.1.0"], lambda _: None)
    assert "podman login 127.0.0.1:1" in refused.value.hint
    assert target.serving() == "0.1.0"


def test_a_service_that_is_stopped_is_gone_until_it_is_settled(
    bench: Workbench, target: Docker, pins: dict[str, Pinned]
) -> None:
    assert target.stop()
    assert (target.serving(), containers(bench), target.stop()) == (None, [], False)
    target.settle(pins["0.1.0"], lambda _: None)
    assert target.serving() == "0.1.0"
