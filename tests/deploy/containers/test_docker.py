"""The target `docker`, with Podman: releases are deployed, rolled back, broken and interrupted."""

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.deploy.containers.container_tools import ContainerTools
from tests.deploy.pinned_releases import free_port
from tests.serve.clients import until

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import lockfile_digest
from seatrial.deploy.target import PinnedRelease

pytestmark = pytest.mark.soak
TURNS = 20


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture
def target(tools: ContainerTools, two_releases, port: int) -> Docker:
    return make(two_releases[0], port)


def make(project: ProjectSettings, port: int, **settings: object) -> Docker:
    target = Docker(project, {"port": port, "patience": 20.0, **settings})
    target.check()
    return target


@pytest.fixture(scope="module", autouse=True)
def _first(tools: ContainerTools, two_releases, pinned: dict[str, PinnedRelease], port: int) -> Iterator[None]:
    """The first deployment of all."""
    target = make(two_releases[0], port)
    assert target.serving() is None
    commits: list[str] = []
    assert target.switch(pinned["0.1.0"], lambda: commits.append("0.1.0"), lambda _: None) == f"http://127.0.0.1:{port}"
    assert commits == ["0.1.0"]
    yield
    tools.run("podman", "rm", "--all", "--force")


def containers(tools: ContainerTools) -> list[str]:
    return sorted(tools.run("podman", "ps", "--all", "--format", "{{.Names}}").stdout.split())


def deploy(target: Docker, pinned: PinnedRelease) -> tuple[list[str | None], list[str]]:
    """Deploy; returns what was serving at the moment of the commit, and the reported steps."""
    served: list[str | None] = []
    steps: list[str] = []
    target.prepare(pinned, steps.append)
    target.switch(pinned, lambda: served.append(target.serving()), steps.append)
    return served, steps


def test_a_release_is_switched_and_rolled_back_quickly(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    assert deploy(target, pinned["0.2.0"])[0] == ["0.1.0"]  # the old one serves until the new one is verified
    assert target.serving() == "0.2.0"
    began = time.monotonic()
    served, steps = deploy(target, pinned["0.1.0"])
    took = time.monotonic() - began
    print(f"taken back in {took:.1f} s")  # noqa: T201 - the figure, for -s
    assert served == ["0.2.0"]
    assert "the image titanic-model:0.1.0 already exists" in steps
    assert target.serving() == "0.1.0"
    assert took < 15
    assert containers(tools) == ["titanic-model"]


def test_a_release_that_does_not_start_changes_nothing_and_its_last_output_is_shown(
    tools: ContainerTools, two_releases, port: int, pinned: dict[str, PinnedRelease]
) -> None:
    broken = make(
        two_releases[0], port, run_args=["--entrypoint", '["python", "-c", "raise SystemExit(\'no, not I\')"]']
    )
    commits: list[None] = []
    with pytest.raises(SeatrialError, match="exited before it was ready") as refused:
        broken.switch(pinned["0.2.0"], lambda: commits.append(None), lambda _: None)
    assert "no, not I" in refused.value.message
    assert commits == []
    assert broken.serving() == "0.1.0"
    assert containers(tools) == ["titanic-model"]


def test_a_release_that_reports_another_version_is_refused(target: Docker, pinned: dict[str, PinnedRelease]) -> None:
    """The image of 0.1.0 under the tag of 0.3.0."""
    engine = target._engine
    engine.tool.run("tag", "titanic-model:0.1.0", "titanic-model:0.3.0", doing="tag")
    with pytest.raises(SeatrialError, match=r"it reports version 0\.1\.0 instead of 0\.3\.0"):
        deploy(target, replace(pinned["0.1.0"], version="0.3.0"))
    assert target.serving() == "0.1.0"


@pytest.mark.parametrize("moment", ["before the commit", "after the commit", "old one stopped", "new one started"])
def test_an_interrupted_deployment_is_settled(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease], port: int, moment: str
) -> None:
    engine, old, new = target._engine, pinned["0.1.0"], pinned["0.2.0"]
    target.settle(old, lambda _: None)
    spare = free_port()
    digest = lockfile_digest(new)
    if moment != "after the commit":
        engine.start("titanic-model-next", "titanic-model:0.2.0", digest, spare, "127.0.0.1")
    if moment in ("old one stopped", "new one started"):
        engine.rename("titanic-model", "titanic-model-old")
        engine.stop("titanic-model-old")
    if moment == "new one started":
        is_open = ("--env", "SEATRIAL_OPEN=1")
        engine.start("titanic-model", "titanic-model:0.2.0", digest, port, "127.0.0.1", is_open)
    truth = old if moment == "before the commit" else new
    target.settle(truth, lambda _: None)
    assert target.serving() == truth.version
    assert containers(tools) == ["titanic-model"]
    target.settle(truth, lambda _: None)  # does nothing
    assert target.serving() == truth.version


