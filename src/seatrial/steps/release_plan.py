"""What is needed to run a release on a target: that it passed its trial there, and a lockfile with all its wheels."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import Plan, TargetState
    from seatrial.deploy.current import Current
    from seatrial.release import Index, IndexedRelease
    from seatrial.wheels.attestation import TrialStatement
    from seatrial.wheels.lockfile import Lockfile
    from seatrial.wheels.sources import WheelSource
    from seatrial.wheels.wheel import WheelInfo


def plan_release(
    project: "ProjectSettings",
    state: "TargetState",
    current: "Current | None",
    version: str | None,
    kind: str,
    reason: str,
    progress: Progress,
    *,
    allow_dirty: bool = False,
) -> "Plan":
    """Plan to run a release: it must have passed its trial against `current`, and is locked with what it runs with."""
    from seatrial.deploy import Plan
    from seatrial.release import open_index
    from seatrial.steps.lockfile import offer_toolkit
    from seatrial.steps.releases import require_committed

    index = open_index(project.index)
    release = find_release(project, version)
    uncommitted = require_committed(project, allow_dirty=allow_dirty) if release.version == project.version else ()
    if current is None:
        state.refuse_lost()
    wheel = index.fetch_wheel(release)
    verdict, statement = require_passed(project, index, wheel, release, current)
    source = offer_toolkit(index, progress)
    lockfile = _lock(project, wheel, source, state, statement, progress)
    facts = (release.name, release.version, release.sha256, wheel.package)
    return Plan(kind, *facts, lockfile, reason, verdict, uncommitted)


def find_release(project: "ProjectSettings", version: str | None) -> "IndexedRelease":
    """The release on the index that a version means; without one, the newest."""
    from seatrial.release import open_index

    return open_index(project.index).find(requirement_of(project, version))


def _lock(
    project: "ProjectSettings",
    wheel: "WheelInfo",
    source: "WheelSource",
    state: "TargetState",
    statement: "TrialStatement | None",
    progress: Progress,
) -> "Lockfile":
    """Store what a release runs with, with its wheels, pylock.toml, and the statement about its trial."""
    from seatrial.deploy.service_log import logs_in_containers
    from seatrial.steps.lockfile import lock_release, trial_lockfiles, write_pylock
    from seatrial.steps.signing import require_lockfile, trial_statements
    from seatrial.wheels.attestation import STATEMENT
    from seatrial.wheels.pylock import PYLOCK

    signed = statement.lockfile_sha256 if statement else ""
    known = [*state.stored_lockfiles(wheel.sha256), *trial_lockfiles(project.root, wheel.sha256)]
    known.sort(key=lambda each: each.digest != signed)
    locked = lock_release(wheel, source, known, progress, logs=logs_in_containers(project))
    lockfile = locked.lockfile
    if statement:
        require_lockfile(project, statement, lockfile.digest, f"{wheel.name} {wheel.version}")
    companions = {name: state.companion(lockfile, name) for name in (PYLOCK, STATEMENT)}
    if not companions[PYLOCK]:
        try:
            companions[PYLOCK] = write_pylock(locked, source, wheel.requires_python, state.folder, project.root)
        except SeatrialError as error:
            progress(f"{PYLOCK} is not written: {error.message}")
    envelopes = [statement.envelope] if statement else trial_statements(project.root, wheel.sha256)
    if envelopes:
        companions[STATEMENT] = envelopes[0].decode(errors="replace")
    state.store(lockfile, locked.wheels, {name: text for name, text in companions.items() if text})
    return lockfile


def require_passed(
    project: "ProjectSettings",
    index: "Index",
    wheel: "WheelInfo",
    release: "IndexedRelease",
    current: "Current | None",
) -> "tuple[dict[str, Any], TrialStatement | None]":
    """Require that a release passed its trial against what runs now; or any trial, where nothing runs yet."""
    from seatrial.steps.gate_review import admit_release
    from seatrial.trial import gate

    today = datetime.now(UTC).date()
    if current is None:
        verdict = gate.require_any_passed(project.root, release.sha256, today=today)
    else:
        if gate.stored_verdict(project.root, release.sha256, current.sha256) is None:
            raise SeatrialError(
                f"No trial of {release.requirement} has been run against {current.version}, which runs there now.",
                hint=f"Run `seatrial trial {current.release}=={current.version} {release.requirement}`.",
            )
        verdict = gate.require_passed(project.root, release.sha256, current.sha256, today=today)
    replaced = verdict.baseline.sha256 if verdict.baseline else None
    baseline = next((each for each in index.releases(release.name) if each.sha256 == replaced), None)
    changed = current is None  # nothing runs there, against which a trial could be run again
    admitted = admit_release(project, index, wheel, verdict, baseline, today=today, other_policy=changed)
    verdict, statement = admitted.verdict, admitted.statement
    against = verdict.baseline.version if verdict.baseline else None
    facts = {"outcome": str(verdict.outcome), "cause": verdict.cause, "against": against}
    facts |= {"remarks": admitted.remarks} if admitted.remarks else {}
    return {**facts, "signed_by": statement.key_id} if statement else facts, statement


def requirement_of(project: "ProjectSettings", version: str | None) -> str:
    """What a version, or name==version, is called on the index."""
    if version is None:
        return project.name
    name, _, number = version.rpartition("==")
    return f"{name or project.name}=={number}"
