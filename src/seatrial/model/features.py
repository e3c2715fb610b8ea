"""Feature functions: plain functions of a project's features.py whose parameter names are columns or other features.

They are pure: the same arguments give the same value. So a batch may call them once per distinct value, and training,
the trial and the server cannot differ.
"""

import difflib
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.array_arithmetic import Kind, NotOnArraysError, NumericColumn
from seatrial.model.array_functions import ArrayFunction, array_function
from seatrial.model.categorical import categorical, codes_of, computed_once
from seatrial.model.schema import Column

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Columns = dict[str, Array]


class FeatureError(SeatrialError):
    """A feature function raises for a row."""


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


def proven_functions(features: Sequence[Feature], proven: Mapping[str, str]) -> dict[str, ArrayFunction]:
    """The features that may be evaluated on arrays: those whose sources have the hashes in `proven`."""
    functions = {f.name: array_function(f.function) for f in features if f.name in proven}
    return {name: each for name, each in functions.items() if each and each.digest == proven[name]}


def add_features(
    table: Columns,
    features: Sequence[Feature],
    columns: Sequence[Column],
    arrays: Mapping[str, ArrayFunction] | None = None,
) -> Columns:
    """Derive the features of a whole table, calling each function once per distinct argument.

    A function receives exactly what it receives for one row: None for missing, an int where the schema says integer,
    and whatever another feature returned. Those in `arrays` are evaluated on whole columns where that is the same.
    Returns the table with the features added; numbers as float64 with NaN, strings as objects with None.
    """
    for feature in features:
        if not feature.reads:
            raise SeatrialError(f"The feature function {feature.name} has no parameters.", hint="Name a column.")
    derivation = _Derivation(table, features, columns)
    added = dict(table)
    for feature in features:
        function = (arrays or {}).get(feature.name)
        values = derivation.on_arrays(feature, function) if function else None
        added[feature.name] = derivation.column(feature) if values is None else values
    return added


class _Derivation:
    """The features of one table, each derived when it is needed: as arrays of numbers, or as Python values."""

    def __init__(self, table: Columns, features: Sequence[Feature], columns: Sequence[Column]) -> None:
        self._table = table
        self._columns = {column.name: column for column in columns}
        self._features = {feature.name: feature for feature in features}
        self._values: dict[str, _Values] = {}
        self._numbers: dict[str, NumericColumn] = {}

    def on_arrays(self, feature: Feature, function: ArrayFunction) -> Floats | None:
        """Evaluate a function on whole columns; None where Python has to call it."""
        try:
            derived = self._numbers[feature.name] = function([self._numbers_of(name) for name in feature.reads])
        except NotOnArraysError:
            return None
        return np.array(derived.values)

    def _numbers_of(self, name: str) -> NumericColumn:
        if name in self._numbers:
            return self._numbers[name]
        column = self._columns.get(name)
        if column is None or not column.numeric:
            raise NotOnArraysError
        return self._numbers.setdefault(name, NumericColumn(self._table[name], number_kind(column)))

    def column(self, feature: Feature) -> Array:
        """Call a function for all rows and return what it gives as a column."""
        derived = self._values_of(feature.name)
        if feature.numeric:
            numbers = np.array([np.nan if value is None else value for value in derived.values], dtype=np.float64)
            return numbers if derived.codes is None else numbers[derived.codes]
        objects = np.fromiter(derived.values, dtype=object, count=len(derived.values))
        return objects if derived.codes is None else categorical(objects, derived.codes)

    def _values_of(self, name: str) -> "_Values":
        if name not in self._values:
            feature = self._features.get(name)
            if feature is None:
                self._values[name] = _as_arguments(self._columns[name], self._table[name])
            else:
                self._values[name] = _derive(feature.function, [self._values_of(each) for each in feature.reads])
        return self._values[name]


