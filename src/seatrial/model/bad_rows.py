"""Rows that break the schema, grouped by column and rule: one cause is one line, however many rows have it."""

from collections.abc import Sequence
from typing import Literal

from seatrial.core.errors import DataError, Problem

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
