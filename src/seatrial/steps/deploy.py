"""Deploy: puts a release that has passed its trial into service, and goes back to an earlier one."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.files import write_atomic
from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import DeploymentResult, Entry, TargetState
    from seatrial.deploy.current import Current
    from seatrial.deploy.deployment import Vouch
    from seatrial.release import Index, IndexedRelease
    from seatrial.wheels.attestation import TrialStatement
    from seatrial.wheels.lockfile import Lockfile
    from seatrial.wheels.sources import WheelSource
    from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class TargetDeployments:
    """What was deployed to one target: the version in its lockfile, the one that is serving, and the history."""

    target: str
    pinned: str | None
    deployment: str | None  # the id of the pinned one
    serving: str | None
    agree: bool
    deployments: "tuple[Entry, ...]"


def deploy(
    project: "ProjectSettings",
    target: str = "local",
    version: str | None = None,
    *,
    reason: str = "",
    git: bool = True,
    push: bool = False,
    allow_dirty: bool = False,
    progress: Progress = silent,
) -> "DeploymentResult":
    """Put a release into service, if it has passed its trial against the one that runs there now.

    `version` is 0.2.0 or name==0.2.0; default: the newest release on the index. `git` commits the lockfile and the
    history, `push` pushes that commit. `allow_dirty` deploys the project's current version although its own files are
    not committed, and names them in the history.
    """
    from seatrial.deploy import Deployer, Plan
    from seatrial.release import open_index
    from seatrial.steps.lockfile import offer_toolkit
    from seatrial.steps.releases import require_committed

    deployer = Deployer(project, target, _fetch_when_needed(project), _vouch_for(project), progress, git=git, push=push)
    with deployer.locked():
        index = open_index(project.index)
        release = index.find(_requirement(project, version))

        def plan(current: "Current | None") -> Plan:
            current_version = release.version == project.version
            uncommitted = require_committed(project, allow_dirty=allow_dirty) if current_version else ()
            if current is None:
                deployer.state.refuse_lost()
            wheel = index.fetch_wheel(release)
            verdict, statement = _require_passed(project, index, wheel, release, current)
            source = offer_toolkit(index, progress)
            lockfile = _lock(project, wheel, source, deployer.state, statement, progress)
            facts = (release.name, release.version, release.sha256, wheel.package)
            return Plan("deploy", *facts, lockfile, reason, verdict, uncommitted)

        return deployer.ensure_deployed(release.sha256, plan)


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


def rollback(
    project: "ProjectSettings",
    target: str = "local",
    to: str | None = None,
    *,
    reason: str = "",
    git: bool = True,
    push: bool = False,
    progress: Progress = silent,
) -> "DeploymentResult":
    """Go back to the release that was healthy before, or to the version `to`, which was healthy once."""
    from seatrial.deploy import Deployer, Plan

    deployer = Deployer(project, target, _fetch_when_needed(project), _vouch_for(project), progress, git=git, push=push)
    with deployer.locked():
        entry = deployer.choose_earlier(to.rpartition("==")[2] if to else None)

        def plan(current: "Current | None") -> Plan:
            why = reason or f"back from {current.version if current else 'nothing'}"
            facts = (entry.release, entry.version, entry.sha256, entry.package)
            return Plan("rollback", *facts, deployer.lockfile_of(entry), why, entry.verdict)

        return deployer.ensure_deployed(entry.sha256, plan)


def stop(project: "ProjectSettings", target: str = "local") -> bool:
    """Stop the service on a target; returns whether it was running."""
    from seatrial.deploy import TargetState, open_target

    opened: Any = open_target(project, target)
    if not hasattr(opened, "stop"):
        raise UsageError(f"{target} cannot be stopped from here.", hint="Stop it with the tools of its platform.")
    with TargetState(project, target).lock():
        return bool(opened.stop())


def render(project: "ProjectSettings", target: str, version: str | None = None) -> str:
    """Return what would be applied to a target, as its own tools read it."""
    from seatrial.deploy import TargetState, open_target
    from seatrial.release import open_index

    opened: Any = open_target(project, target)
    if not hasattr(opened, "render"):
        raise UsageError(f"{target} has nothing to render.", hint="Only the target kubernetes has manifests to render.")
    state = TargetState(project, target)
    current = state.current() if version is None else None
    if current is not None:
        more = opened.beside(state.pinned(current)) if hasattr(opened, "beside") else ()
        return str(opened.render(current.version, current.sha256, *more))
    release = open_index(project.index).find(_requirement(project, version))
    return str(opened.render(release.version, release.sha256))


def render_admission(project: "ProjectSettings", authority: Path) -> str:
    """Return the manifests of the webhook that admits signed releases only, with the project's public keys."""
    from seatrial.deploy.kubernetes import Kubernetes
    from seatrial.steps.signing import trusted_keys

    keys = trusted_keys(project)
    if not keys:
        raise SeatrialError("No public key is trusted.", hint="Name one under [tool.seatrial.signing] public_keys.")
    try:
        certificate = authority.read_bytes()
    except OSError as error:
        raise SeatrialError(f"{authority} cannot be read: {error.strerror}.") from None
    return Kubernetes(project, project.deploy.get("kubernetes", {})).render_admission(keys, certificate)


