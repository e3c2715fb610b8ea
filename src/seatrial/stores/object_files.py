"""The file systems of object stores and of Hadoop, by URL: s3:// (and what speaks its protocol), gs://, az://, hdfs://.

The URL may have parameters, as Arrow's file systems take them: `endpoint_override`, `region`. Credentials come from the
environment or from the machine's role.
"""

import os
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.stores.shown_urls import cleaned, shown_url

SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "hdfs")
CONNECT_SECONDS, REQUEST_SECONDS = 10.0, 60.0
RETRY_SECONDS = 30  # within one request


def object_files(url: str) -> tuple[Any, str]:
    """Arrow's file system for a URL, and the path in it, which begins with the bucket.

    Raises SeatrialError where the URL names no bucket or its file system is not there, and OSError where the bucket's
    region is unknown and not found.
    """
    scheme = urlsplit(url).scheme
    opened = {"s3": _s3, "gs": _gs, "gcs": _gs, "az": _azure, "abfs": _azure, "abfss": _azure, "hdfs": _hdfs}[scheme]
    path = urlsplit(url).path if scheme == "hdfs" else bucket_path(url)
    try:
        return opened(url), path
    except ImportError as error:
        raise SeatrialError(
            f"{shown_url(url)} needs pyarrow with its support of {scheme}://: {cleaned(error, url)}",
            hint="pip install pyarrow (its wheels have it).",
        ) from None
    except (TypeError, ValueError) as error:
        raise SeatrialError(
            f"{shown_url(url)} has a parameter that is not known: {cleaned(error, url)}",
            hint="Examples: ?region=eu-central-1, ?endpoint_override=storage.example&scheme=https.",
        ) from None


def bucket_path(url: str) -> str:
    """Bucket and path of a URL; raises SeatrialError where it names no bucket."""
    parts = urlsplit(url)
    bucket = _bucket(url)
    if not bucket:
        raise SeatrialError(f"{shown_url(url)} names no bucket.", hint=f"Use {parts.scheme}://bucket/path.")
    return "/".join([bucket, *filter(None, parts.path.split("/"))])


def _bucket(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return user if parts.scheme in ("abfs", "abfss") and at else host  # CONTAINER@ACCOUNT.dfs.core.windows.net


def _options(url: str) -> dict[str, Any]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def variable(*names: str) -> str:
    """The first of these environment variables that is set; else empty."""
    return next((value for name in names if (value := os.environ.get(name))), "")


def _s3(url: str) -> Any:
    from pyarrow import fs

    parts, options = urlsplit(url), _options(url)
    if user := parts.username:
        options |= {"access_key": unquote(user), "secret_key": unquote(parts.password or "")}
    # Arrow does not read these two variables, which other clients do.
    endpoint = options.pop("endpoint_override", "") or variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    region = options.pop("region", "") or variable("AWS_REGION", "AWS_DEFAULT_REGION")
    if endpoint:
        scheme, _, place = endpoint.rpartition("://")
        options |= {"endpoint_override": place, **({"scheme": scheme} if scheme else {})}
    elif not region:
        region = fs.resolve_s3_region(_bucket(url))
    return fs.S3FileSystem(
        **options,
        **({"region": region} if region else {}),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        allow_delayed_open=True,  # a small file is one PUT, which leaves nothing behind when it is interrupted
        background_writes=False,
    )


def _gs(url: str) -> Any:
    from pyarrow import fs

    options = _options(url)
    if urlsplit(url).netloc.startswith("anonymous@"):
        options["anonymous"] = True
    return fs.GcsFileSystem(**options, retry_time_limit=timedelta(seconds=RETRY_SECONDS))


def _azure(url: str) -> Any:
    """az://CONTAINER/PATH with the account in AZURE_STORAGE_ACCOUNT_NAME, or abfss://CONTAINER@ACCOUNT.dfs.../PATH."""
    from pyarrow import fs

    options = _options(url)
    host = urlsplit(url).netloc.rpartition("@")[2] if urlsplit(url).scheme != "az" else ""
    account = options.pop("account_name", "") or (host.partition(".")[0] if "@" in urlsplit(url).netloc else "")
    account = account or variable("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    if not account:
        raise SeatrialError(
            f"{shown_url(url)} names no storage account.",
            hint="Set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.",
        )
    if key := variable("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"):
        options["account_key"] = key
    elif token := variable("AZURE_STORAGE_SAS_TOKEN"):
        options["sas_token"] = token
    return fs.AzureFileSystem(account, **options)  # without either, Azure's own chain: environment, role, `az login`


def _hdfs(url: str) -> Any:
    from pyarrow import fs

    files, _ = fs.FileSystem.from_uri(url)
    return files


_CAUSES = (
    (("NO_SUCH_BUCKET", "NoSuchBucket", "' not found", "ContainerNotFound"),
     "has no such bucket", "Correct the name of the bucket; it has to exist."),
    (("INVALID_ACCESS_KEY", "InvalidAccessKey", "UNRECOGNIZED_CLIENT", "SIGNATURE", "EXPIRED_TOKEN", "ExpiredToken",
      "INVALID_CLIENT_TOKEN", "AuthenticationFailed", "HTTP status 401", "UNAUTHENTICATED"),
     "does not accept the credentials", "They are wrong or expired; check those of this environment."),
    (("ACCESS_DENIED", "AccessDenied", "HTTP status 403", "PERMISSION_DENIED", "AuthorizationFailure", "Forbidden"),
     "denies access", "Give these credentials the permission to {right} it, or use others."),
    (("PERMANENT_REDIRECT", "PermanentRedirect", "HTTP status 301", "AuthorizationHeaderMalformed"),
     "is in another region", "Set AWS_REGION to the bucket's region, or add ?region=... to the URL."),
    (("NETWORK_CONNECTION", "timeout", "Timeout", "timed out", "Could not connect", "not connect", "resolve host",
      "UNAVAILABLE", "Retry policy exhausted", "Connection broken"),
     "cannot be reached", "Check the network, the region, and the endpoint if one is set."),
    (("credential", "Credential"), "needs credentials", "Set them as for the store's own command-line tool."),
    (("libhdfs", "libjvm", "hdfs"), "needs Hadoop's client", "Set JAVA_HOME, HADOOP_HOME and CLASSPATH; see the docs."),
)  # fmt: skip


def explained(error: BaseException, url: str, right: str = "read") -> SeatrialError:
    """What a store's refusal means; `right` is what was tried: read or write."""
    text = cleaned(error, url)
    for words, meaning, hint in _CAUSES:
        if any(word in str(error) for word in words):
            return SeatrialError(f"{shown_url(url)}: the store {meaning} ({text}).", hint=hint.format(right=right))
    return SeatrialError(f"{shown_url(url)} cannot be {right if right == 'read' else 'written'}: {text}")
