"""The environment that a release is served from: its wheel, the toolkit's server, and nothing else."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from seatrial.wheels.environments import Environment

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.release import FolderIndex, Index
    from seatrial.wheels.sources import WheelSource


def offer_toolkit(index: "Index", progress: Callable[[str], None]) -> "WheelSource":
    """Give the index, with the toolkit that runs on it, if that runs from a checkout; otherwise it comes from PyPI.

    On a folder it is published. An index at an address is only read from here: it may be others' too, and may want
    another token for writing; the toolkit then lies in a folder beside the environments. `publish` puts it there.
    """
    from seatrial.release import publish_toolkit, runs_from_checkout
    from seatrial.release.index import UnwritableIndexError

    place = _toolkits_place(index)
    if runs_from_checkout():
        progress(
            "putting the toolkit on the index, as it would be on PyPI" if place is index else "building the toolkit"
        )
        with suppress(UnwritableIndexError):  # a folder that one may only read
            publish_toolkit(place)
    return with_toolkit(index)


def with_toolkit(index: "Index") -> "WheelSource":
    """Give the index, as `offer_toolkit` does, with what was offered before."""
    from seatrial.wheels.resolution import TOOLKIT
    from seatrial.wheels.sources import SourceOverride

    place = _toolkits_place(index)
    return index if place is index or not place.files(TOOLKIT) else SourceOverride(TOOLKIT, place, index)


def _toolkits_place(index: "Index") -> "FolderIndex":
    from seatrial.release import FolderIndex
    from seatrial.wheels.environments import environments_folder

    return index if isinstance(index, FolderIndex) else FolderIndex(environments_folder() / ".toolkit")


def serving_environment(
    requirement: str, place: "IndexSettings", progress: Callable[[str], None], extras: Sequence[str] = ("serve",)
) -> tuple[Environment, str]:
    """Fetch a release from the index and install it with the server; returns the environment and the package."""
    from seatrial.release import inspect, open_index
    from seatrial.wheels.environments import make_environment

    index = open_index(place)
    progress(f"fetching {requirement}")
    wheel = index.fetch(index.find(requirement))
    source = offer_toolkit(index, progress)
    environment = make_environment(wheel, extras=extras, index=source, progress=progress)
    return environment, inspect(wheel).package
