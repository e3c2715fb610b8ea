"""Deployment: a release of the index into an environment where it serves, and back again.

In: a release, its passed trial, and the settings under [tool.seatrial.deploy]. Out: a pinned, hashed requirements
file and a history in the project's `deploy/<target>/`, and a service that runs exactly that. Never: judging a release.
"""

from seatrial.deploy.deployment import (
    Done,
    Plan,
    bring,
    choose_earlier,
    make_ready,
    pin_of,
)
from seatrial.deploy.history import Entry
from seatrial.deploy.target import Pinned, Target
from seatrial.deploy.target_state import TargetState
from seatrial.deploy.targets import open_target, target_names

__all__ = [
    "Done",
    "Entry",
    "Pinned",
    "Plan",
    "Target",
    "TargetState",
    "bring",
    "choose_earlier",
    "make_ready",
    "open_target",
    "pin_of",
    "target_names",
]
