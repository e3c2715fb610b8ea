"""The setting `data` where it is a URL: which ones can be in a file, and where the copy of the table is kept."""

from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, urlsplit

from seatrial.core.errors import SeatrialError

PARAMETERS = {"region", "endpoint_override", "scheme", "account_name"}  # any other may be a secret
TABLES = (".csv", ".parquet", ".pq")


def copy_of_url(where: Path, data: str) -> str:
    """Where the copy of a table at a URL is kept, relative to the project; empty for a path.

    Raises SeatrialError for a URL with a password or a signature, and one that does not name a table.
    """
    if "://" not in data:
        return ""
    parts = urlsplit(data)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.password or {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - PARAMETERS:
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
