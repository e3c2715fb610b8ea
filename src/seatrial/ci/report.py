"""The verdict of a trial where people look: the job's own page, and one comment on the pull or merge request.

The comment is found again by a hidden mark and brought up to date, so that ten pushes leave one comment. Only the
documented REST interfaces are used, with the token that the service gives the job.
"""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json

TIMEOUT = 30.0
LIMIT = 60_000  # characters; GitHub takes 65,536 in a comment
HINTS = {
    401: "The token is none, or no longer one: give the job a valid one.",
    404: "There is no such pull request for this token: look at its address and at what it may see.",
}
PAGES = 50  # of a hundred comments each


@dataclass(frozen=True)
class Reported:
    """What was done: the summary written to, the comment's address, or why there is none, which is no failure."""

    summary: str = ""
    comment: str = ""
    why_not: str = ""


class _NotAllowedError(SeatrialError):
    """The token is valid and may not write, as that of a job for a fork's pull request."""


def latest_markdown(root: Path) -> str:
    """Read the Markdown of the trial that was held last in a project."""
    found = sorted((root / ".seatrial" / "trials").glob("*/trial.md"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SeatrialError(f"{root} has no result of a trial to report.", hint="Run `seatrial trial` first.")
    return found[-1].read_text(encoding="utf-8")


def report(provider: str, name: str, markdown: str, environment: Mapping[str, str] = os.environ) -> Reported:
    """Put the Markdown of a trial where `provider` (github, gitlab) shows it; `name` is the model's.

    Outside of a pull request there is nothing to comment on, and a token that may only read, as jobs for a fork's or a
    bot's pull request get, is no failure. Raises SeatrialError for whatever else the service answers.
    """
    mark = f"<!-- seatrial trial {name} -->"
    body = f"{mark}\n{markdown}"
    if len(body) > LIMIT:
        body = body[:LIMIT].rsplit("\n", 1)[0] + "\n\n… the rest is in the trial's page, among the job's artifacts."
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
    repository = _needed(environment, "GITHUB_REPOSITORY")
    base = f"{environment.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{repository}/issues"
    ask = _asker(
        {
            "Authorization": f"Bearer {_needed(environment, 'GITHUB_TOKEN')}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
    )
    try:
        comment = _upsert(ask, f"{base}/{pull['number']}/comments", f"{base}/comments", ("POST", "PATCH"), mark, body)
    except _NotAllowedError as error:
        remedy = "" if _from_a_fork(pull) else "; the job needs the permission pull-requests: write"
        whose = "the token of a fork's job" if _from_a_fork(pull) else "the job's token"
        return Reported(summary, why_not=f"{whose} may only read ({error.message}){remedy}")
    return Reported(summary, comment=comment.get("html_url", ""))


def _from_a_fork(pull: dict[str, Any]) -> bool:
    """Whether a pull request comes from another repository; one that is gone by now was another."""
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
        return Reported(why_not="there is no variable GITLAB_TOKEN, a project access token with the scope api")
    project = quote(_needed(environment, "CI_PROJECT_ID"), safe="")
    notes = f"{_needed(environment, 'CI_API_V4_URL')}/projects/{project}/merge_requests/{number}/notes"
    ask = _asker({"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]})
    try:
        note = _upsert(ask, notes, notes, ("POST", "PUT"), mark, body)
    except _NotAllowedError as error:
        return Reported(why_not=f"GITLAB_TOKEN may only read ({error.message}); it needs the scope api")
    return Reported(comment=f"note {note.get('id', '')} of merge request {number}")


Asker = Callable[[str, str, "dict[str, str] | None"], Any]


def _upsert(ask: Asker, listed: str, edited: str, verbs: tuple[str, str], mark: str, body: str) -> Any:
    """Update our own earlier comment, or write the first one."""
    for page in range(1, PAGES + 1):
        there = ask("GET", f"{listed}?per_page=100&page={page}", None)
        for comment in there:
            if str(comment.get("body", "")).startswith(mark):
                return ask(verbs[1], f"{edited}/{comment['id']}", {"body": body})
        if len(there) < 100:
            break
    return ask(verbs[0], listed, {"body": body})


def _asker(headers: dict[str, str]) -> Asker:
    def ask(verb: str, url: str, document: dict[str, str] | None) -> Any:
        if urlsplit(url).scheme not in ("https", "http"):
            raise SeatrialError(f"{url} is no address of an API.")
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 - looked at above
            url, data, {**headers, "Content-Type": "application/json", "User-Agent": "seatrial"}, method=verb
        )
        where = f"{urlsplit(url).netloc}{urlsplit(url).path}"
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = _said(error.read(2000).decode(errors="replace"))
            kind = _NotAllowedError if error.code == 403 else SeatrialError
            raise kind(
                f"{verb} {where} was answered with {error.code}: {said}", hint=HINTS.get(error.code, "")
            ) from None
        except (OSError, ValueError) as error:
            raise SeatrialError(f"{verb} {where} failed: {error}") from None

    return ask


def _said(body: str) -> str:
    """What a service gives as its reason, in one line."""
    try:
        told = json.loads(body)
    except ValueError:
        told = body
    message = told.get("message", body) if isinstance(told, dict) else body
    return re.sub(r"\s+", " ", str(message))[:200]


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SeatrialError(f"{name} is not set.", hint="The CI service sets it in its jobs; tokens go in by `env`.")
    return value
