"""Moves a large table's numbers to a file on the disk while the pipeline is fitted, which needs the memory."""

import mmap
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from seatrial.http.memory import trim
from seatrial.model.features import Array, Columns


def spill(columns: Columns, folder: Path) -> None:
    """Replace the columns of numbers by equal ones (read-only) that are read from an unnamed file when they are used.

    The file is in `folder` and ends with the process. Until a column is used again, it takes no memory that the system
    could not take back. Columns that are in a file already give their memory back. Where nothing can be written to
    `folder`, the columns stay as they are.
    """
    numbers = {name: values for name, values in columns.items() if values.dtype == np.float64 and values.size}
    kept = {name: values for name, values in numbers.items() if _file_of(values) is None}
    if kept:
        with suppress(OSError):  # a full disk, or a sandbox
            columns.update(_in_file(kept, folder))
    files = [_file_of(columns[name]) for name in numbers]
    for file in {id(file): file for file in files if file is not None}.values():
        if hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)
    del numbers, kept
    trim(collect=True, crowded=False)


def _in_file(columns: Columns, folder: Path) -> Columns:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        for values in columns.values():
            np.ascontiguousarray(values).tofile(file)
        file.flush()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    moved: Columns = {}
    start = 0
    for name, values in columns.items():
        moved[name] = np.frombuffer(content, dtype=np.float64, count=len(values), offset=start)
        start += values.nbytes
    return moved


def _file_of(values: Array) -> mmap.mmap | None:
    """The file that a column is in."""
    owner = values.base.obj if isinstance(values.base, memoryview) else None
    return owner if isinstance(owner, mmap.mmap) else None
