"""The environment that a release is served from: its wheel, the toolkit's server, and nothing else."""

from contextlib import suppress
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.release import FolderIndex, Index
    from seatrial.wheels.environments import Environment
    from seatrial.wheels.sources import WheelSource


def offer_toolkit(index: "Index", progress: Progress) -> "WheelSource":
    """Return the index, with the toolkit available on it if that runs from a checkout; otherwise it comes from PyPI.

    On a folder index the toolkit is published. A remote index is only read from here: others may use it too, and
    writing may need another token. The toolkit is then put into a folder next to the environments, and `publish`
    uploads it.
    """
    from seatrial.release import publish_toolkit, runs_from_checkout
    from seatrial.release.index import UnwritableIndexError

    toolkit_index = _toolkit_index(index)
    if runs_from_checkout():
        on_index = toolkit_index is index
        progress("putting the toolkit on the index, as it would be on PyPI" if on_index else "building the toolkit")
        with suppress(UnwritableIndexError):  # a read-only folder
            publish_toolkit(toolkit_index)
    return with_toolkit(index)


def with_toolkit(index: "Index") -> "WheelSource":
    """Return the index as `offer_toolkit` does, with the toolkit that was made available before."""
    from seatrial.wheels.resolution import TOOLKIT
    from seatrial.wheels.sources import SourceOverride

    toolkit_index = _toolkit_index(index)
    if toolkit_index is index or not toolkit_index.files(TOOLKIT):
        return index
    return SourceOverride(TOOLKIT, toolkit_index, index)


def _toolkit_index(index: "Index") -> "FolderIndex":
    from seatrial.release import FolderIndex
    from seatrial.wheels.environments import environments_folder

    return index if isinstance(index, FolderIndex) else FolderIndex(environments_folder() / ".toolkit")


def serving_environment(requirement: str, settings: "IndexSettings", progress: Progress) -> "tuple[Environment, str]":
    """Fetch a release from the index and install it with the server; returns the environment and the package."""
    from seatrial.release import open_index
    from seatrial.wheels.environments import make_environment

    index = open_index(settings)
    progress(f"fetching {requirement}")
    wheel = index.fetch_wheel(index.find(requirement))
    source = offer_toolkit(index, progress)
    environment = make_environment(wheel, extras=("serve",), index=source, progress=progress)
    return environment, wheel.package
