"""The environment that a release is served from: its wheel, the toolkit's server, and nothing else."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from seatrial.core.environments import Environment
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.places import IndexPlace
    from seatrial.core.sources import Source
    from seatrial.release import Index


def offer_toolkit(index: "Index", progress: Callable[[str], None]) -> "Source":
    """Give the index, with the toolkit that runs on it, if that runs from a checkout; otherwise it comes from PyPI.

    On a folder it is published. An index at an address is only read from here: it may be others' too, and may want
    another token for writing; the toolkit then lies in a folder beside the environments. `publish` puts it there.
    """
    from seatrial.core.environments import environments_folder
    from seatrial.core.sources import Preferring
    from seatrial.release import FolderIndex, publish_toolkit

    progress("putting the toolkit on the index, as it would be on PyPI")
    beside = index if isinstance(index, FolderIndex) else FolderIndex(environments_folder() / ".toolkit")
    with suppress(SeatrialError):
        name = publish_toolkit(beside).name
        return index if beside is index else Preferring(name, beside, index)
    return index


def serving_environment(
    requirement: str, place: "IndexPlace", progress: Callable[[str], None], extras: Sequence[str] = ("serve",)
) -> tuple[Environment, str]:
    """Fetch a release from the index and install it with the server; returns the environment and the package."""
    from seatrial.core.environments import make_environment
    from seatrial.release import inspect, open_index

    index = open_index(place)
    progress(f"fetching {requirement}")
    wheel = index.fetch(index.find(requirement))
    source = offer_toolkit(index, progress)
    environment = make_environment(wheel, extras=extras, index=source, progress=progress)
    return environment, inspect(wheel).package
