"""No request is lost while releases change, a rollback takes under five seconds, and kill -9 does no harm."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deploy.load_generator import LoadProcess
from tests.deploy.project_repo import ProjectRepo
from tests.serve.clients import until

from seatrial.cli.app import run

pytestmark = pytest.mark.soak
ROUNDS, KILLS = 10, 100


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_no_request_is_lost_in_deployments_and_rollbacks_under_load(shared_repo: ProjectRepo) -> None:
    deploys, rollbacks = [], []
    shared_repo.ok("rollback", "local", "--to", "0.1.0")
    with LoadProcess(shared_repo.status()["port"]) as load:
        for _ in range(ROUNDS):
            deploys.append(timed(lambda: shared_repo.ok("deploy", "local", "0.2.0")))
            rollbacks.append(timed(lambda: shared_repo.ok("rollback", "local")))
            assert shared_repo.served() == "0.1.0"  # as soon as the command has finished
    result = load.result
    print(f"{result}; deploy {max(deploys):.1f} s, rollback {max(rollbacks):.1f} s at most")  # noqa: T201
    assert result["lost"] == []
    assert result["unlabelled"] == 0
    assert sum(result["answered"].values()) == result["sent"]
    assert set(result["answered"]) == {"0.1.0", "0.2.0"}
    assert result["per_second"] > 150  # of 200; a busy machine is slower
    if os.getloadavg()[0] < 2 + (os.cpu_count() or 1):  # meaningless on a busy machine
        assert max(rollbacks) < 5


def in_child(words: list[str]) -> int:
    """Run a command in a fork, which has all modules loaded; returns its process ID."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for handle in (0, 1, 2):
                os.dup2(null, handle)
            os._exit(run(words))
        finally:
            os._exit(99)
    return child


def end(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def project(repo: ProjectRepo) -> list[str]:
    return ["--project", str(repo.root)]


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_a_command_killed_at_any_moment_leaves_the_old_or_the_new_state(shared_repo: ProjectRepo, command: str) -> None:
    """SIGKILL at random moments: the lockfile decides, the service follows it, and the next command works."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    start, goal = ("0.1.0", "0.2.0") if command == "deploy" else ("0.2.0", "0.1.0")
    words = [command, "local", *(["0.2.0"] if command == "deploy" else ["--to", "0.1.0"]), *project(shared_repo)]
    back = [["rollback", "local", "--to", "0.1.0"], ["deploy", "local", "0.2.0"]][command == "rollback"]
    back += project(shared_repo)
    assert end(in_child(back)) == 0
    length = timed(lambda: end(in_child(words)))
    assert end(in_child(back)) == 0
    before, after = 0, 0
    for turn in range(KILLS):
        child = in_child(words)
        if turn % 2:  # otherwise few kills would come after the lockfile is written, which is quick
            until(lambda: shared_repo.pinned() == goal, 60)
        # The first comes at once, so that at least one is before the lockfile.
        time.sleep(moments.uniform(0, 0.3 if turn % 2 else length) if turn else 0)
        os.kill(child, signal.SIGKILL)
        end(child)
        assert shared_repo.pinned() in (start, goal)
        assert shared_repo.served() in (start, goal)
        until(lambda: shared_repo.served() == shared_repo.pinned(), 10)
        before, after = before + (shared_repo.pinned() == start), after + (shared_repo.pinned() == goal)
        assert end(in_child(back)) == 0, "the next command works"
        assert shared_repo.served() == shared_repo.pinned() == start
    print(f"killed within {length:.2f} s: {before} times before the lockfile, {after} times after it")  # noqa: T201
    assert before
    assert after
    outcomes = {entry["outcome"] for entry in shared_repo.history()}
    assert outcomes <= {"healthy", "interrupted"}
    assert len({entry["id"] for entry in shared_repo.history()}) == len(shared_repo.history())
    assert shared_repo.git("status", "--porcelain", "deploy") == ""


def test_a_supervisor_killed_at_any_moment_is_replaced_by_one_that_serves_the_lockfile(
    shared_repo: ProjectRepo,
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    state = shared_repo.root / ".seatrial" / "local" / "supervisor.json"
    versions = ["0.1.0", "0.2.0"]
    assert end(in_child(["rollback", "local", "--to", "0.1.0", *project(shared_repo)])) == 0
    for turn in range(6):
        goal = versions[1 - versions.index(shared_repo.pinned())]
        words = ["rollback", "local", "--to", goal] if goal == "0.1.0" else ["deploy", "local", goal]
        supervisor = json.loads(state.read_text())["pid"]
        child = in_child([*words, *project(shared_repo)])
        time.sleep(moments.uniform(0, 1.5))
        os.kill(supervisor, signal.SIGKILL)
        assert end(child) in (0, 1), turn
        pinned = shared_repo.pinned()
        assert pinned in versions
        # whatever happened, deploying the release of the lockfile again works
        assert end(in_child(["deploy", "local", pinned, *project(shared_repo)])) == 0
        assert shared_repo.served() == pinned
        assert Path(f"/proc/{json.loads(state.read_text())['pid']}").exists()
