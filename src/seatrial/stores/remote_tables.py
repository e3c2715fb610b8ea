"""The door for tables by URL: a source becomes a whole file of this machine, and a file becomes a whole target.

A source is downloaded before anything is read of it: most readers go through a table twice or at random, and a table
that breaks off, or that changes while it is read, is noticed before its first row is used. A target is written to a
temporary file and uploaded at the end, in one step of the store, so that an error or a kill leaves nothing there.
"""

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seatrial.core.data_url import credentials_and_rest
from seatrial.core.errors import SeatrialError
from seatrial.core.processes import is_running
from seatrial.core.progress import Progress, silent
from seatrial.stores.object_files import SCHEMES
from seatrial.stores.object_transfers import (
    download_folder,
    download_object,
    is_folder,
    require_writable_place,
    upload,
    upload_folder,
    version_of,
)
from seatrial.stores.shown_urls import shown_url
from seatrial.stores.web_files import download

LONGEST_NAME = 60  # characters, of up to four bytes; the end has the suffix
FOLDER = "seatrial-table-"  # the start of the names of temporary folders, then the process


def is_url(data: object) -> bool:
    """Whether this names a file of an object store or a web server; a database does not count.

    Raises SeatrialError where it means to, and is not a URL.
    """
    scheme, separator, _ = data.partition("://") if isinstance(data, str) else ("", "", "")
    if not separator or scheme.lower() not in (*SCHEMES, "http", "https"):
        return False
    try:
        cut = bool(credentials_and_rest(str(data))[0]) and "@" not in urlsplit(str(data)).netloc
    except ValueError:  # which may quote a password
        cut = True
    if cut:
        raise SeatrialError(
            f"{shown_url(str(data))} is not valid, as it is written.",
            hint="Write a bracket, or a /, ? or # in a password, as %5B, %2F, %3F or %23.",
        )
    if "#" in str(data) and scheme.lower() in SCHEMES:  # what follows would be no part of the object's name
        raise SeatrialError(f"{shown_url(str(data))}#... has a #, which no table's URL has.", hint="Rename the object.")
    return True


@dataclass(frozen=True)
class LocalCopy:
    """A downloaded file. It is deleted with this object; `url` has no secrets, and `etag` is the store's version."""

    path: Path
    url: str
    etag: str
    sha256: str

    def keep_until_unused(self) -> None:
        """Delete the file's folder when nothing refers to this object any more, or when the process ends."""
        weakref.finalize(self, shutil.rmtree, self.path.parent, ignore_errors=True)


def fetch(url: str, progress: Progress = silent) -> LocalCopy:
    """Download a file whole. Raises SeatrialError, which says what the store refuses and what to do."""
    name = _file_name(url)
    if not name:
        raise SeatrialError(f"{shown_url(url)} names no file.", hint="Name a CSV, Parquet or Excel file.")
    folder = Path(tempfile.mkdtemp(prefix=_prefix()))
    try:
        path = folder / name
        progress(f"downloading {shown_url(url)}")
        etag, digest = _download(url, path, progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    copy = LocalCopy(path, shown_url(url), etag, digest)
    copy.keep_until_unused()
    return copy


def _file_name(url: str) -> str:
    """The name for a download, which is one name in any folder: `o/july%2Ft.csv` is `t.csv`, and `..` is none."""
    name = re.split(r"[/\\]", unquote(urlsplit(url).path.rstrip("/")))[-1]
    return "" if name in (".", "..") or "\0" in name else name[-LONGEST_NAME:]


def current_version(url: str) -> str:
    """The store's version of a file, as `LocalCopy.etag` has it; empty where only a download can show it."""
    return "" if urlsplit(url).scheme in ("http", "https") else version_of(url)


def is_database(data: object) -> bool:
    """Whether this is the URL of a database."""
    return isinstance(data, str) and "://" in data and not is_url(data)


@contextmanager
def open_source(data: str | Path, progress: Progress = silent, *, query: str = "") -> Iterator[Path]:
    """Yield the path of a table: its own, or that of its download, which is deleted when the block ends.

    Of a database, it is a Parquet file with the rows of the `query`, or of the table of this name. Of a folder in an
    object store, it is a folder with its files.
    """
    if query and not is_database(data):
        raise SeatrialError(
            f"{shown_url(str(data))} is not a database, so it cannot be queried.",
            hint="Remove the query, or name a database, such as sqlite:///file.db.",
        )
    if isinstance(data, str) and is_database(data):
        from seatrial.stores.sql_tables import query_to_file

        with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
            path = Path(folder) / "query.parquet"
            query_to_file(data, query, path, progress)
            yield path
    elif isinstance(data, str) and is_url(data) and not data.lower().startswith("http") and is_folder(data):
        with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
            download_folder(data, Path(folder), progress)
            yield Path(folder)
    elif isinstance(data, str) and is_url(data):
        copy = fetch(data, progress)
        try:
            yield copy.path
        finally:
            shutil.rmtree(copy.path.parent, ignore_errors=True)
    else:
        yield Path(data)


@contextmanager
def open_target(to: str | Path, progress: Progress = silent) -> Iterator[Path]:
    """Yield the path to write a file to; where `to` is a URL, the file is uploaded when the block ends without error.

    A URL that ends in `/` is a folder: its files are uploaded, and at last `_SUCCESS`, if it has one. For a table of a
    database (postgresql://host/database?table=scores) it is the path of a Parquet file, whose rows are written there in
    one transaction. Raises SeatrialError before the block where the store cannot be reached, has no such bucket, or has
    such a table already.
    """
    if isinstance(to, str) and is_database(to):
        from seatrial.stores.sql_tables import file_to_table, parse_target

        target = parse_target(to)
        with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
            rows = Path(folder) / f"{target.table}.parquet"
            yield rows
            file_to_table(rows, target, progress)
        return
    if not (isinstance(to, str) and is_url(to)):
        yield Path(to)
        return
    many = urlsplit(to).path.endswith("/")
    require_writable_place(to, folder=many)
    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        local = Path(folder) / Path(urlsplit(to).path).name
        yield local
        if many:
            upload_folder(local, to, progress)
        else:
            progress(f"uploading {shown_url(to)}")
            upload(local, to)


def _prefix() -> str:
    """The start of the name of a temporary folder of this process; what killed ones have left is removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER}*-*"):
        pid = left.name.removeprefix(FOLDER).partition("-")[0]
        if pid.isdecimal() and not is_running(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return f"{FOLDER}{os.getpid()}-"


def _download(url: str, path: Path, progress: Progress) -> tuple[str, str]:
    if urlsplit(url).scheme == "http":
        raise SeatrialError(
            f"{shown_url(url)} is not encrypted, so anybody on the way could change the table.",
            hint="Use https://, or download the file, and name its path.",
        )
    if urlsplit(url).scheme == "https":
        with path.open("xb") as file:
            return download(url, file, progress)
    return download_object(url, path, progress)
