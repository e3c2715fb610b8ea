"""A canary: a release answers a share of what production is asked, until it is promoted or taken back."""

from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.progress import Progress, silent
from seatrial.steps.deploy import deploy, open_deployer
from seatrial.steps.release_plan import find_release, plan_release

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import DeploymentResult
    from seatrial.steps.follow import Followed


def start_canary(
    project: "ProjectSettings",
    target: str = "local",
    version: str | None = None,
    *,
    share: int = 10,
    reason: str = "",
    git: bool = True,
    push: bool = False,
    progress: Progress = silent,
) -> "DeploymentResult":
    """Run a release beside the one that serves, for about `share` percent of connections (1 to 50).

    It must have passed its trial against that one, as for a deployment. The share is one in the number of servers, at
    least one in ten, and approximate.
    """
    from seatrial.deploy.canaries import with_canary
    from seatrial.deploy.canary_deployment import start_canary as run_canary

    if not 1 <= share <= 50:
        raise UsageError(f"A canary gets 1 to 50 percent, not {share}.", hint="Example: --canary 10.")
    deployer = open_deployer(project, target, progress, git=git, push=push)
    with_canary(deployer.target)
    with deployer.locked():
        current = deployer.state.current()
        if current is None:
            raise SeatrialError(f"Nothing serves on {target} beside which a canary could run.", hint="Deploy it first.")
        if find_release(project, version).sha256 == current.sha256:
            raise SeatrialError(f"{current.version} is what serves on {target}.", hint="Name another release.")
        if (serving := deployer.target.serving()) not in (None, current.version):
            raise SeatrialError(
                f"{target} serves {serving}, but its lockfile names {current.version}, with which trials compare.",
                hint=f"Run `seatrial deploy {target} {current.version}`.",
            )
        plan = plan_release(project, deployer.state, current, version, "canary", reason, progress)
        return run_canary(deployer, plan, share)


def promote(
    project: "ProjectSettings", target: str = "local", version: str | None = None, *, reason: str = "",
    git: bool = True, push: bool = False, progress: Progress = silent,
) -> "DeploymentResult":  # fmt: skip
    """Deploy the release that runs as a canary; its servers and the old ones drain without losing a request.

    With `version` it must be that one.
    """
    version = canary_version(project, target, version)
    why = reason or "promoted from a canary"
    return deploy(project, target, version, reason=why, git=git, push=push, allow_dirty=True, progress=progress)


def take_back(
    project: "ProjectSettings",
    target: str = "local",
    version: str | None = None,
    *,
    git: bool = True,
    push: bool = False,
    progress: Progress = silent,
) -> "DeploymentResult | None":
    """End the canary without losing a request; None if none is running. With `version` it must be that one."""
    from seatrial.deploy.canaries import with_canary
    from seatrial.deploy.canary_deployment import take_back as end_canary

    deployer = open_deployer(project, target, progress, git=git, push=push)
    with_canary(deployer.target)
    with deployer.locked():
        if version is not None:
            canary_version(project, target, version)
        return end_canary(deployer)


def canary_version(project: "ProjectSettings", target: str, expected: str | None = None) -> str:
    """The version that runs as a canary on a target. Raises SeatrialError where none does, or not the expected one."""
    from seatrial.deploy import open_target
    from seatrial.deploy.canaries import with_canary

    running = with_canary(open_target(project, target)).running_canary()
    if not running or not running["id"]:
        why = f": {running['ended']}" if running else ""
        raise SeatrialError(
            f"No canary is running on {target}{why}.",
            hint=f"Start one: `seatrial deploy {target} VERSION --canary 10`.",
        )
    if expected not in (None, running["version"]):
        raise SeatrialError(
            f"{running['version']} runs as the canary on {target}, not {expected}.",
            hint="`seatrial deployments` lists who started it and why.",
        )
    return str(running["version"])


def settle_canary(project: "ProjectSettings", target: str, found: "Followed", progress: Progress = silent) -> str:
    """Promote or take back a canary as following has found; says what was done.

    Raises SeatrialError where another release runs as the canary by now.
    """
    if found.exit_code == 0:
        done = promote(project, target, found.candidate, reason=found.decision.why, progress=progress)
        return f"{done.name} {done.version} was promoted on {target}"
    if found.exit_code == 1:
        take_back(project, target, found.candidate, progress=progress)
        return f"The canary of {found.candidate} on {target} was taken back"
    return f"The canary of {found.candidate} on {target} goes on"
