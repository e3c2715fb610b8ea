"""What goes wrong with deployments and rollbacks gives one clear line, its exit code, and leaves no trace."""

import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.yard import Yard, reversion

from seatrial.core.project import find_project
from seatrial.deploy import TargetState
from seatrial.trial.records import Outcome

pytestmark = pytest.mark.slow


def refused(yard: Yard, *words: str, code: int = 1, **more: Any) -> str:
    """Run a command that is refused: one error, no trace, and the service as it was. Gives what was said."""
    before = yard.traces()
    done = yard.run(*words, **more)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert yard.traces() == before
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
        (("deploy", "locl"), "There is no target 'locl'.\nhint: Did you mean local?"),
        (("rollback", "moon"), "There is no target 'moon'.\nhint: Known: local, docker, railway, kubernetes;"),
        (("deployments", "moon"), "There is no target 'moon'."),
        (("deploy", "local", "7.0"), "has no titanic-model==7.0.\nhint: It has titanic-model 0.1.0, 0.2.0, 0.3.0."),
        (("deploy", "local", "new"), "'titanic-model==new' is not a release."),
        (("rollback", "local", "--to", "7.0"), "No release 7.0 was ever healthy on local.\nhint: Once healthy there: 0.1.0."),
        (("rollback", "local", "--to", "0.3.0"), "No release 0.3.0 was ever healthy on local."),
    ],
)  # fmt: skip
def test_names_that_are_not_there(shared: Yard, words: tuple[str, ...], message: str) -> None:
    assert message in refused(shared, *words)


def test_a_release_that_was_not_tried_against_what_runs_now(shared: Yard, built: Path, tmp_path: Path) -> None:
    shared.publish(reversion(built, "0.4.0", tmp_path))
    shared.pass_trial("0.4.0", "0.1.0")
    said = refused(shared, "deploy", "local", "0.4.0")
    assert "No trial of titanic-model==0.4.0 has been run against 0.2.0, which runs there now." in said
    assert "hint: Run `seatrial trial titanic-model==0.2.0 titanic-model==0.4.0`." in said
    shared.pass_trial("0.4.0", "0.2.0", Outcome.blocked)
    assert "This wheel has not passed its trial. Blocked: it is worse." in refused(shared, "deploy", "local", "0.4.0")


def test_the_trial_of_other_bytes_under_the_same_version(yard: Yard, built: Path, tmp_path: Path) -> None:
    other = reversion(
        built, "0.5.0", tmp_path / "other", {"titanic_model/__init__.py": lambda code: code + b"# other\n"}
    )
    yard.wheels["0.5.0"] = other
    yard.pass_trial("0.5.0", None)
    yard.publish(reversion(built, "0.5.0", tmp_path))
    said = refused(yard, "deploy", "local", "0.5.0")
    assert "No trial has been held of this wheel" in said
    assert "hint: Run `seatrial trial`." in said


def test_an_index_without_a_release(yard: Yard) -> None:
    shutil.rmtree(yard.root / ".seatrial" / "index")
    said = refused(yard, "deploy", "local")
    assert "has no release of titanic-model." in said
    assert "`seatrial build`, then `seatrial publish`" in said


def test_a_damaged_wheel_on_the_index(shared: Yard) -> None:
    wheel = shared.root / ".seatrial" / "index" / "simple" / "titanic-model" / "titanic_model-0.3.0-py3-none-any.whl"
    with changed(wheel, lambda content: content[:-1] + b"x"):
        assert "is not what was published: its hash is different." in refused(shared, "deploy", "local", "0.3.0")


def test_a_port_that_somebody_else_has(yard: Yard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        yard.settings(f"port = {port}")
        said = refused(yard, "deploy", "local", "0.1.0")
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in said
    assert "[tool.seatrial.deploy.local] port = 8002" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("prot = 8001", "has an unknown key `prot`.\nhint: Did you mean `port`?"),
        ('port = "8001"', "port = '8001': Input should be a valid integer."),
        ("port = 1", "and the settings say 127.0.0.1:1.\nhint: Stop it first: `seatrial deploy local --stop`."),
        ('class = "nowhere:Local"', "class = 'nowhere:Local': there is no module nowhere."),
        ('class = "seatrial.deploy.local:Moon"', "seatrial.deploy.local has no Moon."),
    ],
)
def test_settings_that_cannot_be(shared: Yard, settings: str, message: str) -> None:
    with changed(shared.root / "pyproject.toml", lambda text: text.replace(b"port = 0", settings.encode())):
        assert message in refused(shared, "deploy", "local", "0.3.0")


@pytest.mark.parametrize("name", ["requirements.txt", "history.jsonl"])
@pytest.mark.parametrize("command", [("deploy", "local", "0.3.0"), ("rollback", "local")], ids=["deploy", "rollback"])
def test_files_that_were_changed_by_hand(shared: Yard, name: str, command: tuple[str, ...]) -> None:
    path = shared.root / "deploy" / "local" / name
    with changed(path, lambda text: text + b"\n"):
        said = refused(shared, *command)
    assert f"{path} was changed by hand, and not committed." in said
    assert f"`git checkout -- {path}`" in said


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("history.jsonl", lambda text: b"{" + text, "history.jsonl, line 1, is no deployment."),
        ("requirements.txt", lambda text: text + b"numpy\n", "does not pin numpy to a version and a hash."),
        ("requirements.txt", lambda text: text + b"--index-url x\n", "has an invalid line: '--index-url x'."),
    ],
)
def test_files_that_were_damaged_and_committed(
    shared: Yard, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    head = shared.git("rev-parse", "HEAD").strip()
    with changed(shared.root / "deploy" / "local" / name, change):
        shared.git("commit", "--quiet", "-am", "Damage it")
        for command in (("deploy", "local", "0.3.0"), ("rollback", "local")):
            assert message in refused(shared, *command)
    shared.git("reset", "--quiet", "--hard", head)


def test_nothing_to_roll_back_to(yard: Yard) -> None:
    said = refused(yard, "rollback", "local")
    assert "There is nothing to roll back to on local" in said
    assert "hint: Deploy one: `seatrial deploy local`." in said


def test_another_command_at_the_same_time(shared: Yard) -> None:
    with TargetState(find_project(shared.root), "local").lock():
        for command in (("deploy", "local", "0.3.0"), ("rollback", "local")):
            assert "Another command is deploying to local at this moment." in refused(shared, *command)


def test_no_network_and_nothing_in_the_cache(shared: Yard, tmp_path: Path) -> None:
    away = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "cold"), "UV_OFFLINE": "1"}
    said = refused(shared, "deploy", "local", "0.3.0", env=away)
    assert "The release's requirements cannot be resolved; uv says:" in said
    assert "hint: What is not in uv's cache needs the network." in said


def test_a_full_disk(shared: Yard) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    said = refused(shared, "deploy", "local", "0.3.0", preexec_fn=full)
    assert "cannot be written" in said or "cannot be resolved" in said or "File too large" in said
    before = shared.answered()
    assert before == "0.2.0"
    assert shared.run("rollback", "local", preexec_fn=full).returncode == 1
    assert shared.answered() == shared.pinned() == "0.2.0"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folders_without_the_right_to_write(shared: Yard) -> None:
    folder = shared.root / "deploy" / "local"
    folder.chmod(0o500)
    try:
        assert "cannot be written" in refused(shared, "rollback", "local")
    finally:
        folder.chmod(0o700)
