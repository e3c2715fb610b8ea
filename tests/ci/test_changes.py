"""Which projects of a repository a push changes: on its main branch, on others, and in doubt."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.ci.repositories import commit, git

from seatrial.ci.changes import changes
from seatrial.ci.repository import repository_at
from seatrial.cli import app


@dataclass
class Case:
    """A history: `main` at `base`, a branch with a commit to the ship on top of it."""

    top: Path
    base: str

    def of(self, **environment: str) -> tuple[dict[str, bool], str]:
        found = changes(repository_at(self.top), environment)
        return found.changed, found.why


@pytest.fixture
def case(top: Path) -> Case:
    return Case(top, git(top, "rev-parse", "HEAD"))


ALL, SHIP = {"ship-model": True, "titanic-model": True}, {"ship-model": True, "titanic-model": False}
TITANIC, NEITHER = {"ship-model": False, "titanic-model": True}, {"ship-model": False, "titanic-model": False}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["ship/README.md"], SHIP),
        (["models/titanic/new/file.txt"], TITANIC),
        (["ship/README.md", "models/titanic/README.md"], ALL),
        (["README.md", "models/README.md", "shipping/x", "common.md"], NEITHER),
        (["common/x/y.py"], SHIP),  # it shares that
        (["tools.txt"], SHIP),
        ([".circleci/config.yml"], ALL),
        ([".gitlab-ci.yml"], ALL),
        (['ship/\u00e4 "quoted".txt'], SHIP),
        ([], NEITHER),
    ],
)
def test_a_project_is_changed_by_its_files_and_by_shared_ones(paths: list[str], expected: dict, case: Case):
    commit(case.top, *paths)
    assert case.of(CIRCLE_BRANCH="main", SEATRIAL_BASE=case.base) == (expected, f"compared with {case.base[:12]}")


def test_a_file_that_is_moved_changes_both_projects(case: Case):
    git(case.top, "mv", "ship/README.md", "models/titanic/MOVED.md")
    commit(case.top)
    assert case.of(CIRCLE_BRANCH="main", SEATRIAL_BASE=case.base)[0] == ALL


def test_a_branch_is_compared_with_the_point_where_it_left_the_main_one(case: Case):
    git(case.top, "checkout", "--quiet", "-b", "feature")
    commit(case.top, "ship/a")
    last = commit(case.top, "README.md")
    git(case.top, "checkout", "--quiet", "main")
    commit(case.top, "models/titanic/meanwhile")
    git(case.top, "checkout", "--quiet", "feature")
    for environment in (
        {"CIRCLE_BRANCH": "feature", "SEATRIAL_BASE": last},  # the last push to the branch had less
        {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_BASE_REF": "main"},
        {"GITLAB_CI": "true", "CI_MERGE_REQUEST_DIFF_BASE_SHA": case.base},
        {},
    ):
        assert case.of(**environment) == (SHIP, f"compared with {case.base[:12]}"), environment


def test_in_doubt_every_job_runs(case: Case, tmp_path: Path):
    commit(case.top, "ship/a")
    main = {"CIRCLE_BRANCH": "main"}
    push = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"before": "0" * 40}))
    git(case.top, "checkout", "--quiet", "-b", "other", case.base)
    forced = commit(case.top, "ship/b")
    git(case.top, "checkout", "--quiet", "main")
    doubts = {
        "no commit before": {**main, "SEATRIAL_BASE": ""},
        "is not in this clone": {**main, "SEATRIAL_BASE": "1234567890" * 4},
        "is not an ancestor of this commit, as after a forced push": {**main, "SEATRIAL_BASE": forced},
        "no commit before this one": {**push, "GITHUB_EVENT_PATH": str(event)},
        "started by schedule, not by a push": {**push, "GITHUB_EVENT_NAME": "schedule"},
        "GitHub does not report which commit passed": {
            **push,
            "GITHUB_TOKEN": "x",
            "GITHUB_API_URL": "http://127.0.0.1:1",
        },
        "known to have passed": {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": "0" * 40},
    }
    for why, environment in doubts.items():
        changed, said = case.of(**environment)
        assert (changed, why in said) == (ALL, True), (why, said)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", case.top.as_uri(), str(shallow))
    for environment in ({**main, "SEATRIAL_BASE": case.base}, {"CIRCLE_BRANCH": "feature"}):
        assert changes(repository_at(shallow), environment).changed == ALL
    git(shallow, "branch", "--quiet", "--move", "main", "trunk")
    git(shallow, "remote", "remove", "origin")
    git(shallow, "fetch", "--quiet", "--unshallow", case.top.as_uri())
    assert changes(repository_at(shallow), {}).why == "no branch main found to compare with"
    shutil.rmtree(shallow / ".git")
    assert changes(repository_at(shallow / "ship"), {}).changed == {"ship-model": True}


@pytest.fixture
def passed() -> Iterator[tuple[str, list[str], list[str]]]:
    """A fake list of GitHub runs: its URL, the commits that passed, and the requests."""
    commits: list[str] = []
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = json.dumps({"workflow_runs": [{"head_sha": each} for each in commits]}).encode()
            self.send_response(200 if self.headers["Authorization"] == "Bearer right" else 403)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", commits, asked
        server.shutdown()
        thread.join()


def test_github_reports_the_last_commit_that_passed(case: Case, passed: tuple[str, list[str], list[str]]):
    url, commits, asked = passed
    commit(case.top, "ship/a")  # the run of this commit was cancelled while it waited
    commit(case.top, "models/titanic/a")
    environment = {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_API_URL": url,
        "GITHUB_REPOSITORY": "acme/models", "GITHUB_TOKEN": "right",
        "GITHUB_WORKFLOW_REF": "acme/models/.github/workflows/seatrial.yml@refs/heads/main",
    }  # fmt: skip
    assert case.of(**environment)[0] == ALL  # none has passed yet
    commits.append(case.base)
    assert case.of(**environment) == (ALL, f"compared with {case.base[:12]}")
    commits[0] = git(case.top, "rev-parse", "HEAD~1")
    assert case.of(**environment)[0] == TITANIC
    assert asked[0] == (
        "/repos/acme/models/actions/workflows/seatrial.yml/runs?branch=main&event=push&status=success&per_page=1"
    )
    changed, why = case.of(**{**environment, "GITHUB_TOKEN": "wrong"})
    assert changed == ALL
    assert "403" in why


def test_the_command_informs_people_scripts_and_github(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    commit(case.top, "ship/a")
    monkeypatch.setenv("CIRCLE_BRANCH", "main")
    monkeypatch.setenv("SEATRIAL_BASE", case.base)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert app.run(["ci", "changed", "--project", str(case.top)]) == 0
    compared = f"compared with {case.base[:12]}"
    assert capsys.readouterr().out == f"titanic-model: not changed, {compared}\nship-model: changed, {compared}\n"
    assert (tmp_path / "outputs").read_text() == "titanic-model=false\nship-model=true\n"
    assert app.run(["ci", "changed", "--json", "--project", str(case.top / "models" / "titanic")]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == {"titanic-model": False}
    monkeypatch.setenv("PATH", "")
    assert app.run(["ci", "changed", "--halt", "--project", str(case.top / "ship")]) == 0  # git is not there: in doubt
    assert "ship-model: changed, this is not a git repository" in capsys.readouterr().out


def test_halting_outside_of_circleci_is_reported_in_one_line(case: Case, monkeypatch, capsys):
    monkeypatch.setenv("CIRCLE_BRANCH", "main")
    monkeypatch.setenv("SEATRIAL_BASE", case.base)
    assert app.run(["ci", "changed", "--halt", "--project", str(case.top)]) == 1
    assert "circleci-agent was not found, so this job cannot be ended." in capsys.readouterr().err
