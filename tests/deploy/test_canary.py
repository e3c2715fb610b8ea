"""A canary beside the release that serves: under load, promoted, taken back, killed, and refused where it must be."""

import json
import os
import signal
import time

import pytest
from tests.deploy.load_generator import LoadProcess
from tests.deploy.project_repo import ProjectRepo, reversion
from tests.serve.clients import until

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture
def served(repo: ProjectRepo) -> ProjectRepo:
    repo.ok("deploy", "local", "0.1.0")
    return repo


def outcomes(repo: ProjectRepo) -> list[tuple[str, str, str]]:
    return [(entry["kind"], entry["version"], entry["outcome"]) for entry in repo.history()]


def test_no_request_is_lost_when_a_canary_is_taken_back_and_promoted(served: ProjectRepo) -> None:
    port = served.status()["port"]
    with LoadProcess(port) as load:
        time.sleep(0.5)
        assert "0.2.0 runs as a canary on local" in served.ok("deploy", "local", "0.2.0", "--canary", "50")
        time.sleep(3)
        assert served.status()["version"] == "0.1.0"
        assert served.status()["canary"]["version"] == "0.2.0"
        assert "taken back" in served.ok("deploy", "local", "--take-back")
        time.sleep(1)
    assert load.result["lost"] == []
    assert load.result["unlabelled"] == 0
    assert set(load.result["answered"]) == {"0.1.0", "0.2.0"}
    with LoadProcess(port) as load:
        served.ok("deploy", "local", "0.2.0", "--canary", "25")
        assert served.status()["canary"]["servers"] == 4
        time.sleep(2)
        assert "0.2.0 serves on local" in served.ok("deploy", "local", "--promote")
        time.sleep(1)
    assert load.result["lost"] == []
    assert set(load.result["answered"]) == {"0.1.0", "0.2.0"}
    assert served.served() == served.pinned() == "0.2.0"
    assert outcomes(served) == [
        ("deploy", "0.1.0", "healthy"),
        ("canary", "0.2.0", "taken back"),
        ("canary", "0.2.0", "promoted"),
        ("deploy", "0.2.0", "healthy"),
    ]
    assert served.git("status", "--porcelain", "deploy") == ""
    served.ok("rollback", "local")
    assert served.served() == "0.1.0"


def test_a_rollback_ends_a_canary(served: ProjectRepo) -> None:
    served.ok("deploy", "local", "0.2.0")
    served.pass_trial("0.3.0", "0.2.0")
    served.ok("deploy", "local", "0.3.0", "--canary", "50")
    served.ok("rollback", "local")
    assert served.status()["canary"] is None
    assert {served.served() for _ in range(10)} == {"0.1.0"}
    assert outcomes(served)[-2:] == [("canary", "0.3.0", "taken back"), ("rollback", "0.1.0", "healthy")]


def test_a_canary_that_crashes_is_taken_back_and_a_killed_supervisor_ends_it(served: ProjectRepo) -> None:
    served.ok("deploy", "local", "0.2.0", "--canary", "50")
    canary = served.local()._supervisor
    pids = _children(served)
    (pid,) = pids - {served.status()["pid"]}
    os.kill(pid, signal.SIGKILL)
    until(lambda: served.status()["canary"]["id"] is None)
    assert "taken back" in served.ok("deployments", "local")  # although the history does not have it yet
    assert served.history()[-1]["outcome"] == "running"
    assert served.served() == "0.1.0"
    assert "exited with code -9" in served.run("deploy", "local", "--promote").stderr
    served.ok("deploy", "local", "0.2.0", "--canary", "50")
    (record,) = canary.folder.glob("supervisor.json")
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    until(lambda: served.local()._supervisor.status() is None)
    assert "0.1.0" in served.ok("deploy", "local", "0.1.0")  # brings the service in line with the lockfile
    assert served.served() == "0.1.0"
    assert [entry[2] for entry in outcomes(served)] == ["healthy", "taken back", "taken back"]
    assert "exited with code -9" in served.history()[1]["said"]


def test_what_may_not_run_as_a_canary_is_refused(served: ProjectRepo, built, tmp_path) -> None:
    def error(*words: str) -> str:
        done = served.run("deploy", "local", *words)
        assert done.returncode in (1, 2), done.stdout
        return done.stderr

    served.publish(reversion(built, "0.9.0", tmp_path))
    assert "No trial of titanic-model==0.9.0" in error("0.9.0", "--canary", "10")
    assert "what serves on local" in error("0.1.0", "--canary", "10")
    assert "1 to 50 percent" in error("0.2.0", "--canary", "60")
    assert "No canary is running" in error("--promote")
    assert "exclude each other" in error("--promote", "--take-back")
    assert "local has no canary" in served.ok("deploy", "local", "--take-back")
    assert "runs no canaries" in served.run("deploy", "railway", "0.2.0", "--canary", "10").stderr
    broken = {"titanic_model/schema.py": lambda content: b"raise RuntimeError('broken')\n" + content}
    served.publish(reversion(built, "0.8.0", tmp_path, broken))
    served.pass_trial("0.8.0", "0.1.0")
    assert "0.8.0 cannot be served" in error("0.8.0", "--canary", "50")
    assert served.history()[-1]["outcome"] == "failed"
    assert served.status()["canary"] is None
    assert served.served() == "0.1.0"


def _children(repo: ProjectRepo) -> set[int]:
    import psutil

    parent = psutil.Process(repo.status()["pid"]).parent()
    assert parent is not None
    return {child.pid for child in parent.children()}
