"""An object store as the destination of the prediction log: s3:// (and what speaks its protocol) and gs://.

An object appears when its upload is complete. The URL may have parameters, as Arrow's file systems take them:
`endpoint_override`, `region`. Credentials come from the environment or from the machine's role.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations.destination import DeliveryError, cleaned, shown_url
from seatrial.prediction_log.destinations.parquet_files import KINDS, LABELS, day_of, relative_path, write_parquet
from seatrial.prediction_log.tables import LogTable

CONNECT_SECONDS, REQUEST_SECONDS = 10.0, 60.0
RETRY_SECONDS = 30  # within a delivery; the shipper tries again later


class ObjectDestination:
    """Keeps the log in a bucket, below a prefix."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.shown = shown_url(to)
        parts = urlsplit(to)
        bucket = parts.netloc.rpartition("@")[2]
        if not bucket:
            raise SeatrialError(f"{self.shown} names no bucket.", hint=f"Use {parts.scheme}://bucket/path.")
        self._prefix = "/".join([bucket, *filter(None, parts.path.split("/"))])
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
            for info in self._dated():
                day = day_of(info.base_name)
                if day is not None and day < before:
                    (self._files.delete_file if info.is_file else self._files.delete_dir)(info.path)
        except (OSError, pa.ArrowException) as error:
            raise DeliveryError(cleaned(error, self._to)) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _filesystem(self) -> Any:
        if self._files is None:
            self._files = _s3(self._to) if self._to.startswith("s3:") else _gs(self._to)
        return self._files

    def _dated(self) -> Iterator[Any]:
        """The folders of days, and the files of labels, without listing what is in the folders."""
        for kind in KINDS:
            for release in self._list(f"{self._prefix}/{kind}"):
                for version in self._list(release.path):
                    yield from self._list(version.path)
        yield from self._list(f"{self._prefix}/{LABELS}")

    def _list(self, path: str) -> list[Any]:
        from pyarrow import fs

        found: list[Any] = self._filesystem().get_file_info(fs.FileSelector(path, allow_not_found=True))
        return found


def _s3(to: str) -> Any:
    from pyarrow import fs

    parts = urlsplit(to)
    options: dict[str, Any] = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if user := parts.username:
        options |= {"access_key": user, "secret_key": parts.password or ""}
    endpoint = options.pop("endpoint_override", "")
    if "://" in endpoint:  # as boto3 wants it
        options["scheme"], _, endpoint = endpoint.partition("://")
    return fs.S3FileSystem(
        **options,
        **({"endpoint_override": endpoint} if endpoint else {}),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        allow_delayed_open=True,  # a small file is one PUT, which leaves nothing behind when it is interrupted
        background_writes=False,
    )


def _gs(to: str) -> Any:
    from pyarrow import fs

    options: dict[str, Any] = {name: values[-1] for name, values in parse_qs(urlsplit(to).query).items()}
    if urlsplit(to).netloc.startswith("anonymous@"):
        options["anonymous"] = True
    return fs.GcsFileSystem(**options, retry_time_limit=timedelta(seconds=RETRY_SECONDS))
