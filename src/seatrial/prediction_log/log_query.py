"""Which rows of the log are wanted, as every destination understands it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import Condition, Hashes, column_of, expression, unknown_column

PREDICTIONS, REFUSED, LABELS = "predictions", "refused", "labels"
PARTITION = ("release", "version")  # columns that are not in files, but in the names of their folders
SPOOLED = "spooled"  # the column that is true for rows that are not delivered yet
BATCH = 65_536  # rows
Delivered = Callable[[Collection[str]], None]  # gets what is in a destination: names of segments, or `place_of` parts


def no_hashes(_: str) -> Collection[str]:
    """What a value becomes in hashed columns where there is no key."""
    return ()


def place_of(table: str, release: str, version: str, day: date, segment: str) -> str:
    """A name for a part of a segment that is a file of its own in a folder."""
    return f"{table}/{release}/{version}/{day}/{segment}"


@dataclass(frozen=True)
class LogQuery:
    """A window of time, a release, and conditions; `refused` asks for refused requests in place of predictions.

    `since` and `until` are in UTC; `until` itself is not in the window. Without a `version`, every version counts.
    """

    release: str = ""
    version: str = ""
    since: datetime | None = None
    until: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    refused: bool = False
    among: tuple[str, Sequence[Any]] | None = None  # a column, and values of its own type that are wanted
    hashes: Hashes = field(default=no_hashes, compare=False)

    @property
    def table(self) -> str:
        """The name of the table: predictions or refused."""
        return REFUSED if self.refused else PREDICTIONS

    def of(self, release: str, version: str) -> bool:
        """Whether a version of a release is wanted."""
        return self.release in ("", release) and self.version in ("", version)

    def on(self, day: date) -> bool:
        """Whether a day of UTC may have wanted rows."""
        return not (self.since and day < self.since.date()) and not (self.until and day > self.until.date())

    def filter(
        self, schema: pa.Schema, seen: "SeenNames", constants: Mapping[str, object] | None = None
    ) -> ds.Expression | None:
        """What a row of a table with this schema must satisfy; None if no row can.

        `constants` are columns of the schema that have one value and are not in the table itself. `seen` notes which
        names of the conditions are columns, and which values could be compared.
        """
        fixed = pa.table({name: [value] for name, value in (constants or {}).items()})
        found = ds.scalar(True)
        none = False
        seen.add(schema)
        for condition in self.conditions:
            try:
                one = expression(condition, schema, self.hashes)
                seen.note(condition, schema)
            except ValueError:
                seen.note(condition, schema, comparable=False)
                one = None
            if one is not None and condition.column in fixed.column_names:
                one = ds.scalar(True) if fixed.filter(one).num_rows else None
            none = none or one is None
            found = found if one is None else found & one
        if self.among:
            column, values = self.among
            found &= ds.field(column).isin(pa.array(values, schema.field(column).type))
        if self.since:
            found &= ds.field("time") >= pa.scalar(self.since, pa.timestamp("us", "UTC"))
        if self.until:
            found &= ds.field("time") < pa.scalar(self.until, pa.timestamp("us", "UTC"))
        return None if none else found


class SeenNames:
    """Which names are columns of what was looked at, so that a misspelt one is an error and not an empty result."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._compared: dict[Condition, pa.DataType | None] = {}

    def note(self, condition: Condition, schema: pa.Schema, *, comparable: bool = True) -> None:
        """Note a condition on a table with this schema."""
        column = column_of(condition.column, schema.names)
        if comparable:
            self._compared[condition] = None
        elif column is not None:
            self._compared.setdefault(condition, schema.field(column).type)

    def add(self, schema: pa.Schema) -> None:
        """Note a table."""
        self._known |= dict.fromkeys(schema.names)

    @property
    def names(self) -> list[str]:
        """The columns of all tables."""
        return list(self._known)

    def check(self, query: LogQuery) -> None:
        """Raise SeatrialError where a condition's name was no column anywhere, or its value compared with none."""
        for condition in query.conditions if self._known else ():
            if column_of(condition.column, self._known) is None:
                raise unknown_column(condition.column, self._known)
            if kind := self._compared.get(condition):
                raise SeatrialError(
                    f"`{condition.column}` is {_words(kind)}, which {condition.value!r} is not.",
                    hint=f"Correct the value in: {condition}.",
                )


def _words(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_date(kind):
        return "a date (2027-01-31)"
    if pa.types.is_timestamp(kind):
        return "a time (2027-01-31T12:00)"
    return "a number"


class LogPart(Protocol):
    """Rows of one schema, in one place."""

    schema: pa.Schema  # with `release`, `version` and `spooled`

    def batches(
        self, columns: Collection[str], query: LogQuery, seen: SeenNames, newest: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows that a query wants; with `newest`, at least so many of the newest ones."""
