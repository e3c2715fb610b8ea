"""An object store as the destination of the prediction log: s3:// (and what speaks its protocol) and gs://.

An object appears when its upload is complete. The URL may have parameters, as Arrow's file systems take them:
`endpoint_override`, `region`. Credentials come from the environment or from the machine's role.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations.destination import DeliveryError, cleaned, shown_url
from seatrial.prediction_log.destinations.parquet_files import (
    KINDS,
    LABELS,
    day_of,
    relative_path,
    write_parquet,
)
from seatrial.prediction_log.tables import LogTable

CONNECT_SECONDS, REQUEST_SECONDS = 10.0, 60.0
RETRY_SECONDS = 30  # within a delivery; the shipper tries again later


class ObjectDestination:
    """Keeps the log in a bucket, below a prefix."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.shown = shown_url(to)
        self._prefix = _prefix(to)
        self._files: Any = None

    def deliver(self, segment: str, tables: Sequence[LogTable]) -> None:
        """Upload an object for each table; see Destination."""
        import pyarrow as pa

        try:
            files = self._filesystem()
            for table in tables:
                buffer = pa.BufferOutputStream()
                write_parquet(table.data, buffer)
                with files.open_output_stream(f"{self._prefix}/{relative_path(segment, table)}") as stream:
                    stream.write(buffer.getvalue())
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def expire(self, before: date) -> None:
        """Delete the objects of earlier days; see Destination."""
        import pyarrow as pa

        try:
            files = self._filesystem()
            for info in self._dated():
                day = day_of(info.base_name)
                if day is not None and day < before:
                    _delete(files, info)
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _filesystem(self) -> Any:
        if self._files is None:
            self._files, _ = object_files(self._to)
        return self._files

    def _dated(self) -> Iterator[Any]:
        """The folders of days, and the files of labels."""
        files = self._filesystem()
        for kind in KINDS:
            for release in list_folder(files, f"{self._prefix}/{kind}"):
                for version in list_folder(files, release.path):
                    yield from list_folder(files, version.path)
        yield from list_folder(files, f"{self._prefix}/{LABELS}")


def list_folder(files: Any, path: str) -> list[Any]:
    """What is directly in a folder of a file system of Arrow's, which need not exist.

    In Google Cloud Storage, Arrow lists no folder that nobody has made (arrow#35993), so what is in
    them shows them.
    """
    from pyarrow import fs

    if not isinstance(files, fs.GcsFileSystem):
        found: list[Any] = files.get_file_info(fs.FileSelector(path, allow_not_found=True))
        return found
    children: dict[str, Any] = {}
    for info in files.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=True)):
        name, below, _ = info.path.removeprefix(f"{path}/").partition("/")
        children[name] = fs.FileInfo(f"{path}/{name}", fs.FileType.Directory) if below else info
    return list(children.values())


def _delete(files: Any, info: Any) -> None:
    """Delete an object, or what is in a folder."""
    from pyarrow import fs

    if info.is_file:
        files.delete_file(info.path)
    elif isinstance(files, fs.GcsFileSystem):  # it fails for a folder that nobody has made
        for child in list_folder(files, info.path):
            _delete(files, child)
    else:
        files.delete_dir(info.path)


def object_files(to: str) -> tuple[Any, str]:
    """The file system of an object store, and the log's path in it, which begins with the bucket.

    Raises SeatrialError where the URL names no bucket, and OSError where the bucket's region is unknown and not found.
    """
    prefix = _prefix(to)
    return (_s3(to) if to.startswith("s3:") else _gs(to)), prefix


def _prefix(to: str) -> str:
    parts = urlsplit(to)
    bucket = parts.netloc.rpartition("@")[2]
    if not bucket:
        raise SeatrialError(f"{shown_url(to)} names no bucket.", hint=f"Use {parts.scheme}://bucket/path.")
    return "/".join([bucket, *filter(None, parts.path.split("/"))])


def _s3(to: str) -> Any:
    from pyarrow import fs

    parts = urlsplit(to)
    options: dict[str, Any] = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if user := parts.username:
        options |= {"access_key": unquote(user), "secret_key": unquote(parts.password or "")}
    # Arrow does not read these two variables, which other clients do.
    endpoint = options.pop("endpoint_override", "") or _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    region = options.pop("region", "") or _variable("AWS_REGION", "AWS_DEFAULT_REGION")
    if endpoint:
        scheme, _, place = endpoint.rpartition("://")
        options |= {"endpoint_override": place, **({"scheme": scheme} if scheme else {})}
    elif not region:
        region = fs.resolve_s3_region(parts.netloc.rpartition("@")[2])
    return fs.S3FileSystem(
        **options,
        **({"region": region} if region else {}),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        allow_delayed_open=True,  # a small file is one PUT, which leaves nothing behind when it is interrupted
        background_writes=False,
    )


def _variable(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")


def _gs(to: str) -> Any:
    from pyarrow import fs

    options: dict[str, Any] = {name: values[-1] for name, values in parse_qs(urlsplit(to).query).items()}
    if urlsplit(to).netloc.startswith("anonymous@"):
        options["anonymous"] = True
    return fs.GcsFileSystem(**options, retry_time_limit=timedelta(seconds=RETRY_SECONDS))
