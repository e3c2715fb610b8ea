"""Access keys as they are stored: who may call a server, for what, how often and until when. Hashes only, no secrets.

The text is the same in a file and in an environment variable: `{"keys": [{"name": "web", "scopes": ["predict"],
"sha256": "...", "rate": "100/s", "quota": "1000000/day", "expires": "2027-01-31T00:00:00Z"}]}`. Several keys may have
one name, so that a key can be replaced while the old one still works.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic

SCOPES = {
    "predict": "predictions, and the description of the model",
    "explain": "explanations of predictions",
    "log": "the prediction log",
    "metrics": "metrics",
    "admin": "reports of this machine",
}
PERIODS = {"s": 1, "min": 60, "hour": 3600, "day": 86_400}  # in seconds
VERIFIER = "seatrial-deploy"  # the name of the key with which a deployment is verified, which is not logged
KEYS_FILE = Path(".seatrial") / "keys.json"  # in a project; git ignores the folder, and no wheel or sdist has it
SECRET = re.compile(r"st_[A-Za-z0-9_-]{43}", re.ASCII)
ID_LENGTH = 8  # of the hash, to tell the keys of one name apart
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ALLOWANCE = re.compile(r"([1-9][0-9]{0,11})/([a-z]+)", re.ASCII)
_FIELDS = ("name", "scopes", "sha256", "rate", "quota", "expires")
ADD = "`seatrial keys add NAME --scope predict` writes such a file."


@dataclass(frozen=True)
class Allowance:
    """So many requests in so many seconds."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.amount}/{next(name for name, seconds in PERIODS.items() if seconds == self.seconds)}"


@dataclass(frozen=True)
class AccessKey:
    """One key: what it allows, and the SHA-256 of its secret."""

    name: str
    scopes: tuple[str, ...]
    sha256: str
    rate: Allowance | None = None  # evenly, by a token bucket
    quota: Allowance | None = None  # in each period of UTC
    expires: datetime | None = None  # the first moment at which it is not valid

    @property
    def id(self) -> str:
        """The start of the hash, by which people name one of several keys."""
        return self.sha256[:ID_LENGTH]

    def expired(self, now: datetime) -> bool:
        """Whether it is not valid any more."""
        return self.expires is not None and now >= self.expires


def hash_of(secret: str) -> str:
    """The stored form of a secret. It has 256 random bits, so that a plain hash cannot be reversed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_key(
    name: str,
    scopes: Sequence[str],
    *,
    rate: str | None = None,
    quota: str | None = None,
    expires: str | datetime | None = None,
) -> tuple[AccessKey, str]:
    """Make a key; returns it with its secret, which nothing else knows. Raises SeatrialError for an invalid value."""
    secret = f"st_{secrets.token_urlsafe(32)}"
    text = expires.isoformat() if isinstance(expires, datetime) else expires
    written = {"rate": rate, "quota": quota, "expires": text}
    document = {"name": name, "scopes": list(scopes), "sha256": hash_of(secret)}
    return _read_key({**document, **{key: value for key, value in written.items() if value}}, "The new key"), secret


def parse_keys(text: str | bytes, where: str) -> tuple[AccessKey, ...]:
    """Read keys as they are stored. Raises SeatrialError, with the place, for anything that is not understood."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise SeatrialError(f"{where} is not valid JSON.", hint=ADD) from None
    listed = document.get("keys") if isinstance(document, dict) and set(document) == {"keys"} else None
    if not isinstance(listed, list):
        raise SeatrialError(f'{where} must be an object with one entry, "keys", which is a list.', hint=ADD)
    keys = tuple(_read_key(each, f"{where}: keys[{place}]") for place, each in enumerate(listed))
    hashes = [key.sha256 for key in keys]
    if repeated := {each for each in hashes if hashes.count(each) > 1}:
        raise SeatrialError(f"{where} has the key {min(repeated)[:ID_LENGTH]} twice.", hint="Remove one of the two.")
    return keys


def render_keys(keys: Sequence[AccessKey]) -> str:
    """Write keys as they are stored."""
    return json.dumps({"keys": [_document(key) for key in keys]}, indent=1) + "\n"


def read_key_file(file: Path) -> tuple[AccessKey, ...]:
    """Read the keys of a file. Raises SeatrialError where it is missing or broken."""
    try:
        return parse_keys(file.read_bytes(), str(file))
    except OSError as error:
        raise SeatrialError(f"The keys in {file} cannot be read: {error.strerror}.", hint=ADD) from None


@contextmanager
def changing_keys(file: Path) -> Iterator[list[AccessKey]]:
    """Yield the keys of a file, none if it does not exist, and write what the block makes of them.

    The file can be read by its owner only, and is written whole or not at all. Other commands wait.
    """
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):
        keys = list(read_key_file(file)) if file.exists() else []
        yield keys
        write_atomic(file, render_keys(keys), private=True)


def _read_key(entry: Any, where: str) -> AccessKey:
    def invalid(field: str, wanted: str) -> SeatrialError:
        return SeatrialError(f"{where}.{field} must be {wanted}, not {entry.get(field)!r}.")

    if not isinstance(entry, dict):
        raise SeatrialError(f"{where} must be an object, not {entry!r}.")
    if unknown := set(entry) - set(_FIELDS):
        raise SeatrialError(f"{where} has the unknown entry {min(unknown)!r}.", hint=f"Known are {', '.join(_FIELDS)}.")
    name, scopes, digest = entry.get("name"), entry.get("scopes"), entry.get("sha256")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("name", "1 to 64 letters, digits and . _ @ -, and begin with a letter or a digit")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(s, str) and s in SCOPES for s in scopes):
        raise invalid("scopes", f"a list of {', '.join(SCOPES)}")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise invalid("sha256", "64 hexadecimal digits in lower case")
    rate, quota = (_read_allowance(entry[field]) if field in entry else None for field in ("rate", "quota"))
    for field, value in (("rate", rate), ("quota", quota)):
        if field in entry and value is None:
            raise invalid(field, f"a number and a period, as 100/s; periods are {', '.join(PERIODS)}")
    expires = _read_time(entry["expires"]) if "expires" in entry else None
    if "expires" in entry and expires is None:
        raise invalid("expires", "a date or a time in UTC, as 2027-01-31 or 2027-01-31T12:00:00Z")
    return AccessKey(name, tuple(dict.fromkeys(scopes)), digest, rate, quota, expires)


def _read_allowance(value: Any) -> Allowance | None:
    found = _ALLOWANCE.fullmatch(value) if isinstance(value, str) else None
    return Allowance(int(found[1]), PERIODS[found[2]]) if found and found[2] in PERIODS else None


def _read_time(value: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def _document(key: AccessKey) -> dict[str, Any]:
    document: dict[str, Any] = {"name": key.name, "scopes": list(key.scopes), "sha256": key.sha256}
    for field in ("rate", "quota"):
        if (value := getattr(key, field)) is not None:
            document[field] = str(value)
    if key.expires is not None:
        document["expires"] = key.expires.isoformat().replace("+00:00", "Z")
    return document
