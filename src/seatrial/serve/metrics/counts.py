"""Counts finished exchanges into plain integers."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

from seatrial.model import Release
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.families import (
    DURATION,
    OTHER,
    PREDICTIONS,
    REFUSALS,
    REQUESTS,
    ROWS,
    SECONDS,
    SHED,
)
from seatrial.serve.metrics.tally import Key, Tally

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
BODY = ""  # the column of what is wrong with a body as a whole
# The rules that are not Pydantic's.
OWN_RULES = frozenset(
    [
        "binary_data",
        "contents",
        "csv",
        "datatype",
        "duplicate",
        "header",
        "inputs",
        "instances",
        "json_only",
        "no_intervals",
        "one_row",
        "outputs",
        "parameters",
        "protobuf_invalid",
        "raw_contents",
        "repeated_key",
        "shape",
        "shared_memory",
        "tensor",
        "too_many_errors",
        "wrong_length",
    ]
)
SHED_STATUSES = (503, 504)  # no room, and no time before the caller's deadline
MOST_CLASSES = 500  # with a series of their own
MOST_REFUSALS = 1_000  # series of columns and rules

_position = itemgetter(0)


class Counts:
    """Counts exchanges, as an observer of them. Until `know` has been called, no column and no label has a name."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self.durations: dict[str, list[float]] = {}  # by route: a count for each bucket, and the sum
        self.rows: dict[str, int] = {}
        self.positions: Counter[int] = Counter()  # of predicted classes
        self.refusals: dict[Key, int] = {}
        self.shed = 0
        self._columns: frozenset[str] = frozenset()
        self._labels: Sequence[str] = ()
        self._rules = OWN_RULES.union(get_args(ErrorType))

    def know(self, release: Release) -> None:
        """Use the columns and the labels of this release."""
        self._columns = frozenset(column.name for column in release.columns)
        self._labels = [_text(str(label)) for label in release.metadata.classes]

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Count a batch of finished exchanges; a microsecond for one."""
        requests, durations = self.requests, self.durations
        for each in exchanges:
            route, status = each.route, each.status
            key = (route, each.method if each.method in METHODS else OTHER, status)
            requests[key] = requests.get(key, 0) + 1
            counts = durations.get(route)
            if counts is None:
                counts = durations[route] = [0] * (len(SECONDS) + 2)
            took = each.ended - each.began
            counts[bisect_left(SECONDS, took)] += 1
            counts[-1] += took
            if each.scored:
                self._count_rows(route, each.scored)
            elif status < 400 and (decided := getattr(each, "decided", None)):  # a table of any length has these
                self._count_classes(route, decided)
            if each.errors:
                self._count_errors(each.errors)
            if status in SHED_STATUSES and each.method == "POST":  # not a probe that asks whether it is ready
                self.shed += 1

    def _count_rows(self, route: str, scored: Sequence[Any]) -> None:
        self.rows[route] = self.rows.get(route, 0) + len(scored)
        if not self._labels:
            return
        if len(scored) == 1:
            self.positions[scored[0][0]] += 1
        else:
            self.positions.update(map(_position, scored))

    def _count_classes(self, route: str, decided: Mapping[Any, int]) -> None:
        """Count rows by the positions of their classes; None is for a regression."""
        self.rows[route] = self.rows.get(route, 0) + sum(decided.values())
        if self._labels:
            self.positions.update(decided)

    def _count_errors(self, errors: Sequence[Mapping[str, Any]]) -> None:
        for key in {self._place_of(error) for error in errors}:
            known = key if key in self.refusals or len(self.refusals) < MOST_REFUSALS else (OTHER, OTHER)
            self.refusals[known] = self.refusals.get(known, 0) + 1

    def _place_of(self, error: Mapping[str, Any]) -> Key:
        """The column and the rule of an error, where they are names of ours."""
        column = next((part for part in error["loc"] if part in self._columns), BODY)
        return column, error["type"] if error["type"] in self._rules else OTHER

    def add_to(self, numbers: Tally) -> None:
        """Add what was counted."""
        # `requests` has the route "" for every path that is not one of ours
        requests: dict[Key, float] = {
            (route or OTHER, method, str(status)): n for (route, method, status), n in self.requests.items()
        }
        numbers.totals[REQUESTS.name] = requests
        numbers.totals[ROWS.name] = {(route or OTHER,): n for route, n in self.rows.items()}
        numbers.totals[REFUSALS.name] = dict(self.refusals)
        numbers.totals[SHED.name] = {(): self.shed}
        numbers.totals[PREDICTIONS.name] = self._predictions()
        numbers.histograms[DURATION.name] = {(route or OTHER,): list(c) for route, c in self.durations.items()}

    def _predictions(self) -> dict[Key, float]:
        """The predictions by label, each known label from zero on, so that its first prediction is an increase."""
        found: dict[Key, float] = {(label,): 0 for label in self._labels[:MOST_CLASSES]}
        for position, count in self.positions.items():
            key = (self._labels[position] if position < MOST_CLASSES else OTHER,)
            found[key] = found.get(key, 0) + count
        return found


def _text(label: str) -> str:
    """A label that can be written in UTF-8."""
    return label.encode("utf-8", "backslashreplace").decode()
