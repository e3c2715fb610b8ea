"""The jobs that a sandbox can do, and the form in which they are sent to its worker."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Row = Mapping[str, Any]
Table = Mapping[str, Sequence[Any] | npt.NDArray[Any]]


@dataclass(frozen=True)
class InjectedFault:
    """A fault to inject: `file` has a function apply(release, name, parameters) that sets attributes of `release`."""

    file: Path
    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """Score a table: columns as lists or arrays (None or NaN for missing); extra columns are ignored."""

    kind: ClassVar[str] = "score"
    name: str
    table: Table
    fault: InjectedFault | None = None


@dataclass(frozen=True)
class Predict:
    """Ask the package's predict() for rows: together, again, in the order `order`, and those of `alone` one by one."""

    kind: ClassVar[str] = "predict"
    name: str
    rows: Sequence[Row]
    order: Sequence[int] | None = None  # default: backwards
    alone: Sequence[int] | None = None  # default: all
    fault: InjectedFault | None = None


@dataclass(frozen=True)
class Validate:
    """Ask what happens to rows that may be invalid."""

    kind: ClassVar[str] = "validate"
    name: str
    rows: Sequence[Row]
    fault: InjectedFault | None = None


@dataclass(frozen=True)
class Describe:
    """Describe the installed release."""

    kind: ClassVar[str] = "describe"
    name: str = "describe"
    fault: InjectedFault | None = None


@dataclass(frozen=True)
class MeasureCost:
    """Measure what predictions of these rows, and of the table's, cost: in turns, which turns.py tells the worker."""

    kind: ClassVar[str] = "cost"
    rows: Sequence[Row]
    table: Table
    name: str = "cost"
    fault: InjectedFault | None = None


@dataclass(frozen=True)
class MeasureEndurance:
    """Predict `rows` in batches of these sizes, and single ones `calls` times, or for `seconds`.

    Then single rows with other values: `varied` has them for some columns, one for each call.
    """

    kind: ClassVar[str] = "endurance"
    rows: Sequence[Row]
    sizes: Sequence[int]
    calls: int = 1000
    seconds: float = 1.5
    varied: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    name: str = "endurance"
    fault: InjectedFault | None = None


Job = Score | Predict | Validate | Describe | MeasureCost | MeasureEndurance


def write_request(folder: Path, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return the jobs as they are sent; columns are written as CSV files into `folder`."""
    request: list[dict[str, Any]] = []
    for position, job in enumerate(jobs):
        sent: dict[str, Any] = {**vars(job), "kind": job.kind}
        if job.fault:
            sent["fault"] = {**vars(job.fault), "file": str(job.fault.file.absolute())}
        if isinstance(job, Score | MeasureCost):
            sent["table"] = f"{position}.csv"
            _write_csv(folder / sent["table"], job.table)
        if isinstance(job, Predict):
            sent |= {"order": _order(job), "alone": alone_rows(job)}
        request.append(sent)
    return request


def alone_rows(job: Predict) -> list[int]:
    """The rows that are asked one by one."""
    return list(range(len(job.rows))) if job.alone is None else [int(row) for row in job.alone]


def _order(job: Predict) -> list[int]:
    order = list(reversed(range(len(job.rows)))) if job.order is None else [int(place) for place in job.order]
    if sorted(order) != list(range(len(job.rows))):
        raise ValueError("`order` is not a permutation of the rows")
    return order


def _write_csv(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*map(_cells, table.values()), strict=True))


def _cells(values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """Write a column's values; each distinct number once, since shuffled rows repeat the same few hundred."""
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
        return [value if type(value) is str else _cell(value) for value in values]
    distinct, places = np.unique(values, return_inverse=True)
    written: list[Any] = np.array([_cell(value) for value in distinct.tolist()], dtype=object)[places].tolist()
    return written


def _cell(value: Any) -> Any:
    """Write a value as its column's type reads it: whole numbers without ".0" (1.0 is not a boolean), "" for NaN."""
    if isinstance(value, float):
        return "" if value != value else int(value) if value.is_integer() and abs(value) < 2**53 else repr(value)  # noqa: PLR0124
    return "" if value is None else value