@alone
def pin_base(project: "ProjectSettings", target: str) -> tuple[str, str]:
    """Ask the registry for the digest of a target's base image, and write it into the settings and its Dockerfile.

    Returns the base image before and after.
    """
    from seatrial.core.settings import write_setting
    from seatrial.deploy import open_target
    from seatrial.deploy.base_images import parse_reference, resolve, with_base
    from seatrial.deploy.images import ImageSettings

    settings = getattr(open_target(project, target), "settings", None)
    if not isinstance(settings, ImageSettings):
        raise UsageError(f"{target} builds no image.", hint="Targets with a base image: docker, railway, kubernetes.")
    pinned = str(resolve(parse_reference(settings.base)))
    dockerfile = project.root / "deploy" / target / "Dockerfile"
    if dockerfile.is_file():
        write_atomic(dockerfile, with_base(dockerfile.read_text("utf-8"), pinned))
    write_setting(project.root, ("deploy", target, "base_image"), pinned)
    return settings.base, pinned


def list_deployments(project: "ProjectSettings", target: str | None = None) -> list[TargetDeployments]:
    """List the deployments to a target, or to all targets that were ever deployed to."""
    from seatrial.deploy import TargetState, open_target, target_names

    if target is not None:
        open_target(project, target)
        return [_deployments_to(project, target)]
    names = [name for name in target_names(project) if TargetState(project, name).history_path.exists()]
    return [_deployments_to(project, name) for name in names]


def _deployments_to(project: "ProjectSettings", target: str) -> TargetDeployments:
    from seatrial.deploy import TargetState, open_target

    state = TargetState(project, target)
    current = state.current()
    pinned, serving = current.version if current else None, None
    with suppress(SeatrialError):  # the history can be read although the target cannot be reached
        serving = open_target(project, target).serving()
    history = tuple(state.history())
    return TargetDeployments(target, pinned, current.id if current else None, serving, serving == pinned, history)


def _vouch_for(project: "ProjectSettings") -> "Vouch":
    """Refuse a release that ran before where nobody signed who must have; its acceptance may have ended since."""

    def vouch(lockfile: "Lockfile", title: str, statement: str) -> None:
        from seatrial.steps.signing import require_signed, trial_statements

        (wheel, *_) = lockfile.model.hashes
        statements = [*([statement.encode()] if statement else []), *trial_statements(project.root, wheel)]
        require_signed(project, title, wheel, statements, lockfile=lockfile.digest, today=date.min)

    return vouch


def _require_passed(
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


def _requirement(project: "ProjectSettings", version: str | None) -> str:
    if version is None:
        return project.name
    name, _, number = version.rpartition("==")
    return f"{name or project.name}=={number}"


def _fetch_when_needed(project: "ProjectSettings") -> "Callable[[Lockfile], list[Path]]":
    """Open the index only if a wheel is not stored here: a rollback works without it."""

    def fetch(lockfile: "Lockfile") -> list[Path]:
        from seatrial.release import open_index
        from seatrial.steps.lockfile import fetch_locked

        return fetch_locked(open_index(project.index))(lockfile)

    return fetch
