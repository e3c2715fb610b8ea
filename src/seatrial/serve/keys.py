"""The access keys that a server knows at the moment, and how often each may still call it.

A key file is read again when it has changed, at most once a second and without a restart. While it is missing or broken
the last keys that were read stay valid. Rates and quotas are counted in each worker process, which grants its share:
the allowance divided by the number of workers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time

from loguru import logger

from seatrial.core.access_keys import AccessKey, Allowance, hash_of, parse_keys, read_key_file
from seatrial.core.errors import SeatrialError

LOOK_SECONDS = 1.0  # between two looks at the file, and at what has expired
CLOCK_SECONDS = 1.0  # between two looks at the time of day, which may be set
MOST_REMEMBERED = 4096  # header lines; every valid key has a few

HeaderLine = tuple[bytes, bytes]


class Meter:
    """Counts the requests of one caller in this worker process."""

    def __init__(self, rate: Allowance | None, quota: Allowance | None, workers: int = 1) -> None:
        self.rate, self.quota = rate, quota
        if rate:
            # A bucket of one period's share, filled evenly; kept as the time at which it would be full again.
            self._interval = rate.seconds * workers / rate.amount
            self._most = max(rate.seconds, self._interval) - self._interval + 1e-6
        self._full_at = self._period_ends = 0.0
        self._share = max(quota.amount // workers, 1) if quota else 0
        self._period, self._used = 0, 0

    def take(self) -> bool:
        """Count a request; False, and no count, where the rate or the quota is used up."""
        now = monotonic()
        if self.quota:
            if now >= self._period_ends:
                self._begin_period(now)
            if self._used >= self._share:
                return False
        if self.rate:
            full_at = max(self._full_at, now)
            if full_at - now > self._most:
                return False
            self._full_at = full_at + self._interval
        self._used += 1
        return True

    def _begin_period(self, now: float) -> None:
        """Look at the clock: a period of UTC may have begun."""
        seconds = self.quota.seconds if self.quota else 1
        period, into = divmod(time(), seconds)
        if period != self._period:
            self._period, self._used = int(period), 0
        self._period_ends = now + min(seconds - into, CLOCK_SECONDS)

    def states(self) -> list["MeterState"]:
        """The state of the rate, if there is one, and of the quota."""
        found = []
        if self.rate:
            ahead = max(self._full_at - monotonic(), 0.0)
            left = 0 if ahead > self._most else int((self._most - ahead) / self._interval) + 1
            found.append(MeterState("rate", self.rate, left, ahead, max(ahead - self._most, 0.0)))
        if self.quota:
            now, seconds = time(), self.quota.seconds
            left = self._share if int(now // seconds) != self._period else max(self._share - self._used, 0)
            found.append(MeterState("quota", self.quota, left, seconds - now % seconds, seconds - now % seconds))
        return found


@dataclass(frozen=True)
class MeterState:
    """What is left of an allowance in this worker, and the seconds until all of it, or one request, is there again."""

    name: str
    allowance: Allowance
    left: int
    all_after: float
    one_after: float


@dataclass(frozen=True)
class KeyHolder:
    """A key that is valid now, with the meter that all keys with its name and its allowances share."""

    key: AccessKey
    meter: Meter


class KeyRing:
    """The keys of a file and of a text, each of which may be missing.

    `file_or_text` is the value of the variable SEATRIAL_KEYS: the keys as JSON, or the path of a file with them. Raises
    SeatrialError where a file is missing or anything is not understood.
    """

    def __init__(self, file: str = "", file_or_text: str = "", workers: int = 1) -> None:
        is_text = file_or_text.lstrip().startswith("{")
        self._files = tuple(Path(name) for name in (file, "" if is_text else file_or_text) if name)
        self._fixed = parse_keys(file_or_text, "SEATRIAL_KEYS") if is_text else ()
        self._workers = workers
        self._meters: dict[tuple[str, Allowance | None, Allowance | None], Meter] = {}
        self.remembered: dict[HeaderLine, KeyHolder] = {}  # lines that were found good, for predictions
        self._seen = [_state_of(path) for path in self._files]
        self._keys = self._read()
        self._use()
        self.next_look = monotonic() + LOOK_SECONDS

    def find(self, secret: str) -> KeyHolder | None:
        """The caller with this secret. Only hashes are compared, so the time says nothing about any key."""
        caller = self._callers.get(hash_of(secret))
        return None if caller is None or caller.key.expired(datetime.now(UTC)) else caller

    def remember(self, line: HeaderLine, caller: KeyHolder) -> None:
        """Find this header line in `remembered` from now on, until keys change."""
        if len(self.remembered) < MOST_REMEMBERED:
            self.remembered[line] = caller

    def look_if_due(self) -> None:
        """Look at the files, at most once in LOOK_SECONDS."""
        if monotonic() >= self.next_look:
            self.look()

    def look(self) -> None:
        """Read the files if they have changed, and drop what has expired."""
        self.next_look = monotonic() + LOOK_SECONDS
        states = [_state_of(path) for path in self._files]
        if states != self._seen:
            self._seen = states
            try:
                self._keys = self._read()
            except SeatrialError as error:
                logger.warning("The access keys stay as they were: {} {}", error.message, error.hint)
            else:
                logger.info("The access keys have changed: {}", self._summary())
                self._use()
        now = datetime.now(UTC)
        if any(caller.key.expired(now) for caller in self._callers.values()):
            self._use()

    @property
    def empty(self) -> bool:
        """Whether nobody can call the server."""
        return not self._callers

    def _read(self) -> tuple[AccessKey, ...]:
        return (*self._fixed, *(key for path in self._files for key in read_key_file(path)))

    def _use(self) -> None:
        """Let the keys that were read be valid, except for what has expired. What was counted stays counted."""
        now = datetime.now(UTC)
        before, self._meters = self._meters, {}
        callers = {}
        for key in self._keys:
            if not key.expired(now):
                kind = (key.name, key.rate, key.quota)
                meter = self._meters.get(kind) or before.get(kind) or Meter(key.rate, key.quota, self._workers)
                self._meters[kind] = meter
                callers[key.sha256] = KeyHolder(key, meter)
        self._callers = callers
        self.remembered.clear()

    def _summary(self) -> str:
        return ", ".join(sorted({key.name for key in self._keys})) or "none"


def _state_of(path: Path) -> tuple[int, ...]:
    """What differs when a file has another content; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
