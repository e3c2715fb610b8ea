"""The course of a deployment and of a rollback, the same for every target.

    refuse or finish what lies there -> journal -> target.switch, which commits the pin -> history -> git

Whatever can fail before the journal leaves no trace: the gate, the index, the environment (`Target.prepare`).
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.history import FAILED, Entry, healthy_releases, previous
from seatrial.deploy.target import Progress, Target
from seatrial.deploy.target_state import Current, TargetState
from seatrial.wheels.lockfile import Lockfile

Fetch = Callable[[Lockfile], list[Path]]  # gives the wheels of ours that a pin names, from the index


@dataclass(frozen=True)
class Plan:
    """What is to be done: which release, with which pin, and why."""

    kind: str  # deploy, rollback
    name: str
    version: str
    sha256: str
    package: str
    pin: Lockfile
    why: str = ""
    verdict: dict[str, Any] | None = None


@dataclass(frozen=True)
class Done:
    """What came of it: no `entry` where the release served already. `complaint` says what was left undone in git."""

    name: str
    version: str
    entry: Entry | None = None
    address: str = ""
    complaint: str = ""


def make_ready(place: TargetState, target: Target, fetch: Fetch, progress: Progress) -> Entry | None:
    """Look at what lies there before a command begins: refuse what was changed by hand, finish what was cut off.

    Gives the deployment that was cut off, if there was one. The caller holds the place's lock.
    """
    place.refuse_changed()
    place.history()  # a damaged one is found now, and not after the switch
    cut_off = place.finish_interrupted()
    if cut_off is not None:
        bring_back(place, target, fetch, progress)
    return cut_off


def bring_back(place: TargetState, target: Target, fetch: Fetch, progress: Progress) -> None:
    """Have what the pin says serve."""
    current = place.current()
    if current is None:
        target.settle(None, progress)
        return
    if place.kept(current.pin.digest) is None:
        place.keep(current.pin, fetch(current.pin))
    target.settle(place.pinned(current, current.pin.digest), progress)


def choose_earlier(place: TargetState, version: str | None) -> Entry:
    """Find the deployment to go back to: the release before, or the one of `version`, which was healthy once."""
    history, current = place.history(), place.current()
    sha256 = current.sha256 if current else ""
    others = [entry for entry in healthy_releases(history) if entry.sha256 != sha256]
    there = ", ".join(entry.version for entry in others)
    if version is None:
        found = previous(history, sha256)
        if found is not None:
            return found
        hint = f"Name one: `seatrial rollback {place.target} --to ...`, of {there}." if there else ""
        raise SeatrialError(
            f"There is nothing to roll back to on {place.target}: no release was healthy there before this one.",
            hint=hint or f"Deploy one: `seatrial deploy {place.target}`.",
        )
    for entry in reversed(healthy_releases(history)):
        if entry.version == version:
            return entry
    hint = f"Once healthy there: {there}." if there else f"Deploy it: `seatrial deploy {place.target} {version}`."
    raise SeatrialError(f"No release {version} was ever healthy on {place.target}.", hint=hint)


def pin_of(place: TargetState, entry: Entry, fetch: Fetch) -> Lockfile:
    """The pin of an earlier deployment: kept here, or from git, with its wheels from the index."""
    from seatrial.wheels.lockfile import read_lockfile

    folder = place.kept(entry.pin)
    if folder is not None:
        return read_lockfile((folder / "requirements.txt").read_text("utf-8"), str(folder))
    current = place.current()
    pin = current.pin if current and current.pin.digest == entry.pin else place.committed_pin(entry.pin)
    if pin is None:
        raise SeatrialError(
            f"The pin of {entry.release} {entry.version} is neither kept on this machine nor in git.",
            hint=f"Deploy it again: `seatrial deploy {place.target} {entry.version}`.",
        )
    place.keep(pin, fetch(pin))
    return pin


def bring(
    place: TargetState,
    target: Target,
    sha256: str,
    plan: Callable[[Current | None], Plan],
    *,
    fetch: Fetch,
    index: str,
    progress: Progress,
    git: bool = True,
    push: bool = False,
) -> Done:
    """Bring the release with this wheel into service, if the pin is not of it already; the caller holds the lock.

    `plan` is asked only where there is something to do; it is given what the pin says now.
    """
    current = place.current()
    if current is None or current.sha256 != sha256:
        return carry_out(place, target, plan(current), index=index, progress=progress, git=git, push=push)
    if target.serving() != current.version:
        bring_back(place, target, fetch, progress)
    return Done(current.name, current.version, complaint=tidy(place, git=git, push=push))


def carry_out(
    place: TargetState,
    target: Target,
    plan: Plan,
    *,
    index: str,
    progress: Progress,
    git: bool = True,
    push: bool = False,
) -> Done:
    """Bring a release into service, with its pin and its line in the history; the caller holds the place's lock.

    Raises SeatrialError where it does not come about: then what ran before serves on, and the history says so.
    """
    before = place.current()
    entry = Entry(
        id=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        kind=plan.kind,
        when=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        who=place.git.person,
        why=plan.why or place.git.subject,
        release=plan.name,
        version=plan.version,
        sha256=plan.sha256,
        package=plan.package,
        pin=plan.pin.digest,
        before=before.version if before else "",
        verdict=plan.verdict,
        commit=place.git.commit,
    )
    pinned = place.pinned(entry, plan.pin.digest)
    prepare = getattr(target, "prepare", None)
    try:
        if prepare is not None:
            prepare(pinned, progress)
        place.begin(entry)
    except OSError as error:
        raise _unwritable(place, error) from None

    def commit() -> None:
        try:
            place.write_pin(place.text_of(entry, plan.pin, index))
        except OSError as error:
            raise _unwritable(place, error) from None

    try:
        address = target.switch(pinned, commit, progress)
    except SeatrialError as error:
        now = place.current()
        if now is None or now.id != entry.id:
            _record_failure(place, entry, error, git)
            raise
        target.settle(pinned, progress)  # it was decided, and cut off after that
        address = ""
    place.record(entry)
    place.end()
    words = commit_files(place, _title(place, entry), entry.why, push=push) if git else ""
    return Done(entry.release, entry.version, entry, address, words)


def commit_files(place: TargetState, title: str, why: str = "", *, push: bool = False) -> str:
    """Commit pin and history, and the version that was raised for it, and nothing else; says what was left undone."""
    if not place.git.present:
        return "This is no git repository, so the history of deployments is kept in no commit."
    words = place.git.commit_only([*place.paths, *place.raised_version()], f"{title}\n\n{why}".strip())
    if words:
        return f"The pin is not committed; git says: {words}"
    if push and (words := place.git.push()):
        return f"The pin is committed and not pushed; git says: {words}"
    return ""


def tidy(place: TargetState, *, git: bool = True, push: bool = False) -> str:
    """Commit what an earlier command left uncommitted, since it was cut off or told to; says what was left undone."""
    if not git or not place.git.present or not place.paths:
        return ""
    return commit_files(place, f"Record the deployments to {place.target}", push=push)


def _record_failure(place: TargetState, entry: Entry, error: SeatrialError, git: bool) -> None:
    failed = replace(entry, outcome=FAILED, said=error.message)
    with suppress(OSError):  # on a full disk there is no room for this line either
        place.record(failed)
        if git and place.git.present:
            title = f"Record that {entry.release} {entry.version} did not come into service on {place.target}"
            place.git.commit_only(place.paths, title)
    with suppress(OSError):
        place.end()


def _title(place: TargetState, entry: Entry) -> str:
    if entry.kind == "rollback":
        return f"Roll back {entry.release} to {entry.version} on {place.target}"
    return f"Deploy {entry.release} {entry.version} to {place.target}"


def _unwritable(place: TargetState, error: OSError) -> SeatrialError:
    return SeatrialError(
        f"{error.filename or place.folder} cannot be written: {error.strerror or error}.",
        hint="Nothing was changed. Make room or mend the rights, and try again.",
    )
