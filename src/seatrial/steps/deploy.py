"""Deploy: puts a release that has passed its trial into service, and goes back to an earlier one."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.files import write_atomic
from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent
from seatrial.steps.release_plan import find_release, plan_release, requirement_of

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import Deployer, DeploymentResult, Entry, Plan
    from seatrial.deploy.current import Current
    from seatrial.deploy.deployment import Vouch
    from seatrial.wheels.lockfile import Lockfile


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
    deployer = open_deployer(project, target, progress, git=git, push=push)
    with deployer.locked():
        sha256 = find_release(project, version).sha256

        def plan(current: "Current | None") -> "Plan":
            return plan_release(
                project, deployer.state, current, version, "deploy", reason, progress, allow_dirty=allow_dirty
            )

        return deployer.ensure_deployed(sha256, plan)


def open_deployer(project: "ProjectSettings", target: str, progress: Progress, *, git: bool, push: bool) -> "Deployer":
    """What deploys to one target of a project."""
    from seatrial.deploy import Deployer

    return Deployer(project, target, _fetch_when_needed(project), _vouch_for(project), progress, git=git, push=push)


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
    from seatrial.deploy import Plan

    deployer = open_deployer(project, target, progress, git=git, push=push)
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
    release = open_index(project.index).find(requirement_of(project, version))
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
    from seatrial.deploy.canaries import ended_canaries

    state = TargetState(project, target)
    current = state.current()
    pinned, serving = current.version if current else None, None
    ended: dict[str, Entry] = {}
    with suppress(SeatrialError):  # the history can be read although the target cannot be reached
        opened = open_target(project, target)
        serving = opened.serving()
        ended = {entry.id: entry for entry in ended_canaries(state, opened)}  # the next deployment writes that down
    history = tuple(ended.get(entry.id, entry) for entry in state.history())
    return TargetDeployments(target, pinned, current.id if current else None, serving, serving == pinned, history)


def _vouch_for(project: "ProjectSettings") -> "Vouch":
    """Refuse a release that ran before where nobody signed who must have; its acceptance may have ended since."""

    def vouch(lockfile: "Lockfile", title: str, statement: str) -> None:
        from seatrial.steps.signing import require_signed, trial_statements

        (wheel, *_) = lockfile.model.hashes
        statements = [*([statement.encode()] if statement else []), *trial_statements(project.root, wheel)]
        require_signed(project, title, wheel, statements, lockfile=lockfile.digest, today=date.min)

    return vouch


def _fetch_when_needed(project: "ProjectSettings") -> "Callable[[Lockfile], list[Path]]":
    """Open the index only if a wheel is not stored here: a rollback works without it."""

    def fetch(lockfile: "Lockfile") -> list[Path]:
        from seatrial.release import open_index
        from seatrial.steps.lockfile import fetch_locked

        return fetch_locked(open_index(project.index))(lockfile)

    return fetch
