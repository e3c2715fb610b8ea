"""Adds uploaded files to an index, each in a process of its own: `python -m seatrial.release.index_worker FOLDER`.

It reads the path of a file in each line, and answers each with a line of JSON. Whatever a file does to those who
inspect it, it cannot take the time or the memory of the server. A process that is killed leaves the index as any killed
publication does: as it was before, or with the whole file.
"""

import json
import math
import os
import sys
from contextlib import suppress
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.release.folder_index import FolderIndex
from seatrial.release.index import BusyIndexError, RemovedVersionError, UnwritableIndexError, VersionExistsError
from seatrial.wheels.budget import RATE, SECONDS

STATUS: dict[type[SeatrialError], int] = {
    VersionExistsError: 409,
    RemovedVersionError: 410,
    BusyIndexError: 503,
    UnwritableIndexError: 507,
}
OTHER_SECONDS = 5  # of processor time for what is not the inspection
MEMORY = 2**30  # bytes of addresses, besides twice the file


def status_of(error: SeatrialError) -> int:
    """The HTTP status for an error of an index."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


def main(folder: str) -> None:
    """Add each file that a line names, until there are no more lines."""
    for line in sys.stdin:
        answer = _in_a_fork(folder, line.rstrip("\n")) if hasattr(os, "fork") else _add(folder, line.rstrip("\n"))
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


def _in_a_fork(folder: str, file: str) -> str:
    """Add a file in a fork, which has its imports already; empty where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _limit(Path(file).stat().st_size)
            os.environ["TMPDIR"] = str(Path(file).parent)
            with os.fdopen(writing, "w") as answer:
                answer.write(_add(folder, file))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def _add(folder: str, file: str) -> str:
    try:
        published = FolderIndex(Path(folder)).add(Path(file))
        done = "was already published" if published.already else "is published"
        status, text = 200, f"{Path(file).name} {done}."
    except SeatrialError as error:
        status = status_of(error)
        text = f"{error.message} {error.hint}".strip().replace(f"{Path(file).parent}/", "").replace(folder, "the index")
    return json.dumps({"status": status, "text": text})


def _limit(size: int) -> None:
    """Give the server precedence, and end with a signal what takes too much."""
    if os.name == "nt":
        return
    import resource

    seconds = OTHER_SECONDS + math.ceil(2 * (SECONDS + size / RATE))
    with suppress(OSError, ValueError):
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + 2 * size, MEMORY + 2 * size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
