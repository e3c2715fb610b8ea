"""The steps of a deployment and of a rollback, the same for every target.

    finish what an earlier command left -> journal -> target.switch, which commits the lockfile -> history -> git

What can fail before the journal is written leaves no trace: the gate, the index, the environment (`Target.prepare`).
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.deploy.history import FAILED, Entry, healthy_releases, previous
from seatrial.deploy.target import Target
from seatrial.deploy.target_state import Current, TargetState
from seatrial.wheels.lockfile import Lockfile

Fetch = Callable[[Lockfile], list[Path]]  # downloads our own wheels that a lockfile names from the index


@dataclass(frozen=True)
class Plan:
    """What to put into service: a release with its lockfile, and the reason."""

    kind: str  # deploy, rollback
    name: str
    version: str
    sha256: str
    package: str
    lockfile: Lockfile
    why: str = ""
    verdict: dict[str, Any] | None = None


@dataclass(frozen=True)
class DeploymentResult:
    """What a command did. Without `entry` the release was already running; `warning` says what git could not do."""

    name: str
    version: str
    entry: Entry | None = None
    url: str = ""
    warning: str = ""


def recover(state: TargetState, target: Target, fetch: Fetch, progress: Progress) -> Entry | None:
    """Refuse files that were edited by hand, and finish an interrupted deployment; returns that one, if any.

    The caller holds the state's lock.
    """
    state.refuse_edited()
    state.history()  # a damaged history must be noticed before the switch, not after it
    interrupted = state.finish_interrupted()
    if interrupted is not None:
        restore(state, target, fetch, progress)
    return interrupted


def restore(state: TargetState, target: Target, fetch: Fetch, progress: Progress) -> None:
    """Bring the service in line with the lockfile."""
    current = state.current()
    if current is None:
        target.settle(None, progress)
        return
    if state.stored(current.lockfile.digest) is None:
        state.store(current.lockfile, fetch(current.lockfile))
    target.settle(state.pinned(current, current.lockfile.digest), progress)


def choose_earlier(state: TargetState, version: str | None) -> Entry:
    """Find the deployment to roll back to: the previous healthy one, or the newest healthy one of `version`."""
    history, current = state.history(), state.current()
    sha256 = current.sha256 if current else ""
    healthy = healthy_releases(history)
    others = ", ".join(entry.version for entry in healthy if entry.sha256 != sha256)
    if version is None:
        entry = previous(history, sha256)
        if entry is not None:
            return entry
        hint = f"To choose one of {others}, run `seatrial rollback {state.target} --to VERSION`." if others else ""
        raise SeatrialError(
            f"Nothing to roll back to on {state.target}: no earlier release was healthy there.",
            hint=hint or f"Deploy a release: `seatrial deploy {state.target}`.",
        )
    for entry in reversed(healthy):
        if entry.version == version:
            return entry
    deploy = f"Deploy it: `seatrial deploy {state.target} {version}`."
    raise SeatrialError(
        f"Release {version} was never healthy on {state.target}.",
        hint=f"Healthy releases: {others}." if others else deploy,
    )


def lockfile_of(state: TargetState, entry: Entry, fetch: Fetch) -> Lockfile:
    """The lockfile of an earlier deployment: stored here, or from git, with its wheels from the index."""
    stored = state.stored(entry.pin)
    if stored is not None:
        return stored
    current = state.current()
    matches = current is not None and current.lockfile.digest == entry.pin
    lockfile = current.lockfile if current and matches else state.committed_lockfile(entry.pin)
    if lockfile is None:
        raise SeatrialError(
            f"The lockfile of {entry.release} {entry.version} is neither stored on this machine nor in git.",
            hint=f"Deploy it again: `seatrial deploy {state.target} {entry.version}`.",
        )
    state.store(lockfile, fetch(lockfile))
    return lockfile


def ensure_deployed(
    state: TargetState,
    target: Target,
    sha256: str,
    plan: Callable[[Current | None], Plan],
    *,
    fetch: Fetch,
    index: str,
    progress: Progress,
    git: bool = True,
    push: bool = False,
) -> DeploymentResult:
    """Put the release with this wheel into service unless the lockfile names it already; the caller holds the lock.

    `plan` is called only if there is something to do, with what the lockfile names now. Raises SeatrialError where the
    release does not come up: then the earlier one keeps running, and the history records the failure.
    """
    current = state.current()
    if current is not None and current.sha256 == sha256:
        if target.serving() != current.version:
            restore(state, target, fetch, progress)
        title = f"Record the deployments to {state.target}"  # an earlier command was interrupted, or told not to commit
        warning = _commit(state, title, push=push) if git and state.git.present and state.paths else ""
        return DeploymentResult(current.name, current.version, warning=warning)
    entry, url = _deploy(state, target, plan(current), index, progress, git=git)
    title = f"Deploy {entry.release} {entry.version} to {state.target}"
    if entry.kind == "rollback":
        title = f"Roll back {entry.release} to {entry.version} on {state.target}"
    warning = _commit(state, title, entry.why, push=push) if git else ""
    return DeploymentResult(entry.release, entry.version, entry, url, warning)


def _deploy(
    state: TargetState, target: Target, plan: Plan, index: str, progress: Progress, *, git: bool
) -> tuple[Entry, str]:
    """Carry out a plan; returns its line in the history and the URL."""
    before = state.current()
    entry = Entry(
        id=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        kind=plan.kind,
        when=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        who=state.git.person,
        why=plan.why or state.git.subject,
        release=plan.name,
        version=plan.version,
        sha256=plan.sha256,
        package=plan.package,
        pin=plan.lockfile.digest,
        before=before.version if before else "",
        verdict=plan.verdict,
        commit=state.git.commit,
    )
    pinned = state.pinned(entry, plan.lockfile.digest)
    prepare = getattr(target, "prepare", None)
    try:
        if prepare is not None:
            prepare(pinned, progress)
        state.begin(entry)
    except OSError as error:
        raise state.unwritable(error) from None

    def commit() -> None:
        try:
            state.write_lockfile(entry, plan.lockfile, index)
        except OSError as error:
            raise state.unwritable(error) from None

    try:
        url = target.switch(pinned, commit, progress)
    except SeatrialError as error:
        current = state.current()
        if current is None or current.id != entry.id:
            _record_failure(state, entry, error, git)
            raise
        target.settle(pinned, progress)  # the lockfile was committed, and the switch was interrupted after that
        url = ""
    state.record(entry)
    state.end()
    return entry, url


def _commit(state: TargetState, title: str, why: str = "", *, push: bool) -> str:
    """Commit the lockfile, the history and the version bump that goes with them; returns a warning or nothing."""
    if not state.git.present:
        return "This project is not in a git repository, so the deployment history is not committed."
    error = state.git.commit_only([*state.paths, *state.version_bump()], f"{title}\n\n{why}".strip())
    if error:
        return f"The lockfile is not committed. git: {error}"
    if push and (error := state.git.push()):
        return f"The lockfile is committed but not pushed. git: {error}"
    return ""


def _record_failure(state: TargetState, entry: Entry, error: SeatrialError, git: bool) -> None:
    failed = replace(entry, outcome=FAILED, said=error.message)
    with suppress(OSError):  # a full disk has no room for this line either
        state.record(failed)
        if git and state.git.present:
            title = f"Record the failed deployment of {entry.release} {entry.version} to {state.target}"
            state.git.commit_only(state.paths, title)
    with suppress(OSError):
        state.end()
