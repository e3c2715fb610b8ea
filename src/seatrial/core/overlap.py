"""Does two things at once: a thread prepares the next items while the earlier ones are used."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
WAITING = 2  # items; more would only take memory
POLL = 0.1  # seconds after which a thread that nobody waits for any more notices it


def ahead(items: Iterable[T], waiting: int = WAITING) -> Generator[T, None, None]:
    """Yield items in their order, which a thread takes from `items` meanwhile; at most `waiting` of them wait.

    What `items` raises is raised here, after the items before it. The thread ends when the iterator is closed.
    """
    done = object()
    ready: queue.Queue[tuple[object, BaseException | None]] = queue.Queue(waiting)
    stopped = threading.Event()

    def put(entry: tuple[object, BaseException | None]) -> None:
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=POLL)
            except queue.Full:
                continue
            return

    def prepare() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
        except BaseException as error:
            put((done, error))
        else:
            put((done, None))

    thread = threading.Thread(target=prepare, name="ahead", daemon=True)
    thread.start()
    try:
        while (entry := ready.get())[0] is not done:
            yield entry[0]  # type: ignore[misc]
        if entry[1] is not None:
            raise entry[1]
    finally:
        stopped.set()
        thread.join()