def number_kind(column: Column) -> Kind:
    """The type of the Python values of a numeric column."""
    kinds: dict[str, Kind] = {"number": "float", "boolean": "bool"}
    return kinds.get(column.kind, "int")


@dataclass(frozen=True)
class _Values:
    """A column as feature functions receive it: a value per row, or distinct values with a code per row."""

    values: list[Any]
    codes: Array | None = None
    distinct: Array | None = None  # the values of a column, which chunks may share

    def rows(self) -> list[Any]:
        """Return a value per row."""
        return self.values if self.codes is None else [self.values[code] for code in self.codes.tolist()]


def _as_arguments(column: Column, values: Array) -> _Values:
    """Return a checked column as the Python values that rows would have."""
    known = codes_of(values)
    distinct, codes = (values, None) if known is None else known
    if not column.numeric:
        return _Values(distinct.tolist(), codes, distinct)
    present = ~np.isnan(distinct)
    types: dict[Kind, Any] = {"float": np.float64, "bool": np.bool_, "int": np.int64}
    plain = np.where(present, distinct, 0).astype(types[number_kind(column)]).tolist()
    if not bool(present.all()):
        plain = [value if known else None for value, known in zip(plain, present.tolist(), strict=True)]
    return _Values(plain, codes)


def _derive(function: Callable[..., Any], arguments: list[_Values]) -> _Values:
    """Call a function for all rows, once per distinct argument."""
    codes = [argument.codes for argument in arguments]
    if all(each is not None for each in codes):
        size = math.prod(len(argument.values) for argument in arguments)
        if size <= 2 * len(codes[0]):  # type: ignore[arg-type]  # None is one of the values, occurring or not
            combined = np.ravel_multi_index(codes, [len(a.values) for a in arguments])  # type: ignore[arg-type]
            occurring = np.flatnonzero(np.bincount(combined, minlength=size))
            position = np.empty(size, dtype=np.int64)
            position[occurring] = np.arange(len(occurring))
            chosen = np.unravel_index(occurring, [len(a.values) for a in arguments])
            listed = [[a.values[i] for i in at.tolist()] for a, at in zip(arguments, chosen, strict=True)]
            known: dict[int, Any] = computed_once(arguments[0].distinct, function, dict) if len(arguments) == 1 else {}
            places = occurring.tolist()
            for place, row in zip(places, zip(*listed, strict=True), strict=True):
                if place not in known:
                    known[place] = _call(function, row)
            return _Values([known[place] for place in places], position[combined])
    rows = list(zip(*(argument.rows() for argument in arguments), strict=True))
    values = {row: _call(function, row) for row in dict.fromkeys(rows)}
    return _Values([values[row] for row in rows])


def _call(function: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    try:
        return function(*row)
    except Exception as error:
        arguments = _shown(inspect.signature(function).parameters, row)
        raise FeatureError(
            f"The feature function {function.__name__} fails on {arguments}: {type(error).__name__}: {error}",
            hint="The schema allows this row: make the function handle it, or make the schema reject it.",
        ) from error


def _shown(names: Iterable[str], values: Iterable[Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in zip(names, values, strict=True))[:200]


def failing_rows(table: Columns, features: Sequence[Feature], columns: Sequence[Column]) -> list[Problem]:
    """Return the rows of checked columns for which a feature function raises, with its arguments and its error."""
    problems = []
    read = {name for feature in features for name in feature.reads}
    arguments = {c.name: _as_arguments(c, table[c.name]).rows() for c in columns if c.name in read}
    for row, values in enumerate(zip(*arguments.values(), strict=True)):
        known = dict(zip(arguments, values, strict=True))
        for feature in features:
            own = [known[name] for name in feature.reads]
            try:
                known[feature.name] = feature.function(*own)
            except Exception as error:
                rule = f"{type(error).__name__}: {error}"
                problems.append(Problem(row, feature.name, _shown(feature.reads, own), rule, kind="feature_error"))
                break
    return problems
