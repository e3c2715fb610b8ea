"""Deployment: puts a release from the index into service on a target, and rolls it back.

In: a release, its passed trial, and the settings under [tool.seatrial.deploy]. Out: a lockfile and a history in the
project's `deploy/<target>/`, and a service that runs exactly what the lockfile names. It never judges a release.
"""

from seatrial.deploy.deployment import Deployer, DeploymentResult, Plan
from seatrial.deploy.history import Entry
from seatrial.deploy.target import PinnedRelease, Target, open_target, target_names
from seatrial.deploy.target_state import TargetState

__all__ = [
    "Deployer",
    "DeploymentResult",
    "Entry",
    "PinnedRelease",
    "Plan",
    "Target",
    "TargetState",
    "open_target",
    "target_names",
]
