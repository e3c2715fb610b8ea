"""The fingerprint: exact values, strict JSON, and no free text that could identify a person."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.core.files import to_json
from seatrial.model.features import Array
from seatrial.model.schema import Column, Kind
from seatrial.train.profile import ColumnProfile, Fingerprint, fingerprint


def column(name: str, kind: Kind, **facts: Any) -> Column:
    return Column(name, kind, nullable=True, required=True, **facts)


def objects(values: list[Any]) -> Array:
    return np.fromiter(values, dtype=object, count=len(values))


def profile(values: Array, kind: Kind, **facts: Any) -> ColumnProfile:
    target = np.zeros(len(values))
    (result,) = fingerprint("f00", {"c": values}, [column("c", kind, **facts)], target, "y", "binary").columns
    return result


def shares(result: ColumnProfile) -> dict[Any, float]:
    return {share.value: share.share for share in result.shares}


def test_numbers_have_deciles_moments_and_a_histogram_of_the_present_values() -> None:
    result = profile(np.array([*range(11), np.nan], dtype=float), "number")
    assert result.missing == pytest.approx(1 / 12)
    assert result.distinct == 11
    assert result.deciles == tuple(float(n) for n in range(11))
    assert result.mean == 5
    assert result.deviation == pytest.approx(np.sqrt(10))
    assert sum(result.histogram) == pytest.approx(1)
    assert result.shares == ()


def test_integers_with_few_values_have_shares_too() -> None:
    assert shares(profile(np.array([0.0, 0, 0, 1]), "integer")) == {0: 0.75, 1: 0.25}


def test_categories_have_the_shares_of_the_present_values_most_frequent_first() -> None:
    result = profile(objects(["a", "b", "b", None, None]), "category", categories=("a", "b", "c"))
    assert result.missing == pytest.approx(0.4)
    assert list(shares(result).items()) == [("b", 2 / 3), ("a", 1 / 3)]


def test_numeric_categories_and_booleans_keep_their_type() -> None:
    assert list(shares(profile(np.array([1.0, 3, 3]), "category", categories=(1, 2, 3)))) == [3, 1]
    (first, *_) = profile(np.array([1.0, 1, 0, np.nan]), "boolean").shares
    assert first.value is True
    assert first.share == pytest.approx(2 / 3)


def test_all_but_the_twenty_most_frequent_values_are_summed() -> None:
    values = [f"v{n}" for n in range(30) for _ in range(n + 1)]
    result = profile(objects(values), "category", categories=tuple(sorted(set(values))))
    assert len(result.shares) == 20
    assert sum(shares(result).values()) + result.other == pytest.approx(1)


def test_free_text_is_described_only_by_number_and_length() -> None:
    names = [f"Person {n:03d}" for n in range(100)]
    result = profile(objects(names), "text")
    assert result.distinct == 100
    assert result.lengths == (10, 10, 10)
    assert "Person" not in json.dumps(asdict(result))


def test_frequent_text_is_a_category_whose_rare_values_are_not_stored() -> None:
    result = profile(objects(["S"] * 40 + ["C"] * 9 + ["Jane Doe"]), "text")
    assert shares(result) == {"S": 0.8, "C": 0.18}
    assert result.other == pytest.approx(0.02)


def test_text_in_few_rows_is_not_stored() -> None:
    assert profile(objects(["Jane", "John", "Jane"]), "text").shares == ()


def test_dates_and_similar_types_are_only_counted() -> None:
    result = profile(objects([{"any": 1}, {"any": 1}, None]), "other")
    assert (result.distinct, result.missing) == (1, pytest.approx(1 / 3))


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "category", "text", "other"])
def test_a_column_may_have_no_values(kind: Kind) -> None:
    numeric = kind in ("number", "integer", "boolean")
    values = np.full(3, np.nan) if numeric else objects([None] * 3)
    result = profile(values, kind, categories=("a",) if kind == "category" else ())
    assert (result.missing, result.distinct) == (1, 0)
    to_json(asdict(result))


def _fingerprint(target: Array, task: Any) -> Fingerprint:
    return fingerprint("f00", {"c": np.arange(len(target), dtype=float)}, [column("c", "number")], target, "y", task)


def test_the_target_has_the_shares_of_its_classes_or_its_quantiles() -> None:
    assert shares(_fingerprint(np.array([0, 1, 1, 1]), "binary").target) == {1: 0.75, 0: 0.25}
    assert _fingerprint(np.arange(11, dtype=float), "regression").target.deciles[5] == 5


def test_every_class_of_the_target_has_a_share() -> None:
    assert len(_fingerprint(np.arange(40) % 30, "multiclass").target.shares) == 30


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=50))
def test_any_numbers_give_reproducible_strict_json(values: list[float | None]) -> None:
    array = np.array([np.nan if v is None else v for v in values])
    first, second = (to_json(asdict(profile(array, "number"))) for _ in range(2))
    assert first == second
    document = json.loads(first)
    if document["deciles"]:
        assert document["deciles"] == sorted(document["deciles"])
        assert sum(document["histogram"]) == pytest.approx(1)


def test_the_fingerprint_does_not_depend_on_the_order_of_equally_frequent_values() -> None:
    one = profile(objects(["a", "b", "c"]), "category", categories=("a", "b", "c"))
    other = profile(objects(["c", "b", "a"]), "category", categories=("a", "b", "c"))
    assert one == other


def test_a_category_of_few_rows_that_the_schema_does_not_list_is_not_named() -> None:
    column = Column("city", "category", False, True, categories=("Berlin", "Rome"), open=True)
    values = np.array(["Berlin"] * 50 + ["Rome"] * 2 + ["Paris"] * 40 + ["Village 7"] * 3 + ["Village 9"], dtype=object)
    (city,) = fingerprint("", {"city": values}, [column], np.zeros(len(values)), "y", "binary").columns
    assert [share.value for share in city.shares] == ["Berlin", "Paris", "Rome"]
    assert city.distinct == 5
    assert city.missing == 0
    assert sum(share.share for share in city.shares) + city.other == pytest.approx(1)
    assert city.other == pytest.approx(4 / 96)
