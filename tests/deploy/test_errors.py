"""Deployments and rollbacks that fail print one clear error, set the exit code, and leave nothing behind."""

import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.project_repo import ProjectRepo, reversion

from seatrial.core.project import find_project
from seatrial.deploy import TargetState
from seatrial.trial.records import Outcome

pytestmark = pytest.mark.slow


def refused(repo: ProjectRepo, *words: str, code: int = 1, **more: Any) -> str:
    """Run a command that must be refused: one error, nothing left behind, the same service. Returns its standard error."""
    before = repo.traces()
    done = repo.run(*words, **more)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert repo.traces() == before
    return done.stderr


@contextmanager
def changed(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("deploy", "locl"), "Unknown target 'locl'.\nhint: Did you mean local?"),
        (("rollback", "moon"), "Unknown target 'moon'.\nhint: Known: local, docker, railway, kubernetes."),
        (("deployments", "moon"), "Unknown target 'moon'."),
        (("deploy", "local", "7.0"), "has no titanic-model==7.0.\nhint: It has titanic-model 0.1.0, 0.2.0, 0.3.0."),
        (("deploy", "local", "new"), "'titanic-model==new' is not a release."),
        (("rollback", "local", "--to", "7.0"), "Release 7.0 was never healthy on local.\nhint: Healthy releases: 0.1.0."),
        (("rollback", "local", "--to", "0.3.0"), "Release 0.3.0 was never healthy on local."),
    ],
)  # fmt: skip
def test_unknown_names(shared_repo: ProjectRepo, words: tuple[str, ...], message: str) -> None:
    assert message in refused(shared_repo, *words)


def test_settings_of_no_target_are_not_passed_over(repo: ProjectRepo) -> None:
    settings = repo.root / "pyproject.toml"
    with changed(settings, lambda text: text + b"\n[tool.seatrial.deploy.locl]\nport = 9000\n"):
        error = refused(repo, "deploy", "local")
    assert "[tool.seatrial.deploy.locl] belongs to no target.\nhint: Did you mean local?" in error


def test_a_release_without_a_trial_against_the_running_one(
    shared_repo: ProjectRepo, built: Path, tmp_path: Path
) -> None:
    shared_repo.publish(reversion(built, "0.4.0", tmp_path))
    shared_repo.pass_trial("0.4.0", "0.1.0")
    error = refused(shared_repo, "deploy", "local", "0.4.0")
    assert "No trial of titanic-model==0.4.0 has been run against 0.2.0, which runs there now." in error
    assert "hint: Run `seatrial trial titanic-model==0.2.0 titanic-model==0.4.0`." in error
    shared_repo.pass_trial("0.4.0", "0.2.0", Outcome.blocked)
    assert "This wheel has not passed its trial. Blocked: it is worse." in refused(
        shared_repo, "deploy", "local", "0.4.0"
    )


def test_a_trial_of_another_wheel_with_the_same_version(repo: ProjectRepo, built: Path, tmp_path: Path) -> None:
    other = reversion(
        built, "0.5.0", tmp_path / "other", {"titanic_model/__init__.py": lambda code: code + b"# other\n"}
    )
    repo.wheels["0.5.0"] = other
    repo.pass_trial("0.5.0", None)
    repo.publish(reversion(built, "0.5.0", tmp_path))
    error = refused(repo, "deploy", "local", "0.5.0")
    assert "No trial has been run for this wheel" in error
    assert "hint: Run `seatrial trial`." in error


def test_an_index_without_a_release(repo: ProjectRepo) -> None:
    shutil.rmtree(repo.root / ".seatrial" / "index")
    error = refused(repo, "deploy", "local")
    assert "has no release of titanic-model." in error
    assert "`seatrial build`, then `seatrial publish`" in error


def test_a_damaged_wheel_on_the_index(shared_repo: ProjectRepo) -> None:
    wheel = (
        shared_repo.root / ".seatrial" / "index" / "simple" / "titanic-model" / "titanic_model-0.3.0-py3-none-any.whl"
    )
    with changed(wheel, lambda content: content[:-1] + b"x"):
        assert "is not what was published: its hash is different." in refused(shared_repo, "deploy", "local", "0.3.0")


