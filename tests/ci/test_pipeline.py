"""The CircleCI file, executed step by step on clean clones: a good change, one that breaks the model, a branch.

Each job starts on an empty machine (see circle.py). The index is a folder outside of the clone, the tools are
installed by the pipeline itself, from the pins that `seatrial ci lock` wrote.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.ci.circle import Circle, applies
from tests.conftest import TITANIC, copy_titanic

from seatrial.core.project import find_project
from seatrial.release import build_release, open_index, publish_toolkit

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("pipeline")]
SEATRIAL = (sys.executable, "-m", "seatrial")
JOBS = {"lint", "train", "test", "build", "trial", "publish", "deploy"}


@dataclass
class Scenario:
    circle: Circle
    clone: Path
    index: Path
    port: int

    def push(self, branch: str, message: str, **changes: str) -> None:
        """Commit changed files (keys with __ for /) of the clone to a branch of the origin."""
        git(self.clone, "fetch", "--quiet")  # a pipeline has pushed its lockfile
        git(self.clone, "checkout", "--quiet", "-B", branch, "origin/main")
        for name, text in changes.items():
            (self.clone / name).write_text(text)
        git(self.clone, "commit", "--quiet", "--all", "--message", message)
        git(self.clone, "push", "--quiet", "--force", "origin", branch)
        git(self.clone, "fetch", "--quiet")

    def read(self, name: str) -> str:
        git(self.clone, "fetch", "--quiet")
        git(self.clone, "checkout", "--quiet", "-B", "reading", "origin/main")
        return (self.clone / name).read_text()

    def versions(self) -> list[str]:
        return [release.version for release in open_index(self.index).releases("titanic-model")]

    def state(self) -> dict[str, bytes]:
        """Every file of the index."""
        return {str(path): path.read_bytes() for path in self.index.rglob("*") if path.is_file()}

    def served(self) -> dict[str, Any]:
        """Ask the service, which runs on while clones come and go."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/model", timeout=10) as answer:
            return dict(json.load(answer))

    def deployed(self) -> str:
        """The lockfile on the main branch."""
        git(self.clone, "fetch", "--quiet")
        show = ["git", "-C", str(self.clone), "show", "origin/main:deploy/local/requirements.txt"]
        done = subprocess.run(show, capture_output=True, text=True, check=False)
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def git(folder: Path, *words: str) -> None:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def scenario(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """A repository made of titanic/, with 0.1.0 on the index; a pipeline with nothing in its caches."""
    lab = tmp_path_factory.mktemp("pipeline")
    index = lab / "index"
    publish_toolkit(open_index(index))
    first = find_project(titanic_project)
    open_index(index).publish(build_release(first).files)

    clone = copy_titanic(lab / "clone")
    shutil.copy(TITANIC / ".gitignore", clone)
    settings = clone / "pyproject.toml"
    text = settings.read_text().replace('target = "survived"\n', f'target = "survived"\nindex = "{index}"\n')
    port = free_port()
    settings.write_text(
        text.replace('target = "railway"', 'target = "local"') + f"\n[tool.seatrial.deploy.local]\nport = {port}\n"
    )
    address = (index / "simple").as_uri()
    for command in (["lock", "--index-url", address], ["circleci"]):
        subprocess.run([*SEATRIAL, "ci", *command, "--project", str(clone)], check=True, capture_output=True)

    origin = lab / "origin.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)], check=True)
    git(clone, "init", "--quiet", "--initial-branch=main")
    git(clone, "config", "user.name", "Test")
    git(clone, "config", "user.email", "test@localhost")
    git(clone, "remote", "add", "origin", str(origin))
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Begin")
    git(clone, "push", "--quiet", "origin", "main")
    git(clone, "fetch", "--quiet")
    subprocess.run([sys.executable, "-m", "venv", str(lab / "image")], check=True)
    circle = Circle(
        origin,
        lab / "circle",
        lab / "image" / "bin",
        variables={
            "PIP_EXTRA_INDEX_URL": address,  # the pins have hashes, so that it may be an extra one
            # What a package index is to the real service, these are here.
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
            "SEATRIAL_HOME": os.environ["SEATRIAL_HOME"],
        },
    )
    yield Scenario(circle, clone, index, port)
    # The service outlives its job and the clone that it was started from; any other clone can stop it.
    subprocess.run([*SEATRIAL, "deploy", "local", "--stop", "--project", str(clone)], check=True)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


INIT, PIPELINE = "src/titanic_model/__init__.py", "src/titanic_model/pipeline.py"
TABLE = "data/titanic.csv"


def test_a_branch_runs_its_trial_and_publishes_nothing(scenario: Scenario):
    before = scenario.state()
    scenario.push(
        "longer-fit",
        "Give the fit more time",
        **{
            INIT: changed(scenario.read(INIT), "0.1.0", "0.2.0"),
            PIPELINE: changed(scenario.read(PIPELINE), "max_iter=1000", "max_iter=2000"),
        },
    )
    jobs = scenario.circle.run("longer-fit")
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(JOBS, "success") | {
        "publish": "not run",
        "deploy": "not run",
    }, "\n".join(job.log for job in jobs.values() if job.status == "failed")
    assert scenario.state() == before
    assert not scenario.deployed()
    assert any(name.endswith("verdict.json") for name in jobs["trial"].artifacts)
    assert any(name.endswith("trial.html") for name in jobs["trial"].artifacts)
    assert any(name.endswith("junit.xml") for name in jobs["trial"].results)
    assert jobs["test"].results == ["pytest.xml"]
    assert re.search(r"[1-9]\d* passed", jobs["test"].log)


def test_a_good_change_on_the_main_branch_is_published(scenario: Scenario, record_property):
    jobs = merge(scenario)
    # From the push to the service, the caches being warm: in the JUnit file, for benchmarks; never asserted.
    record_property("seconds", round(sum(sum(job.seconds.values()) for job in jobs.values()), 1))
    ended = {name: job.status for name, job in jobs.items() if name != "deploy"}
    assert ended == dict.fromkeys(JOBS - {"deploy"}, "success"), jobs["publish"].log
    assert scenario.versions() == ["0.1.0", "0.2.0"]


def test_a_good_change_on_the_main_branch_is_deployed(scenario: Scenario):
    jobs = merge(scenario)
    assert jobs["deploy"].status == "success", jobs["deploy"].log
    assert re.search(r"^titanic-model==0\.2\.0", scenario.deployed(), re.MULTILINE)
    assert scenario.served()["version"] == "0.2.0"


_merged: dict[int, dict] = {}


def merge(scenario: Scenario) -> dict:
    """Raise the version on main, once for both tests that look at what follows."""
    if id(scenario) not in _merged:
        scenario.push(
            "main",
            "Give the fit more time",
            **{
                INIT: changed(scenario.read(INIT), "0.1.0", "0.2.0"),
                PIPELINE: changed(scenario.read(PIPELINE), "max_iter=1000", "max_iter=2000"),
            },
        )
        _merged[id(scenario)] = scenario.circle.run("main")
    return _merged[id(scenario)]


def test_a_change_that_breaks_the_model_stops_at_the_trial(scenario: Scenario):
    merge(scenario)  # so that there is a production to leave alone
    before, lockfile, served = scenario.state(), scenario.deployed(), scenario.served()
    broken = "LogisticRegression(class_weight={0: 1, 1: 3})"
    scenario.push(
        "main",
        "Weigh the survivors",
        **{
            INIT: changed(scenario.read(INIT), "0.2.0", "0.2.1"),
            PIPELINE: changed(scenario.read(PIPELINE), "LogisticRegression(C=1.0, max_iter=2000)", broken),
        },
    )
    try:
        jobs = scenario.circle.run("main")
    finally:
        git(scenario.clone, "push", "--quiet", "--force", "origin", "origin/main~1:refs/heads/main")
        git(scenario.clone, "fetch", "--quiet")
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(JOBS, "success") | {
        "trial": "failed",
        "publish": "not run",
        "deploy": "not run",
    }, "\n".join(job.log for job in jobs.values() if job.status == "failed")
    assert "Blocked" in jobs["trial"].log
    assert any(name.endswith("junit.xml") for name in jobs["trial"].results)  # kept though the trial failed
    assert scenario.state() == before
    assert scenario.deployed() == lockfile
    assert scenario.served() == served
    assert served["version"] == "0.2.0"


def test_a_retrain_with_new_rows_is_published_and_deployed_and_its_version_is_in_git(scenario: Scenario):
    merge(scenario)
    header, *rows = scenario.read(TABLE).splitlines(keepends=True)
    more = [row.replace('"', '"von ', 1) for row in rows[::32]]  # of all classes: the trial looks at what is new
    assert len(more) > 20
    assert all("von " in row for row in more)
    scenario.push("main", "Add passengers", **{TABLE: "".join([header, *rows, *more])})
    jobs = scenario.circle.run("main", {"retrain": True})
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(JOBS, "success"), failures(jobs)
    assert "0.2.0 -> 0.2.1: the table is not the one that 0.2.0 was trained on" in jobs["train"].log
    assert scenario.versions() == ["0.1.0", "0.2.0", "0.2.1"]
    assert scenario.served()["version"] == "0.2.1"
    assert "titanic-model==0.2.1" in scenario.deployed()
    assert '__version__ = "0.2.1"' in scenario.read(INIT)
    show = ["git", "-C", str(scenario.clone), "show", "--name-only", "--format=", "origin/main"]
    assert sorted(subprocess.run(show, capture_output=True, text=True, check=True).stdout.split()) == [
        "deploy/local/history.jsonl",
        "deploy/local/pylock.toml",
        "deploy/local/requirements.txt",
        INIT,
    ]


def test_a_retrain_with_the_same_rows_publishes_nothing_and_succeeds(scenario: Scenario):
    merge(scenario)
    before, lockfile, served = scenario.state(), scenario.deployed(), scenario.served()
    jobs = scenario.circle.run("main", {"retrain": True})
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(JOBS, "success"), failures(jobs)
    assert re.search(r"0\.2\.\d stays: the table is the one that 0\.2\.\d was trained on\.", jobs["train"].log)
    assert "is already published, with exactly these bytes: there is nothing to compare." in jobs["trial"].log
    assert scenario.state() == before
    assert (scenario.deployed(), scenario.served()) == (lockfile, served)


def failures(jobs: dict) -> str:
    return "\n".join(job.log for job in jobs.values() if job.status == "failed")


def test_the_schedule_runs_the_same_jobs(scenario: Scenario):
    config = scenario.circle._config("main")
    release, retrain = (config["workflows"][name] for name in ("release", "retrain"))
    assert release["jobs"] == retrain["jobs"]
    assert applies(retrain, {"retrain": True})
    assert not applies(release, {"retrain": True})


def test_no_job_writes_a_secret_or_the_machines_paths(scenario: Scenario):
    text = json.dumps(scenario.circle._config("main"))
    assert str(scenario.index) not in text
    assert "token" not in text.lower()
