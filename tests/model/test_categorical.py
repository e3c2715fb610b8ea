"""What is computed from distinct values that chunks share is computed once."""

import numpy as np
import pytest

from seatrial.model.categorical import SharedValues, categorical, codes_of, computed_once


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
