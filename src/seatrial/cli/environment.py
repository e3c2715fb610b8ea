"""The environment that a release is served from: its wheel, the toolkit's server, and nothing else."""

from collections.abc import Callable
from pathlib import Path

from seatrial.core.environments import Environment


def serving_environment(requirement: str, index: Path, progress: Callable[[str], None]) -> tuple[Environment, str]:
    """Fetch a release from the index and install it with the server; returns the environment and the package."""
    from seatrial.core.environments import make_environment
    from seatrial.release import inspect, open_index

    catalogue = open_index(index)
    wheel = catalogue.fetch(catalogue.find(requirement))
    environment = make_environment(wheel, extras=("serve",), index=index, progress=progress)
    return environment, inspect(wheel).package
