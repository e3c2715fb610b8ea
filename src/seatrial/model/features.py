"""Feature functions: plain functions of a project's features.py whose parameter names are columns or other features.

They are pure: the same arguments give the same value. So a batch may call them once per distinct value, and training,
the trial and the server cannot differ.
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
from seatrial.model.categorical import categorical, codes_of
from seatrial.model.schema import Column

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Columns = dict[str, Array]


@dataclass(frozen=True)
class Feature:
    """One derived column: its function, the columns it reads, and whether it returns numbers or strings."""

    name: str
    function: Callable[..., Any]
    reads: tuple[str, ...]
    numeric: bool


def features_in(module: ModuleType, columns: Sequence[Column]) -> tuple[Feature, ...]:
    """Return a project's feature functions, ordered so that each comes after the features that it reads.

    Raises SeatrialError for a parameter that is not a column or a feature, a cycle, a feature named like a column, or a
    missing return annotation.
    """
    known = {column.name for column in columns}
    waiting = {name: _feature(name, f) for name, f in vars(module).items() if _is_feature(module, name, f)}
    for feature in waiting.values():
        if feature.name in known:
            raise SeatrialError(
                f"{module.__name__}.{feature.name} has the same name as a column.", hint="Rename the function."
            )
        for name in feature.reads:
            if name not in known and name not in waiting:
                near = difflib.get_close_matches(name, [*known, *waiting], 1)
                raise SeatrialError(
                    f"{module.__name__}.{feature.name} reads `{name}`, which is neither a column nor a feature.",
                    hint=f"Did you mean `{near[0]}`?" if near else f"Columns: {', '.join(sorted(known))}.",
                )
    ordered: list[Feature] = []
    while waiting:
        ready = [f for f in waiting.values() if all(name not in waiting for name in f.reads)]
        if not ready:
            raise SeatrialError(
                f"{module.__name__}: the features {', '.join(waiting)} depend on each other.",
                hint="Compute one of them from columns only.",
            )
        ordered += ready
        for feature in ready:
            del waiting[feature.name]
    return tuple(ordered)


def _is_feature(module: ModuleType, name: str, value: object) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")


def _feature(name: str, function: Callable[..., Any]) -> Feature:
    returned = typing.get_type_hints(function).get("return")
    options = set(typing.get_args(returned)) if isinstance(returned, types.UnionType) else {returned}
    options -= {type(None)}
    if options <= {int, float, bool} and options:
        numeric = True
    elif options == {str}:
        numeric = False
    else:
        raise SeatrialError(
            f"The feature function {name} has the return annotation {returned}.",
            hint="Use float, int, bool or str, with `| None` where the value may be missing.",
        )
    return Feature(name, function, tuple(inspect.signature(function).parameters), numeric)


def needed(features: Sequence[Feature], names: Iterable[str]) -> tuple[Feature, ...]:
    """Keep the features that `names` need, directly or through another feature, in their order."""
    wanted, kept = set(names), []
    for feature in reversed(features):
        if feature.name in wanted:
            kept.append(feature)
            wanted.update(feature.reads)
    return tuple(reversed(kept))


def add_features(table: Columns, features: Sequence[Feature], columns: Sequence[Column]) -> Columns:
    """Derive the features of a whole table, calling each function once per distinct argument.

    A function receives exactly what it receives for one row: None for missing, an int where the schema says integer,
    and whatever another feature returned. Returns the table with the features added; numbers as float64 with NaN,
    strings as objects with None.
    """
    kinds = {column.name: column for column in columns}
    added = dict(table)
    arguments: dict[str, _Values] = {}
    for feature in features:
        if not feature.reads:
            raise SeatrialError(f"The feature function {feature.name} has no parameters.", hint="Name a column.")
        for name in feature.reads:
            if name not in arguments:
                arguments[name] = _as_arguments(kinds[name], table[name])
        derived = arguments[feature.name] = _derive(feature.function, [arguments[name] for name in feature.reads])
        if feature.numeric:
            numbers = np.array([np.nan if value is None else value for value in derived.values], dtype=np.float64)
            added[feature.name] = numbers if derived.codes is None else numbers[derived.codes]
        else:
            objects = np.fromiter(derived.values, dtype=object, count=len(derived.values))
            added[feature.name] = objects if derived.codes is None else categorical(objects, derived.codes)
    return added


@dataclass(frozen=True)
class _Values:
    """A column as feature functions receive it: a value per row, or distinct values with a code per row."""

    values: list[Any]
    codes: Array | None = None

    def rows(self) -> list[Any]:
        """Return a value per row."""
        return self.values if self.codes is None else [self.values[code] for code in self.codes.tolist()]


def _as_arguments(column: Column, values: Array) -> _Values:
    """Return a checked column as the Python values that rows would have."""
    known = codes_of(values)
    distinct, codes = (values, None) if known is None else known
    if not column.numeric:
        return _Values(distinct.tolist(), codes)
    present = ~np.isnan(distinct)
    kind = {"number": np.float64, "boolean": np.bool_}.get(column.kind, np.int64)
    plain = np.where(present, distinct, 0).astype(kind).tolist()
    if not bool(present.all()):
        plain = [value if known else None for value, known in zip(plain, present.tolist(), strict=True)]
    return _Values(plain, codes)


def _derive(function: Callable[..., Any], arguments: list[_Values]) -> _Values:
    """Call a function for all rows, once per distinct argument."""
    codes = [argument.codes for argument in arguments]
    if all(each is not None for each in codes):
        size = math.prod(len(argument.values) for argument in arguments)
        if size <= len(codes[0]):  # type: ignore[arg-type]
            combined = np.ravel_multi_index(codes, [len(a.values) for a in arguments])  # type: ignore[arg-type]
            occurring = np.flatnonzero(np.bincount(combined, minlength=size))
            position = np.empty(size, dtype=np.int64)
            position[occurring] = np.arange(len(occurring))
            chosen = np.unravel_index(occurring, [len(a.values) for a in arguments])
            listed = [[a.values[i] for i in at.tolist()] for a, at in zip(arguments, chosen, strict=True)]
            return _Values([_call(function, row) for row in zip(*listed, strict=True)], position[combined])
    rows = list(zip(*(argument.rows() for argument in arguments), strict=True))
    values = {row: _call(function, row) for row in dict.fromkeys(rows)}
    return _Values([values[row] for row in rows])


def _call(function: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    try:
        return function(*row)
    except Exception as error:
        names = inspect.signature(function).parameters
        arguments = ", ".join(f"{name}={value!r}" for name, value in zip(names, row, strict=True))
        raise SeatrialError(
            f"The feature function {function.__name__} fails on {arguments[:200]}: {type(error).__name__}: {error}",
            hint="The schema allows this row: make the function handle it, or make the schema reject it.",
        ) from error
