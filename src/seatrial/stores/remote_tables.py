"""The door for tables by URL: a source becomes a whole file of this machine, and a file becomes a whole target.

A source is downloaded before anything is read of it: most readers go through a table twice or at random, and a table
that breaks off, or that changes while it is read, is noticed before its first row is used. A target is written to a
temporary file and uploaded at the end, in one step of the store, so that an error or a kill leaves nothing there.
"""

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.processes import is_running
from seatrial.core.progress import Progress, silent
from seatrial.stores.object_files import SCHEMES, explained, object_files
from seatrial.stores.shown_urls import shown_url
from seatrial.stores.web_files import download

PIECE = 4 << 20
FOLDER = "seatrial-table-"  # the start of the names of temporary folders, then the process


def is_url(data: object) -> bool:
    """Whether this names a file of an object store or a web server; a database does not count."""
    scheme, separator, _ = data.partition("://") if isinstance(data, str) else ("", "", "")
    return bool(separator) and scheme.lower() in (*SCHEMES, "http", "https")


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
    name = unquote(Path(urlsplit(url).path).name)
    if not name:
        raise SeatrialError(f"{shown_url(url)} names no file.", hint="Name a CSV, Parquet or Excel file.")
    folder = Path(tempfile.mkdtemp(prefix=_prefix()))
    try:
        path = folder / name
        progress(f"downloading {shown_url(url)}")
        with path.open("xb") as file:
            etag, digest = _download(url, file, progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    copy = LocalCopy(path, shown_url(url), etag, digest)
    copy.keep_until_unused()
    return copy


def current_version(url: str) -> str:
    """The store's version of a file, as `LocalCopy.etag` has it; empty where only a download can show it."""
    if urlsplit(url).scheme in ("http", "https"):
        return ""
    files, path = _opened(url, "read")
    try:
        return _version(files, path)[0]
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise explained(error, url) from None


def is_database(data: object) -> bool:
    """Whether this is the URL of a database."""
    return isinstance(data, str) and "://" in data and not is_url(data)


@contextmanager
def open_source(data: str | Path, progress: Progress = silent, *, query: str = "") -> Iterator[Path]:
    """Yield the path of a table: its own, or that of its download, which is deleted when the block ends.

    Of a database, it is a Parquet file with the rows of the `query`, or of the table of this name.
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

    For a table of a database (postgresql://host/database?table=scores) it is the path of a Parquet file, whose rows
    are written there in one transaction. Raises SeatrialError before the block where the store cannot be reached, has
    no such bucket, or has such a table already.
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
    files, path = _writable(to)
    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        local = Path(folder) / Path(path).name
        yield local
        progress(f"uploading {shown_url(to)}")
        upload(local, files, path, to)


def _prefix() -> str:
    """The start of the name of a temporary folder of this process; what killed ones have left is removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER}*-*"):
        pid = left.name.removeprefix(FOLDER).partition("-")[0]
        if pid.isdecimal() and not is_running(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return f"{FOLDER}{os.getpid()}-"


def _download(url: str, file: Any, progress: Progress) -> tuple[str, str]:
    if urlsplit(url).scheme == "http":
        raise SeatrialError(
            f"{shown_url(url)} is not encrypted, so anybody on the way could change the table.",
            hint="Use https://, or download the file, and name its path.",
        )
    if urlsplit(url).scheme == "https":
        return download(url, file, progress)
    files, path = _opened(url, "read")
    try:
        return _copied(files, path, file, url, progress)
    except OSError as error:
        raise explained(error, url) from None


def _copied(files: Any, path: str, file: Any, url: str, progress: Progress) -> tuple[str, str]:
    from pyarrow import fs

    info = files.get_file_info(path)
    if not info.is_file:
        folder = info.type == fs.FileType.Directory
        hint = "Name a file in it." if folder else "Correct the bucket or the path, or check the permissions."
        raise SeatrialError(f"{shown_url(url)} {'is a folder' if folder else 'does not exist'}.", hint=hint)
    before, done, digest = _version(files, path), 0, hashlib.sha256()
    with files.open_input_stream(path) as stream:
        while piece := stream.read(PIECE):
            done += len(piece)
            digest.update(piece)
            file.write(piece)
            progress(f"downloaded {done / 1e6:,.1f} of {info.size / 1e6:,.1f} MB")
    if done != info.size or _version(files, path) != before:
        raise SeatrialError(f"{shown_url(url)} changed while it was being read.", hint="Try again once it is complete.")
    return before[0], digest.hexdigest()


def _version(files: Any, path: str) -> tuple[str, ...]:
    """What changes when somebody writes the file anew; the ETag is empty where the store has none."""
    with files.open_input_stream(path) as stream:
        facts = stream.metadata() or {}
    tag = facts.get("ETag") or facts.get("etag") or b""
    return (tag.decode() if isinstance(tag, bytes) else str(tag)), str(files.get_file_info(path).mtime_ns)


def _opened(url: str, right: str) -> tuple[Any, str]:
    try:
        return object_files(url)
    except OSError as error:
        raise explained(error, url, right) from None


def _writable(url: str) -> tuple[Any, str]:
    from pyarrow import fs

    if urlsplit(url).scheme in ("http", "https"):
        raise SeatrialError(
            f"{shown_url(url)} cannot be written: a web server takes no files.", hint="Use s3://, gs:// or az://."
        )
    files, path = _opened(url, "write")
    try:
        place = path.partition("/")[0] if urlsplit(url).scheme != "hdfs" else str(Path(path).parent)
        found = files.get_file_info(place).type == fs.FileType.Directory
    except OSError as error:
        raise explained(error, url, "write") from None
    if not found:
        raise SeatrialError(
            f"{shown_url(url)} cannot be written: there is no {place}, or it denies access.",
            hint="The bucket has to exist, and the credentials need the permission to list and to write it.",
        )
    if "/" not in path or path.endswith("/"):
        raise SeatrialError(f"{shown_url(url)} names no file.", hint="Example: s3://bucket/predictions.parquet.")
    return files, path


def upload(local: Path, files: Any, path: str, url: str) -> None:
    """Upload a file in one step of the store: other readers see the object before it or the whole new one.

    It is one call of Arrow's: a stream of its own in Python would be completed when an exception arrives in it.
    """
    from pyarrow import fs

    target = f"{path}.{sha256(local)[:16]}.part" if urlsplit(url).scheme == "hdfs" else path  # there, a file grows
    try:
        fs.copy_files(
            str(local), target, source_filesystem=fs.LocalFileSystem(), destination_filesystem=files, chunk_size=PIECE
        )
        size = files.get_file_info(target).size
        if size == local.stat().st_size and target != path:
            files.move(target, path)
    except OSError as error:
        raise explained(error, url, "write") from None
    if size != local.stat().st_size:
        raise SeatrialError(f"{shown_url(url)} was not written completely.", hint="Try again.")