def test_a_port_in_use(repo: ProjectRepo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        repo.settings(f"port = {port}")
        error = refused(repo, "deploy", "local", "0.1.0")
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in error
    assert "[tool.seatrial.deploy.local] port = 8002" in error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("prot = 8001", "has an unknown key `prot`.\nhint: Did you mean `port`?"),
        ('port = "8001"', "port = '8001': Input should be a valid integer."),
        ("port = 1", "but the settings say 127.0.0.1:1.\nhint: Stop it first: `seatrial deploy local --stop`."),
        ('class = "nowhere:Local"', "class = 'nowhere:Local': no module nowhere found."),
        ('class = "seatrial.deploy.local:Moon"', "seatrial.deploy.local has no Moon."),
    ],
)
def test_invalid_settings(shared_repo: ProjectRepo, settings: str, message: str) -> None:
    with changed(shared_repo.root / "pyproject.toml", lambda text: text.replace(b"port = 0", settings.encode())):
        assert message in refused(shared_repo, "deploy", "local", "0.3.0")


@pytest.mark.parametrize("name", ["requirements.txt", "history.jsonl"])
@pytest.mark.parametrize("command", [("deploy", "local", "0.3.0"), ("rollback", "local")], ids=["deploy", "rollback"])
def test_files_edited_by_hand(shared_repo: ProjectRepo, name: str, command: tuple[str, ...]) -> None:
    path = shared_repo.root / "deploy" / "local" / name
    with changed(path, lambda text: text + b"\n"):
        error = refused(shared_repo, *command)
    assert f"{path} was edited by hand and is not committed." in error
    assert f"`git checkout -- {path}`" in error


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("history.jsonl", lambda text: b"{" + text, "history.jsonl, line 1, is not a deployment."),
        ("requirements.txt", lambda text: text + b"numpy\n", "does not pin numpy to a version and a hash."),
        ("requirements.txt", lambda text: text + b"--index-url x\n", "has an invalid line: '--index-url x'."),
    ],
)
def test_damaged_files_that_were_committed(
    shared_repo: ProjectRepo, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    head = shared_repo.git("rev-parse", "HEAD").strip()
    with changed(shared_repo.root / "deploy" / "local" / name, change):
        shared_repo.git("commit", "--quiet", "-am", "Damage it")
        for command in (("deploy", "local", "0.3.0"), ("rollback", "local")):
            assert message in refused(shared_repo, *command)
    shared_repo.git("reset", "--quiet", "--hard", head)


def test_nothing_to_roll_back_to(repo: ProjectRepo) -> None:
    error = refused(repo, "rollback", "local")
    assert "Nothing to roll back to on local" in error
    assert "hint: Deploy a release: `seatrial deploy local`." in error


def test_another_command_at_the_same_time(shared_repo: ProjectRepo) -> None:
    with TargetState(find_project(shared_repo.root), "local").lock():
        for command in (("deploy", "local", "0.3.0"), ("rollback", "local")):
            assert "Another command is deploying to local." in refused(shared_repo, *command)


def test_no_network_and_an_empty_cache(shared_repo: ProjectRepo, tmp_path: Path) -> None:
    offline = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "cold"), "UV_OFFLINE": "1"}
    error = refused(shared_repo, "deploy", "local", "0.3.0", env=offline)
    assert "The release's requirements cannot be resolved; uv says:" in error
    assert (
        "hint: Only wheels are installed. Those that are not in the installer's cache need a network connection."
        in error
    )


def test_a_full_disk(shared_repo: ProjectRepo) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    error = refused(shared_repo, "deploy", "local", "0.3.0", preexec_fn=full)
    assert "Cannot write" in error or "cannot be resolved" in error or "File too large" in error
    assert shared_repo.served() == "0.2.0"
    assert shared_repo.run("rollback", "local", preexec_fn=full).returncode == 1
    assert shared_repo.served() == shared_repo.pinned() == "0.2.0"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root can write everywhere")
def test_folders_without_write_permission(shared_repo: ProjectRepo) -> None:
    folder = shared_repo.root / "deploy" / "local"
    folder.chmod(0o500)
    try:
        assert "Cannot write" in refused(shared_repo, "rollback", "local")
    finally:
        folder.chmod(0o700)
