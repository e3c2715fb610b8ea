"""Where the prediction log is kept: a folder, an object store or PostgreSQL. Each takes a segment exactly once.

In: the tables of one segment. Out: nothing, or a DeliveryError, whose message has no password and no value of a row.
"""

import importlib.util
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations.destination import DeliveryError, Destination

__all__ = ["DeliveryError", "Destination", "open_destination", "require_libraries"]

_LIBRARIES = {"postgresql": ["pyarrow", "psycopg"]}


def require_libraries(to: str) -> None:
    """Raise SeatrialError where this Python has not got what a destination needs."""
    for module in _LIBRARIES.get(urlsplit(to).scheme, ["pyarrow"]):
        if importlib.util.find_spec(module) is None:
            raise SeatrialError(f"The prediction log needs {module}.", hint="pip install 'seatrial[log]'")


def open_destination(to: str) -> Destination:
    """The destination that the settings name with `to`. Raises SeatrialError where that is not valid.

    Nothing is connected yet: that is for the first delivery, since it may be down.
    """
    require_libraries(to)
    match urlsplit(to).scheme:
        case "postgresql":
            from seatrial.prediction_log.destinations.postgresql import PostgresDestination

            return PostgresDestination(to)
        case "s3" | "gs":
            from seatrial.prediction_log.destinations.objects import ObjectDestination

            return ObjectDestination(to)
        case _:
            from seatrial.prediction_log.destinations.folder import FolderDestination

            return FolderDestination(to)
