"""What a release contains of the table's rows, as its metadata, the model card and `seatrial build` say it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array

# Columns of reference.csv besides the schema's: what a row is split by (model/row_split.py), and its weight.
SPLIT_KEY, WEIGHT = "_split_key", "_weight"
REFERENCE_FILES = {"full": "reference.csv", "hashed": "reference.json"}


@dataclass(frozen=True)
class CarriedRows:
    """`reference` is full, hashed or none, with its number of `rows`; `table` says whether the sdist has the table.

    `examples` are the columns of free text whose example in schema.py is a text of the table. `memorizing` are the
    estimators that keep training rows.
    """

    reference: str = "full"
    rows: int = 0
    table: bool = True
    examples: tuple[str, ...] = ()
    memorizing: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The file of the reference rows in the wheel; empty if there is none."""
        return REFERENCE_FILES.get(self.reference, "")

    def __str__(self) -> str:
        wheel = {
            "full": f"the wheel carries {self.rows:,} held-out rows with their labels, and golden rows",
            "hashed": f"the wheel carries {self.rows:,} held-out rows as keyed hashes, and no values of a row",
        }.get(self.reference, "the wheel carries none")
        sdist = "the sdist carries the whole table" if self.table else "the sdist carries no table"
        shown = f" Examples in schema.py are texts of the table: {', '.join(self.examples)}." if self.examples else ""
        model = f" The model itself keeps training rows ({', '.join(self.memorizing)})." if self.memorizing else ""
        return f"Real rows: {wheel}; {sdist}.{model} What a service shows is made up.{shown}"


def carried_rows(document: dict[str, Any]) -> CarriedRows:
    """Read `carries` of release.json; a release from before it was noted has full rows."""
    known = {name: document[name] for name in ("reference", "rows", "table") if name in document}
    examples, memorizing = (tuple(document.get(name, ())) for name in ("examples", "memorizing"))
    return CarriedRows(**known, examples=examples, memorizing=memorizing)


def carried_columns(keys: Floats | None, weights: Floats | None) -> Columns:
    """Keys and weights as columns of reference.csv, as far as rows have them."""
    return {name: values for name, values in ((SPLIT_KEY, keys), (WEIGHT, weights)) if values is not None}


def labelled_csv(
    columns: Sequence[Column], table: Columns, target: str, labels: Array, further: Columns | None = None
) -> str:
    """Write checked rows with their labels as CSV, as `reference.csv` has them; `further` are columns of numbers."""
    others = further or {}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(c.name for c in columns), target, *others])
    for position in range(len(labels)):
        row = [from_array(column, table[column.name][position]) for column in columns]
        label = labels[position]
        cells = ["" if value is None else value for value in row]
        numbers = [float(values[position]) for values in others.values()]
        writer.writerow([*cells, label.item() if isinstance(label, np.generic) else label, *numbers])
    return text.getvalue()
