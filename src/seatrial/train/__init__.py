"""Trains: a project's table in, a run out: artifacts for the wheel, metrics, and a report; never builds or publishes.

scikit-learn and pandas belong here and are imported on use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.train.run import Run as Run
    from seatrial.train.run import train as train

__all__ = ["Run", "train"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from seatrial.train import run

        return getattr(run, name)
    raise AttributeError(name)
