"""The verdict of a trial on the job's page, and in one comment on the pull or merge request.

A hidden marker identifies the comment, which is updated, so ten pushes leave one comment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seatrial.ci.service_api import NotAllowedError, github_headers, request_json
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json

LIMIT = 60_000  # characters; GitHub takes 65,536 in a comment
PAGES = 50  # of a hundred comments each


@dataclass(frozen=True)
class Reported:
    """What was written: the summary's path, the comment's URL, or why there is no comment (not a failure)."""

    summary: str = ""
    comment: str = ""
    why_not: str = ""


def latest_markdown(root: Path) -> str:
    """Read the Markdown of the latest trial of a project."""
    results = sorted((root / ".seatrial" / "trials").glob("*/trial.md"), key=lambda path: path.stat().st_mtime)
    if not results:
        raise SeatrialError(f"{root} has no trial result to report.", hint="Run `seatrial trial` first.")
    return results[-1].read_text(encoding="utf-8")


def report(provider: str, name: str, markdown: str, environment: Mapping[str, str] = os.environ) -> Reported:
    """Show the Markdown of a trial on `provider` (github, gitlab); `name` is the model's.

    Outside of a pull request there is nothing to comment on. A read-only token, as jobs for pull requests of forks and
    bots get, is not a failure. Raises SeatrialError for any other refusal.
    """
    mark = f"<!-- seatrial trial {name} -->"
    body = f"{mark}\n{markdown}"
    if len(body) > LIMIT:
        body = body[:LIMIT].rsplit("\n", 1)[0] + "\n\n… The rest is on the trial's page, among the job's artifacts."
    if provider == "github":
        return _github(mark, body, markdown, environment)
    return _gitlab(mark, body, environment)


def _github(mark: str, body: str, markdown: str, environment: Mapping[str, str]) -> Reported:
    summary = environment.get("GITHUB_STEP_SUMMARY", "")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown + "\n")
    path = environment.get("GITHUB_EVENT_PATH", "")
    pull: dict[str, Any] = (read_json(Path(path)) if path else {}).get("pull_request") or {}
    if not pull:
        return Reported(summary, why_not="no pull request")
    repository = _required(environment, "GITHUB_REPOSITORY")
    base = f"{environment.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{repository}/issues"
    headers, comments = github_headers(_required(environment, "GITHUB_TOKEN")), f"{base}/{pull['number']}/comments"
    try:
        comment = _upsert(headers, comments, f"{base}/comments", ("POST", "PATCH"), mark, body)
    except NotAllowedError as error:
        fix = "" if _from_a_fork(pull) else "; the job needs the permission pull-requests: write"
        whose = "the token of a fork's job" if _from_a_fork(pull) else "the job's token"
        return Reported(summary, why_not=f"{whose} is read-only ({error.message}){fix}")
    return Reported(summary, comment=comment.get("html_url", ""))


def _from_a_fork(pull: dict[str, Any]) -> bool:
    """Whether a pull request comes from another repository; a deleted one counts as another."""
    head, base = (((pull.get(end) or {}).get("repo") or {}).get("full_name") for end in ("head", "base"))
    return head != base or bool(((pull.get("head") or {}).get("repo") or {}).get("fork"))


def _gitlab(mark: str, body: str, environment: Mapping[str, str]) -> Reported:
    number = environment.get("CI_MERGE_REQUEST_IID")
    if not number:
        return Reported(why_not="no merge request")
    if not environment.get("GITLAB_TOKEN"):
        source, own = environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), environment.get("CI_PROJECT_ID")
        if source and source != own:
            return Reported(why_not="a fork's job gets no GITLAB_TOKEN")
        return Reported(why_not="the variable GITLAB_TOKEN is not set: a project access token with the scope api")
    project = quote(_required(environment, "CI_PROJECT_ID"), safe="")
    notes = f"{_required(environment, 'CI_API_V4_URL')}/projects/{project}/merge_requests/{number}/notes"
    headers = {"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]}
    try:
        note = _upsert(headers, notes, notes, ("POST", "PUT"), mark, body)
    except NotAllowedError as error:
        return Reported(why_not=f"GITLAB_TOKEN is read-only ({error.message}); it needs the scope api")
    return Reported(comment=f"note {note.get('id', '')} of merge request {number}")


def _upsert(headers: dict[str, str], listed: str, edited: str, verbs: tuple[str, str], mark: str, body: str) -> Any:
    """Update our earlier comment, or write the first one."""
    for page in range(1, PAGES + 1):
        comments = request_json("GET", f"{listed}?per_page=100&page={page}", headers)
        for comment in comments:
            if str(comment.get("body", "")).startswith(mark):
                return request_json(verbs[1], f"{edited}/{comment['id']}", headers, {"body": body})
        if len(comments) < 100:
            break
    return request_json(verbs[0], listed, headers, {"body": body})


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SeatrialError(f"{name} is not set.", hint="The CI service sets it in its jobs; pass tokens by `env`.")
    return value
