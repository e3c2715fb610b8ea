"""How canaries have ended: a canary is in no lockfile, so only its supervisor knows whether it is running."""

from dataclasses import replace
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.history import PROMOTED, RUNNING, TAKEN_BACK, Entry
from seatrial.deploy.target_state import TargetState


def settle_canaries(state: TargetState, target: Any) -> None:
    """Write into the history how canaries have ended that are not running any more."""
    for entry in ended_canaries(state, target):
        with state.writable():
            state.record(entry)


def ended_canaries(state: TargetState, target: Any) -> list[Entry]:
    """The lines of canaries that have ended, of which the history says that they run."""
    open_ = [entry for entry in state.history() if entry.outcome == RUNNING]
    if not open_ or not hasattr(target, "running_canary"):
        return []
    running, current = target.running_canary() or {}, state.current()
    found = []
    for entry in open_:
        if entry.id != running.get("id"):
            promoted = current is not None and current.sha256 == entry.sha256
            outcome, said = PROMOTED if promoted else TAKEN_BACK, str(running.get("ended") or "")
            found.append(replace(entry, outcome=outcome, said=said))
    return found


def with_canary(target: Any) -> Any:
    """A target that can run a canary; SeatrialError for any other."""
    if not hasattr(target, "canary"):
        raise SeatrialError(
            f"The target {target.name} runs no canaries.",
            hint="Targets that do: local, docker. Elsewhere, use `seatrial follow VERSION --on TARGET --once`.",
        )
    return target
