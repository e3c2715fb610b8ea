"""Starts a canary on a target, and takes it back; the lockfile stays, since a canary ends with its supervisor.

journal -> target.canary, which records it in the history before it is asked anything -> git
"""

from dataclasses import replace

from seatrial.core.errors import SeatrialError
from seatrial.deploy.canaries import settle_canaries, with_canary
from seatrial.deploy.deployment import Deployer, DeploymentResult, Plan
from seatrial.deploy.history import RUNNING, TAKEN_BACK


def start_canary(deployer: Deployer, plan: Plan, share: int) -> DeploymentResult:
    """Run a release beside the one that serves, for about `share` percent of requests; the lock is held.

    The lockfile stays: a canary ends with its supervisor. Raises SeatrialError where it does not come up.
    """
    state, target, entry = deployer.state, with_canary(deployer.target), deployer.entry_of(plan)
    with state.writable():
        target.prepare(state.pinned(entry), deployer.progress)
        state.begin(entry)

    def commit() -> None:
        with state.writable():
            state.record(replace(entry, outcome=RUNNING))

    try:
        url = target.canary(state.pinned(entry), share, commit, deployer.progress)
    except SeatrialError as error:
        deployer.record_failure(entry, error)
        raise
    title = f"Run a canary of {entry.release} {entry.version} on {state.target}"
    warning = deployer.commit(title, entry.why)
    state.end()
    return DeploymentResult(entry.release, entry.version, replace(entry, outcome=RUNNING), url, warning)


def take_back(deployer: Deployer) -> DeploymentResult | None:
    """End the canary without losing a request; None if there is none. The lock is held."""
    running = with_canary(deployer.target).running_canary()
    entry = next((e for e in deployer.state.history() if running and e.id == running["id"]), None)
    if not with_canary(deployer.target).take_back() or entry is None:
        return None
    settle_canaries(deployer.state, deployer.target)
    warning = deployer.commit(f"Take back the canary of {entry.release} {entry.version} on {deployer.state.target}")
    return DeploymentResult(entry.release, entry.version, replace(entry, outcome=TAKEN_BACK), warning=warning)
