"""Feature functions: plain functions of a project's features.py whose parameter names are columns or other features.

They are pure: the same arguments give the same answer, which is why a batch may ask once per distinct value, and why
training, the trial and the server cannot come to differ.
"""

import difflib
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.categorical import coded, codes_of
from seatrial.model.schema import Column

Array = npt.NDArray[Any]
Columns = dict[str, Array]


@dataclass(frozen=True)
class Feature:
    """One derived column: its function, the columns it reads, and whether it gives numbers or strings."""

    name: str
    function: Callable[..., Any]
    reads: tuple[str, ...]
    numeric: bool

    def of(self, values: dict[str, Any]) -> Any:
        """Derive the feature for one row."""
        return self.function(*[values[name] for name in self.reads])


def features_in(module: ModuleType, columns: Sequence[Column]) -> tuple[Feature, ...]:
    """Read a project's feature functions, in an order in which each finds what it reads.

    Raises SeatrialError for a parameter that is no column, a circle, a name that is a column's already, or a missing
    return annotation.
    """
    known = {column.name for column in columns}
    waiting = {name: _feature(name, f) for name, f in vars(module).items() if _is_feature(module, name, f)}
    for feature in waiting.values():
        if feature.name in known:
            raise SeatrialError(
                f"{module.__name__}.{feature.name} has the name of a column.", hint="Rename the function."
            )
        for name in feature.reads:
            if name not in known and name not in waiting:
                near = difflib.get_close_matches(name, [*known, *waiting], 1)
                raise SeatrialError(
                    f"{module.__name__}.{feature.name} reads `{name}`, which is no column and no feature.",
                    hint=f"Did you mean `{near[0]}`?" if near else f"Columns: {', '.join(sorted(known))}.",
                )
    ordered: list[Feature] = []
    while waiting:
        ready = [f for f in waiting.values() if all(name not in waiting for name in f.reads)]
        if not ready:
            raise SeatrialError(f"{module.__name__}: the features {', '.join(waiting)} read one another in a circle.")
        ordered += ready
        for feature in ready:
            del waiting[feature.name]
    return tuple(ordered)


def _is_feature(module: ModuleType, name: str, value: object) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")


def _feature(name: str, function: Callable[..., Any]) -> Feature:
    answer = typing.get_type_hints(function).get("return")
    options = set(typing.get_args(answer)) if isinstance(answer, types.UnionType) else {answer}
    options -= {type(None)}
    if options <= {int, float, bool} and options:
        numeric = True
    elif options == {str}:
        numeric = False
    else:
        raise SeatrialError(
            f"Feature function {name} says it returns {answer}.",
            hint="Annotate it with float, int, bool or str, and `| None` where it may be missing.",
        )
    return Feature(name, function, tuple(inspect.signature(function).parameters), numeric)


def needed(features: Sequence[Feature], names: Iterable[str]) -> tuple[Feature, ...]:
    """Keep the features that `names` need, themselves or through another feature, in their order."""
    wanted, kept = set(names), []
    for feature in reversed(features):
        if feature.name in wanted:
            kept.append(feature)
            wanted.update(feature.reads)
    return tuple(reversed(kept))


def add_features(table: Columns, features: Sequence[Feature], columns: Sequence[Column]) -> Columns:
    """Derive the features of a whole table, asking each function once per distinct argument.

    A function sees exactly what it sees for one row: None for missing, an int where the schema says integer, and from
    another feature whatever that returned. Returns the table with the features added; numbers as float64 with NaN,
    strings as objects with None.
    """
    kinds = {column.name: column for column in columns}
    derived = dict(table)
    seen: dict[str, _Seen] = {}
    for feature in features:
        if not feature.reads:
            raise SeatrialError(f"Feature function {feature.name} reads no column.")
        for name in feature.reads:
            if name not in seen:
                seen[name] = _as_seen(kinds[name], table[name])
        answers = seen[feature.name] = _derived(feature.function, [seen[name] for name in feature.reads])
        if feature.numeric:
            numbers = np.array([np.nan if a is None else a for a in answers.values], dtype=np.float64)
            derived[feature.name] = numbers if answers.codes is None else numbers[answers.codes]
        else:
            objects = np.fromiter(answers.values, dtype=object, count=len(answers.values))
            derived[feature.name] = objects if answers.codes is None else coded(objects, answers.codes)
    return derived


@dataclass(frozen=True)
class _Seen:
    """A column as feature functions see it: a value per row, or distinct values with a code per row."""

    values: list[Any]
    codes: Array | None = None

    def rows(self) -> list[Any]:
        """A value per row."""
        return self.values if self.codes is None else [self.values[code] for code in self.codes.tolist()]


def _as_seen(column: Column, values: Array) -> _Seen:
    """Give a checked column as the Python values that rows would have."""
    known = codes_of(values)
    distinct, codes = (values, None) if known is None else known
    if not column.numeric:
        return _Seen(distinct.tolist(), codes)
    present = ~np.isnan(distinct)
    kind = {"number": np.float64, "boolean": np.bool_}.get(column.kind, np.int64)
    plain = np.where(present, distinct, 0).astype(kind).tolist()
    if not bool(present.all()):
        plain = [value if here else None for value, here in zip(plain, present.tolist(), strict=True)]
    return _Seen(plain, codes)


def _derived(function: Callable[..., Any], arguments: list[_Seen]) -> _Seen:
    """Ask a function about all rows, once per distinct argument."""
    codes = [argument.codes for argument in arguments]
    if all(each is not None for each in codes):
        size = math.prod(len(argument.values) for argument in arguments)
        if size <= len(codes[0]):  # type: ignore[arg-type]
            together = np.ravel_multi_index(codes, [len(a.values) for a in arguments])  # type: ignore[arg-type]
            found = np.flatnonzero(np.bincount(together, minlength=size))
            place = np.empty(size, dtype=np.int64)
            place[found] = np.arange(len(found))
            chosen = np.unravel_index(found, [len(a.values) for a in arguments])
            listed = [[a.values[i] for i in at.tolist()] for a, at in zip(arguments, chosen, strict=True)]
            return _Seen([_ask(function, row) for row in zip(*listed, strict=True)], place[together])
    rows = list(zip(*(argument.rows() for argument in arguments), strict=True))
    answers = {row: _ask(function, row) for row in dict.fromkeys(rows)}
    return _Seen([answers[row] for row in rows])


def _ask(function: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    try:
        return function(*row)
    except Exception as error:
        names = inspect.signature(function).parameters
        given = ", ".join(f"{name}={value!r}" for name, value in zip(names, row, strict=True))
        raise SeatrialError(
            f"The feature function {function.__name__} fails on {given[:200]}: {type(error).__name__}: {error}",
            hint="The schema allows this, so it may come: make the function answer it, or the schema refuse it.",
        ) from error