def test_a_container_that_a_killed_command_is_about_to_start_is_removed(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    """Podman goes on without the command that has started it, and Docker's engine as well."""
    target.settle(pinned["0.1.0"], lambda _: None)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            target._engine.start("titanic-model-next", "titanic-model:0.1.0", "digest", free_port(), "127.0.0.1")
        os._exit(0)
    until(lambda: psutil.Process(child).children())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    target.settle(pinned["0.1.0"], lambda _: None)
    assert containers(tools) == ["titanic-model"]
    time.sleep(2)
    assert containers(tools) == ["titanic-model"]
    assert target.serving() == "0.1.0"


def test_a_deployment_killed_at_any_moment_is_settled(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease], tmp_path: Path
) -> None:
    """SIGKILL at random moments: after `settle` the committed release serves, and nothing else is left."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    for turn in range(TURNS):
        old, new = (pinned["0.1.0"], pinned["0.2.0"])[:: 1 if turn % 2 == 0 else -1]
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
        assert containers(tools) == ["titanic-model"]


def test_if_the_new_container_does_not_get_the_port_the_old_one_returns(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.settle(pinned["0.1.0"], lambda _: None)
    stop = type(target._engine).stop
    thieves: list[socket.socket] = []

    def stop_and_lose_the_port(engine: object, name: str) -> None:
        stop(engine, name)
        thieves.append(socket.create_server(("127.0.0.1", port)))

    restart = type(target._engine).restart

    def give_it_back(engine: object, name: str) -> None:
        thieves.pop().close()
        restart(engine, name)

    monkeypatch.setattr(type(target._engine), "stop", stop_and_lose_the_port)
    monkeypatch.setattr(type(target._engine), "restart", give_it_back)
    with pytest.raises(SeatrialError, match=f"Port {port} on 127.0.0.1 cannot be used") as refused:
        deploy(target, pinned["0.2.0"])
    assert "The old container is running again, but the lockfile names 0.2.0." in refused.value.message
    monkeypatch.undo()
    end = time.monotonic() + 10
    while target.serving() != "0.1.0":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert containers(tools) == ["titanic-model"]


def test_a_port_in_use_is_reported_before_anything_is_built(
    two_releases, tools: ContainerTools, pinned: dict[str, PinnedRelease]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = int(other.getsockname()[1])
        target = make(two_releases[0], taken, image="another-model")
        with pytest.raises(SeatrialError, match=f"Port {taken} on 127.0.0.1 cannot be used: Address already in use"):
            deploy(target, pinned["0.1.0"])
    assert tools.run("podman", "image", "exists", "another-model:0.1.0", check=False).returncode != 0


def test_an_image_that_cannot_be_built_is_a_clear_error(
    two_releases, tools: ContainerTools, pinned: dict[str, PinnedRelease], tmp_path
) -> None:
    """The lockfile has another hash than the file in the build context."""
    wrong = tmp_path / "requirements.txt"
    wrong.write_text(pinned["0.1.0"].requirements.read_text().replace(pinned["0.1.0"].sha256, "0" * 64))
    target = make(two_releases[0], free_port(), image="damaged-model")
    with pytest.raises(
        SeatrialError, match=r"podman cannot build the image damaged-model:0\.1\.0\. Its output:"
    ) as refused:
        deploy(target, replace(pinned["0.1.0"], requirements=wrong))
    assert "DO NOT MATCH THE HASHES" in refused.value.message
    assert "Cannot install what requirements.txt pins" in refused.value.message
    assert target.serving() is None


def test_an_unreachable_registry_stops_the_deployment_before_the_commit(
    two_releases, tools: ContainerTools, pinned: dict[str, PinnedRelease], port: int
) -> None:
    target = make(two_releases[0], port, push="127.0.0.1:1/team")
    with pytest.raises(SeatrialError, match=r"podman cannot push 127\.0\.0\.1:1/team/titanic-model:0\.1\.0") as refused:
        target.prepare(pinned["0.1.0"], lambda _: None)
    assert "podman login 127.0.0.1:1" in refused.value.hint
    assert target.serving() == "0.1.0"


def test_a_stopped_service_stays_stopped_until_it_is_settled(
    tools: ContainerTools, target: Docker, pinned: dict[str, PinnedRelease]
) -> None:
    assert target.stop()
    assert (target.serving(), containers(tools), target.stop()) == (None, [], False)
    target.settle(pinned["0.1.0"], lambda _: None)
    assert target.serving() == "0.1.0"
