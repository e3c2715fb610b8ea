"""Which projects of a repository a push changes, so that only their jobs run. In doubt all of them do.

On the branch that is released it is compared with the last commit of it that passed, where the service says which one
that is, else with what the push was made on; on any other branch with the point where it left that one.
"""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seatrial.ci.repository import Repository
from seatrial.ci.services import SERVICES
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.core.git import ask_git

TIMEOUT = 30.0


@dataclass(frozen=True)
class Changes:
    """Which projects changed, by name, and what that was found by: a commit, or why none could be compared with."""

    base: str
    why: str
    changed: dict[str, bool]


class _NothingToCompareError(Exception):
    """There is no commit to compare with; the message says why, and everything runs."""


def changes(repository: Repository, environment: Mapping[str, str] = os.environ) -> Changes:
    """Find which projects a push changes, in a job of a CI service or on a laptop."""
    names = [p.name for p in repository.projects]
    base, touched = {}, {}
    try:
        for branch in repository.branches:
            base[branch] = _base(repository.top, branch, environment)
            touched[branch] = _touched(repository.top, base[branch])
    except _NothingToCompareError as error:
        return Changes("", str(error), dict.fromkeys(names, True))
    others = [p.folder for p in repository.projects if p.folder]
    found = {}
    for p in repository.projects:
        own = [p.folder, *p.shared, *(service.path for service in SERVICES.values())]
        found[p.name] = any(_belongs(path, own, others) for path in touched[p.branch])
    first = base[repository.branches[0]]
    return Changes(first, f"compared with {first[:12]}", found)


def write_outputs(repository: Repository, found: Changes, environment: Mapping[str, str] = os.environ) -> None:
    """Give the answer to the jobs that come after this one, where the service takes outputs."""
    path = environment.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{p.key or p.name}={str(found.changed[p.name]).lower()}\n" for p in repository.projects)


def end_job() -> None:
    """End the job that this runs in, and well: no further step of it is taken. Raises SeatrialError elsewhere."""
    try:
        done = subprocess.run(["circleci-agent", "step", "halt"], capture_output=True, text=True, check=False)
    except OSError:
        raise SeatrialError(
            "There is no circleci-agent to end this job.", hint="--halt is for jobs of CircleCI; leave it out."
        ) from None
    if done.returncode:
        raise SeatrialError(f"circleci-agent does not end this job: {done.stderr.strip()}")


def _belongs(path: str, own: list[str], others: list[str]) -> bool:
    """Whether a file is of a project; one at the top of the repository has what lies in no other one's folder."""
    parents = {"", path, *(each.as_posix() for each in PurePosixPath(path).parents)}
    return any(each.rstrip("/") in parents if each else not parents & set(others) for each in own)


def _base(top: Path, branch: str, environment: Mapping[str, str]) -> str:
    """The commit to compare this one with."""
    if ask_git(top, "rev-parse", "--verify", "HEAD^{commit}") is None:
        raise _NothingToCompareError("this is no git repository with a commit")
    base = _named(branch, environment)
    if base is None:
        base = _fork(top, environment.get("GITHUB_BASE_REF", "") or branch)
    if not re.fullmatch(r"[0-9a-f]{7,64}", base) or set(base) == {"0"}:
        raise _NothingToCompareError("no commit before this one is known to have passed")
    if ask_git(top, "rev-parse", "--verify", f"{base}^{{commit}}") is None:
        raise _NothingToCompareError(f"the commit before, {base[:12]}, is not in this clone")
    if ask_git(top, "merge-base", "--is-ancestor", base, "HEAD") is None:
        raise _NothingToCompareError(f"{base[:12]} does not lead to this commit, as after a forced push")
    return base


def _named(branch: str, environment: Mapping[str, str]) -> str | None:
    """What a service names as the commit before, "" where there is none; None where it is a push to another branch."""
    if environment.get("GITHUB_ACTIONS"):
        return _github(branch, environment)
    if environment.get("GITLAB_CI"):
        before = environment.get("CI_COMMIT_BEFORE_SHA", "") if environment.get("CI_COMMIT_BRANCH") == branch else None
        return environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or before
    return environment.get("SEATRIAL_BASE", "") if environment.get("CIRCLE_BRANCH") == branch else None


def _fork(top: Path, branch: str) -> str:
    """The commit where what is checked out left a branch."""
    if ask_git(top, "rev-parse", "--is-shallow-repository") != "false":
        raise _NothingToCompareError("this clone is a shallow one")
    for name in (f"origin/{branch}", branch):
        found = ask_git(top, "merge-base", name, "HEAD")
        if found:
            return found
    raise _NothingToCompareError(f"there is no {branch} to compare with")


def _github(branch: str, environment: Mapping[str, str]) -> str | None:
    event = environment.get("GITHUB_EVENT_NAME", "")
    if event not in ("push", "pull_request"):
        raise _NothingToCompareError(f"this was not started by a push, but by {event or 'something else'}")
    if event == "pull_request" or environment.get("GITHUB_REF") != f"refs/heads/{branch}":
        return None
    if environment.get("GITHUB_TOKEN"):
        return _last_that_passed(branch, environment)
    path = environment.get("GITHUB_EVENT_PATH", "")
    told: dict[str, Any] = read_json(Path(path)) if path else {}
    return str(told.get("before", ""))


def _last_that_passed(branch: str, environment: Mapping[str, str]) -> str:
    """Ask GitHub for the last run of this workflow on the branch that succeeded.

    What the push was made on is not enough there: of several waiting runs GitHub keeps only the last one.
    """
    workflow = environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2]
    base = environment.get("GITHUB_API_URL", "https://api.github.com")
    url = f"{base}/repos/{environment.get('GITHUB_REPOSITORY', '')}/actions/workflows/{workflow}/runs"
    headers = {
        "Authorization": f"Bearer {environment['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "seatrial",
    }
    if not url.startswith(("https://", "http://")):
        raise SeatrialError(f"{url} is no address of an API.")
    asked = f"{url}?branch={branch}&event=push&status=success&per_page=1"
    try:
        request = urllib.request.Request(asked, headers=headers)  # noqa: S310 - looked at above
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            runs = json.load(answer)["workflow_runs"]
            return str(runs[0]["head_sha"]) if runs else ""
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _NothingToCompareError(f"GitHub does not say which commit passed: {error}") from None


def _touched(top: Path, base: str) -> list[str]:
    """The files that differ between a commit and this one; of a file that was moved, both places."""
    done = ask_git(top, "diff", "--name-only", "-z", "--no-renames", base, "HEAD")
    if done is None:
        raise _NothingToCompareError(f"git cannot compare with {base[:12]}")
    return [name for name in done.split("\0") if name]
