"""The verdict on a pull request: one comment that is updated; against fake services that follow the documented APIs."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.conftest import copy_titanic

from seatrial.ci import SERVICES
from seatrial.ci.report import report
from seatrial.cli import app
from seatrial.cli.ci import Host
from seatrial.core.errors import SeatrialError

TOKEN = "a-token-that-nobody-may-see"
MARK = "<!-- seatrial trial titanic-model -->"


class Service(ThreadingHTTPServer):
    """Comments of pull request 7 of acme/models (GitHub) and notes of merge request 7 of project 42 (GitLab)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict] = []
        self.asked: list[tuple[str, str]] = []
        self.refuse = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def _answer(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append((self.command, url.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}" or self.headers.get("PRIVATE-TOKEN") == TOKEN
        listed = re.fullmatch(r"/repos/acme/models/issues/7/comments|/projects/42/merge_requests/7/notes", url.path)
        one = re.fullmatch(
            r"(?:/repos/acme/models/issues/comments|/projects/42/merge_requests/7/notes)/(\d+)", url.path
        )
        if self.server.refuse:
            return self._send(self.server.refuse, {"message": "Resource not accessible\nby integration"})
        if not allowed:
            return self._send(401, {"message": "Bad credentials"})
        if listed and self.command == "GET":
            query = parse_qs(url.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return self._send(200, self.server.comments[(page - 1) * size : page * size])
        if listed and self.command == "POST":
            comment = {
                "id": len(self.server.comments) + 1,
                "body": body["body"],
                "html_url": "https://host.example/c/1",
            }
            self.server.comments.append(comment)
            return self._send(201, comment)
        if one and self.command == ("PATCH" if "repos" in url.path else "PUT"):
            comment = self.server.comments[int(one.group(1)) - 1]
            comment["body"] = body["body"]
            return self._send(200, comment)
        return self._send(404, {"message": "Not Found"})

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815

    def _send(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def github(service: Service, tmp_path: Path, event: dict) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    return {
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_API_URL": service.url,
        "GITHUB_TOKEN": TOKEN,
    }


def gitlab(service: Service) -> dict[str, str]:
    return {"CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "42", "CI_API_V4_URL": service.url, "GITLAB_TOKEN": TOKEN}


PULL = {"pull_request": {"number": 7, "head": {"repo": {"fork": False}}}}


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_many_pushes_leave_one_comment_with_the_last_verdict(provider: str, service: Service, tmp_path: Path):
    environment = github(service, tmp_path, PULL) if provider == "github" else gitlab(service)
    service.comments = [{"id": n + 1, "body": f"comment {n} quoting {MARK}"} for n in range(150)]
    for verdict in ("Blocked: it is worse.", "Passed."):
        assert report(provider, "titanic-model", verdict, environment).comment
    assert len(service.comments) == 151
    assert service.comments[-1]["body"] == f"{MARK}\nPassed."


def test_two_models_in_one_repository_have_a_comment_each(service: Service, tmp_path: Path):
    for name in ("titanic-model", "titanic-model-2", "titanic-model"):
        report("github", name, f"The verdict of {name}.", github(service, tmp_path, PULL))
    assert [c["body"].splitlines()[1] for c in service.comments] == [
        "The verdict of titanic-model.",
        "The verdict of titanic-model-2.",
    ]


def test_the_summary_is_written_and_a_push_has_no_comment(service: Service, tmp_path: Path):
    done = report("github", "titanic-model", "# Passed", github(service, tmp_path, {"ref": "refs/heads/main"}))
    assert (tmp_path / "summary.md").read_text() == "# Passed\n"
    assert done.why_not == "no pull request"
    assert service.asked == []


FORK = {
    "pull_request": {
        "number": 7,
        "head": {"repo": {"full_name": "me/models"}},
        "base": {"repo": {"full_name": "acme/models"}},
    }
}
GONE = {"pull_request": {"number": 7, "head": {"repo": None}, "base": {"repo": {"full_name": "acme/models"}}}}


@pytest.mark.parametrize(
    ("event", "why"),
    [(FORK, "the token of a fork's job is read-only"), (GONE, "the token of a fork's job is read-only"),
     (PULL, "the job's token is read-only"), (PULL, "; the job needs the permission pull-requests: write")],
)  # fmt: skip
def test_a_read_only_token_is_reported_and_is_not_a_failure(event, why, service: Service, tmp_path: Path):
    service.refuse = 403
    done = report("github", "titanic-model", "# Passed", github(service, tmp_path, event))
    assert why in done.why_not
    assert "403: Resource not accessible by integration)" in done.why_not
    assert "\n" not in done.why_not
    assert TOKEN not in done.why_not
    assert (tmp_path / "summary.md").read_text() == "# Passed\n"


def test_the_verdict_is_in_the_log_if_the_job_may_not_comment(service: Service, tmp_path: Path, monkeypatch, capsys):
    project = copy_titanic(tmp_path / "titanic")
    folder = project / ".seatrial" / "trials" / "a-b"
    folder.mkdir(parents=True)
    (folder / "trial.md").write_text("# Blocked [by] it\n")
    service.refuse = 403
    for name, value in gitlab(service).items():
        monkeypatch.setenv(name, value)
    assert app.run(["ci", "report", "gitlab", "--project", str(project)]) == 0
    output = capsys.readouterr()
    assert "# Blocked [by] it" in output.out
    assert output.err.startswith("No comment: GITLAB_TOKEN is read-only")


def test_outside_of_a_merge_request_or_without_a_token_gitlab_is_not_asked(service: Service):
    environment = gitlab(service)
    without = {**environment, "GITLAB_TOKEN": ""}
    assert report("gitlab", "m", "x", without).why_not.startswith("the variable GITLAB_TOKEN is not set")
    fork = {**without, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43"}
    assert report("gitlab", "m", "x", fork).why_not == "a fork's job gets no GITLAB_TOKEN"
    assert report("gitlab", "m", "x", {**environment, "CI_MERGE_REQUEST_IID": ""}).why_not == "no merge request"
    assert service.asked == []


def test_a_missing_token_is_a_failure_at_github(service: Service, tmp_path: Path):
    with pytest.raises(SeatrialError, match="GITHUB_TOKEN is not set") as caught:
        report("github", "titanic-model", "x", {**github(service, tmp_path, PULL), "GITHUB_TOKEN": ""})
    assert "pass tokens by `env`" in caught.value.hint


@pytest.mark.parametrize(("status", "hint"), [(401, "Give the job a valid one"), (404, "was not found"), (500, "")])
def test_a_rejected_request_is_one_line_without_the_token(status: int, hint: str, service: Service, tmp_path: Path):
    service.refuse = status
    with pytest.raises(SeatrialError, match=f"returned {status}") as caught:
        report("github", "titanic-model", "x", github(service, tmp_path, PULL))
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert TOKEN not in caught.value.message + caught.value.hint


def test_the_services_that_take_comments_are_those_of_the_table():
    assert set(get_args(Host)) == {name for name, service in SERVICES.items() if service.comments}


def test_an_unreachable_service_is_reported_in_one_line(service: Service, tmp_path: Path):
    environment = {**github(service, tmp_path, PULL), "GITHUB_API_URL": "http://127.0.0.1:1"}
    with pytest.raises(SeatrialError, match=r"GET 127\.0\.0\.1:1/repos/acme/models/issues/7/comments failed"):
        report("github", "titanic-model", "x", environment)


def test_a_very_long_verdict_is_cut_below_the_services_limit(service: Service, tmp_path: Path):
    report("github", "titanic-model", "a line of a verdict\n" * 10_000, github(service, tmp_path, PULL))
    body = service.comments[0]["body"]
    assert len(body) < 65_536
    assert body.endswith("The rest is on the trial's page, among the job's artifacts.")


def test_the_command_reports_the_last_trial(service: Service, tmp_path: Path, monkeypatch, capsys):
    project = copy_titanic(tmp_path / "titanic")
    for name, value in github(service, tmp_path, PULL).items():
        monkeypatch.setenv(name, value)
    command = ["ci", "report", "github", "--project", str(project)]
    assert app.run(command) == 1
    assert "has no trial result to report" in capsys.readouterr().err
    folder = project / ".seatrial" / "trials" / "a-b"
    folder.mkdir(parents=True)
    (folder / "trial.md").write_text("Passed.")
    assert app.run(command) == 0
    output = capsys.readouterr()
    assert "https://host.example/c/1" in output.err
    assert TOKEN not in output.err + output.out
    assert service.comments[0]["body"] == f"{MARK}\nPassed."
