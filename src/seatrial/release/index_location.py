"""Opens an index, in a folder, in a bucket or at a URL."""

from pathlib import Path

from seatrial.core.index_settings import IndexSettings, index_in_folder
from seatrial.release.bucket_index import BucketIndex
from seatrial.release.folder_index import FolderIndex
from seatrial.release.http_index import HttpIndex
from seatrial.release.index import Index


def open_index(where: IndexSettings | Path) -> Index:
    """Open an index by its settings or its folder, which need not exist yet: publishing creates it."""
    settings = index_in_folder(where) if isinstance(where, Path) else where
    index: Index
    if settings.folder:
        index = FolderIndex(settings.folder)
    else:
        index = BucketIndex(settings) if settings.is_bucket else HttpIndex(settings)
    index.name, index.names_of_ours = settings.name, settings.names
    return index
