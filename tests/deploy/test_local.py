"""Deployments as a user sees them: the service, the lockfile, the history, and git."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.deploy.project_repo import PACKAGE, ROW, ProjectRepo, reversion
from tests.serve.clients import Client, until

pytestmark = pytest.mark.slow


def test_a_release_is_deployed_replaced_and_rolled_back(repo: ProjectRepo) -> None:
    first = json.loads(repo.ok("deploy", "local", "0.1.0", "--reason", "the first one", "--json"))
    assert first["address"].startswith("http://127.0.0.1:")
    assert repo.served() == repo.pinned() == "0.1.0"
    assert "serves on local" in repo.ok("deploy", "local", "0.2.0")
    assert repo.served() == repo.pinned() == "0.2.0"
    assert "0.1.0 serves" in repo.ok("rollback", "local", "--reason", "wrong for children")
    assert repo.served() == repo.pinned() == "0.1.0"
    listed = repo.listed()
    assert listed["serving"] == listed["pinned"] == "0.1.0"
    assert listed["agree"]
    kinds = [(d["kind"], d["version"], d["before"], d["outcome"], d["why"]) for d in listed["deployments"]]
    assert kinds == [
        ("deploy", "0.1.0", "", "healthy", "the first one"),
        ("deploy", "0.2.0", "0.1.0", "healthy", "Start the project"),  # the subject of the last commit
        ("rollback", "0.1.0", "0.2.0", "healthy", "wrong for children"),
    ]
    assert {d["who"] for d in listed["deployments"]} == {"Ada Tester"}
    remarks = "The policy of 0.1.0 is unknown, since its sdist is not on the index."
    assert listed["deployments"][1]["verdict"] == {
        "outcome": "passed", "cause": f"Passed: all 10 checks passed. {remarks}", "against": "0.1.0", "remarks": remarks,
    }  # fmt: skip
    assert repo.git("log", "--format=%s").splitlines() == [
        "Roll back titanic-model to 0.1.0 on local",
        "Deploy titanic-model 0.2.0 to local",
        "Deploy titanic-model 0.1.0 to local",
        "Start the project",
    ]
    assert repo.git("status", "--porcelain", "deploy") == ""
    table = repo.ok("deployments")
    assert "local serves 0.1.0." in table


def test_deploying_the_running_release_does_nothing(shared_repo: ProjectRepo) -> None:
    before = shared_repo.traces()
    assert "0.2.0 serves on local already" in shared_repo.ok("deploy", "local", "0.2.0")
    assert "0.2.0 serves on local already" in shared_repo.ok("rollback", "local", "--to", "0.2.0")
    assert shared_repo.traces() == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_service_and_its_supervisor_get_only_harmless_variables(shared_repo: ProjectRepo) -> None:
    """Pytest sets a variable of its own, which stands for any token of the command that deployed."""
    assert "PYTEST_CURRENT_TEST" in os.environ
    server = psutil.Process(shared_repo.status()["pid"])
    for process in (server, server.parent()):
        assert process is not None
        assert "PATH" in process.environ()
        assert "PYTEST_CURRENT_TEST" not in process.environ()


def test_the_lockfile_has_a_hash_for_everything_and_no_url(shared_repo: ProjectRepo) -> None:
    lockfile = shared_repo.lockfile()
    assert "://" not in lockfile
    assert " @ " not in lockfile
    lines = [line for line in lockfile.replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert len(lines) > 10
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    assert lines[0].startswith("titanic-model==0.2.0")
    assert lines[1].startswith("seatrial[serve]==0.1.0+")
    release = json.loads((shared_repo.root / "src" / PACKAGE / "artifacts" / "release.json").read_text())
    assert f"numpy=={release['environment']['numpy']}" in lockfile  # the version that it was trained with


def test_other_changes_in_git_are_left_alone(repo: ProjectRepo) -> None:
    (repo.root / "staged.txt").write_text("mine\n")
    (repo.root / "README.md").write_text("half done\n")
    repo.git("add", "staged.txt")
    before = repo.git("status", "--porcelain")
    repo.ok("deploy", "local", "0.1.0")
    assert repo.git("status", "--porcelain") == before
    assert sorted(repo.git("show", "--name-only", "--format=").split()) == [
        "deploy/local/history.jsonl",
        "deploy/local/pylock.toml",
        "deploy/local/requirements.txt",
    ]


def test_with_no_commit_the_next_command_commits_the_files(repo: ProjectRepo) -> None:
    repo.ok("deploy", "local", "0.1.0", "--no-commit")
    assert "deploy/" in repo.git("status", "--porcelain")
    repo.ok("deploy", "local", "0.2.0")
    assert repo.git("status", "--porcelain", "deploy") == ""
    assert [entry["version"] for entry in repo.history()] == ["0.1.0", "0.2.0"]


def test_without_git_a_deployment_works_with_one_warning(repo: ProjectRepo) -> None:
    (repo.root / ".git").rename(repo.root / ".away")
    done = repo.run("deploy", "local", "0.1.0", env={**os.environ, "GIT_CEILING_DIRECTORIES": str(repo.root.parent)})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not in a git repository") == 1
    assert repo.served() == "0.1.0"


def test_a_failed_push_is_an_error_although_the_release_serves(repo: ProjectRepo) -> None:
    done = repo.run("deploy", "local", "0.1.0", "--push")
    assert done.returncode == 1
    assert "is committed but not pushed. git:" in done.stderr
    assert repo.served() == "0.1.0"
    remote = repo.root.parent / "remote.git"
    repo.git("init", "--quiet", "--bare", str(remote))
    repo.git("remote", "add", "origin", str(remote))
    repo.git("config", "push.default", "current")
    repo.ok("deploy", "local", "0.2.0", "--push")
    assert repo.git("ls-remote", "origin", "main").split()[0] == repo.git("rev-parse", "HEAD").strip()


def faulty(name: str) -> dict[str, object]:
    init = f"{PACKAGE}/__init__.py"
    golden = f"{PACKAGE}/artifacts/golden.json"
    return {
        "crashes": {init: lambda code: code + b"\nraise RuntimeError('no sails')\n"},
        "hangs": {init: lambda code: code + b"\nimport time; time.sleep(600)\n"},
        "dies": {init: lambda code: code + b"\nimport os; os._exit(11)\n"},
        "predicts differently": {golden: lambda text: text.replace(b"0.9197096", b"0.9297096")},
    }[name]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param("crashes", "the server exited before it was ready. Its last output:", marks=pytest.mark.soak),
        ("hangs", "the server was not ready within 4 s."),
        pytest.param("dies", "the server exited before it was ready.", marks=pytest.mark.soak),
        ("predicts differently", "its predictions for the golden rows differ from those at training by up to 0.01"),
    ],
)
def test_a_release_that_does_not_start_changes_nothing_and_is_recorded(
    shared_repo: ProjectRepo, built: Path, tmp_path: Path, fault: str, message: str
) -> None:
    version = f"0.9.{['crashes', 'hangs', 'dies', 'predicts differently'].index(fault)}"
    shared_repo.publish(reversion(built, version, tmp_path, faulty(fault)))  # type: ignore[arg-type]
    shared_repo.pass_trial(version, "0.2.0")
    patience = 4 if fault == "hangs" else 60  # on a busy machine the others take longer than 4 s to start
    shared_repo.settings(f"port = 0\npatience = {patience}")
    lockfile, pid, lines = shared_repo.lockfile(), shared_repo.status()["pid"], len(shared_repo.history())
    done = shared_repo.run("deploy", "local", version)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint: The earlier release is still running." in done.stderr
    assert "no sails" in done.stderr or fault != "crashes"
    assert shared_repo.lockfile() == lockfile
    assert shared_repo.status()["pid"] == pid
    assert shared_repo.served() == "0.2.0"
    *_, last = shared_repo.history()
    assert len(shared_repo.history()) == lines + 1
    assert (last["outcome"], last["version"], last["before"]) == ("failed", version, "0.2.0")
    assert message in last["said"]
    assert "Record the failed deployment of" in shared_repo.git("log", "-1", "--format=%s")
    back = shared_repo.run("rollback", "local", "--to", version)
    assert back.returncode == 1
    assert f"Release {version} was never healthy on local." in back.stderr


def test_a_crashed_server_is_restarted_while_callers_wait(shared_repo: ProjectRepo) -> None:
    before = shared_repo.status()
    os.kill(before["pid"], signal.SIGKILL)
    assert shared_repo.served() == "0.2.0"  # the connection waits in the queue of the supervisor's socket
    after = shared_repo.status()
    assert after["pid"] != before["pid"]
    assert after["port"] == before["port"]
    assert after["restarts"] == before["restarts"] + 1


def test_servers_exit_with_a_killed_supervisor_and_the_next_command_serves_the_lockfile(
    shared_repo: ProjectRepo,
) -> None:
    server = shared_repo.status()["pid"]
    supervisor = json.loads((shared_repo.root / ".seatrial" / "local" / "supervisor.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not _runs(server))
    listed = shared_repo.listed()
    assert (listed["serving"], listed["pinned"], listed["agree"]) == (None, "0.2.0", False)
    assert "should serve 0.2.0, but does not respond" in shared_repo.ok("deployments")
    assert "0.2.0 serves on local" in shared_repo.ok("deploy", "local", "0.2.0")
    assert shared_repo.served() == "0.2.0"


def test_stop_ends_the_service_and_deploying_again_restarts_it(shared_repo: ProjectRepo) -> None:
    port = shared_repo.status()["port"]
    assert "local is stopped" in shared_repo.run("deploy", "local", "--stop").stderr
    with pytest.raises(OSError, match="refused"):
        Client(port)
    assert "local is not running" in shared_repo.run("deploy", "local", "--stop").stderr
    shared_repo.ok("deploy", "local", "0.2.0")
    assert shared_repo.served() == "0.2.0"


def test_a_lockfile_from_git_that_differs_from_the_running_release_is_reported(shared_repo: ProjectRepo) -> None:
    lockfile, history = shared_repo.lockfile(), shared_repo.history()
    (shared_repo.root / "deploy" / "local" / "requirements.txt").write_text(lockfile.replace("0.2.0", "0.3.0"))
    shared_repo.git("commit", "--quiet", "-am", "Somebody else deployed")
    table = shared_repo.ok("deployments", "local")
    assert "local serves 0.2.0, but its lockfile names 0.3.0." in table
    shared_repo.git("revert", "--no-edit", "HEAD")
    assert shared_repo.history() == history
    assert "local serves 0.2.0." in shared_repo.ok("deployments", "local")


def test_partial_files_of_a_killed_command_are_removed(shared_repo: ProjectRepo) -> None:
    partial = shared_repo.root / "deploy" / "local" / ".history.jsonl.99999999-6bd82a"
    partial.write_text("half of a li")
    editors = partial.with_name(".history.jsonl.swp")
    editors.write_text("what somebody has not saved yet")
    shared_repo.ok("deploy", "local", "0.2.0")
    assert not partial.exists()
    editors.unlink()  # it was kept
    assert shared_repo.git("status", "--porcelain", "deploy") == ""


def test_only_the_owner_can_call_the_supervisor(shared_repo: ProjectRepo) -> None:
    path = Path(json.loads((shared_repo.root / ".seatrial" / "local" / "supervisor.json").read_text())["control"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_rollback_needs_no_index_and_no_network_and_takes_under_five_seconds(repo: ProjectRepo) -> None:
    repo.ok("deploy", "local", "0.1.0")
    repo.ok("deploy", "local", "0.2.0")
    (repo.root / ".seatrial" / "index").rename(repo.root / "gone")
    began = time.monotonic()
    done = repo.run("rollback", "local", env={**os.environ, "UV_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5 or os.getloadavg()[0] > 2 + (os.cpu_count() or 1)
    assert repo.served() == "0.1.0"


@pytest.mark.soak
def test_each_rollback_goes_one_release_further_back(repo: ProjectRepo) -> None:
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        repo.ok("deploy", "local", version)
    assert repo.pinned() == "0.3.0"
    for version in ("0.2.0", "0.1.0"):
        repo.ok("rollback", "local")
        assert repo.served() == repo.pinned() == version
    done = repo.run("rollback", "local")
    assert done.returncode == 1
    assert "Nothing to roll back to on local" in done.stderr
    assert "To choose one of 0.3.0, 0.2.0, run `seatrial rollback local --to VERSION`." in done.stderr
    repo.ok("rollback", "local", "--to", "0.3.0")
    assert repo.served() == "0.3.0"


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_service_with_keys_is_verified_and_answers_only_callers_with_one(repo: ProjectRepo) -> None:
    secret = repo.ok("keys", "add", "web").strip()
    repo.settings('port = 0\nhost = "0.0.0.0"\nroot_path = "/models/titanic"')
    row = json.dumps(ROW).encode()
    for version in ("0.1.0", "0.2.0"):
        repo.ok("deploy", "local", version)
        client = Client(repo.status()["port"])
        assert client.predict(row).status == 401
        reply = client.predict(row, f"Authorization: Bearer {secret}")
        assert (reply.status, reply.json()["version"]) == (200, version)
        assert b"/models/titanic/openapi.json" in client.ask("GET", "/docs").body
    repo.ok("keys", "revoke", "web")
    until(lambda: client.predict(row, f"Authorization: Bearer {secret}").status == 401)
    os.kill(repo.status()["pid"], signal.SIGKILL)  # it is verified again, with a key that nobody else has
    until(lambda: repo.status()["restarts"] == 1 and repo.status()["pid"], 30)
    assert Client(repo.status()["port"]).predict(row).status == 401


def test_a_service_for_other_machines_without_keys_is_refused(repo: ProjectRepo) -> None:
    repo.settings('port = 0\nhost = "0.0.0.0"')
    done = repo.run("deploy", "local", "0.1.0")
    assert done.returncode == 1
    assert "Other machines can reach the service on 0.0.0.0, and it has no access keys." in done.stderr
    assert repo.history() == []
    repo.settings('port = 0\nhost = "0.0.0.0"\nopen = true')
    repo.ok("deploy", "local", "0.1.0")
    assert Client(repo.status()["port"]).predict(json.dumps(ROW).encode()).status == 200
