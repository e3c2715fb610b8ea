"""State that is lost or damaged is named or rebuilt, and the next command works."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deploy.project_repo import ProjectRepo
from tests.serve.clients import until

from seatrial.core.project import find_project
from seatrial.deploy import target_state
from seatrial.deploy.git import Git
from seatrial.deploy.target_state import TargetState

DAMAGED = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    "5",
    '{"entry": 1}',
    '{"entry": "{}"}',
    '{"entry": "{\\"id\\": 5}"}',
    "\0\xff" * 9,
]


@pytest.fixture
def deployed(shared_repo: ProjectRepo) -> ProjectRepo:
    shared_repo.ok("deploy", "local", "0.2.0")
    return shared_repo


def journal(repo: ProjectRepo) -> Path:
    return repo.root / ".seatrial" / "deploy" / "local" / "journal.json"


def remove(path: Path) -> None:
    """Remove a file or a folder at once, although others write into it."""
    gone = path.resolve().with_name(f"{path.resolve().name}.gone")
    path.resolve().rename(gone)
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()


@pytest.mark.parametrize("lost", ["supervisor.json", "control", "."])
def test_a_supervisor_makes_lost_files_anew(deployed: ProjectRepo, lost: str) -> None:
    folder = deployed.root / ".seatrial" / "local"
    before = deployed.status()
    remove(folder / lost)
    until(lambda: (folder / "supervisor.json").exists() and (folder / "control").is_socket(), 5)
    assert deployed.status() == before
    assert (folder / "control").stat().st_mode & 0o777 == 0o600
    deployed.ok("rollback", "local", "--to", "0.1.0")
    assert deployed.served() == "0.1.0"


def test_a_damaged_record_of_the_supervisor_is_replaced(deployed: ProjectRepo) -> None:
    record = deployed.root / ".seatrial" / "local" / "supervisor.json"
    before, content = deployed.status(), record.read_text()
    for damaged in DAMAGED:
        record.write_text(damaged)
        assert deployed.status() == before  # at once: the socket is where it usually is
    until(lambda: record.read_text() == content, 5)


def test_a_crashed_server_is_restarted_although_its_wheel_is_lost(deployed: ProjectRepo) -> None:
    before = deployed.status()
    remove(deployed.root / ".seatrial" / "local" / "wheels")
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: deployed.status()["pid"] not in (None, before["pid"]), 20)
    assert deployed.served() == "0.2.0"


def test_a_damaged_journal_is_no_obstacle(deployed: ProjectRepo) -> None:
    history, state = deployed.history(), TargetState(find_project(deployed.root), "local")
    for content in DAMAGED:
        journal(deployed).write_text(content)
        assert state.finish_interrupted(), content
        assert not journal(deployed).exists()
        assert not state.finish_interrupted()
    journal(deployed).write_text(DAMAGED[0])
    deployed.ok("deploy", "local", "0.2.0")
    assert deployed.history() == history
    assert deployed.git("status", "--porcelain", "deploy") == ""


def test_a_deployment_whose_record_is_lost_is_recorded_from_the_lockfile(deployed: ProjectRepo) -> None:
    """As after a kill between lockfile and history, with the journal lost, too."""
    path = deployed.root / "deploy" / "local" / "history.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lost = json.loads(lines[-1])
    path.write_text("".join(lines[:-1]))
    deployed.git("commit", "--quiet", "-am", "Lose a line")
    deployed.ok("deploy", "local", "0.2.0")
    rebuilt = deployed.history()[-1]
    kept = ("id", "release", "version", "sha256", "package", "pin", "outcome")
    assert {key: rebuilt[key] for key in kept} == {key: lost[key] for key in kept}
    assert rebuilt["why"].startswith("Rebuilt from the lockfile")
    assert deployed.git("status", "--porcelain", "deploy") == ""


def test_what_a_killed_command_did_not_commit_is_committed_by_the_next(
    deployed: ProjectRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the history and the commit: nothing is staged, and the journal is still there."""

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Git, "commit_only", killed)
        assert deployed.run("rollback", "local", "--to", "0.1.0").returncode == 130
    assert deployed.pinned() == "0.1.0"
    assert deployed.git("diff", "--cached", "--name-only") == ""
    assert journal(deployed).exists()
    deployed.ok("rollback", "local", "--to", "0.1.0")
    assert deployed.git("status", "--porcelain", "deploy") == ""
    assert not journal(deployed).exists()


def test_a_stale_lock_of_git_is_named(deployed: ProjectRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.deploy.git.LOCK_SECONDS", 0.0)
    path = deployed.root / ".git" / "index.lock"
    path.write_text("")
    try:
        done = deployed.run("rollback", "local", "--to", "0.1.0")
    finally:
        path.unlink()
    assert deployed.served() == "0.1.0"
    assert f"{path} exists; if no other git command is running, one was killed: delete that file" in done.stderr
    deployed.ok("rollback", "local", "--to", "0.1.0")
    assert deployed.git("status", "--porcelain", "deploy") == ""


@pytest.mark.soak
def test_damage_of_other_files_of_a_deployment_is_named_or_does_not_matter(deployed: ProjectRepo) -> None:
    private = deployed.root / ".seatrial" / "deploy" / "local"
    damages: dict[Path, Callable[[Path], object]] = {
        private / "written.json": lambda path: path.write_text("{"),
        next((private / "pins").glob("*/requirements.txt")): lambda path: path.write_text("half a li"),
        next((private / "pins").glob("*/wheels/titanic_model*.whl")): lambda path: path.write_bytes(b"PK"),
    }
    for path, damage in damages.items():
        damage(path)
        deployed.ok("rollback", "local", "--to", "0.1.0")
        deployed.ok("deploy", "local", "0.2.0")
        assert deployed.served() == "0.2.0", path


def test_what_is_deployed_now_stays_stored_although_the_clock_was_set_back(deployed: ProjectRepo) -> None:
    state = TargetState(find_project(deployed.root), "local")
    current = state.current()
    assert current is not None
    pins = deployed.root / ".seatrial" / "deploy" / "local" / "pins"
    for number in range(target_state.STORE_LIMIT):
        earlier = pins / f"earlier-{number}" / "requirements.txt"
        earlier.parent.mkdir()
        earlier.write_text("")
        os.utime(earlier, (time.time() + 86400,) * 2)
    try:
        state.store(current.lockfile, [])
        assert state.stored(current.pin) is not None
        assert len(list(pins.iterdir())) == target_state.STORE_LIMIT
    finally:
        for folder in pins.glob("earlier-*"):
            shutil.rmtree(folder)
