"""Reads a table of which only a sample is fitted, in passes: it may be many times larger than memory.

The first pass checks every row, and keeps some 40 bytes of each: a hash of its content, its label, its key and its
weight. They decide which rows are held out and which are fitted, exactly as for a table in memory. The second pass
reads these rows. Each time that held-out rows are scored, they are read again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from seatrial.core.memory_limits import free_memory
from seatrial.core.project import ProjectSettings
from seatrial.model.categorical import taken
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.raw_chunks import RawChunk
from seatrial.model.row_hash import Numbers, content_hashes, numbered_hashes, occurrences, with_target
from seatrial.model.table_files import check_chunks, read_raw_chunks
from seatrial.model.table_validation import TableChecker
from seatrial.train.hold_out import SAMPLE_SEED, Split, lowest, split
from seatrial.train.measured_rows import MeasuredRows
from seatrial.train.memory_needs import MOST_KEPT, require_memory
from seatrial.train.training_table import (
    TableReader,
    TrainingTable,
    changed_meanwhile,
    file_state,
    joined,
)

BLOCK = 2**20  # rows
CELLS = 2**23  # values of a part: a call of a pipeline costs as much as thousands of rows


@dataclass(frozen=True)
class SampledTable:
    """The rows in memory, their split, and all rows that are held out."""

    table: TrainingTable
    split: Split
    measured: MeasuredRows


def read_sampled_table(
    project: ProjectSettings, checker: TableChecker, *, drop_bad_rows: bool, progress: Callable[[str], None]
) -> SampledTable:
    """Read the rows to fit on, and a part of the held-out ones. Raises as `read_training_table` does."""
    reader = TableReader(project, checker, drop_bad_rows, progress)
    seeds = (project.seed, project.seed + SAMPLE_SEED)
    hashes: tuple[list[Numbers], list[Numbers]] = ([], [])
    kept: list[Array] = []
    for good in reader.chunks():
        for collected, found in zip(hashes, content_hashes(good.columns, len(good.labels), seeds), strict=True):
            collected.append(found)
        kept.append(good.kept)
    state = file_state(project.data)
    whole = reader.table({})
    places = np.flatnonzero(np.concatenate(kept)) if reader.problems else None
    made, order = _split(whole, hashes, project)
    shown = lowest(order, made.test, min(MOST_KEPT, project.sample))
    require_memory(project.data.name, len(checker.columns), len(made.train), len(shown), free_memory())
    rows = np.sort(np.concatenate([made.train, shown]))
    read = partial(_read_rows, project.data, checker, state)
    progress(f"reading the {len(rows):,} rows that are kept")
    table = replace(whole.take(rows), columns=joined(list(read(_in_file(rows, places)))))
    part = replace(
        made,
        train=np.searchsorted(rows, made.train),
        test=np.searchsorted(rows, shown),
        measured=len(made.test),
        order=order[rows],
        complete_below=min(
            float(order[made.train].max()) if made.sampled_from else 1.0,
            float(order[shown].max(initial=0.0)) if len(shown) < len(made.test) else 1.0,
        ),
    )
    weights = None if whole.weights is None else whole.weights[made.test]
    measured = MeasuredRows(
        whole.target[made.test],
        weights,
        whole.keys[made.test] if whole.keys is not None and made.by == "group" else None,
        partial(read, _in_file(made.test, places)),
        np.searchsorted(made.test, shown),
        order[made.test],
    )
    return SampledTable(table, part, measured)


def _split(
    table: TrainingTable, hashes: tuple[list[Numbers], list[Numbers]], project: ProjectSettings
) -> tuple[Split, Floats]:
    """The split of all rows, and the order by which some of them are taken. The parts of the hashes are used up."""
    first = _in_blocks(with_target, _whole(hashes[0]), table.target)
    numbers = occurrences(first)
    by_seed: Floats = _in_blocks(numbered_hashes, first, numbers).view(np.float64)
    second = _in_blocks(with_target, _whole(hashes[1]), table.target)
    order: Floats = _in_blocks(numbered_hashes, second, numbers).view(np.float64)
    known = {project.seed: by_seed, project.seed + SAMPLE_SEED: order}
    return split(table, project, known.__getitem__), order


def _whole(parts: list[Numbers]) -> Numbers:
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _in_blocks(function: Callable[[Numbers, Array], Array], total: Numbers, beside: Array) -> Numbers:
    """Apply a function in place, a block of rows at a time, since each of its steps would be another copy of all."""
    for start in range(0, len(total), BLOCK):
        rows = slice(start, start + BLOCK)
        total[rows] = function(total[rows], beside[rows]).view(np.uint64)
    return total


def _in_file(rows: Array, places: Array | None) -> Array:
    """Where rows are in the file, of which bad ones were left out."""
    return rows if places is None else places[rows]


def _read_rows(path: Path, checker: TableChecker, state: tuple[int, int, int], rows: Array) -> Iterator[Columns]:
    """Read these rows (ascending) of a file in parts. Raises SeatrialError where it is not in this state any more."""
    names = [column.name for column in checker.columns]
    if file_state(path) != state:
        raise changed_meanwhile(path)
    parts, read = [], 0
    for chunk in check_chunks(_taken(path, names, rows), path, checker):
        if chunk.problems:
            raise changed_meanwhile(path)
        parts.append(chunk.columns)
        read += chunk.rows
        if read * len(names) >= CELLS:
            yield joined(parts)
            parts, read = [], 0
    if parts:
        yield joined(parts)
    if file_state(path) != state:
        raise changed_meanwhile(path)


def _taken(path: Path, names: Sequence[str], rows: Array) -> Iterator[RawChunk]:
    before = 0
    for raw in read_raw_chunks(path, names):
        first, last = np.searchsorted(rows, [before, before + raw.rows])
        places = rows[first:last] - before
        before += raw.rows
        if len(places):
            yield RawChunk(
                {name: _of(values, places) for name, values in raw.columns.items()}, len(places), names=raw.names
            )


def _of(values: list[object] | Array, places: Array) -> list[object] | Array:
    if isinstance(values, list):
        return [values[place] for place in places.tolist()]
    return taken(values, places)
