"""Finding a container engine and building with it, with fake commands; and running external commands."""

import os
from pathlib import Path

import pytest
from tests.deploy.fake_commands import FakeCommand, fake_command
from tests.deploy.pinned_releases import fake_pinned_release, free_port
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import find_engine
from seatrial.deploy.tools import Tool, ToolError


@pytest.fixture
def tiny(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeCommand]:
    """Both engines on the PATH, running."""
    commands = {name: fake_command(tmp_path / name, name) for name in ("docker", "podman")}
    monkeypatch.setenv("PATH", os.pathsep.join(str(each.folder / "bin") for each in commands.values()))
    return commands


def test_docker_is_preferred_and_podman_is_the_fallback(engines: dict[str, FakeCommand]) -> None:
    assert find_engine().tool.name == "docker"
    engines["docker"].behave("version", 1, err="Cannot connect to the Docker daemon at unix:///var/run/docker.sock\n")
    assert find_engine().tool.name == "podman"
    assert find_engine("podman").tool.name == "podman"


def test_an_engine_that_is_not_running_is_reported_with_its_output(
    engines: dict[str, FakeCommand], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines["docker"].behave("version", 1, err="Cannot connect to the Docker daemon\n")
    with pytest.raises(
        SeatrialError, match=r"docker cannot reach its engine\. Its output:\n  Cannot connect"
    ) as refused:
        find_engine("docker")
    assert refused.value.hint == 'Start it, or set tool = "podman".'
    monkeypatch.setenv("PATH", str(engines["docker"].folder / "bin"))
    with pytest.raises(SeatrialError, match="docker cannot reach its engine"):
        find_engine()


def test_without_an_engine_it_says_what_to_install(tiny: ProjectSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SeatrialError, match="neither docker nor podman is installed") as refused:
        Docker(tiny, {}).check()
    assert "apt-get install podman" in refused.value.hint
    with pytest.raises(SeatrialError, match="podman is not installed"):
        Docker(tiny, {"tool": "podman"}).check()


def test_a_build_passes_the_wheels_and_no_token(
    tiny: ProjectSettings, engines: dict[str, FakeCommand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = fake_pinned_release(tmp_path / "pin", tiny)
    engines["docker"].behave("inspect", 1, err="Error: No such image: tiny-model:0.1.0\n")
    engines["docker"].behave("build", 1, err="error: failed to solve: no space left on device\n")
    target = Docker(tiny, {"port": free_port()})
    with pytest.raises(
        SeatrialError, match=r"docker cannot build the image tiny-model:0\.1\.0\. Its output:"
    ) as refused:
        target.prepare(pinned, lambda _: None)
    assert "no space left on device" in refused.value.message
    (call,) = [call for call in engines["docker"].calls if "build" in call["argv"]]
    assert "org.opencontainers.image.version=0.1.0" in call["argv"]
    assert f"seatrial.wheel.sha256={pinned.sha256}" in call["argv"]
    assert not [word for word in call["argv"] if "PIP_EXTRA_INDEX_URL" in word or "secret" in word]


def test_hanging_commands_are_killed_with_their_children_and_secrets_are_masked(tmp_path: Path) -> None:
    shell = Tool("/bin/sh", secrets=("hush", ""))
    with pytest.raises(ToolError, match=r"sh cannot wait: it did not finish within 0 s"):
        shell.run("-c", "sleep 600 & wait", doing="wait", timeout=0.2)
    assert shell.run("-c", "echo hush; echo more >&2", doing="say", with_stderr=True) == "****\nmore\n"
    with pytest.raises(ToolError, match=r"^sh cannot say\. Its output:\n  no \*\*\*\*$"):
        shell.run("-c", "echo no hush >&2; exit 3", doing="say")
    with pytest.raises(ToolError, match=r"^sh cannot end: exit code 3\.$"):
        shell.run("-c", "exit 3", doing="end")
    assert shell.run("-c", "cat", doing="read", stdin="rows") == "rows"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prot": 1}, "has an unknown key `prot`"),
        ({"port": 70000}, "port = 70000"),
        ({"tool": "lxc"}, "tool = 'lxc'"),
        ({"run_args": "--rm"}, "run_args = '--rm'"),
    ],
)
def test_an_invalid_setting_is_named(tiny: ProjectSettings, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SeatrialError) as refused:
        Docker(tiny, settings)
    assert f"[tool.seatrial.deploy.docker] {message}" in refused.value.message
