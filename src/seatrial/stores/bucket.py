"""Objects of an S3 bucket with conditional writes, which Arrow's file systems lack; boto3 does the rest.

A conditional write fails if somebody else has written the object meanwhile. It is what several writers without a lock
need, and a store that ignores the condition would lose a write without a word: `require_conditions` finds out.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.stores.object_files import CONNECT_SECONDS, REQUEST_SECONDS, bucket_path, explained
from seatrial.stores.shown_urls import shown_url

PROBE = ".seatrial-conditional-writes"
CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
MISSING = ("NoSuchKey", "404")


class ConflictError(Exception):
    """Somebody else has written the object."""


@dataclass(frozen=True)
class StoredObject:
    """The content of an object, and its version."""

    content: bytes
    etag: str


class Bucket:
    """A bucket below a prefix. Every method raises SeatrialError for what the store refuses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.shown = shown_url(url).rstrip("/")
        self.bucket, _, prefix = bucket_path(url).partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._made: Any = None

    @property
    def web_url(self) -> str:
        """The URL of the prefix for web clients, which a public bucket answers."""
        return f"{self._client.meta.endpoint_url}/{self.bucket}/{self._prefix}"

    def read(self, key: str) -> StoredObject | None:
        """Read an object; None where there is none."""
        found = self._call("get_object", key, missing=MISSING)
        return StoredObject(self._refused(found["Body"].read), found["ETag"]) if found else None

    def size(self, key: str) -> int | None:
        """The size of an object; None where there is none."""
        found = self._call("head_object", key, missing=MISSING)
        return int(found["ContentLength"]) if found else None

    def write(self, key: str, content: bytes | Path, replaces: str | None = None, **headers: str) -> None:
        """Write an object instead of the version `replaces`, or where there is none.

        Raises ConflictError where there is another one, unless it has this content already: a retried request meets
        what it has written itself.
        """
        condition = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
        options: dict[str, Any] = condition | headers
        if isinstance(content, Path):
            with content.open("rb") as file:
                self._call("put_object", key, right="write", Body=file, **options)
            return
        try:
            self._call("put_object", key, right="write", Body=content, **options)
        except ConflictError:
            found = self.read(key)
            if found is None or found.content != content:
                raise

    def overwrite(self, key: str, content: Path) -> None:
        """Write an object, whatever is there."""
        with content.open("rb") as file:
            self._call("put_object", key, right="write", Body=file)

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        self._call("delete_object", key, right="write")

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix."""
        token: dict[str, Any] = {}
        while True:
            found = self._call("list_objects_v2", None, Prefix=self._prefix + prefix, **token)
            yield from (each["Key"].removeprefix(self._prefix) for each in found.get("Contents", []))
            if not found.get("IsTruncated"):
                return
            token = {"ContinuationToken": found["NextContinuationToken"]}

    def require_conditions(self) -> None:
        """Raise SeatrialError where the store ignores the conditions of writes, or does not know them."""
        try:
            self.write(PROBE, b"")  # there it stays: the same content is no conflict
            honest = False
            try:
                self._call("put_object", PROBE, right="write", Body=b"x", IfNoneMatch="*")
            except ConflictError:
                honest = True
        except ConflictError:
            honest = False  # an earlier probe was overwritten
        if not honest:
            raise SeatrialError(
                f"{self.shown}: the store ignores conditional writes, so two publications could lose one of them.",
                hint="Use a store that knows If-None-Match and If-Match, or `seatrial index serve` on a folder.",
            )

    def _call(self, name: str, key: str | None, right: str = "read", missing: tuple[str, ...] = (), **more: Any) -> Any:
        from botocore.exceptions import ClientError

        options = {"Bucket": self.bucket, **({"Key": self._prefix + key} if key is not None else {}), **more}
        try:
            return self._refused(lambda: getattr(self._client, name)(**options), right)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in missing:
                return None
            if code in CONFLICTS:
                raise ConflictError(key) from None
            raise explained(error, self.url, right) from None

    def _refused(self, act: Callable[[], Any], right: str = "read") -> Any:
        """Do it; a connection that fails or breaks off becomes a SeatrialError."""
        from botocore.exceptions import BotoCoreError

        try:
            return act()
        except BotoCoreError as error:
            raise explained(error, self.url, right) from None

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = _client(self.url)
        return self._made


def _client(url: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise SeatrialError("An index in a bucket needs boto3.", hint="pip install 'seatrial[s3]'") from None
    options = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    endpoint = options.get("endpoint_override", "")
    endpoint = endpoint if not endpoint or "://" in endpoint else f"{options.get('scheme', 'https')}://{endpoint}"
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=REQUEST_SECONDS,
        retries={"mode": "standard", "max_attempts": 4},
        s3={"addressing_style": "path" if endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client("s3", endpoint_url=endpoint or None, region_name=options.get("region") or None, config=config)


def pause(attempt: int) -> None:
    """Wait before another attempt to write what somebody else has written too."""
    import random

    time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))  # noqa: S311 - no secret
