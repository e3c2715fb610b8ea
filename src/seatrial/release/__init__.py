"""Releases: a run's artifacts in, a wheel out, and wheels onto a package index; never trains, never serves.

`build_release` makes the wheel, `built_files` names it, `open_index` gives the index to publish to and fetch
from, `inspect` looks into a wheel without installing it, `publish_toolkit` puts Seatrial's own wheel there.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.release.folder_index import FolderIndex as FolderIndex
    from seatrial.release.http_index import HttpIndex as HttpIndex
    from seatrial.release.index import Index as Index
    from seatrial.release.index import IndexedRelease as IndexedRelease
    from seatrial.release.index import Published as Published
    from seatrial.release.index import open_index as open_index
    from seatrial.release.toolkit import build_toolkit as build_toolkit
    from seatrial.release.toolkit import publish_toolkit as publish_toolkit
    from seatrial.release.toolkit import runs_from_checkout as runs_from_checkout
    from seatrial.release.wheel_builder import BuiltRelease as BuiltRelease
    from seatrial.release.wheel_builder import build_release as build_release
    from seatrial.release.wheel_builder import built_files as built_files
    from seatrial.wheels.wheel import WheelInfo as WheelInfo
    from seatrial.wheels.wheel import inspect as inspect

_HOMES = {
    "WheelInfo": "seatrial.wheels.wheel",
    "inspect": "seatrial.wheels.wheel",
    "BuiltRelease": "seatrial.release.wheel_builder",
    "build_release": "seatrial.release.wheel_builder",
    "built_files": "seatrial.release.wheel_builder",
    "FolderIndex": "seatrial.release.folder_index",
    "Index": "seatrial.release.index",
    "HttpIndex": "seatrial.release.http_index",
    "IndexedRelease": "seatrial.release.index",
    "Published": "seatrial.release.index",
    "open_index": "seatrial.release.index",
    "build_toolkit": "seatrial.release.toolkit",
    "publish_toolkit": "seatrial.release.toolkit",
    "runs_from_checkout": "seatrial.release.toolkit",
}
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
    "built_files",
    "inspect",
    "open_index",
    "publish_toolkit",
    "runs_from_checkout",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(name)
