"""An index by its location: a folder or a URL."""

from pathlib import Path

from seatrial.core.index_settings import IndexSettings, index_at_url, index_in_folder
from seatrial.release.folder_index import FolderIndex
from seatrial.release.http_index import HttpIndex
from seatrial.release.index import Index


def open_index(where: IndexSettings | str | Path) -> Index:
    """Open an index by its settings, folder or URL. A folder need not exist yet: publishing creates it."""
    if isinstance(where, str):
        where = index_at_url(where) if "://" in where or where.startswith("file:") else Path(where)
    settings = index_in_folder(where) if isinstance(where, Path) else where
    return FolderIndex(settings.folder) if settings.folder else HttpIndex(settings)
