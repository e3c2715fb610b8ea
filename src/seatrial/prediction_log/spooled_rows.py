"""The rows that servers of this machine have written and the shipper has not delivered yet."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from seatrial.prediction_log.log_files import LogFile
from seatrial.prediction_log.log_query import LogPart, LogQuery
from seatrial.prediction_log.log_settings import LogSettings


class SpooledRows:
    """A spool, read beside its writers and its shipper."""

    def __init__(self, settings: LogSettings, release: str) -> None:
        self._settings = settings
        self._release = release

    @contextmanager
    def reading(self, query: LogQuery) -> Iterator["Undelivered"]:
        """Hold what is in the spool at this moment, so that it can be compared with what is delivered after it."""
        yield Undelivered(query)


class Undelivered:
    """What was in a spool at one moment."""

    def __init__(self, query: LogQuery) -> None:
        self._query = query

    def delivered(self, files: Collection[LogFile]) -> None:
        """Note what is in the destination."""

    def parts(self) -> list[LogPart]:
        """The rows that are not."""
        return []

    def detach(self) -> object:
        """Keep what the parts need beyond the block."""
        return None
