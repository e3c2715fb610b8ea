"""Feature functions: read by their parameters, the same for a row and for a table."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pytest

from seatrial import Schema, SeatrialError
from seatrial.model.categorical import SharedValues, categorical
from seatrial.model.features import add_features, features_in, needed
from seatrial.model.table_validation import TableChecker


class Thing(Schema):
    a: int | None
    b: float | None
    size: Literal[1, 2]
    new: bool
    note: str | None


CHECKER = TableChecker(Thing)


def module_of(*functions: Callable[..., Any]) -> ModuleType:
    module = ModuleType("made_features")
    sys.modules["made_features"] = module
    for function in functions:
        function.__module__ = "made_features"
        setattr(module, function.__name__, function)
    return module


def test_a_function_receives_the_same_values_from_a_table_and_from_a_row() -> None:
    def spelled(a: int | None, b: float | None, size: int, new: bool, note: str | None) -> str:
        return f"{a!r} {b!r} {size!r} {new!r} {note!r}"

    def doubled(a: int | None) -> int | None:
        return None if a is None else 2 * a

    def chained(doubled: int | None) -> str:
        return repr(doubled)

    rows = [
        Thing(a=1, b=2.0, size=1, new=True, note="x"),
        Thing(a=None, b=None, size=2, new=False, note=None),
    ]
    columns, problems = CHECKER.check({n: [getattr(row, n) for row in rows] for n in Thing.model_fields})
    assert not problems
    features = features_in(module_of(spelled, doubled, chained), CHECKER.columns)
    table = add_features(columns, features, CHECKER.columns)
    for position, row in enumerate(rows):
        values = dict(row.__dict__)
        for feature in features:
            values[feature.name] = feature.function(*[values[name] for name in feature.reads])
        assert table["spelled"][position] == values["spelled"]
        assert table["chained"][position] == values["chained"]
    np.testing.assert_array_equal(table["doubled"], [2.0, np.nan])


def test_a_function_is_called_once_per_distinct_value() -> None:
    calls = []

    def length(note: str | None) -> int:
        calls.append(note)
        return len(note or "")

    features = features_in(module_of(length), CHECKER.columns)
    table = add_features({"note": np.array(["ab", None, "ab", "c"] * 50, dtype=object)}, features, CHECKER.columns)
    assert calls == ["ab", None, "c"]
    assert table["length"].tolist() == [2.0, 0.0, 2.0, 1.0] * 50


def test_features_are_ordered_by_their_dependencies() -> None:
    def third(second: float) -> float:
        return second

    def second(first: float) -> float:
        return first

    def first(b: float) -> float:
        return b

    def unused(b: float) -> float:
        return b

    features = features_in(module_of(third, second, first, unused), CHECKER.columns)
    names = [feature.name for feature in features]
    assert names.index("first") < names.index("second") < names.index("third")
    assert [feature.name for feature in needed(features, ["second"])] == ["first", "second"]


def test_private_and_imported_functions_are_not_features() -> None:
    def _helper(b: float) -> float:
        return b

    module = module_of(_helper)
    module.join = "".join  # type: ignore[attr-defined]
    module.find = pytest.raises  # type: ignore[attr-defined]
    assert features_in(module, CHECKER.columns) == ()


def _bad(kind: str) -> ModuleType:
    if kind == "misspelt":

        def f(nope: str) -> str:
            return nope
    elif kind == "circle":

        def f(g: float) -> float:
            return g

        def g(f: float) -> float:
            return f

        return module_of(f, g)
    elif kind == "untyped":

        def f(b):  # type: ignore[no-untyped-def]
            return b
    else:

        def f(b: float) -> float:
            return b

        f.__name__ = "note"
    return module_of(f)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("misspelt", "neither a column nor a feature"),
        ("circle", "depend on each other"),
        ("untyped", "return annotation None"),
        ("clash", "same name as a column"),
    ],
)
def test_an_invalid_feature_function_is_refused_by_name(kind: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=message) as caught:
        features_in(_bad(kind), CHECKER.columns)
    assert "made_features" in str(caught.value) or "f " in str(caught.value)


def test_chunks_that_share_their_values_call_a_function_once_for_each_that_occurs() -> None:
    called = []

    def length(note: str | None) -> int:
        called.append(note)
        return len(note or "")

    features = features_in(module_of(length), CHECKER.columns)
    shared = np.array(["abc", "de", None, "never"], dtype=object).view(SharedValues)
    expected = {0: 3.0, 1: 2.0, 2: 0.0}
    for codes in ([0, 1, 0], [1, 2], [0, 1, 2]):
        table = {"note": categorical(shared, np.array(codes))}
        added = add_features(table, features, CHECKER.columns)
        assert added["length"].tolist() == [expected[code] for code in codes]
    assert called == ["abc", "de", None]
