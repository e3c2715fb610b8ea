"""URLs of tables: what is a password in one, and the setting `data`: which of them can be in a file."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, urlsplit

from seatrial.core.errors import SeatrialError

PARAMETERS = {"region", "endpoint_override", "scheme", "account_name"}  # any other may be a secret
TABLES = (".csv", ".parquet", ".pq")


def credentials_and_rest(url: str) -> tuple[str, str]:
    """The `user:password` of a URL, and the URL without it.

    A password may have characters that end a host elsewhere: SQLAlchemy reads `u:p/w@host` so, and people write it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "", url
    if re.match(r"[^:/?#@]*:\d+/", rest) and scheme.startswith("http"):  # a port, and an @ in the path
        return "", url
    found = re.match(r"[^:/?#@]*(:[^@]*)?@([^/?#]*@)?", rest)
    end = found.end() if found else 0
    return rest[: max(end - 1, 0)], f"{scheme}{separator}{rest[end:]}"


def copy_of_url(where: Path, data: str) -> str:
    """Where the copy of a table at a URL is kept, relative to the project; empty for a path.

    Raises SeatrialError for a URL with a password or a signature, and one that does not name a table.
    """
    if "://" not in data:
        return ""
    credentials, rest = credentials_and_rest(data)
    shown = re.split(r"[?#]", rest)[0]
    try:
        parts = urlsplit(rest)
    except ValueError:
        raise SeatrialError(
            f"{where}: [tool.seatrial] data = {shown!r} is not a valid URL.", hint="Example: s3://bucket/t.csv."
        ) from None
    if ":" in credentials or {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - PARAMETERS:
        raise SeatrialError(
            f"{where}: [tool.seatrial] data = {shown!r} has a password, a signature or another parameter.",
            hint="Remove it, and replace it, since it was in a file: credentials come from the environment.",
        )
    name = PurePosixPath(parts.path).name
    if PurePosixPath(name).suffix.lower() not in TABLES:
        raise SeatrialError(
            f"{where}: [tool.seatrial] data = {shown!r} does not name a table that ends in .csv or .parquet.",
            hint="Example: s3://bucket/customers.parquet. Of a database, `seatrial refresh` reads the table.",
        )
    return f"data/{name}"
