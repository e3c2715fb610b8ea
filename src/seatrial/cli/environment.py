"""The environment that a release is served from: its wheel, the toolkit's server, and nothing else."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.environments import Environment
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.release import Index


def offer_toolkit(index: "Index", progress: Callable[[str], None]) -> None:
    """Put the toolkit that runs on the index, if it runs from a checkout; otherwise it comes from PyPI."""
    from seatrial.release import publish_toolkit

    progress("putting the toolkit on the index, as it would be on PyPI")
    with suppress(SeatrialError):
        publish_toolkit(index)


def serving_environment(requirement: str, index: Path, progress: Callable[[str], None]) -> tuple[Environment, str]:
    """Fetch a release from the index and install it with the server; returns the environment and the package."""
    from seatrial.core.environments import make_environment
    from seatrial.release import inspect, open_index

    catalogue = open_index(index)
    wheel = catalogue.fetch(catalogue.find(requirement))
    offer_toolkit(catalogue, progress)
    environment = make_environment(wheel, extras=("serve",), index=index, progress=progress)
    return environment, inspect(wheel).package
