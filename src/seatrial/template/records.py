"""What the steps from a table to a project pass on: what was read, what was inferred, and what the user overrides."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seatrial.core.split_settings import SplitSettings
from seatrial.model.metadata import Task
from seatrial.stores.remote_tables import LocalCopy

Kind = Literal["integer", "number", "boolean", "category", "code", "text", "date", "moment"]
KINDS: dict[Kind, str] = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "yes or no",
    "category": "categories",
    "code": "codes",
    "text": "free text",
    "date": "dates",
    "moment": "dates and times",
}

KEPT = "kept, as requested"
LEFT_OUT = "left out"
DOUBT = "used, but doubtful"
Reason = tuple[str, str]  # why a column is left out or doubtful, and the evidence


@dataclass(frozen=True)
class DecimalMark:
    """The decimal mark of a table's texts: a comma, a point, or "" if it could be either; `certain` if it was set."""

    mark: str = "."
    certain: bool = False


@dataclass(frozen=True)
class TableSource:
    """A table as it was read. Columns of a CSV file are all strings; other sources have their own types.

    `facts` are what was detected on the way, to be shown: separator, encoding, sheet.
    `clean` is set if a project can read the file unchanged: CSV in UTF-8 with commas and a header, or Parquet. `target`
    is the column to predict, if the source itself names one. `separator`, `encoding`, `header` and `decimal` are those
    of a text file; `first_line` is the line of its first row, if each row has one line. A `download` is
    what the file at `path` is deleted with.
    """

    name: str
    table: Any  # a pyarrow.Table
    facts: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    sha256: str = ""
    clean: bool = False
    decimal: DecimalMark = DecimalMark()
    separator: str = ""
    encoding: str = ""
    header: bool = True
    first_line: int = 0
    target: str = ""
    download: LocalCopy | None = field(default=None, repr=False)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.table.num_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, as the source has them."""
        return tuple(self.table.column_names)

    def values(self, position: int) -> Any:
        """The values of one column, as one arrow array."""
        return self.table.column(position).combine_chunks()


@dataclass(frozen=True)
class Decision:
    """One decision that the user can override: about which column, what was decided, why, and the evidence.

    `about` groups decisions by kind; `column` is empty for decisions about the whole table.
    """

    about: Literal[
        "leave out",
        "leak",
        "group",
        "type",
        "missing",
        "name",
        "target",
        "task",
        "positive",
        "rows",
        "data",
        "features",
        "split",
    ]
    column: str
    what: str
    why: str
    evidence: str = ""

    @property
    def reason(self) -> str:
        """Why, with the evidence."""
        return f"{self.why} ({self.evidence})" if self.evidence else self.why

    def __str__(self) -> str:
        column = f"{self.column}: " if self.column else ""
        return f"{column}{self.what}: {self.reason}"


@dataclass(frozen=True)
class Overrides:
    """What the user sets instead of what would be inferred. Columns go by their name in the source or the clean name.

    `keep` uses columns that would be left out, `leave_out` leaves others out, `kinds` sets the type of columns, and
    `missing` the texts that mean a missing value in them. `split` is how the rows are split: "rows", "time:COLUMN" or
    "group:COLUMN". The task "classification" is binary or multiclass, by the
    number of labels.
    """

    task: Task | Literal["classification"] | None = None
    positive: str | None = None
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    kinds: dict[str, Kind] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    split: str = ""


@dataclass(frozen=True)
class Meaning:
    """What is known of a column's values in the world, beyond the table: `about` says what they are, in words.

    Numbers are from `low` to `high`, where these are known. `values` are all that there are, of a closed category;
    `named` is the type in `seatrial.model.world` that lists them.
    """

    about: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[Any, ...] = ()
    named: str = ""


@dataclass(frozen=True)
class ColumnRules:
    """How a column is read. `source` is its name in the export; a rule that is empty is left to the values.

    `missing` are the texts that mean a missing value, if not the usual ones; `also_missing` are others beside these.
    `formats` are those of dates: of strptime, or one that `seatrial.template.reading.periods` names. `decimal` is the
    decimal mark, or both if the column has either, `thousands` that between thousands, `unit` what may be beside each
    number. `width` is the number of digits of codes with leading zeros. `labels` are those of the target.
    """

    source: str
    kind: Kind
    missing: tuple[str, ...] | None = None
    also_missing: tuple[str, ...] = ()
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    time_zone: bool = False
    decimal: str = ""
    thousands: str = ""
    unit: str = ""
    width: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnFacts:
    """One column: its type and values, and the reason if it is left out.

    `values` is a typed pyarrow Array with one value per row that is kept, null where missing. `minimum` and `maximum`
    are numbers or dates. `counts` are the categories with their numbers of rows, the most frequent first.
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
    aware: bool = False  # for moments: whether they have a time zone
    example: Any = None
    unit: str = ""
    rules: ColumnRules | None = None
    meaning: Meaning = Meaning()
    left_out: str = ""

    @property
    def used(self) -> bool:
        """Whether the schema has a field for it."""
        return not self.left_out


@dataclass(frozen=True)
class TargetFacts:
    """The column to predict. `labels` are the classes with their numbers of rows; empty for a regression."""

    source: str
    name: str
    task: Task
    values: Any
    labels: tuple[tuple[str, int], ...] = ()
    rules: ColumnRules | None = None
    positive: str = ""
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""

    @property
    def ordered(self) -> tuple[str, ...]:
        """The classes in order, the positive one last."""
        return tuple(sorted((label for label, _ in self.labels), key=lambda label: label == self.positive))


@dataclass(frozen=True)
class Examination:
    """All that is known and was decided about a table: what the project's code is generated from.

    `rows_left_out` counts the rows without a label and those whose label occurs only once; `kept` holds the positions
    of the other rows, None if all are kept. `sampled` says what was checked on a sample of the rows only.
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
    split: SplitSettings = field(default_factory=SplitSettings)

    @property
    def used(self) -> tuple[ColumnFacts, ...]:
        """The columns that the schema has a field for."""
        return tuple(column for column in self.columns if column.used)

    @property
    def unused(self) -> tuple[ColumnFacts, ...]:
        """The columns that are left out."""
        return tuple(column for column in self.columns if not column.used)

    def why_unused(self, column: ColumnFacts) -> str:
        """Why a column is left out, with the evidence."""
        return next((d.reason for d in self.of(column.name) if d.what == "left out"), column.left_out)

    def of(self, column: str) -> tuple[Decision, ...]:
        """The decisions about one column, by its clean name; "" for those about the table."""
        return tuple(decision for decision in self.decisions if decision.column == column)
