"""Moves files between this machine and an object store: whole, of one version, and never half."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress
from seatrial.stores.object_files import explained, object_files
from seatrial.stores.shown_urls import shown_url

PIECE = 4 << 20
MARKER = "_SUCCESS"  # the file of a folder that says that all others are there


@contextmanager
def opened(url: str, right: str = "read") -> Iterator[tuple[Any, str]]:
    """Yield the file system of a URL and the path in it; what the store refuses becomes a SeatrialError."""
    try:
        yield object_files(url)
    except OSError as error:
        raise explained(error, url, right) from None


def version_of(url: str) -> str:
    """The store's version of a file, its ETag; empty where there is no such file or no such thing."""
    with opened(url) as (files, path):
        return _version(files, path)[0] if files.get_file_info(path).is_file else ""


def is_folder(url: str) -> bool:
    """Whether objects are below this path, and none is at it."""
    with opened(url) as (files, path):
        return not files.get_file_info(path).is_file and bool(_below(files, path))


def download_object(url: str, local: Path, progress: Progress) -> tuple[str, str]:
    """Download an object to a new file, which gets its time; returns its ETag and its SHA-256."""
    with opened(url) as (files, path):
        info = files.get_file_info(path)
        if not info.is_file:
            folder = bool(_below(files, path))
            hint = "Name a file in it." if folder else "Correct the bucket or the path, or check the permissions."
            raise SeatrialError(f"{shown_url(url)} {'is a folder' if folder else 'does not exist'}.", hint=hint)
        return _copied(files, info, local, shown_url(url), progress)


def download_folder(url: str, into: Path, progress: Progress) -> None:
    """Download what is below a path, except what begins with `_` or a dot, as engines' own files do."""
    with opened(url) as (files, path):
        for info in _below(files, path):
            relative = Path(info.path).relative_to(path)
            if not any(part.startswith(("_", ".")) for part in relative.parts):
                (into / relative).parent.mkdir(parents=True, exist_ok=True)
                _copied(files, info, into / relative, f"{shown_url(url).rstrip('/')}/{relative}", progress)


def _below(files: Any, path: str) -> list[Any]:
    from pyarrow import fs

    found = files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    return sorted((each for each in found if each.is_file and each.path != path), key=lambda each: str(each.path))


def _copied(files: Any, info: Any, local: Path, shown: str, progress: Progress) -> tuple[str, str]:
    before, done, digest = _version(files, info.path), 0, hashlib.sha256()
    with local.open("xb") as file, files.open_input_stream(info.path) as stream:
        while piece := stream.read(PIECE):
            done += len(piece)
            digest.update(piece)
            file.write(piece)
            progress(f"downloaded {done / 1e6:,.1f} of {info.size / 1e6:,.1f} MB of {local.name}")
    if done != info.size or _version(files, info.path) != before:
        raise SeatrialError(f"{shown} changed while it was being read.", hint="Try again once it is complete.")
    if info.mtime_ns:
        os.utime(local, ns=(info.mtime_ns, info.mtime_ns))  # a run that is resumed compares it
    return before[0], digest.hexdigest()


def _version(files: Any, path: str) -> tuple[str, str]:
    """What changes when somebody writes the file anew; the ETag is empty where the store has none."""
    with files.open_input_stream(path) as stream:
        facts = stream.metadata() or {}
    tag = facts.get("ETag") or facts.get("etag") or b""
    return (tag.decode() if isinstance(tag, bytes) else str(tag)), str(files.get_file_info(path).mtime_ns)


def require_writable_place(url: str, *, folder: bool) -> None:
    """Raise SeatrialError, before long work, where a URL cannot be written: no such bucket, or a folder with files."""
    from pyarrow import fs

    if urlsplit(url).scheme in ("http", "https"):
        raise SeatrialError(
            f"{shown_url(url)} cannot be written: a web server takes no files.", hint="Use s3://, gs:// or az://."
        )
    with opened(url, "write") as (files, path):
        place = path.partition("/")[0] if urlsplit(url).scheme != "hdfs" else str(Path(path).parent)
        found = files.get_file_info(place).type == fs.FileType.Directory
        taken = folder and found and bool(_below(files, path))
    if not found:
        raise SeatrialError(
            f"{shown_url(url)} cannot be written: there is no {place}, or it denies access.",
            hint="The bucket has to exist, and the credentials need the permission to list and to write it.",
        )
    if "/" not in path:
        raise SeatrialError(f"{shown_url(url)} names no file.", hint="Example: s3://bucket/predictions.parquet.")
    if taken:
        raise SeatrialError(
            f"{shown_url(url)} is not empty.",
            hint=f"Name another folder, or delete it; without {MARKER} in it, it is not complete.",
        )


def upload(local: Path, url: str) -> None:
    """Upload a file in one step of the store: other readers see what was there before, or the whole new one."""
    with opened(url, "write") as (files, path):
        _put(local, files, path, url)


def upload_folder(local: Path, url: str, progress: Progress) -> None:
    """Upload the files of a folder, and at last the one that says that it is complete."""
    paths = sorted((path for path in local.rglob("*") if path.is_file()), key=lambda path: (path.name == MARKER, path))
    with opened(url, "write") as (files, folder):
        for number, path in enumerate(paths, 1):
            _put(path, files, f"{folder}/{path.relative_to(local).as_posix()}", url)
            progress(f"uploaded {number} of {len(paths)} files to {shown_url(url)}")


def _put(local: Path, files: Any, path: str, url: str) -> None:
    grows = urlsplit(url).scheme == "hdfs"  # a file there is seen while it is written
    target = f"{path}.{sha256(local)[:16]}.part" if grows else path
    _sent(local, files, target)
    if files.get_file_info(target).size != local.stat().st_size:
        raise SeatrialError(f"{shown_url(url)} was not written completely.", hint="Try again.")
    if grows:
        files.move(target, path)


def _sent(local: Path, files: Any, path: str) -> None:
    """Send a file in a thread, where Ctrl-C cannot arrive: Arrow completes a stream that an exception leaves early.

    The thread ends with the process, and then without completing anything. In a process that lives on, as a notebook's
    does, it keeps a stream that Ctrl-C has left, and never closes it. (`pyarrow.fs.copy_files` would be shorter, and
    says nothing of errors at the end of an upload.)
    """
    import pyarrow as pa

    failed: list[BaseException] = []
    left = threading.Event()

    def send() -> None:
        try:
            content = pa.memory_map(str(local)).read_buffer() if local.stat().st_size else b""
            stream = files.open_output_stream(path)
            stream.write(content)  # one call: a part that fails is remembered, and nothing is completed
            if left.is_set():
                threading.Event().wait()  # forever
            stream.close()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        left.set()
        raise
    if failed:
        raise failed[0]
