"""A canary is promoted or taken back by its version: another one may run by the time that something is proven."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.steps import canary


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A target on which 0.4.0 runs as a canary, and what is done to it."""
    done: list[str] = []
    target = SimpleNamespace(name="local", canary=None, running_canary=lambda: {"id": "x", "version": "0.4.0"})
    monkeypatch.setattr("seatrial.deploy.open_target", lambda *_: target)
    monkeypatch.setattr(canary, "deploy", lambda *words, **_: done.append(f"promoted {words[2]}"))
    return done


class Locked:
    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def locked(self) -> "Locked":
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_beside_a_release_that_the_lockfile_does_not_name_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `git revert` of a deployment: its trial would be against the release of the lockfile."""
    target = SimpleNamespace(name="docker", canary=None, serving=lambda: "0.2.0")
    current = SimpleNamespace(version="0.1.0", sha256="1")
    deployer = Locked(state=SimpleNamespace(current=lambda: current), target=target)
    monkeypatch.setattr(canary, "open_deployer", lambda *_, **__: deployer)
    monkeypatch.setattr(canary, "find_release", lambda *_: SimpleNamespace(sha256="3"))
    project: Any = SimpleNamespace()
    with pytest.raises(SeatrialError, match=r"docker serves 0\.2\.0, but its lockfile names 0\.1\.0"):
        canary.start_canary(project, "docker", "0.3.0")


@pytest.mark.parametrize("exit_code", [0, 1])
def test_what_is_proven_of_a_release_is_not_done_to_another(
    running: list[str], monkeypatch: pytest.MonkeyPatch, exit_code: int
) -> None:
    monkeypatch.setattr(canary, "open_deployer", lambda *_, **__: Locked(target=SimpleNamespace(canary=None)))
    monkeypatch.setattr("seatrial.deploy.canary_deployment.take_back", lambda _: running.append("taken back"))
    found: Any = SimpleNamespace(exit_code=exit_code, candidate="0.3.0", decision=SimpleNamespace(why="proven"))
    project: Any = SimpleNamespace(root=Path("nowhere"))
    with pytest.raises(SeatrialError, match=r"0\.4\.0 runs as the canary on local, not 0\.3\.0"):
        canary.settle_canary(project, "local", found)
    assert running == []


def test_a_promotion_is_of_the_release_that_is_named(running: list[str]) -> None:
    project: Any = SimpleNamespace()
    with pytest.raises(SeatrialError, match=r"0\.4\.0 runs as the canary"):
        canary.promote(project, "local", "0.3.0")
    assert running == []
    canary.promote(project, "local", "0.4.0")
    assert running == ["promoted 0.4.0"]
