"""Feature functions on arrays: the same numbers as in Python, to the last bit, or none at all."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.model.array_arithmetic import NotOnArraysError, NumericColumn
from seatrial.model.array_functions import array_function
from seatrial.train.array_proof import KINDS, same

_RATE = 1.5


def per_head(fare: float | None, size: int) -> float | None:
    """With a docstring."""
    return None if fare is None else fare / size


def family(sibsp: int, parch: int) -> int:
    return 1 + sibsp + parch


def statements(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    gap = a - b
    if gap < 0:
        return 0
    return min(gap, 10.0) * _RATE


def choices(a: float | None, b: int) -> float:
    return max(a, b) if a is not None and not 0 < a <= 10 else (b or 0.5) - 1


def whole(a: int, b: int) -> int:
    return abs(a // b) + a % b - round(a / 4) * -1


def roots(a: float, b: float) -> float:
    return math.sqrt(abs(a)) + math.floor(b) + int(a > b) + float(b)


FUNCTIONS = (per_head, family, statements, choices, whole, roots)
NUMBERS = st.one_of(
    st.none(), st.booleans(), st.integers(-100, 100), st.integers(-(2**54), 2**54), st.floats(allow_nan=False)
)


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_arrays_give_what_python_gives_or_nothing(function, rows):
    on_arrays = array_function(function)
    assert on_arrays is not None
    some = [row for row in rows if [type(v) for v in row] == [type(v) for v in rows[0]]]
    columns = np.array([[math.nan if value is None else float(value) for value in row] for row in some]).T
    try:
        found = on_arrays([NumericColumn(v, KINDS[type(x)]) for v, x in zip(columns, some[0], strict=True)]).values
    except NotOnArraysError:
        return
    expected = [function(*row) for row in some]
    assert same(found, np.array([math.nan if value is None else float(value) for value in expected]))


def test_none_in_some_rows_is_evaluated_where_python_would():
    numbers = NumericColumn(np.array([6.0, math.nan, 0.0]), "float"), NumericColumn(np.array([2.0, 0.0, 4.0]), "int")
    on_arrays = array_function(per_head)
    assert on_arrays is not None
    assert same(on_arrays(numbers).values, np.array([3.0, math.nan, 0.0]))


REFUSED_ROWS = {
    "a division by zero": (per_head, (1.0, 0)),
    "an overflow": (statements, (1e308, -1e308)),
    "a sum that float64 cannot represent": (family, (2**53 - 1, 3)),
    "None in a sum": (family, (None, 1)),
    "a whole number that float64 cannot represent": (family, (2**53, 0)),
}


@pytest.mark.parametrize("what", REFUSED_ROWS)
def test_rows_that_need_pythons_arithmetic_are_refused(what: str):
    function, row = REFUSED_ROWS[what]
    on_arrays = array_function(function)
    assert on_arrays is not None
    values = [
        NumericColumn(np.array([math.nan if value is None else float(value)] * 2), KINDS[type(value)]) for value in row
    ]
    with pytest.raises(NotOnArraysError):
        on_arrays(values)


def logarithm(a: float) -> float:
    return math.log(a)


def texts(a: str) -> float:
    return 1.0 if a == "x" else 0.0


def power(a: float) -> float:
    return a**2


def digits(a: float) -> float:
    return round(a, 2)


def keyword(a: float) -> float:
    return max(a, 0, key=abs)


def several(*a: float) -> float:
    return a[0]


def loop(a: float) -> float:
    while a > 1:
        a = a / 2
    return a


def own_call(a: float) -> float:
    return power(a)


@pytest.mark.parametrize("function", [logarithm, texts, power, digits, keyword, several, loop, own_call])
def test_a_function_that_does_more_than_arithmetic_is_called_as_it_is(function):
    assert array_function(function) is None


def test_the_hash_changes_with_the_source_and_with_a_number_of_the_module(monkeypatch):
    before = array_function(statements)
    assert before is not None
    monkeypatch.setitem(globals(), "_RATE", 2.0)
    after = array_function(statements)
    assert after is not None
    assert before.digest != after.digest != array_function(per_head).digest
