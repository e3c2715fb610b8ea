"""Several clones of a project on one machine, as CI pipelines make them: they share the service and what is in git."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.deploy.project_repo import COMMAND, PACKAGE, ProjectRepo
from tests.serve.clients import until

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.deploy.target_state import TargetState

pytestmark = pytest.mark.soak
INIT = f"src/{PACKAGE}/__init__.py"


def fix_port(repo: ProjectRepo) -> int:
    """Set a fixed port for the service, and commit that."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    repo.settings(f"port = {port}")
    repo.git("commit", "--quiet", "-am", "Fix the port")
    return port


def clone_of(repo: ProjectRepo, folder: Path) -> ProjectRepo:
    """Another clone on the same machine, with the same trials and index, and otherwise only what is in git."""
    repo.git("clone", "--quiet", str(repo.root), str(folder))
    for name in ("index", "trials"):
        shutil.copytree(repo.root / ".seatrial" / name, folder / ".seatrial" / name)
    other = ProjectRepo(folder)
    other.git("config", "user.name", "Bob Tester")
    other.git("config", "user.email", "bob@example.invalid")
    return other


def test_another_clone_can_take_over_the_service_of_a_deleted_clone(repo: ProjectRepo, tmp_path: Path) -> None:
    port = fix_port(repo)
    repo.ok("deploy", "local", "0.1.0")
    assert not (repo.root / ".seatrial" / "local").exists()
    other = clone_of(repo, tmp_path / "other")
    supervisor = other.local()._supervisor.folder
    shutil.rmtree(repo.root)  # as a CI job removes its folder
    repo.root = other.root  # so that `close` stops its service
    assert "0.1.0 serves on local already" in other.ok("deploy", "local", "0.1.0")
    os.kill(other.status()["pid"], signal.SIGKILL)
    until(lambda: other.status()["restarts"] == 1)
    assert other.served() == "0.1.0"
    other.ok("deploy", "local", "0.2.0")
    assert (other.served(), other.status()["port"]) == ("0.2.0", port)
    other.ok("rollback", "local")
    assert (other.served(), other.status()["port"]) == ("0.1.0", port)
    assert len(list((supervisor / "wheels").iterdir())) == 1


def test_a_clone_leaves_a_deployment_that_it_does_not_know_alone(repo: ProjectRepo, tmp_path: Path) -> None:
    port = fix_port(repo)
    first = clone_of(repo, tmp_path / "first")  # before anything was deployed
    repo.ok("deploy", "local", "0.1.0")
    second = clone_of(repo, tmp_path / "second")
    repo.ok("deploy", "local", "0.2.0")
    before, pid = repo.traces(), repo.status()["pid"]
    for stale, commands in ((first, ["deploy"]), (second, ["deploy", "rollback"])):
        for command in commands:
            traces = stale.traces()
            done = stale.run(command, "local")
            assert done.returncode == 1
            assert f"Port {port} serves deployment " in done.stderr
            assert "which is not in this clone's history." in done.stderr
            assert "Run `git pull`, or stop that service: `seatrial deploy local --stop`." in done.stderr
            assert stale.traces() == traces
    first.local().settle(None, print)  # as after an interrupted first deployment
    pinned = TargetState(find_project(second.root), "local").current()
    assert pinned is not None
    with pytest.raises(SeatrialError, match="not in this clone's history"):
        second.local()._refuse_unknown(second.local()._supervisor.status())
    assert (repo.served(), repo.status()["pid"], repo.traces()) == ("0.2.0", pid, before)
    second.git("pull", "--quiet")
    second.ok("rollback", "local")
    assert repo.served() == "0.1.0"
    assert "local is stopped" in first.run("deploy", "local", "--stop").stderr


def test_when_two_clones_deploy_at_once_the_second_is_refused(repo: ProjectRepo, tmp_path: Path) -> None:
    fix_port(repo)
    repo.ok("deploy", "local", "0.1.0")
    other = clone_of(repo, tmp_path / "other")
    repo.pass_trial("0.3.0", "0.1.0")
    commands = [
        subprocess.Popen([*COMMAND, "deploy", "local", version], cwd=where.root, stderr=subprocess.PIPE, text=True)
        for where, version in ((repo, "0.2.0"), (other, "0.3.0"))
    ]
    errors = [command.communicate(timeout=120)[1] for command in commands]
    codes = [command.returncode for command in commands]
    assert sorted(codes) == [0, 1], errors
    winner, loser = (repo, other) if codes[0] == 0 else (other, repo)
    error = errors[codes.index(1)]
    assert "not in this clone's history" in error or "Another clone of this project has just deployed." in error
    assert winner.served() == winner.pinned()
    assert loser.pinned() == "0.1.0"


def test_a_changed_port_setting_does_not_lose_the_service(repo: ProjectRepo) -> None:
    port = fix_port(repo)
    repo.ok("deploy", "local", "0.1.0")
    repo.settings("port = 0")
    assert repo.served() == "0.1.0"
    fix_port(repo)
    done = repo.run("deploy", "local", "0.2.0")
    assert done.returncode == 1
    assert f"The service runs on 127.0.0.1:{port}, but the settings say" in done.stderr
    assert "local is stopped" in repo.run("deploy", "local", "--stop").stderr
    repo.ok("deploy", "local", "0.2.0")
    assert repo.served() == "0.2.0"


def test_a_version_bump_is_committed_with_its_lockfile_and_nothing_else(repo: ProjectRepo) -> None:
    init = repo.root / "src" / PACKAGE / "__init__.py"
    first = init.read_text()
    init.write_text(first.replace('"0.1.0"', '"0.2.0"'))
    repo.ok("deploy", "local", "0.1.0")
    assert INIT in repo.git("status", "--porcelain")  # not the deployed version
    repo.ok("deploy", "local", "0.2.0")
    assert repo.git("status", "--porcelain") == ""
    assert sorted(repo.git("show", "--name-only", "--format=").split()) == [
        "deploy/local/history.jsonl",
        "deploy/local/pylock.toml",
        "deploy/local/requirements.txt",
        INIT,
    ]
    raised = first.replace('"0.1.0"', '"0.3.0"')
    init.write_text(raised + "# half done\n")
    refused = repo.run("deploy", "local", "0.3.0")
    assert f"Files of titanic-model==0.3.0 are not committed: {INIT}." in refused.stderr
    repo.ok("deploy", "local", "0.3.0", "--allow-dirty")
    assert INIT in repo.git("status", "--porcelain")
    assert f"Not committed: {INIT}" in repo.git("log", "-1", "--format=%b")
    assert repo.history()[-1]["uncommitted"] == [INIT]
    init.write_text(raised)
    repo.git("add", INIT)  # staged, so somebody is about to commit it
    repo.ok("deploy", "local", "0.3.0")
    assert INIT in repo.git("status", "--porcelain")
    repo.git("reset", "--quiet", INIT)
    repo.ok("rollback", "local")  # to 0.2.0, the version in git
    assert INIT in repo.git("status", "--porcelain")
    assert init.read_text() == raised
