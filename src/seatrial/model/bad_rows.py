"""Rows that break the schema, grouped by column and rule: one cause is one line, however many rows have it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.core.errors import DataError, Problem, SeatrialError, UsageError

PERCENT = 100


@dataclass(frozen=True)
class BadLimit:
    """The most bad rows that a table may have: a number, or a share of all rows."""

    text: str
    rows: int | None = None
    share: float | None = None

    def exceeded(self, bad: int, rows: int, *, complete: bool) -> bool:
        """Whether `bad` of `rows` are too many; of a table that is not read to its end only a number can say so."""
        if self.rows is not None:
            return bad > self.rows
        return complete and bad > (self.share or 0.0) * rows

    def check(self, bad: int, rows: int, name: str, *, complete: bool) -> None:
        """Raise SeatrialError where a table has more bad rows than that."""
        if self.exceeded(bad, rows, complete=complete):
            raise SeatrialError(
                f"{name}: {bad:,} of {rows:,} rows break the schema, more than --max-bad {self.text} allows.",
                hint="Nothing was written. Look at the rows with --on-bad-rows fail, or allow more.",
            )


def bad_limit(text: str) -> BadLimit:
    """Read `100` or `1%`. Raises UsageError for anything else."""
    number, percent = text.strip().removesuffix("%").strip(), text.strip().endswith("%")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not (0 <= value <= PERCENT if percent else value >= 0 and value.is_integer()):
        raise UsageError(f"{text!r} is not a number of rows.", hint="Write a number, as 100, or a share, as 1%.")
    return BadLimit(text.strip(), share=value / PERCENT) if percent else BadLimit(text.strip(), rows=int(value))


OnBadRows = Literal["fail", "drop", "keep"]
SHOWN = 3  # rows of each group
GROUPS_SHOWN = 10
KEPT = 1_000  # problems that an error carries


class BadRows:
    """Counts the bad rows of a table, chunk by chunk, and keeps the first few of each group."""

    def __init__(self) -> None:
        self.rows = 0
        self.problems: list[Problem] = []
        self._counts: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], list[Problem]] = {}

    def add(self, problems: Sequence[Problem]) -> None:
        """Add the problems of whole rows, in the order of the table."""
        self.rows += len({problem.row for problem in problems})
        self.problems += problems[: KEPT - len(self.problems)]
        for problem in problems:
            group = (problem.column, problem.rule)
            self._counts[group] = self._counts.get(group, 0) + 1
            first = self._first.setdefault(group, [])
            if len(first) < SHOWN:
                first.append(problem)

    def lines(self) -> list[str]:
        """A line for each group, the largest first: the rule, the number of rows, and the first of them."""
        groups = sorted(self._counts, key=lambda group: -self._counts[group])
        lines = [self._line(group) for group in groups[:GROUPS_SHOWN]]
        rest = groups[GROUPS_SHOWN:]
        if rest:
            lines.append(f"... and {len(rest)} more rules, broken {sum(self._counts[g] for g in rest):,} times")
        return lines

    def _line(self, group: tuple[str, str]) -> str:
        count, first = self._counts[group], self._first[group]
        if count == 1:
            return str(first[0])
        column, rule = group
        where = ", ".join(f"{p.place}{f' ({p.value!r})' if p.value else ''}" for p in first)
        about = f"column {column}: " if column else ""
        return f"{about}{rule} ({count:,} rows): {where}{', ...' if count > len(first) else ''}"

    def error(self, name: str, rows: int, hint: str) -> DataError:
        """The error for a table `name` of `rows` rows; `hint` says what to do next."""
        lines = "\n".join(f"  {line}" for line in self.lines())
        message = f"{name}: {self.rows:,} of {rows:,} rows break the schema.\n{lines}"
        return DataError(message, hint=hint, problems=tuple(self.problems))
