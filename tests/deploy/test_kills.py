"""SIGKILL at a hundred random moments of publish, refresh and `trial accept`; deployments are in test_interruptions."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from tests.deploy.project_repo import ProjectRepo
from tests.deploy.test_interruptions import end, in_child

from seatrial.release import open_index
from seatrial.trial import gate
from seatrial.trial.records import Outcome

pytestmark = pytest.mark.soak
KILLS = 100


@pytest.fixture
def built_repo(repo: ProjectRepo) -> ProjectRepo:
    """A project whose release 0.4.0 is built and committed, with 0.1.0 to 0.3.0 on its index."""
    init = repo.root / "src" / "titanic_model" / "__init__.py"
    init.write_text(init.read_text().replace("0.1.0", "0.4.0"))
    repo.git("commit", "--quiet", "-am", "Next version")
    for words in (["train"], ["build"]):
        subprocess.run(
            [sys.executable, "-m", "seatrial", *words], cwd=repo.root, check=True, capture_output=True, text=True
        )
    repo.git("add", "-A")
    repo.git("commit", "--quiet", "--allow-empty", "-m", "Build")
    (wheel,) = (repo.root / "dist").glob("titanic_model-0.4.0*.whl")
    repo.wheels["0.4.0"] = wheel
    return repo


def kill_often(words: list[str], reset: Callable[[], None], check: Callable[[], bool]) -> tuple[int, int]:
    """Kill the command at random moments; `check` returns whether the new state is there. Counts old and new states."""
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    reset()
    began = time.monotonic()
    assert end(in_child(words)) == 0, "without a kill"
    length = time.monotonic() - began
    assert check()
    counts = [0, 0]
    for _ in range(KILLS):
        reset()
        child = in_child(words)
        time.sleep(moments.uniform(0, length))
        os.kill(child, signal.SIGKILL)
        end(child)
        counts[check()] += 1
        assert end(in_child(words)) in (0, 2), "the next command works"
        assert check()
    print(f"seed {seed}, {length:.2f} s: {counts[0]} times the old state, {counts[1]} times the new")  # noqa: T201
    return counts[0], counts[1]


def test_publish(built_repo: ProjectRepo) -> None:
    repo, index = built_repo, built_repo.root / ".seatrial" / "index"
    repo.pass_trial("0.4.0", "0.3.0")
    before = repo.root / "index-before"
    shutil.copytree(index, before)

    def reset() -> None:
        shutil.rmtree(index)
        shutil.copytree(before, index)

    def check() -> bool:
        versions = [each.version for each in open_index(index).releases("titanic-model")]
        assert versions in (["0.1.0", "0.2.0", "0.3.0"], ["0.1.0", "0.2.0", "0.3.0", "0.4.0"])
        return "0.4.0" in versions

    old, new = kill_often(["publish", "--allow-dirty", "--project", str(repo.root)], reset, check)
    assert old
    assert new


def test_refresh(built_repo: ProjectRepo) -> None:
    table, delta = built_repo.root / "data" / "titanic.csv", built_repo.root.parent / "delta.csv"
    before = table.read_bytes()
    header, *rows = before.decode().splitlines(keepends=True)
    delta.write_text(header + "".join(rows[:5]))
    smaller = (header + "".join(rows[5:])).encode()

    after: list[bytes] = []

    def check() -> bool:
        content = table.read_bytes()
        if not after:
            after.append(content)
        assert content in (smaller, *after)
        if content != smaller:
            assert [each.name for each in table.parent.iterdir() if each.name.startswith(".")] == []
        return content != smaller

    words = ["refresh", str(delta), "--append", "--project", str(built_repo.root)]
    old, _ = kill_often(words, lambda: table.write_bytes(smaller) and None, check)
    assert old


def test_trial_accept(built_repo: ProjectRepo) -> None:
    repo = built_repo
    sha, baseline = repo.sha("0.4.0"), repo.sha("0.3.0")
    folder, accepted = gate.result_folder(repo.root, sha, baseline), repo.root / gate.ACCEPTED

    def reset() -> None:
        accepted.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        repo.pass_trial("0.4.0", "0.3.0", Outcome.waiting)
        document = json.loads((folder / "verdict.json").read_text())
        golden, *others = document["checks"]
        document["checks"] = [
            {**golden, "outcome": "passed"},
            *others,
            {**golden, "name": "metrics.trivial", "suite": "metrics"},
        ]
        gate.write_results(folder, {"verdict.json": json.dumps(document)})

    def check() -> bool:
        listed = json.loads(accepted.read_text()) if accepted.exists() else []
        assert len(listed) <= 2
        verdict = gate.stored_verdict(repo.root, sha, baseline)
        assert verdict is not None
        assert listed or verdict.exit_code
        return verdict.exit_code == 0

    words = ["trial", "accept", "--reason", "it is meant", "--project", str(repo.root)]
    old, _ = kill_often(words, reset, check)
    assert old
