"""The engine's input: one matrix of numbers and one of strings, made in the same way from a row and from a table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.model.categorical import codes_of, computed_once
from seatrial.model.features import Array, Columns, Feature

Encoded = tuple[tuple[float, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Inputs:
    """The engine's columns, in order: float64 with NaN for missing, strings with "" for missing."""

    numbers: tuple[str, ...]
    strings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, numbers first."""
        return self.numbers + self.strings


def stack_columns(inputs: Inputs, columns: Columns) -> tuple[npt.NDArray[np.float64], Array]:
    """Make the engine's matrices from a table: (n, len(numbers)) float64 and (n, len(strings)) of str."""
    rows = len(next(iter(columns.values()))) if columns else 0
    numbers = np.empty((rows, len(inputs.numbers)), dtype=np.float64)
    strings = np.empty((rows, len(inputs.strings)), dtype=object)
    for position, name in enumerate(inputs.numbers):
        numbers[:, position] = columns[name]
    for position, name in enumerate(inputs.strings):
        strings[:, position] = texts_of(columns[name])
    return numbers, strings


def texts_of(values: Array) -> Array:
    """A column of strings (n,) with "" for missing."""
    known = codes_of(values)
    if known is None:
        return _texts(values)
    distinct, codes = known
    return np.asarray(computed_once(distinct, "texts", partial(_texts, distinct))[codes])


def _texts(values: Array) -> Array:
    return np.array([value or "" for value in values.tolist()], dtype=object)


def compile_encoder(inputs: Inputs, features: Sequence[Feature]) -> Callable[[Mapping[str, Any]], Encoded]:
    """Make one function that derives the features of a row and encodes it; it runs for every request.

    A loop over features and columns takes half as long again. Only names that `repr` has quoted get into the code.
    """
    names: dict[str, Any] = {"nan": math.nan}
    values: dict[str, str] = {}  # code for the value of each derived column
    steps = []

    def value(name: str) -> str:
        return values.get(name) or f"v[{name!r}]"

    for position, feature in enumerate(features):
        names[f"function{position}"] = feature.function
        steps.append(f"(d{position} := function{position}({', '.join(map(value, feature.reads))})),")
        values[feature.name] = f"d{position}"
    numbers = "".join(f"nan if (x := {value(name)}) is None else x, " for name in inputs.numbers)
    strings = "".join(f"{value(name)} or '', " for name in inputs.strings)
    code = f"lambda v: ({' '.join(steps)} (({numbers}), ({strings})),)[-1]"
    compiled: Callable[[Mapping[str, Any]], Encoded] = eval(code, names)  # noqa: S307
    return compiled


def stack_rows(inputs: Inputs, rows: Sequence[Encoded]) -> tuple[npt.NDArray[np.float64], Array]:
    """Make the engine's matrices from encoded rows."""
    numbers = np.array([row[0] for row in rows], dtype=np.float64).reshape(len(rows), len(inputs.numbers))
    strings = np.array([row[1] for row in rows], dtype=object).reshape(len(rows), len(inputs.strings))
    return numbers, strings
