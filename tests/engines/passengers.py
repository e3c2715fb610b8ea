"""Tables of passengers for the engines' tests: each row has an id, and some of them a bad age."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

KEY = "passenger_id"
BAD_AGE = -5.0  # which the schema forbids
DATA = Path(__file__).parents[2] / "titanic" / "data" / "titanic.csv"


def passengers(rows: int, bad: Sequence[int] = ()) -> Any:
    """An Arrow table of so many passengers with their ids, those with the ids `bad` with a bad age."""
    known = pyarrow.csv.read_csv(DATA)
    table = known.take(pa.array([place % len(known) for place in range(rows)]))
    ages = [BAD_AGE if place in bad else age for place, age in enumerate(table["age"].to_pylist())]
    table = table.set_column(table.column_names.index("age"), "age", pa.array(ages, pa.float64()))
    return table.append_column(KEY, pa.array(range(rows), pa.int64()))


def write_passengers(folder: Path, rows: int, files: int, bad: Sequence[int] = ()) -> Path:
    """Write such a table as Parquet files of the same length."""
    folder.mkdir(parents=True, exist_ok=True)
    table, each = passengers(rows, bad), rows // files
    for number in range(files):
        pq.write_table(table.slice(number * each, each), folder / f"in-{number:03}.parquet")
    return folder


def by_id(table: Any) -> dict[int, Any]:
    """The predictions of a table by the ids, each of which it must have once."""
    ids = table[KEY].to_pylist()
    assert len(set(ids)) == len(ids)
    return dict(zip(ids, table["prediction"].to_pylist(), strict=True))


def good_parts(folder: Path) -> Any:
    """The parts in a folder that is complete, as a reader of Parquet sees them."""
    assert (folder / "_SUCCESS").is_file()
    return pq.read_table(folder)


def bad_parts(folder: Path) -> Any:
    """The parts of bad rows."""
    return pa.concat_tables([pq.read_table(path) for path in sorted((folder / "_bad").glob("part-*"))])
