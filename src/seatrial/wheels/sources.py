"""Where an environment gets its wheels: an index in a folder or at a URL, queried for files by name."""

from pathlib import Path
from typing import Protocol

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.simple_api import PAGE, IndexedFile, project_folder, read_page
from seatrial.wheels.wheel import WheelInfo, inspect

REPUBLISH = "Publish the same build again."


class WheelSource(Protocol):
    """Lists the files of a project, and provides them as local files with verified hashes."""

    @property
    def where(self) -> str:
        """Its folder or URL, for messages."""
        ...

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project; an unknown project has none."""
        ...

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return the path of a file that has the hash that the index lists."""
        ...

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel that has the hash that the index lists."""
        ...


class FolderSource:
    """The files of an index in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.path)

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project, in the order of its page."""
        return read_page(project_folder(self.path, name) / PAGE)

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return the path of a file in the folder, after checking its hash."""
        path = self._path(name, file)
        self._check(path, sha256(path), file)
        return path

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel in the folder, after checking its hash; the file is read once."""
        wheel = inspect(self._path(name, file))
        self._check(wheel.path, wheel.sha256, file)
        return wheel

    def _path(self, name: str, file: IndexedFile) -> Path:
        path = project_folder(self.path, name) / file.filename
        if not path.is_file():
            raise SeatrialError(f"{path} is missing, although the index lists it.", hint=REPUBLISH)
        return path

    def _check(self, path: Path, digest: str, file: IndexedFile) -> None:
        if digest != file.sha256:
            raise SeatrialError(f"{path} is not what was published: its hash is different.", hint=REPUBLISH)


class SourceOverride:
    """One source for a single name, and another for every other name."""

    def __init__(self, name: str, override: WheelSource, source: WheelSource) -> None:
        self._name, self._override, self._source = name, override, source

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

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel on the source for its name."""
        return self._for(name).wheel(name, file)

    def _for(self, name: str) -> WheelSource:
        return self._override if name == self._name else self._source
