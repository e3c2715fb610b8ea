"""Whether a training held a row out: by the row's content, its time, or the group that it belongs to.

release.json records the split: `by`, `column`, `seed` and `cuts`. Two releases can so be compared on rows that neither
was trained on. A row's key says where it is in a split: its time in seconds since 1970 (or a number as it is), or a
hash of its group. Rows that travel with a release carry their keys; of a group only its bucket, which is all that the
split depends on.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.row_hash import mixed, row_hashes

# Groups of one bucket stay together. So few buckets that a key cannot be guessed from a release's rows: each bucket
# stands for one in 65,536 of all possible keys.
BUCKETS = 2**16


def held_out_mask(
    split: Mapping[str, Any], columns: Columns, target: Array, keys: Floats | None
) -> npt.NDArray[np.bool_] | None:
    """Mark the rows that a training with this split did not see; (n,). None where their keys are needed and unknown."""
    cuts, by = split["cuts"], split.get("by", "rows")
    if by == "rows":
        hashes = row_hashes(columns, list(columns), target, seed=int(split["seed"]))
        limits = np.array([cuts.get(str(label), cuts.get("all", 0.0)) for label in target.tolist()])
        return np.asarray(hashes < limits, dtype=bool)
    if keys is None:
        return None
    if by == "time":
        return np.asarray(keys >= cuts["all"], dtype=bool)
    return np.asarray(group_places(keys, int(split["seed"])) < cuts["all"], dtype=bool)


def group_key(text: str) -> float:
    """The key of a group's rows: a hash of what its column has, as a whole number that a double holds."""
    return float(int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()))


def buckets_of(keys: Floats) -> Floats:
    """The buckets of groups (n,), by their keys; a bucket's own is itself."""
    return np.asarray(keys % BUCKETS)


def group_places(keys: Floats, seed: int) -> Floats:
    """A number in [0, 1) for each group (n,), by its bucket and shuffled by the seed; the lowest are held out."""
    salt = mixed(np.array([seed % 2**63], dtype=np.uint64))
    buckets = buckets_of(keys).astype(np.uint64)
    return np.asarray((mixed(mixed(buckets) ^ salt) >> np.uint64(11)) / 2.0**53)


def split_words(split: Mapping[str, Any], quote: Callable[[str], str] = "`{}`".format) -> str:
    """Say how the held-out rows of a release were chosen, and what rows count by; `quote` writes a column's name."""
    by, column, seed = split.get("by", "rows"), quote(split.get("column", "")), split["seed"]
    if by == "time":
        chosen = f"the newest ones by {column}"
    elif by == "group":
        trained, held_out = split["groups"]
        chosen = (
            f"chosen with seed {seed}: all rows with the same {column} are on one side, {trained:,} values for "
            f"training and {held_out:,} held out"
        )
    else:
        chosen = f"chosen with seed {seed}"
    if split.get("sampled_from"):
        chosen += f"; trained on a sample of the {split['sampled_from']:,} rows that are not held out"
    if split.get("kept"):
        chosen += (
            f"; metrics and curves are those of all held-out rows, and what is said of columns and of single rows is "
            f"from the sample and {split['kept']:,} of the held-out rows"
        )
    return chosen + (f"; rows count by {quote(split['weight'])}" if "weight" in split else "")


def same_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the keys of rows mean the same in the splits of two releases."""
    return all(one.get(name, "") == other.get(name, "") for name in ("by", "column"))
