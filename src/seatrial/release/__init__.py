"""Releases: the artifacts of a run become a wheel, and wheels go onto a package index; never trains, never serves.

`build_release` makes the wheel and `built_release` finds it, `open_index` opens the index to publish to and fetch from,
`inspect` inspects a wheel without installing it, `publish_toolkit` puts Seatrial's own wheel there.
`comparison` says how two releases differ.
"""

from seatrial.release.contents import uncommitted_files
from seatrial.release.folder_index import FolderIndex
from seatrial.release.http_index import HttpIndex
from seatrial.release.index import Index, IndexedRelease, Published
from seatrial.release.index_location import open_index
from seatrial.release.toolkit import build_toolkit, publish_toolkit, runs_from_checkout
from seatrial.release.wheel_builder import BuiltRelease, build_release, built_release, refuse_unnamed
from seatrial.wheels.wheel import WheelInfo, inspect

__all__ = [
    "BuiltRelease",
    "FolderIndex",
    "HttpIndex",
    "Index",
    "IndexedRelease",
    "Published",
    "WheelInfo",
    "build_release",
    "build_toolkit",
    "built_release",
    "inspect",
    "open_index",
    "publish_toolkit",
    "refuse_unnamed",
    "runs_from_checkout",
    "uncommitted_files",
]
