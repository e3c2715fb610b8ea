"""How the worker processes of one server share their numbers: each writes a file, and reads those of the others.

A counter must not fall, whichever worker answers a scrape and whoever was killed in between. So a worker writes its
file before it answers one, and the file of a dead worker stays until its parent has added it to what all ended workers
have left.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from loguru import logger

from seatrial.core.processes import is_running
from seatrial.serve.metrics.families import DEATHS
from seatrial.serve.metrics.tally import Tally

ENDED = "ended"  # a file: what ended workers have left, and which these are
PREFIX = "seatrial-metrics-"
UNUSED_SECONDS = 3600.0
BEGAN = "began"  # an empty file, from when the server started
SUFFIX = ".json"
PARENTS = (None, "/dev/shm")  # noqa: S108 - the system's temporary folder, or in memory where all disks are read-only
NAMES_KEPT = 100  # of ended workers: a reader that has read a file already must find its name


@contextmanager
def worker_folder() -> Iterator[Path | None]:
    """In the parent: a folder for the files of its workers, for as long as the server runs.

    None where no folder can be written, as in some containers; then each worker reports its own numbers alone.
    """
    with ExitStack() as stack:
        yield _temporary_folder(stack)


def _temporary_folder(stack: ExitStack) -> Path | None:
    for parent in PARENTS:
        with suppress(OSError):
            made = TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=parent, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            (folder / BEGAN).touch()
            _remove_left(folder.parent)
            return folder
    logger.warning("No temporary folder can be written: /metrics has the numbers of the worker that answers, alone.")
    return None


def _remove_left(parent: Path) -> None:
    """Remove the folders of servers that were killed; not of those in another container, which are in use."""
    for folder in parent.glob(f"{PREFIX}*-*"):
        with suppress(OSError):
            pid = folder.name.removeprefix(PREFIX).partition("-")[0]
            unused = time.time() - folder.stat().st_mtime > UNUSED_SECONDS
            if unused and pid.isdecimal() and not is_running(int(pid)):
                shutil.rmtree(folder)


class WorkerFile:
    """The file of this process in the folder of its server. It goes on without one where the disk does not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"

    def began(self) -> float:
        """When the server started, in seconds since 1970."""
        return (self._folder / BEGAN).stat().st_mtime

    def write(self, numbers: Tally) -> None:
        """Replace the file."""
        with suppress(OSError):
            _replace(self._folder / self._name, numbers.to_json())

    def others(self) -> Tally:
        """The numbers of all other workers, and of those that have ended."""
        found = _read_all(self._folder, without=self._name)
        # Only now: of a worker that ended while its file was read, the numbers are in both, and count once.
        ended, names = _read_ended(self._folder)
        for name, numbers in found.items():
            if name not in names:
                ended.add(numbers)
        return ended


def add_ended(folder: Path, running: Collection[int], deaths: int = 0) -> None:
    """In the parent: add the files of workers that do not run any more to what ended workers have left.

    `deaths` is how many have died since the last call.
    """
    found = {name: numbers for name, numbers in _read_all(folder).items() if _pid_of(name) not in running}
    if not found and not deaths:
        return
    ended, names = _read_ended(folder)
    ended.add(Tally({DEATHS.name: {(): deaths}}))
    for name, numbers in found.items():
        if name not in names:  # else its file could not be removed the last time
            ended.add(numbers.ended())
            names.append(name)
    with suppress(OSError):
        _replace(folder / ENDED, json.dumps([names[-NAMES_KEPT:], ended.to_json()]))
        for name in found:
            (folder / name).unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; it need not survive the machine."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def _read_all(folder: Path, without: str = "") -> dict[str, Tally]:
    found = {}
    for path in folder.glob(f"[0-9]*{SUFFIX}"):
        if path.name != without:
            with suppress(OSError, ValueError):
                found[path.name] = Tally.from_json(path.read_bytes())
    return found


def _read_ended(folder: Path) -> tuple[Tally, list[str]]:
    with suppress(OSError):
        names, numbers = json.loads((folder / ENDED).read_bytes())
        return Tally.from_json(numbers), names
    return Tally(), []


def _pid_of(name: str) -> int:
    return int(name.partition("-")[0])
