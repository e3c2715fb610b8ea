"""The metrics of one server process: counts exchanges, shares its numbers with other workers, and answers scrapes."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from seatrial.http.messages import EncodedResponse, Headers
from seatrial.model import Release
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.counts import Counts
from seatrial.serve.metrics.families import CPU, DEATHS, MEMORY, START, WORKERS
from seatrial.serve.metrics.tally import Tally
from seatrial.serve.metrics.worker_files import WorkerFile

METRICS = "/metrics"
WRITE_SECONDS = 0.25  # between two writes of the worker's file: what a killed worker takes with it

Source = Callable[[Tally], None]  # adds numbers of its own


class ServerMetrics:
    """An observer of exchanges; `folder` is where the workers of one server share their numbers, "" for one alone."""

    def __init__(self, folder: str = "") -> None:
        self.sources: list[Source] = []
        self._counts = Counts()
        self._facts: dict[str, str] = {}
        self._file = WorkerFile(Path(folder)) if folder else None
        self._began = time.time()
        if self._file:
            with suppress(OSError):
                self._began = self._file.began()
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()

    def know(self, release: Release) -> None:
        """Use the names of this release, and let the other workers know of this one."""
        meta = release.metadata
        self._facts = {"name": release.name, "version": release.version, "engine": meta.engine, "task": meta.task}
        self._counts.know(release)
        self._write()

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Count a batch of finished exchanges, and let the other workers know soon."""
        self._counts(exchanges)
        if self._file and self._timer is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write)

    async def answer(self, headers: Headers) -> EncodedResponse:
        """Handle GET /metrics."""
        async with self._lock:  # one at a time: each takes milliseconds
            numbers = self.numbers()
            if self._file:
                self._file.write(numbers)  # before anyone sees it, so that no counter falls if this process is killed
            return await asyncio.to_thread(self._render, numbers, headers)

    def numbers(self) -> Tally:
        """The numbers of this process."""
        numbers = Tally()
        self._counts.add_to(numbers)
        for source in self.sources:
            source(numbers)
        numbers.levels[WORKERS.name] = {(): 1}
        numbers.totals[DEATHS.name] = {(): 0}  # which the parent counts
        numbers.totals[CPU.name] = {(): time.process_time()}
        with suppress(OSError):
            numbers.levels[MEMORY.name] = {(): _memory()}
        return numbers

    def stop(self) -> None:
        """Leave the other workers what this one has counted, and none of its levels."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._file:
            self._file.write(self.numbers().ended())

    def _write(self) -> None:
        self._timer = None
        if self._file:
            self._file.write(self.numbers())

    def _render(self, numbers: Tally, headers: Headers) -> EncodedResponse:
        from seatrial.serve.metrics.exposition import respond

        if self._file:
            numbers.add(self._file.others())
        numbers.levels[START.name] = {(): self._began}
        return respond(numbers, self._facts, headers)


def _memory() -> int:
    """The resident memory of this process in bytes. Raises OSError where the system has no /proc."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
