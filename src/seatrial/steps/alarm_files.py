"""The alarms of a project on disk: .seatrial/watch/alarms.json, written whole or not at all, by one process at a time.

They are in the project and not in the log's destination: who watches may only read the log, and the reasons of people
belong to the one place that they watch from. A pipeline keeps the folder in its cache from one look to the next.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.watch.alarms import AlarmBook

FOLDER = Path(".seatrial") / "watch"
FILE = "alarms.json"
CLOCKS_APART = timedelta(hours=1)  # of machines that watch one project in turn
WAIT_SECONDS = 20.0  # for another watcher that is writing


class AlarmFile:
    """The alarms that are on disk; `book` is written when the block of `changing` ends."""

    def __init__(self, book: AlarmBook) -> None:
        self.book = book


def read_book(root: Path) -> AlarmBook:
    """The alarms of the project in `root`; none if nobody has watched yet. Raises SeatrialError for a damaged file."""
    from pydantic import TypeAdapter, ValidationError

    path = root / FOLDER / FILE
    try:
        return TypeAdapter(AlarmBook).validate_json(path.read_bytes())
    except FileNotFoundError:
        return AlarmBook()
    except ValidationError as error:
        raise SeatrialError(
            f"{path} is damaged: {error.errors(include_url=False)[0]['msg']}.",
            hint="Restore it, or delete it: then alarms are raised anew.",
        ) from None


def last_look(book: AlarmBook, now: datetime) -> datetime | None:
    """When the last look was. Raises SeatrialError if that is to come: until then, no look would raise an alarm."""
    if book.looked and book.looked - now > CLOCKS_APART:
        raise SeatrialError(
            f"The last look was at {book.looked:%Y-%m-%d %H:%M} UTC, by a clock that was ahead of this one.",
            hint=f"Set this machine's clock. If the other one was wrong, write null for `looked` in {FOLDER / FILE}.",
        )
    return book.looked


@contextmanager
def changing(root: Path) -> Iterator[AlarmFile]:
    """Yield the alarms, and write what the block makes of them; nothing if it raises. Other watchers wait.

    Raises SeatrialError where another one does not end.
    """
    from filelock import FileLock, Timeout
    from pydantic import TypeAdapter

    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{FILE}.lock", timeout=WAIT_SECONDS):
            file = AlarmFile(book := read_book(root))
            yield file
            if file.book is not book:
                write_atomic(folder / FILE, TypeAdapter(AlarmBook).dump_json(file.book, indent=1) + b"\n")
    except Timeout:
        raise SeatrialError(f"Another process is changing {folder / FILE}.", hint="Try again in a moment.") from None


@contextmanager
def sending(root: Path) -> Iterator[bool]:
    """Yield whether this process may send the messages that wait: one at a time does."""
    from filelock import FileLock, Timeout

    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".sending.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
