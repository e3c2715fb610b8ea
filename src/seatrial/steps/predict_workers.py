"""Processes that predict with a project's release: whole files for a folder, or the chunks of one file."""

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.model.batch import PredictedPart, RowPolicy, predicted_parts
from seatrial.model.raw_chunks import RawChunk
from seatrial.model.release import Release
from seatrial.model.table_files import check_chunks
from seatrial.model.table_parts import divided

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

MOST_PROCESSES = 64

_release: list[Release] = []  # of a process that predicts


class KilledProcessError(SeatrialError):
    """A process that predicted was killed. What was done before is kept, for `resume`."""


def check_processes(processes: int) -> None:
    """Raise UsageError for a number of processes that is not possible."""
    if not 1 <= processes <= MOST_PROCESSES:
        raise UsageError(f"{processes} processes are not possible.", hint=f"Use 1 to {MOST_PROCESSES}.")


@contextmanager
def predicting_processes(project: "ProjectSettings", processes: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes with the project's release, which functions that they run get from `release_here`."""
    context = multiprocessing.get_context("spawn")  # threads of onnxruntime do not survive a fork
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(project,)) as pool:
        yield pool


def release_here() -> Release:
    """The release of this process."""
    return _release[0]


def _start(project: "ProjectSettings") -> None:
    """Load the release, and end with the process that started this one, which may be killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    sys.path.insert(0, str(project.source))
    _release.append(Release(project.package))


class SharedChunks:
    """Checks and scores the chunks of a file in several processes, and gives them back in their order."""

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool, self._most = pool, 2 * processes

    def __call__(self, chunks: Iterable[RawChunk], path: Path, policy: RowPolicy) -> Iterator[PredictedPart]:
        """Yield each chunk with its predictions; `path` names the file in errors."""
        waiting: deque[tuple[RawChunk, Future[PredictedPart | SeatrialError]]] = deque()
        before = 0
        try:
            for raw in chunks:
                sent = replace(raw, kept={})
                waiting.append((raw, self._pool.submit(_predicted, sent, path, replace(policy, bad=None))))
                if len(waiting) > self._most:
                    yield (part := _located(*waiting.popleft(), before))
                    before += part.whole.rows
            while waiting:
                yield (part := _located(*waiting.popleft(), before))
                before += part.whole.rows
        except BrokenProcessPool:
            raise KilledProcessError(
                "A process that predicted was killed, maybe since memory is short.", hint="Use fewer --processes."
            ) from None
        finally:
            for _, future in waiting:
                future.cancel()


def _located(raw: RawChunk, predicted: "Future[PredictedPart | SeatrialError]", before: int) -> PredictedPart:
    """A chunk as it is in the whole file, after so many rows, with the columns that were not sent."""
    part = predicted.result()
    if isinstance(part, SeatrialError):
        raise part
    problems = [replace(problem, row=before + problem.row) for problem in part.whole.problems]
    whole = replace(part.whole, problems=problems, before=before, kept=raw.kept)
    return replace(part, whole=whole, good=whole if part.good is part.whole else part.good)


def _predicted(raw: RawChunk, path: Path, policy: RowPolicy) -> PredictedPart | SeatrialError:
    """Check and score a chunk in this process; errors are returned, with all that they say."""
    release = release_here()
    try:
        chunks = release.encode_chunks(check_chunks([raw], path, release.checker))
        (part,) = predicted_parts(release, map(divided, chunks), policy.on_bad_rows)
    except SeatrialError as error:
        return error
    if policy.keep:
        return part
    same = part.good is part.whole
    whole = replace(part.whole, columns={})
    return replace(part, whole=whole, good=whole if same else replace(part.good, columns={}))
