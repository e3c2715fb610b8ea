"""Which projects of a repository a push changes, so that only their jobs run. In doubt, all of them run.

A push to the release branch is compared with the last commit of it that passed, if the service reports that one, else
with the commit before the push. A push to any other branch is compared with the point where it left the release branch.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seatrial.ci.repository import Repository
from seatrial.ci.service_api import github_headers, request_json
from seatrial.ci.services import SERVICES
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.core.git import ask_git


@dataclass(frozen=True)
class Changes:
    """Which projects changed, by name; the commit that was compared with, or why there was none."""

    base: str
    why: str
    changed: dict[str, bool]


class _NothingToCompareError(Exception):
    """There is no commit to compare with. The message says why; every job runs."""


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
    changed = {}
    for p in repository.projects:
        own = [p.folder, *p.shared, *(service.path for service in SERVICES.values())]
        changed[p.name] = any(_belongs(path, own, others) for path in touched[p.branch])
    first = base[repository.branches[0]]
    return Changes(first, f"compared with {first[:12]}", changed)


def write_outputs(repository: Repository, result: Changes, environment: Mapping[str, str] = os.environ) -> None:
    """Pass the result to the jobs after this one, if the service has job outputs."""
    path = environment.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{p.key or p.name}={str(result.changed[p.name]).lower()}\n" for p in repository.projects)


def end_job() -> None:
    """End the current job as a success, without its further steps. Raises SeatrialError outside of CircleCI."""
    try:
        done = subprocess.run(["circleci-agent", "step", "halt"], capture_output=True, text=True, check=False)
    except OSError:
        raise SeatrialError(
            "circleci-agent was not found, so this job cannot be ended.", hint="Use --halt in CircleCI jobs only."
        ) from None
    if done.returncode:
        raise SeatrialError(f"circleci-agent could not end this job: {done.stderr.strip()}")


def _belongs(path: str, own: list[str], others: list[str]) -> bool:
    """Whether a project owns a file; one at the root of the repository owns what no other project's folder has."""
    parents = {"", path, *(parent.as_posix() for parent in PurePosixPath(path).parents)}
    return any(name.rstrip("/") in parents if name else not parents & set(others) for name in own)


def _base(top: Path, branch: str, environment: Mapping[str, str]) -> str:
    """The commit to compare this one with."""
    if ask_git(top, "rev-parse", "--verify", "HEAD^{commit}") is None:
        raise _NothingToCompareError("this is not a git repository with a commit")
    base = _reported_base(branch, environment)
    if base is None:
        base = _branch_point(top, environment.get("GITHUB_BASE_REF", "") or branch)
    if not re.fullmatch(r"[0-9a-f]{7,64}", base) or set(base) == {"0"}:
        raise _NothingToCompareError("no commit before this one is known to have passed")
    if ask_git(top, "rev-parse", "--verify", f"{base}^{{commit}}") is None:
        raise _NothingToCompareError(f"the commit before it, {base[:12]}, is not in this clone")
    if ask_git(top, "merge-base", "--is-ancestor", base, "HEAD") is None:
        raise _NothingToCompareError(f"{base[:12]} is not an ancestor of this commit, as after a forced push")
    return base


def _reported_base(branch: str, environment: Mapping[str, str]) -> str | None:
    """The previous commit that the service reports; "" if there is none, None for a push to another branch."""
    if environment.get("GITHUB_ACTIONS"):
        return _github(branch, environment)
    if environment.get("GITLAB_CI"):
        before = environment.get("CI_COMMIT_BEFORE_SHA", "") if environment.get("CI_COMMIT_BRANCH") == branch else None
        return environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or before
    return environment.get("SEATRIAL_BASE", "") if environment.get("CIRCLE_BRANCH") == branch else None


def _branch_point(top: Path, branch: str) -> str:
    """The commit where the checked-out branch left another one."""
    if ask_git(top, "rev-parse", "--is-shallow-repository") != "false":
        raise _NothingToCompareError("this is a shallow clone")
    for name in (f"origin/{branch}", branch):
        if commit := ask_git(top, "merge-base", name, "HEAD"):
            return commit
    raise _NothingToCompareError(f"no branch {branch} found to compare with")


def _github(branch: str, environment: Mapping[str, str]) -> str | None:
    event = environment.get("GITHUB_EVENT_NAME", "")
    if event not in ("push", "pull_request"):
        raise _NothingToCompareError(f"this was started by {event or 'something else'}, not by a push")
    if event == "pull_request" or environment.get("GITHUB_REF") != f"refs/heads/{branch}":
        return None
    if environment.get("GITHUB_TOKEN"):
        return _last_that_passed(branch, environment)
    path = environment.get("GITHUB_EVENT_PATH", "")
    push: dict[str, Any] = read_json(Path(path)) if path else {}
    return str(push.get("before", ""))


def _last_that_passed(branch: str, environment: Mapping[str, str]) -> str:
    """Ask GitHub for the last run of this workflow on the branch that succeeded.

    The commit before the push is not enough: of several waiting runs, GitHub keeps only the last one.
    """
    workflow = environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2]
    base = environment.get("GITHUB_API_URL", "https://api.github.com")
    url = f"{base}/repos/{environment.get('GITHUB_REPOSITORY', '')}/actions/workflows/{workflow}/runs"
    query = f"{url}?branch={branch}&event=push&status=success&per_page=1"
    try:
        runs = request_json("GET", query, github_headers(environment["GITHUB_TOKEN"]))["workflow_runs"]
        return str(runs[0]["head_sha"]) if runs else ""
    except (SeatrialError, KeyError, TypeError, IndexError) as error:
        raise _NothingToCompareError(f"GitHub does not report which commit passed: {error}") from None


def _touched(top: Path, base: str) -> list[str]:
    """The files that differ between a commit and this one; for a file that was moved, both paths."""
    changed = ask_git(top, "diff", "--name-only", "-z", "--no-renames", base, "HEAD")
    if changed is None:
        raise _NothingToCompareError(f"git cannot compare with {base[:12]}")
    return [name for name in changed.split("\0") if name]
