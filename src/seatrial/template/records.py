"""What the steps from a table to a project hand on: facts to show, decisions to confirm, and the user's own wishes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seatrial.model.metadata import Task

Kind = Literal["integer", "number", "boolean", "category", "code", "text", "date", "moment"]
KINDS: dict[Kind, str] = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "yes or no",
    "category": "one of a few names",
    "code": "one of many names",
    "text": "free text",
    "date": "dates",
    "moment": "dates with the time of day",
}


@dataclass(frozen=True)
class Fact:
    """One thing that was recognised about the source, to be shown: separator, encoding, header."""

    name: str
    value: str


@dataclass(frozen=True)
class TableSource:
    """A table as it was read. Columns of a CSV file are all strings; those of other sources have their own types.

    `clean` says that a project can read the very file: CSV in UTF-8 with commas and a header, or Parquet. `target` is
    the column to predict, where the source itself says which.
    """

    name: str
    table: Any  # a pyarrow.Table
    facts: tuple[Fact, ...] = ()
    path: Path | None = None
    sha256: str = ""
    clean: bool = False
    decimal_comma: bool = False
    target: str = ""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows)

    def values(self, position: int) -> Any:
        """The values of one column, as one arrow array."""
        import pyarrow as pa

        values = self.table.column(position)
        return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, as they stand there."""
        return tuple(self.table.column_names)


@dataclass(frozen=True)
class Decision:
    """One thing that was decided, and can be decided otherwise: about which column, what, why, and the evidence.

    `about` is the kind of decision, so that a program can group them; `column` is empty for the whole table.
    """

    about: Literal["leave out", "type", "missing", "name", "target", "task", "positive", "rows", "data", "features"]
    column: str
    what: str
    why: str
    evidence: str = ""

    def __str__(self) -> str:
        place = f"{self.column}: " if self.column else ""
        return f"{place}{self.what}: {self.why}" + (f" ({self.evidence})" if self.evidence else "")


@dataclass(frozen=True)
class Wishes:
    """What a person says over what was guessed. Columns go by the name in the source or by the clean one.

    `keep` takes columns in that would be left out, `leave_out` leaves others out, `kinds` sets the type of columns.
    """

    task: Task | None = None
    positive: str | None = None
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    kinds: dict[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnFacts:
    """One column: what it holds, and why it is left out, if it is.

    `values` are its values, typed, null for missing, a pyarrow Array with one value per row that is kept.
    `minimum` and `maximum` are numbers, or dates. `counts` are the categories with their rows, the most frequent first.
    """

    source: str
    name: str
    kind: Kind
    values: Any
    missing: int
    distinct: int
    missing_as: tuple[str, ...] = ()
    minimum: Any = None
    maximum: Any = None
    counts: tuple[tuple[Any, int], ...] = ()
    longest: int = 0
    aware: bool = False  # moments: whether they carry a time zone
    example: Any = None
    unit: str = ""
    left_out: str = ""

    @property
    def used(self) -> bool:
        """Whether the schema asks for it."""
        return not self.left_out

    @property
    def missing_share(self) -> float:
        """The share of rows in which it is missing."""
        return self.missing / max(len(self.values), 1)


@dataclass(frozen=True)
class TargetFacts:
    """The column to predict. `labels` are the classes with their rows; empty for a regression."""

    source: str
    name: str
    task: Task
    values: Any
    labels: tuple[tuple[str, int], ...] = ()
    positive: str = ""
    minimum: float | None = None
    maximum: float | None = None

    @property
    def ordered(self) -> tuple[str, ...]:
        """The classes in order, the positive one last."""
        return tuple(sorted((label for label, _ in self.labels), key=lambda label: label == self.positive))


@dataclass(frozen=True)
class Examination:
    """All that is known about a table, and all that was decided: what a project is written from.

    `rows_left_out` counts rows of the source without a label, or with one that stands alone; `kept` are the positions
    of the others, None for all. `sampled` says in words what was found on a sample of the rows only.
    """

    source: TableSource
    columns: tuple[ColumnFacts, ...]
    target: TargetFacts
    decisions: tuple[Decision, ...]
    rows: int
    rows_left_out: int = 0
    kept: Any = None
    changes: tuple[str, ...] = ()
    sampled: str = ""

    @property
    def used(self) -> tuple[ColumnFacts, ...]:
        """The columns that the schema asks for."""
        return tuple(column for column in self.columns if column.used)

    @property
    def unused(self) -> tuple[ColumnFacts, ...]:
        """The columns that are left out."""
        return tuple(column for column in self.columns if not column.used)

    def of(self, column: str) -> tuple[Decision, ...]:
        """The decisions about one column, by its clean name; "" for those about the table."""
        return tuple(decision for decision in self.decisions if decision.column == column)
