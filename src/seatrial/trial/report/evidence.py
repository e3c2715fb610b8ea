"""The data of the page's charts, as records. A trial writes them to `Verdict.pictures` with `dataclasses.asdict`.

A verdict may come from a file written by another version, so data that does not fit its record is left out and is never
an error.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from seatrial.trial.records import Verdict

Item = TypeVar("Item")


class _Drawn:
    """Only what can be drawn: finite numbers; classes may be numbers."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)


@dataclass(frozen=True)
class ChangeHistogram(_Drawn):
    """How far rows moved: a histogram of shares (n,) between edges (n + 1,).

    `noise` is how far 99 % of the rows move in a usual harmless retrain, from the lowest to the highest.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    label: str = "change in probability"
    noise: tuple[float, float] | None = None


@dataclass(frozen=True)
class LabelFlips(_Drawn):
    """Labels predicted by the baseline (down) and by the candidate (across), as counts of rows.

    `worse` rows were right before and are wrong now, `better` ones the opposite.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    worse: int | None = None
    better: int | None = None


@dataclass(frozen=True)
class BeforeAfter(_Drawn):
    """Anything with an old and a new value: a group's error, a column's effect, a share of the data.

    `low` and `high` are where `new` may be (for a group: its interval); `rows` is the number of rows in the group.
    """

    name: str
    old: float
    new: float
    low: float | None = None
    high: float | None = None
    rows: int | None = None
    failed: bool = False


def one_of(verdict: Verdict, key: str, record: type[Item]) -> Item | None:
    """The record under `key`, if there is one that fits."""
    return _read(record, verdict.pictures.get(key))


def all_of(verdict: Verdict, key: str, record: type[Item]) -> list[Item]:
    """All records under `key` that fit."""
    listed = verdict.pictures.get(key)
    items = [_read(record, each) for each in listed] if isinstance(listed, list | tuple) else []
    return [item for item in items if item is not None]


def _read(record: type[Item], value: Any) -> Item | None:
    try:
        item: Item = _ADAPTERS[record].validate_python(value)
        return item
    except ValidationError:
        return None


_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    record: TypeAdapter(record) for record in (ChangeHistogram, LabelFlips, BeforeAfter)
}
