"""What a destination of the prediction log is."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from seatrial.prediction_log.tables import LogTable


class DeliveryError(Exception):
    """A destination did not take what it was given: it is down, or refuses. The message may be logged."""


class Destination(Protocol):
    """Takes the tables of segments. `shown` is its URL without user and password."""

    shown: str

    def deliver(self, segment: str, tables: Sequence[LogTable]) -> None:
        """Take the tables of a segment. The same segment again changes nothing. Raises DeliveryError."""

    def expire(self, before: date) -> None:
        """Delete what is of earlier days. Raises DeliveryError."""

    def close(self) -> None:
        """Close connections."""
