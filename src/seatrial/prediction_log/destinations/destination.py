"""What a destination of the prediction log is, and how its errors are told without its password."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from seatrial.prediction_log.tables import LogTable

_SECRET = ("password", "secret", "token", "key")  # in the names of a URL's parameters
LONGEST = 300  # characters of an error that are shown


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


def shown_url(to: str) -> str:
    """The URL without user, password and parameters."""
    parts = urlsplit(to)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else to


def cleaned(error: BaseException, to: str) -> str:
    """The first line of an error's message, without the secrets in the destination's URL."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    for secret in sorted(_secrets(to), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text[:LONGEST]


def _secrets(to: str) -> set[str]:
    """The whole URL, and all that stands for a password in it, as it is written and as it is meant."""
    parts = urlsplit(to)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {to, password, unquote(password), f"{user}:{password}"}
    raw = [pair.partition("=") for pair in parts.query.split("&")]
    found |= {value for name, _, value in raw if _is_secret(name)}
    found |= {value for name, value in parse_qsl(parts.query) if _is_secret(name)}
    return found - {"", ":"}


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET)
