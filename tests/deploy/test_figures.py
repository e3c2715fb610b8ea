"""The figures: no request lost while releases come and go, a rollback in five seconds, and every kill -9."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deploy.load import Loading
from tests.deploy.yard import Yard
from tests.serve.serving import until
from tests.soak import turns

from seatrial.cli.app import run

pytestmark = pytest.mark.slow
ROUNDS = turns(10, 4)
KILLS = turns(20, 8)


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_deployments_and_rollbacks_under_load_lose_no_request(shared: Yard) -> None:
    deploys, rollbacks = [], []
    shared.ok("rollback", "local", "--to", "0.1.0")
    with Loading(shared.status()["port"]) as load:
        for _ in range(ROUNDS):
            deploys.append(timed(lambda: shared.ok("deploy", "local", "0.2.0")))
            rollbacks.append(timed(lambda: shared.ok("rollback", "local")))
            assert shared.answered() == "0.1.0"  # from the moment on that the command says so
    found = load.result
    print(f"{found}; deploy {max(deploys):.1f} s, rollback {max(rollbacks):.1f} s at most")  # noqa: T201
    assert found["lost"] == []
    assert found["unsaid"] == 0
    assert sum(found["answered"].values()) == found["asked"]
    assert set(found["answered"]) == {"0.1.0", "0.2.0"}
    assert found["per_second"] > 150  # of 200, which a busy machine does not keep up
    if os.getloadavg()[0] < 2 + (os.cpu_count() or 1):  # on a machine that does other things this says nothing
        assert max(rollbacks) < 5


def in_child(words: list[str]) -> int:
    """Run a command in a fork, which has loaded everything; gives its process id."""
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


def project(yard: Yard) -> list[str]:
    return ["--project", str(yard.root)]


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_a_command_killed_at_any_moment_leaves_one_of_two_states(shared: Yard, command: str) -> None:
    """SIGKILL at random moments; the pin decides, the service follows it, and the next command simply works."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    start, goal = ("0.1.0", "0.2.0") if command == "deploy" else ("0.2.0", "0.1.0")
    words = [command, "local", *(["0.2.0"] if command == "deploy" else ["--to", "0.1.0"]), *project(shared)]
    back = [["rollback", "local", "--to", "0.1.0"], ["deploy", "local", "0.2.0"]][command == "rollback"]
    back += project(shared)
    assert end(in_child(back)) == 0
    length = timed(lambda: end(in_child(words)))
    assert end(in_child(back)) == 0
    before, after = 0, 0
    for turn in range(KILLS):
        child = in_child(words)
        if turn % 2:  # else few would fall into what comes after the pin, which is quick
            until(lambda: shared.pinned() == goal, 60)
        time.sleep(moments.uniform(0, 0.3 if turn % 2 else length))
        os.kill(child, signal.SIGKILL)
        end(child)
        assert shared.pinned() in (start, goal)
        assert shared.answered() in (start, goal)
        until(lambda: shared.answered() == shared.pinned(), 10)
        before, after = before + (shared.pinned() == start), after + (shared.pinned() == goal)
        assert end(in_child(back)) == 0, "the next command simply works"
        assert shared.answered() == shared.pinned() == start
    print(f"killed within {length:.2f} s: {before} times before the pin, {after} times after it")  # noqa: T201
    assert before
    assert after
    outcomes = {entry["outcome"] for entry in shared.history()}
    assert outcomes <= {"healthy", "interrupted"}
    assert len({entry["id"] for entry in shared.history()}) == len(shared.history())
    assert shared.git("status", "--porcelain", "deploy") == ""


def test_a_supervisor_killed_at_any_moment_of_a_deployment_comes_back_with_the_pin(shared: Yard) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    moments = random.Random(seed)
    note = shared.root / ".seatrial" / "local" / "supervisor.json"
    versions = ["0.1.0", "0.2.0"]
    assert end(in_child(["rollback", "local", "--to", "0.1.0", *project(shared)])) == 0
    for turn in range(6):
        goal = versions[1 - versions.index(shared.pinned())]
        words = ["rollback", "local", "--to", goal] if goal == "0.1.0" else ["deploy", "local", goal]
        supervisor = json.loads(note.read_text())["pid"]
        child = in_child([*words, *project(shared)])
        time.sleep(moments.uniform(0, 1.5))
        os.kill(supervisor, signal.SIGKILL)
        assert end(child) in (0, 1), turn
        pinned = shared.pinned()
        assert pinned in versions
        # whatever became of it, asking for what the pin says brings it into service
        assert end(in_child(["deploy", "local", pinned, *project(shared)])) == 0
        assert shared.answered() == pinned
        assert Path(f"/proc/{json.loads(note.read_text())['pid']}").exists()
