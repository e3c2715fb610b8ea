"""Adds one uploaded file to an index, in a process of its own: `python -m seatrial.release.index_worker FOLDER FILE`.

Whatever a file does to those who inspect it, it cannot take the time or the memory of the server. A worker that is
killed leaves the index as any killed publication does: as it was before, or with the whole file.
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
START_SECONDS = 5  # of processor time until the file is opened, and afterwards
MEMORY = 2**30  # bytes of addresses, besides twice the file


def status_of(error: SeatrialError) -> int:
    """The HTTP status for an error of an index."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


def main(folder: str, file: str) -> None:
    """Add the file, and print the status and the text of the response as JSON."""
    _limit(Path(file).stat().st_size)
    try:
        published = FolderIndex(Path(folder)).add(Path(file))
        done = "was already published" if published.already else "is published"
        status, text = 200, f"{Path(file).name} {done}."
    except SeatrialError as error:
        status = status_of(error)
        text = f"{error.message} {error.hint}".strip().replace(f"{Path(file).parent}/", "").replace(folder, "the index")
    print(json.dumps({"status": status, "text": text}))  # noqa: T201 - for the server


def _limit(size: int) -> None:
    """Give the server precedence, and end with a signal what takes too much."""
    if os.name == "nt":
        return
    import resource

    seconds = START_SECONDS + math.ceil(2 * (SECONDS + size / RATE))
    with suppress(OSError, ValueError):
        os.nice(10)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + 2 * size, MEMORY + 2 * size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
