"""Hashes rows by their content: the same number in every process and version, wherever the row is in the table.

The split uses it, so a row that was held out stays held out when the table grows or is reordered, and two releases can
be compared on rows that neither of them was trained on.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.categorical import codes_of
from seatrial.model.features import Array, Columns

KEY_VARIABLE = "SEATRIAL_REFERENCE_KEY"
SHORTEST_KEY = 16
PART = 2**22
BLOCK = 2**15  # rows at a time
Numbers = npt.NDArray[np.uint64]


def row_hashes(columns: Columns, names: Sequence[str], target: Array, *, seed: int) -> npt.NDArray[np.float64]:
    """Return a hash in [0, 1) for each row that depends only on its content and the seed; (n,).

    Equal rows are numbered, so that they get different hashes.
    """
    total = with_target(content_hashes({name: columns[name] for name in names}, len(target), [seed])[0], target)
    return numbered_hashes(total, occurrences(total))


def content_hashes(columns: Columns, rows: int, seeds: Sequence[int]) -> Numbers:
    """Hash what rows have in these columns, with each seed; (seeds, rows). `with_target` adds the target."""
    total = np.repeat(np.array([[text_hash(f"seatrial {seed}")] for seed in seeds], dtype=np.uint64), rows, axis=1)
    for name in sorted(columns):
        of_name, of_values = text_hash(name), _block_hashes(columns[name])
        for start in range(0, rows, BLOCK):
            part = slice(start, start + BLOCK)
            total[:, part] = mixed(total[:, part] ^ of_name) ^ of_values(part)
    return total


def _block_hashes(values: Array) -> Callable[[slice], Numbers]:
    """Gives the hashes of some of a column's values: numbers are hashed a part at a time, which stays in the cache."""
    if values.dtype.kind in "fiub":
        return lambda part: value_hashes(values[part])
    whole = value_hashes(values)
    return whole.__getitem__


def with_target(total: Numbers, target: Array) -> Numbers:
    """Add the target of each row to the hash of its columns; (n,). Equal rows have equal ones."""
    return mixed(mixed(total ^ text_hash("")) ^ value_hashes(target))


def numbered_hashes(total: Numbers, numbers: Array) -> npt.NDArray[np.float64]:
    """Turn hashes and the numbers of equal ones into numbers in [0, 1); (n,)."""
    return np.asarray((mixed(total ^ numbers.astype(np.uint64)) >> np.uint64(11)) / 2.0**53, dtype=np.float64)


def reference_key() -> bytes:
    """The secret of keyed hashes; raises SeatrialError where it is not set."""
    key = os.environ.get(KEY_VARIABLE, "")
    if len(key) < SHORTEST_KEY:
        raise SeatrialError(
            f"{KEY_VARIABLE} must be at least {SHORTEST_KEY} characters long: it keeps hashed rows from being guessed.",
            hint="Set it to a long random text, the same for training and trials; or set reference to full or none.",
        )
    return key.encode("utf-8", "surrogateescape")


def keyed_hashes(columns: Columns, names: Sequence[str], target: Array, key: bytes) -> list[str]:
    """Return a hash of each row with its label that nobody can compute, or try rows against, without the key."""
    parts = [_texts(columns[name]) for name in sorted(names)] + [_texts(target)]
    rows = (json.dumps(row).encode() for row in zip(*parts, strict=True))
    return [hmac.new(key, row, "sha256").hexdigest()[:32] for row in rows]


def _texts(values: Array) -> list[str]:
    """Values as texts that do not depend on how an array holds them."""
    if values.dtype.kind in "fiub":
        return ["" if value != value else repr(value + 0.0) for value in values.astype(np.float64).tolist()]  # noqa: PLR0124
    return ["" if value is None else str(value) for value in values.tolist()]


def value_hashes(values: Array) -> Numbers:
    """The hash of each value of a column (n,); missing values are equal."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64) + 0.0  # one zero
        numbers[np.isnan(numbers)] = np.nan  # one NaN
        return mixed(numbers.view(np.uint64))
    if (known_codes := codes_of(values)) is not None:
        distinct, codes = known_codes
        return value_hashes(distinct)[codes]
    # As text, like in a table's file: dates are objects in training, but text in a release's reference rows.
    known = {value: text_hash("" if value is None else str(value)) for value in dict.fromkeys(values.tolist())}
    return np.array([known[value] for value in values.tolist()], dtype=np.uint64)


def text_hash(text: str) -> np.uint64:
    """The hash of a text."""
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()))


def mixed(values: Numbers) -> Numbers:
    """Mix every bit into all others: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def occurrences(values: Numbers) -> Numbers:
    """Number equal values 0, 1, 2, ... in their order."""
    ordered = np.sort(values)  # of numbers much faster than the order that equal ones need
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros(len(values), dtype=np.uint64)
    del ordered
    if len(values) <= PART:
        return _occurrences(values)
    # In parts that equal values cannot leave, so that what sorting takes stays small beside the values.
    parts = (values >> np.uint64(60)).astype(np.uint8)
    counted = np.empty(len(values), dtype=np.uint64)
    for number in range(16):
        rows = np.flatnonzero(parts == number)
        counted[rows] = _occurrences(values[rows])
    return counted


def _occurrences(values: Numbers) -> Numbers:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(values) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(new)
    counted = np.empty(len(values), dtype=np.uint64)
    counted[order] = np.arange(len(values)) - np.repeat(starts, np.diff([*starts, len(values)]))
    return counted
