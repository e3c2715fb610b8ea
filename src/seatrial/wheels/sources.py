"""Where an environment gets its wheels: an index in a folder or at a URL, queried for files by name."""

from pathlib import Path
from typing import Protocol

from seatrial.core.own_names import OwnNames
from seatrial.wheels.simple_api import IndexedFile
from seatrial.wheels.wheel import WheelInfo, inspect


class WheelSource(Protocol):
    """Lists the files of a project, and provides them as local files with verified hashes."""

    name: str
    names_of_ours: OwnNames  # that are only ever asked of this source

    @property
    def where(self) -> str:
        """Its folder or URL, for messages."""

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project; an unknown project has none."""

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return the path of a file that has the hash that the index lists."""

    def location(self, name: str, file: IndexedFile) -> tuple[str, str]:
        """Where a file is: its URL and that of its index, without a token; or its path in a folder, and nothing."""

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel that has the hash that the index lists."""
        return inspect(self.local(name, file))


class SourceOverride:
    """One source for a single name, and another for every other name."""

    def __init__(self, name: str, override: WheelSource, source: WheelSource) -> None:
        self._name, self._override, self._source = name, override, source
        self.name, self.names_of_ours = source.name, source.names_of_ours

    @property
    def where(self) -> str:
        """The folder or URL of the main source."""
        return self._source.where

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project on the source for its name."""
        return self._for(name).files(name)

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return the path of a file on the source for its name."""
        return self._for(name).local(name, file)

    def location(self, name: str, file: IndexedFile) -> tuple[str, str]:
        """Where a file is, on the source for its name."""
        return self._for(name).location(name, file)

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel on the source for its name."""
        return self._for(name).wheel(name, file)

    def _for(self, name: str) -> WheelSource:
        return self._override if name == self._name else self._source
