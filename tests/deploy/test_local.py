"""Deployments as a user sees them: the service, the pin, the history, and git."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.deploy.yard import PACKAGE, Yard, reversion
from tests.serve.serving import Client, until

pytestmark = pytest.mark.slow


def test_a_release_is_deployed_replaced_and_taken_back(yard: Yard) -> None:
    first = json.loads(yard.ok("deploy", "local", "0.1.0", "--reason", "the first one", "--json"))
    assert first["address"].startswith("http://127.0.0.1:")
    assert yard.answered() == yard.pinned() == "0.1.0"
    assert "serves on local" in yard.ok("deploy", "local", "0.2.0")
    assert yard.answered() == yard.pinned() == "0.2.0"
    assert "0.1.0 serves" in yard.ok("rollback", "local", "--reason", "wrong for children")
    assert yard.answered() == yard.pinned() == "0.1.0"
    told = yard.listed()
    assert told["serving"] == told["pinned"] == "0.1.0"
    assert told["agree"]
    kinds = [(d["kind"], d["version"], d["before"], d["outcome"], d["why"]) for d in told["deployments"]]
    assert kinds == [
        ("deploy", "0.1.0", "", "healthy", "the first one"),
        ("deploy", "0.2.0", "0.1.0", "healthy", "Start the project"),  # what the last commit says
        ("rollback", "0.1.0", "0.2.0", "healthy", "wrong for children"),
    ]
    assert {d["who"] for d in told["deployments"]} == {"Ada Tester"}
    assert told["deployments"][1]["verdict"] == {
        "outcome": "passed", "cause": "Passed: all checks hold.", "against": "0.1.0",
    }  # fmt: skip
    assert yard.git("log", "--format=%s").splitlines() == [
        "Roll back titanic-model to 0.1.0 on local",
        "Deploy titanic-model 0.2.0 to local",
        "Deploy titanic-model 0.1.0 to local",
        "Start the project",
    ]
    assert yard.git("status", "--porcelain", "deploy") == ""
    table = yard.ok("deployments")
    assert "local serves 0.1.0." in table


def test_what_serves_already_is_said_and_nothing_is_done(shared: Yard) -> None:
    before = shared.traces()
    assert "0.2.0 serves on local already" in shared.ok("deploy", "local", "0.2.0")
    assert "0.2.0 serves on local already" in shared.ok("rollback", "local", "--to", "0.2.0")
    assert shared.traces() == before


def test_the_pin_has_a_hash_for_everything_and_no_address(shared: Yard) -> None:
    pin = shared.pin()
    assert "://" not in pin
    assert " @ " not in pin
    lines = [line for line in pin.replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert len(lines) > 10
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    assert lines[0].startswith("titanic-model==0.2.0")
    assert lines[1].startswith("seatrial[serve]==0.1.0+")
    release = json.loads((shared.root / "src" / PACKAGE / "artifacts" / "release.json").read_text())
    assert f"numpy=={release['environment']['numpy']}" in pin  # what it was made with


def test_other_changes_in_git_stay_as_they_are(yard: Yard) -> None:
    (yard.root / "staged.txt").write_text("mine\n")
    (yard.root / "README.md").write_text("half done\n")
    yard.git("add", "staged.txt")
    before = yard.git("status", "--porcelain")
    yard.ok("deploy", "local", "0.1.0")
    assert yard.git("status", "--porcelain") == before
    assert sorted(yard.git("show", "--name-only", "--format=").split()) == [
        "deploy/local/history.jsonl",
        "deploy/local/requirements.txt",
    ]


def test_no_commit_leaves_the_files_and_the_next_command_takes_them_along(yard: Yard) -> None:
    yard.ok("deploy", "local", "0.1.0", "--no-commit")
    assert "deploy/" in yard.git("status", "--porcelain")
    yard.ok("deploy", "local", "0.2.0")
    assert yard.git("status", "--porcelain", "deploy") == ""
    assert [entry["version"] for entry in yard.history()] == ["0.1.0", "0.2.0"]


def test_without_git_the_deployment_is_done_and_one_line_says_so(yard: Yard) -> None:
    (yard.root / ".git").rename(yard.root / ".away")
    done = yard.run("deploy", "local", "0.1.0", env={**os.environ, "GIT_CEILING_DIRECTORIES": str(yard.root.parent)})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no git repository") == 1
    assert yard.answered() == "0.1.0"


def test_a_push_that_fails_is_a_failure_though_it_serves(yard: Yard) -> None:
    done = yard.run("deploy", "local", "0.1.0", "--push")
    assert done.returncode == 1
    assert "not pushed; git says:" in done.stderr
    assert yard.answered() == "0.1.0"
    remote = yard.root.parent / "remote.git"
    yard.git("init", "--quiet", "--bare", str(remote))
    yard.git("remote", "add", "origin", str(remote))
    yard.git("config", "push.default", "current")
    yard.ok("deploy", "local", "0.2.0", "--push")
    assert yard.git("ls-remote", "origin", "main").split()[0] == yard.git("rev-parse", "HEAD").strip()


def spoiled(name: str) -> dict[str, object]:
    init = f"{PACKAGE}/__init__.py"
    golden = f"{PACKAGE}/artifacts/golden.json"
    return {
        "crashes": {init: lambda code: code + b"\nraise RuntimeError('no sails')\n"},
        "hangs": {init: lambda code: code + b"\nimport time; time.sleep(600)\n"},
        "dies": {init: lambda code: code + b"\nimport os; os._exit(11)\n"},
        "answers otherwise": {golden: lambda text: text.replace(b"0.9197096", b"0.9297096")},
    }[name]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("crashes", "it ended before it was ready. It said:"),
        ("hangs", "it was not ready within 4 s."),
        ("dies", "it ended before it was ready."),
        ("answers otherwise", "its golden rows are answered otherwise than at training, by up to 0.01"),
    ],
)
def test_a_release_that_does_not_come_up_changes_nothing_and_is_recorded(
    shared: Yard, built: Path, tmp_path: Path, fault: str, message: str
) -> None:
    version = f"0.9.{['crashes', 'hangs', 'dies', 'answers otherwise'].index(fault)}"
    shared.publish(reversion(built, version, tmp_path, spoiled(fault)))  # type: ignore[arg-type]
    shared.pass_trial(version, "0.2.0")
    shared.settings("port = 0\npatience = 4")
    pin, pid, lines = shared.pin(), shared.status()["pid"], len(shared.history())
    done = shared.run("deploy", "local", version)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint: What ran before serves on." in done.stderr
    assert "no sails" in done.stderr or fault != "crashes"
    assert shared.pin() == pin
    assert shared.status()["pid"] == pid
    assert shared.answered() == "0.2.0"
    *_, last = shared.history()
    assert len(shared.history()) == lines + 1
    assert (last["outcome"], last["version"], last["before"]) == ("failed", version, "0.2.0")
    assert message in last["said"]
    assert "did not come into service" in shared.git("log", "-1", "--format=%s")
    back = shared.run("rollback", "local", "--to", version)
    assert back.returncode == 1
    assert f"No release {version} was ever healthy on local." in back.stderr


def test_a_crashed_server_is_started_again_and_callers_wait(shared: Yard) -> None:
    before = shared.status()
    os.kill(before["pid"], signal.SIGKILL)
    assert shared.answered() == "0.2.0"  # the connection waits in the queue of the socket that the supervisor holds
    after = shared.status()
    assert after["pid"] != before["pid"]
    assert after["port"] == before["port"]
    assert after["restarts"] == before["restarts"] + 1


def test_a_killed_supervisor_takes_its_servers_along_and_the_next_command_serves_the_pin(shared: Yard) -> None:
    server = shared.status()["pid"]
    supervisor = json.loads((shared.root / ".seatrial" / "local" / "supervisor.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not _runs(server))
    told = shared.listed()
    assert (told["serving"], told["pinned"], told["agree"]) == (None, "0.2.0", False)
    assert "should serve 0.2.0, but does not respond" in shared.ok("deployments")
    assert "0.2.0 serves on local" in shared.ok("deploy", "local", "0.2.0")
    assert shared.answered() == "0.2.0"


def test_stop_ends_it_and_deploying_the_same_starts_it_again(shared: Yard) -> None:
    port = shared.status()["port"]
    assert "local is stopped" in shared.run("deploy", "local", "--stop").stderr
    with pytest.raises(OSError, match="refused"):
        Client(port)
    assert "local is not running" in shared.run("deploy", "local", "--stop").stderr
    shared.ok("deploy", "local", "0.2.0")
    assert shared.answered() == "0.2.0"


def test_a_pin_that_came_by_git_is_told_apart_from_what_serves(shared: Yard) -> None:
    pin, history = shared.pin(), shared.history()
    (shared.root / "deploy" / "local" / "requirements.txt").write_text(pin.replace("0.2.0", "0.3.0"))
    shared.git("commit", "--quiet", "-am", "Somebody else deployed")
    told = shared.ok("deployments", "local")
    assert "local serves 0.2.0, but its lockfile names 0.3.0." in told
    shared.git("revert", "--no-edit", "HEAD")
    assert shared.history() == history
    assert "local serves 0.2.0." in shared.ok("deployments", "local")


def test_what_a_killed_command_left_half_written_is_swept_away(shared: Yard) -> None:
    left = shared.root / "deploy" / "local" / ".history.jsonl.6r8bd82z"
    left.write_text("half of a li")
    shared.ok("deploy", "local", "0.2.0")
    assert not left.exists()
    assert shared.git("status", "--porcelain", "deploy") == ""


def test_only_the_owner_can_call_the_supervisor(shared: Yard) -> None:
    path = Path(json.loads((shared.root / ".seatrial" / "local" / "supervisor.json").read_text())["control"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_rollback_needs_no_index_no_network_and_under_five_seconds(yard: Yard) -> None:
    import time

    yard.ok("deploy", "local", "0.1.0")
    yard.ok("deploy", "local", "0.2.0")
    (yard.root / ".seatrial" / "index").rename(yard.root / "gone")
    began = time.monotonic()
    done = yard.run("rollback", "local", env={**os.environ, "UV_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5 or os.getloadavg()[0] > 2 + (os.cpu_count() or 1)
    assert yard.answered() == "0.1.0"


def test_rollbacks_go_further_back_each_time(yard: Yard) -> None:
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        yard.ok("deploy", "local", version)
    assert yard.pinned() == "0.3.0"
    for version in ("0.2.0", "0.1.0"):
        yard.ok("rollback", "local")
        assert yard.answered() == yard.pinned() == version
    done = yard.run("rollback", "local")
    assert done.returncode == 1
    assert "There is nothing to roll back to on local" in done.stderr
    assert "seatrial rollback local --to ...`, of 0.3.0, 0.2.0." in done.stderr
    yard.ok("rollback", "local", "--to", "0.3.0")
    assert yard.answered() == "0.3.0"


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
