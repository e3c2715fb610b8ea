"""An object store as the destination of the prediction log: s3:// (and what speaks its protocol) and gs://.

An object appears when its upload is complete. The URL may have parameters, as Arrow's file systems take them:
`endpoint_override`, `region`. Credentials come from the environment or from the machine's role.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations.destination import DeliveryError, cleaned, shown_url
from seatrial.prediction_log.destinations.parquet_files import (
    KINDS,
    LABELS,
    SUFFIX,
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
            for path, day in self._dated():
                if day < before:
                    files = self._filesystem()
                    (files.delete_file if path.endswith(SUFFIX) else files.delete_dir)(path)
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _filesystem(self) -> Any:
        if self._files is None:
            self._files, _ = object_files(self._to)
        return self._files

    def _dated(self) -> Iterator[tuple[str, date]]:
        """The folders of days, and the files of labels, with their days."""
        for kind in KINDS:
            if self._to.startswith("gs:"):
                # Arrow lists no folder there that nobody has made; a full listing costs the same (arrow#35993).
                found = self._list(f"{self._prefix}/{kind}", recursive=True)
                yield from _with_days((info.path, info.path.split("/")[-2]) for info in found if info.is_file)
                continue
            for release in self._list(f"{self._prefix}/{kind}"):
                for version in self._list(release.path):
                    yield from _with_days((info.path, info.base_name) for info in self._list(version.path))
        yield from _with_days((info.path, info.base_name) for info in self._list(f"{self._prefix}/{LABELS}"))

    def _list(self, path: str, *, recursive: bool = False) -> list[Any]:
        from pyarrow import fs

        selector = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
        found: list[Any] = self._filesystem().get_file_info(selector)
        return found


def _with_days(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, date]]:
    """Of paths and names, the paths with the days in their names."""
    for path, name in named:
        if (day := day_of(name)) is not None:
            yield path, day


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
