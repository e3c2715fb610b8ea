"""Deployment: puts a release from the index into service on a target, and rolls it back.

In: a release, its passed trial, and the settings under [tool.seatrial.deploy]. Out: a lockfile and a history in the
project's `deploy/<target>/`, and a service that runs exactly what the lockfile names. It never judges a release.
"""

from seatrial.deploy.deployment import (
    DeploymentResult,
    Plan,
    choose_earlier,
    ensure_deployed,
    lockfile_of,
    recover,
)
from seatrial.deploy.history import Entry
from seatrial.deploy.target import PinnedRelease, Target
from seatrial.deploy.target_state import TargetState
from seatrial.deploy.targets import open_target, target_names

__all__ = [
    "DeploymentResult",
    "Entry",
    "PinnedRelease",
    "Plan",
    "Target",
    "TargetState",
    "choose_earlier",
    "ensure_deployed",
    "lockfile_of",
    "open_target",
    "recover",
    "target_names",
]
