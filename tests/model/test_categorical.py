"""Columns of codes: what is computed once for shared values, and what rows and parts of a table keep of the codes."""

import datetime as dt

import numpy as np
import pytest

from seatrial.model import categorical as categorical_module
from seatrial.model.categorical import SharedValues, categorical, codes_of, computed_once, joined, occurring, taken


def test_a_result_is_computed_once_for_shared_values_and_each_key():
    shared = np.array(["a", "b"], dtype=object).view(SharedValues)
    calls = []
    for chunk in (categorical(shared, np.array([0, 1])), categorical(shared, np.array([1]))):
        known = codes_of(chunk)
        assert known is not None
        for key in ("one", "two"):
            assert computed_once(known[0], key, lambda key=key: calls.append(key) or key) == key
    assert calls == ["one", "two"]


@pytest.mark.parametrize("values", [np.array(["a"], dtype=object), ["a"], None])
def test_other_values_remember_nothing(values):
    assert [computed_once(values, "key", lambda n=n: n) for n in range(2)] == [0, 1]


def test_a_part_of_shared_values_has_its_own_results():
    shared = np.array(["a", "b"], dtype=object).view(SharedValues)
    assert computed_once(shared, "size", lambda: len(shared)) == 2
    assert computed_once(shared[:1], "size", lambda: 1) == 1
    assert not isinstance(categorical(shared, np.array([0])), SharedValues)


def coded(texts: list[str | None]) -> np.ndarray:
    distinct = [*dict.fromkeys(texts), "in no row"]
    return categorical(np.array(distinct, dtype=object), np.array([distinct.index(text) for text in texts], dtype=int))


def test_rows_that_are_taken_keep_only_the_codes_of_their_texts() -> None:
    values = taken(coded(["a", None, "b", "a"]), np.array([3, 1, 3]))
    assert values.tolist() == ["a", None, "a"]
    distinct, codes = codes_of(values)
    assert sorted(distinct.tolist(), key=str) == [None, "a"]
    assert distinct[codes].tolist() == values.tolist()
    assert taken(np.array([1.0, 2.0]), np.array([False, True])).tolist() == [2.0]


def test_joined_parts_share_one_list_of_texts_in_order_of_occurrence() -> None:
    values = joined([coded(["b", None]), coded(["c", "b", "a"])])
    assert values.tolist() == ["b", None, "c", "b", "a"]
    distinct, codes = codes_of(values)
    assert distinct.tolist() == ["b", None, "c", "a"]
    assert codes.tolist() == [0, 1, 2, 0, 3]


def test_parts_without_codes_and_other_objects_are_joined_as_they_are() -> None:
    days = categorical(np.array([dt.date(2024, 1, 1), True, 1], dtype=object), np.array([0, 1, 2]))
    for other in (np.array(["x"], dtype=object), days):
        values = joined([coded(["a"]), other])
        assert codes_of(values) is None
        assert [repr(value) for value in values] == ["'a'", *map(repr, other.tolist())]
    assert joined([np.array([1.0]), np.array([2.0])]).tolist() == [1.0, 2.0]


def test_too_many_different_texts_are_joined_without_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categorical_module, "MOST_JOINED", 2)
    assert codes_of(joined([coded(["a", "b"])])) is not None
    values = joined([coded(["a", "b"]), coded(["c"])])
    assert codes_of(values) is None
    assert values.tolist() == ["a", "b", "c"]


def test_occurring_values_are_counted_in_order_with_codes_and_without() -> None:
    texts = ["b", None, "a", "b", "a", "b"]
    for values in (coded(texts), np.array(texts, dtype=object)):
        counts = occurring(values)
        assert list(counts.items()) == [("b", 3), (None, 1), ("a", 2)]
