"""The steps of a deployment and of a rollback, the same for every target.

    finish what an earlier command left -> journal -> target.switch, which commits the lockfile -> history -> git

What can fail before the journal is written leaves no trace: the gate, the index, the environment (`Target.prepare`).
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy.canaries import settle_canaries
from seatrial.deploy.current import Current
from seatrial.deploy.history import FAILED, Entry, healthy_releases, previous
from seatrial.deploy.target import open_target
from seatrial.deploy.target_state import TargetState
from seatrial.wheels.attestation import STATEMENT
from seatrial.wheels.lockfile import Lockfile

Fetch = Callable[[Lockfile], list[Path]]  # downloads our own wheels that a lockfile names from the index
Vouch = Callable[[Lockfile, str, str], None]  # lockfile, release, statement: refuses what nobody signed who must have


@dataclass(frozen=True)
class Plan:
    """What to put into service: a release with its lockfile, and the reason."""

    kind: str  # deploy, rollback, canary
    name: str
    version: str
    sha256: str
    package: str
    lockfile: Lockfile
    why: str = ""
    verdict: dict[str, Any] | None = None
    uncommitted: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeploymentResult:
    """What a command did. Without `entry` the release was already running; `warning` says what git could not do."""

    name: str
    version: str
    entry: Entry | None = None
    url: str = ""
    warning: str = ""


class Deployer:
    """Deploys to one target of a project; `git` commits the lockfile and the history, `push` pushes that commit."""

    def __init__(
        self,
        project: ProjectSettings,
        target: str,
        fetch: Fetch,
        vouch: Vouch,
        progress: Progress,
        *,
        git: bool,
        push: bool,
    ) -> None:
        self.target, self.state = open_target(project, target), TargetState(project, target)
        self._index = project.index.name
        self._fetch, self._vouch, self.progress, self._git, self._push = fetch, vouch, progress, git, push

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands out, refuse files that were edited by hand, and finish an interrupted deployment."""
        with self.state.lock():
            self.state.refuse_edited()
            self.state.history()  # a damaged history must be noticed before the switch, not after it
            self._repair_companions()
            if self.state.finish_interrupted():
                self.progress("finishing a deployment that was interrupted")
                self._restore()
                self.commit(f"Record the deployments to {self.state.target}")
            self.target.check()
            settle_canaries(self.state, self.target)
            yield

    def _repair_companions(self) -> None:
        """Replace or remove a file next to the lockfile that is not about it."""
        current = self.state.current()
        if current is not None:
            with self.state.writable():
                wrong = self.state.write_companions(current.lockfile)
            if wrong:
                self.progress(f"replacing {' and '.join(wrong)}, which did not fit the lockfile")

    def choose_earlier(self, version: str | None) -> Entry:
        """Find the deployment to roll back to: the previous healthy one, or the newest healthy one of `version`."""
        name, history, current = self.state.target, self.state.history(), self.state.current()
        sha256 = current.sha256 if current else ""
        healthy = healthy_releases(history)
        others = ", ".join(entry.version for entry in healthy if entry.sha256 != sha256)
        if version is None:
            entry = previous(history, sha256)
            if entry is not None:
                return entry
            hint = f"To choose one of {others}, run `seatrial rollback {name} --to VERSION`." if others else ""
            raise SeatrialError(
                f"Nothing to roll back to on {name}: no earlier release was healthy there.",
                hint=hint or f"Deploy a release: `seatrial deploy {name}`.",
            )
        for entry in reversed(healthy):
            if entry.version == version:
                return entry
        raise SeatrialError(
            f"Release {version} was never healthy on {name}.",
            hint=f"Healthy releases: {others}." if others else f"Deploy it: `seatrial deploy {name} {version}`.",
        )

    def lockfile_of(self, entry: Entry) -> Lockfile:
        """The lockfile of an earlier deployment: stored here, or from git, with its wheels from the index.

        Raises SeatrialError where it is of another wheel than the history says, or where nobody signed who must have.
        """
        stored = self.state.stored(entry.pin)
        lockfile = stored or self._committed_lockfile(entry)
        if lockfile.model.hashes != (entry.sha256,):
            raise SeatrialError(
                f"The lockfile of {entry.release} {entry.version} names another wheel than the history.",
                hint=f"Deploy it again: `seatrial deploy {self.state.target} {entry.version}`.",
            )
        self._require_signed(lockfile, entry)
        if stored is None:
            self.state.store(lockfile, self._fetch(lockfile))
        return lockfile

    def _require_signed(self, lockfile: Lockfile, release: Current | Entry) -> None:
        self._vouch(lockfile, f"{release.release} {release.version}", self.state.companion(lockfile, STATEMENT))

    def _committed_lockfile(self, entry: Entry) -> Lockfile:
        current = self.state.current()
        named = current is not None and current.pin == entry.pin
        lockfile = current.lockfile if current and named else self.state.committed_lockfile(entry.pin)
        if lockfile is None:
            raise SeatrialError(
                f"The lockfile of {entry.release} {entry.version} is neither stored on this machine nor in git.",
                hint=f"Deploy it again: `seatrial deploy {self.state.target} {entry.version}`.",
            )
        return lockfile

    def ensure_deployed(self, sha256: str, plan: Callable[[Current | None], Plan]) -> DeploymentResult:
        """Put the release with this wheel into service unless the lockfile names it already; the lock is held.

        `plan` is called only if there is something to do, with what the lockfile names now. Raises SeatrialError where
        the release does not come up: then the earlier one keeps running, and the history records the failure.
        """
        state, current = self.state, self.state.current()
        if current is not None and current.sha256 == sha256:
            if self.target.serving() != current.version:
                self._restore()
            title = f"Record the deployments to {state.target}"  # an earlier command was interrupted, or did not commit
            warning = self.commit(title) if state.git.present and state.paths else ""
            return DeploymentResult(current.release, current.version, warning=warning)
        entry, url = self._deploy(plan(current))
        settle_canaries(state, self.target)
        title = f"Deploy {entry.release} {entry.version} to {state.target}"
        if entry.kind == "rollback":
            title = f"Roll back {entry.release} to {entry.version} on {state.target}"
        body = "\n\n".join([entry.why, *([f"Not committed: {', '.join(entry.uncommitted)}"] * bool(entry.uncommitted))])
        warning = self.commit(title, body)
        state.end()  # not before: the next command commits what a killed one did not
        return DeploymentResult(entry.release, entry.version, entry, url, warning)

    def _restore(self) -> None:
        """Bring the service in line with the lockfile."""
        current = self.state.current()
        if current is not None:
            self._require_signed(current.lockfile, current)
        if current is not None and self.state.stored(current.pin) is None:
            self.state.store(current.lockfile, self._fetch(current.lockfile))
        self.target.settle(self.state.pinned(current) if current else None, self.progress)

    def _deploy(self, plan: Plan) -> tuple[Entry, str]:
        """Carry out a plan; returns its line in the history and the URL."""
        state, target, progress = self.state, self.target, self.progress
        entry = self.entry_of(plan)
        pinned = state.pinned(entry)
        with state.writable():
            if prepare := getattr(target, "prepare", None):
                prepare(pinned, progress)
            state.begin(entry)

        def commit() -> None:
            with state.writable():
                state.write_lockfile(entry, plan.lockfile, self._index)

        try:
            url = target.switch(pinned, commit, progress)
        except SeatrialError as error:
            current = state.current()
            if current is None or current.id != entry.id:
                self.record_failure(entry, error)
                raise
            target.settle(pinned, progress)  # the lockfile was committed, and the switch was interrupted after that
            url = ""
        state.record(entry)
        return entry, url

    def entry_of(self, plan: Plan) -> Entry:
        """The line of the history for a plan."""
        state, before = self.state, self.state.current()
        return Entry(
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
            uncommitted=list(plan.uncommitted),
        )

    def commit(self, title: str, why: str = "") -> str:
        """Commit the lockfile, the history and the version bump that goes with them; returns a warning or nothing."""
        state = self.state
        if not self._git:
            return ""
        if not state.git.present:
            return "This project is not in a git repository, so the deployment history is not committed."
        error = state.git.commit_only([*state.paths, *state.version_bump()], f"{title}\n\n{why}".strip())
        if error:
            return f"The lockfile is not committed. git: {error}"
        if self._push and (error := state.git.push()):
            return f"The lockfile is committed but not pushed. git: {error}"
        return ""

    def record_failure(self, entry: Entry, error: SeatrialError) -> None:
        """Write a failed deployment into the history."""
        state = self.state
        with suppress(OSError, SeatrialError):
            self._repair_companions()
        with suppress(OSError):  # a full disk has no room for this line either
            state.record(replace(entry, outcome=FAILED, said=error.message))
            if self._git and state.git.present:
                title = f"Record the failed deployment of {entry.release} {entry.version} to {state.target}"
                state.git.commit_only(state.paths, title)
        with suppress(OSError):
            state.end()
