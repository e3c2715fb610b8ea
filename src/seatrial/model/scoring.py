"""Scores a table chunk by chunk, as fast as the engine allows: this is how files and data frames are predicted."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from seatrial.model.engines import Engine
from seatrial.model.features import Columns, Floats
from seatrial.model.metadata import Metadata
from seatrial.model.table_files import Chunk


class ScoringModel(Protocol):
    """What scoring needs of a release."""

    @property
    def metadata(self) -> Metadata:
        """The release's metadata."""

    @property
    def engine(self) -> Engine:
        """The compiled graph, or scikit-learn."""

    def encode_table(self, columns: Columns) -> tuple[Any, Any]:
        """Turn checked columns into the engine's inputs."""


def score_chunks(model: ScoringModel, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Floats]]:
    """Score chunks in their order.

    The engine scores some chunks in threads while the next ones are read and checked, since it releases the GIL.
    """
    # scikit-learn starts threads of its own
    threads = 1 if model.metadata.engine == "native" else os.cpu_count() or 1
    waiting: deque[tuple[Chunk, Future[Floats]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="engine") as pool:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(model.engine, *model.encode_table(chunk.columns))))
            if len(waiting) > threads:
                first, scores = waiting.popleft()
                yield first, scores.result()
        while waiting:
            first, scores = waiting.popleft()
            yield first, scores.result()
