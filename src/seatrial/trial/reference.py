"""The labelled rows on which both sides are measured: held out from the training of both of them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.checking import TableChecker
from seatrial.model.features import Array, Columns
from seatrial.model.identity import row_places


@dataclass(frozen=True)
class Labelled:
    """Checked columns with their labels; (n,) each."""

    columns: Columns
    target: Array

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.target)

    def take(self, chosen: Array) -> "Labelled":
        """Keep some of the rows, by mask or position."""
        return Labelled({name: values[chosen] for name, values in self.columns.items()}, self.target[chosen])


def joined(parts: Sequence[Labelled]) -> Labelled:
    """Put the rows of several references together, each distinct row once for each time it is in one of them."""
    places = [row_places(part.columns, list(part.columns), part.target, seed=0) for part in parts]
    seen: set[float] = set()
    kept = []
    for part, where in zip(parts, places, strict=True):
        new = np.array([place not in seen for place in where.tolist()], dtype=bool)
        seen.update(where.tolist())
        kept.append(part.take(new))
    columns = {name: np.concatenate([part.columns[name] for part in kept]) for name in kept[0].columns}
    return Labelled(columns, np.concatenate([part.target for part in kept]))


def held_out(rows: Labelled, split: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Say which rows a training with this split (from release.json) did not see; (n,)."""
    cuts = split.get("cuts")
    if not cuts:
        raise SeatrialError("The release does not say how its rows were split.", hint="Train and build it again.")
    places = row_places(rows.columns, list(rows.columns), rows.target, seed=int(split["seed"]))
    limits = np.array([cuts.get(str(label), cuts.get("all", 0.0)) for label in rows.target.tolist()])
    return np.asarray(places < limits, dtype=bool)


def read_reference(text: str, checker: TableChecker, target: str, where: str) -> Labelled:
    """Read a release's reference.csv by a schema. Raises SeatrialError where the schema refuses a row."""
    table = list(csv.reader(io.StringIO(text)))
    header, rows = table[0], table[1:]
    listed = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    labels = listed.pop(target, None)
    if labels is None:
        raise SeatrialError(f"{where} has no column `{target}`.", hint="Train and build the release again.")
    missing = [column.name for column in checker.columns if column.name not in listed]
    if missing:
        raise SeatrialError(f"{where} has no column `{missing[0]}`.")
    columns, problems = checker.check({column.name: listed[column.name] for column in checker.columns})
    if problems:
        raise SeatrialError(f"{where}: {problems[0]}")
    return Labelled(columns, _typed(labels))


def _typed(labels: Sequence[str]) -> Array:
    """Read labels as training did: whole numbers, numbers, or text."""
    try:
        numbers = np.array([float(label) for label in labels], dtype=np.float64)
    except ValueError:
        return np.array(labels, dtype=object)
    return numbers.astype(np.int64) if bool((numbers % 1 == 0).all()) else numbers
