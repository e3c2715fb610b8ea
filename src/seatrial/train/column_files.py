"""Columns as files that hold nothing but data: numbers as .npy, texts and dates as JSON with their codes as .npy.

Two processes that do not trust each other exchange tables by them. Reading runs nothing and is bounded by the sizes
that are expected.
"""

import json
import stat
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.categorical import categorical, codes_of
from seatrial.model.features import Array, Columns

MOST_BYTES = 4 * 2**30  # of one file
FEW = 0.5  # of the rows: with fewer distinct values than this, a column remembers its codes
# Values that JSON cannot write, by their type: how each is written as text, and read.
TYPES: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    timedelta: (lambda value: repr(value.total_seconds()), lambda text: timedelta(seconds=float(text))),
    Decimal: (str, Decimal),
    UUID: (str, UUID),
}
TEXTS = {str, type(None)}
NAMES = {kind.__name__: read for kind, (_, read) in TYPES.items()}


class ColumnFileError(SeatrialError):
    """A file does not hold the columns that it should."""


def write_columns(folder: Path, name: str, columns: Columns) -> None:
    """Write columns as files in `folder` that begin with `name`."""
    for position, values in enumerate(columns.values()):
        write_values(folder / f"{name}-{position}", values)
    (folder / f"{name}.json").write_text(json.dumps(list(columns)), "utf-8")


def read_columns(folder: Path, name: str) -> Columns:
    """Read what `write_columns` wrote; ColumnFileError where it is anything else."""
    names = _json(folder / f"{name}.json")
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ColumnFileError(f"{name}.json is not a list of columns.")
    columns = {each: read_values(folder / f"{name}-{position}") for position, each in enumerate(names)}
    if len({len(values) for values in columns.values()}) > 1:
        raise ColumnFileError(f"The columns of {name} have different lengths.")
    return columns


def write_values(path: Path, values: Array) -> None:
    """Write one column: numbers as they are, anything else as its distinct values and their codes."""
    values = np.asanyarray(values)
    if values.dtype.kind in "biuf":
        np.save(path.with_suffix(".npy"), np.asarray(values), allow_pickle=False)
        return
    known = codes_of(values)
    distinct, codes = (known[0].tolist(), known[1]) if known else _distinct(values.tolist())
    path.with_suffix(".values").write_text(json.dumps([_written(value) for value in distinct]), "utf-8")
    np.save(path.with_suffix(".npy"), np.asarray(codes, dtype=np.int32), allow_pickle=False)


def read_values(path: Path) -> Array:
    """Read one column, whatever kind it is."""
    numbers = read_numbers(path.with_suffix(".npy"))
    texts = path.with_suffix(".values")
    if not texts.exists():
        return numbers
    listed = _json(texts)
    if not isinstance(listed, list) or numbers.dtype.kind not in "iu":
        raise ColumnFileError(f"{texts.name} is not a list of values with their codes.")
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(listed):
        raise ColumnFileError(f"{texts.name} lacks values.")
    distinct = np.fromiter(map(_read, listed), dtype=object, count=len(listed))
    return categorical(distinct, numbers) if len(distinct) < FEW * len(numbers) else distinct[numbers]


def read_numbers(path: Path) -> Array:
    """Read an array of numbers; nothing in it can run."""
    _require_file(path)
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise ColumnFileError(f"{path.name} is not an array of numbers: {error}") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf" or values.ndim not in (1, 2):
        raise ColumnFileError(f"{path.name} is not an array of numbers.")
    return values


def _distinct(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Number the distinct values; 1, 1.0 and True are different ones."""
    if set(map(type, values)) <= TEXTS:  # as nearly always: then values need no types beside them
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        return list(numbers), [numbers[value] for value in values]
    places: dict[tuple[type, Any], int] = {}
    codes = [places.setdefault((type(value), value), len(places)) for value in values]
    return [value for _, value in places], codes


def _written(value: Any) -> Any:
    if value is None or type(value) in (str, bool, int, float):
        return value
    if isinstance(value, str):
        return str(value)
    for kind, (write, _) in TYPES.items():
        if isinstance(value, kind):
            return {kind.__name__: write(value)}
    raise ColumnFileError(f"A column has values of the type {type(value).__name__}, which cannot be exchanged as data.")


def _read(value: Any) -> Any:
    if not isinstance(value, (dict, list)):
        return value
    try:
        ((name, text),) = dict(value).items()
        return NAMES[name](text)
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise ColumnFileError("A column has a value that cannot be read.") from None


def _json(path: Path) -> Any:
    _require_file(path)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise ColumnFileError(f"{path.name} is not JSON: {error}") from None


def _require_file(path: Path) -> None:
    """A link could lead elsewhere, and a pipe would never end."""
    try:
        status = path.lstat()
    except OSError as error:
        raise ColumnFileError(f"{path.name} is missing.") from error
    if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
        raise ColumnFileError(f"{path.name} is not a file of at most {MOST_BYTES >> 30} GiB.")
