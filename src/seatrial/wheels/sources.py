"""Where an environment takes wheels from: an index in a folder or at an address, asked for files by name."""

from pathlib import Path
from typing import Protocol

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.simple_api import PAGE, IndexedFile, project_folder, read_page


class WheelSource(Protocol):
    """Lists the files of a project, and gives them as local files with their hash checked."""

    @property
    def where(self) -> str:
        """How it is called in messages."""
        ...

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project; none where there is no such project."""
        ...

    def local(self, name: str, file: IndexedFile) -> Path:
        """Give the path of a file that is exactly what the index lists."""
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
        """List the files of a project, in the page's order."""
        return read_page(project_folder(self.path, name) / PAGE)

    def local(self, name: str, file: IndexedFile) -> Path:
        """Give the path of a file in the folder, with its hash checked."""
        path = project_folder(self.path, name) / file.filename
        if not path.is_file():
            raise SeatrialError(f"{path} is missing, though the index lists it.", hint="Publish the same build again.")
        if sha256(path) != file.sha256:
            raise SeatrialError(
                f"{path} is not what was published: its hash is another one.",
                hint="Publish the same build again.",
            )
        return path


class SourceOverride:
    """One source for a single name, and another for all the rest."""

    def __init__(self, name: str, first: WheelSource, rest: WheelSource) -> None:
        self._name, self._first, self._rest = name, first, rest

    @property
    def where(self) -> str:
        """How the main one is called."""
        return self._rest.where

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project where it belongs."""
        return self._of(name).files(name)

    def local(self, name: str, file: IndexedFile) -> Path:
        """Give the path of a file where it belongs."""
        return self._of(name).local(name, file)

    def _of(self, name: str) -> WheelSource:
        return self._first if name == self._name else self._rest
