"""Opens an index, in a folder or at a URL."""

from pathlib import Path

from seatrial.core.index_settings import IndexSettings, index_in_folder
from seatrial.release.folder_index import FolderIndex
from seatrial.release.http_index import HttpIndex
from seatrial.release.index import Index


def open_index(where: IndexSettings | Path) -> Index:
    """Open an index by its settings or its folder, which need not exist yet: publishing creates it."""
    settings = index_in_folder(where) if isinstance(where, Path) else where
    index: Index = FolderIndex(settings.folder) if settings.folder else HttpIndex(settings)
    index.name, index.names_of_ours = settings.name, settings.names
    return index
