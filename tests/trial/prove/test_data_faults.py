"""Faults of training data: each on a small table, and where they strike."""

import numpy as np
import pytest

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.prove.data_faults import (
    DATA_FAULTS,
    DataFault,
    FaultLocation,
    changed_columns,
    find_locations,
    inject,
)

COLUMNS = {
    "x": np.array([1.0, 2.0, np.nan, 4.0] * 50),
    "c": np.array(["a", "b", "a", None] * 50, dtype=object),
}
TARGET = np.array([0, 1, 1, 0] * 50)


def location(rows=None):
    everywhere = np.ones(200, dtype=bool) if rows is None else rows
    return FaultLocation("x", "c", "c", COLUMNS["c"] == "a", everywhere)


def change(name: str, columns=COLUMNS, target=TARGET, at=None):
    return DATA_FAULTS[name].change(columns, target, at or location(), np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(DATA_FAULTS))
def test_a_fault_of_the_data_changes_the_table_and_not_the_callers(name):
    copies = {n: v.copy() for n, v in COLUMNS.items()}
    faulty = change(name)
    assert faulty is not None
    columns, target = faulty
    same = [len(target) == 200] + [
        [repr(x) for x in v.tolist()] == [repr(x) for x in columns[n].tolist()] for n, v in COLUMNS.items()
    ]
    assert not (all(same) and np.array_equal(target, TARGET))
    assert all([repr(x) for x in v] == [repr(x) for x in COLUMNS[n]] for n, v in copies.items())


def test_a_fault_of_new_rows_leaves_the_old_ones():
    new = np.arange(200) >= 150
    columns, _ = change("unit_thousand", at=location(new))
    assert np.array_equal(columns["x"][:150], COLUMNS["x"][:150], equal_nan=True)
    assert columns["x"][151] == 4000.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", [2.0, 2.0, 2.0, 2.0]),
        ("unit_hundredth", [0.01, 0.02, np.nan, 0.04]),
        ("unit_thousand", [1000.0, 2000.0, np.nan, 4000.0]),
        ("join_shifted", [4.0, 1.0, 2.0, np.nan]),
        ("zero_for_missing", [1.0, 2.0, 0.0, 4.0]),
    ],
)
def test_a_column_gets_the_faulty_values(name: str, expected: list[float]):
    columns, target = change(name)
    np.testing.assert_array_equal(columns["x"][:4], expected)
    np.testing.assert_array_equal(target, TARGET)


def test_labels_of_a_group_and_shifted_labels_are_wrong():
    _, target = change("labels_of_slice")
    assert np.array_equal(target != TARGET, COLUMNS["c"] == "a")
    _, target = change("labels_shifted")
    assert np.array_equal(target, np.roll(TARGET, 1))
    _, target = change("labels_at_random")
    assert 0.2 < float((target != TARGET).mean()) < 0.4
    _, numbers = change("labels_of_slice", target=np.arange(200.0))
    assert numbers[0] == 199.0  # mirrored at the mean
    assert numbers[1] == 1.0


def test_rows_are_lost_or_repeated():
    columns, target = change("slice_missing")
    assert "a" not in columns["c"].tolist()
    assert len(target) == 100
    assert 20 < len(change("fifth")[1]) < 60
    assert len(change("rows_repeated")[1]) == 266
    _, target = change("class_lost")
    assert int((target == 0).sum()) == 100
    assert 5 < int((target == 1).sum()) < 40
    _, target = change("class_lost", target=np.arange(200.0))
    assert int((target < 119).sum()) == 119


def test_a_leak_a_lost_half_and_merged_categories():
    columns, _ = change("leak")
    assert columns["x"][TARGET == 1].mean() > columns["x"][TARGET == 0].mean() + 1
    assert columns["x"].min() >= 1.0
    assert columns["x"].max() <= 4.0
    columns, _ = change("values_lost")
    assert 0.5 < float(np.isnan(columns["x"]).mean()) < 0.75
    columns, _ = change("category_merged")
    assert set(columns["c"].tolist()) == {"a", None}


@pytest.mark.parametrize("name", ["leak", "constant", "unit_thousand", "category_merged", "join_shifted"])
def test_a_fault_without_its_column_does_not_apply(name: str):
    nowhere = FaultLocation(None, None, "", np.zeros(200, dtype=bool), np.ones(200, dtype=bool))
    assert change(name, at=nowhere) is None
    assert change("zero_for_missing", columns={"c": COLUMNS["c"]}) is None


def test_the_strongest_columns_and_a_group_of_a_quarter_are_chosen():
    columns = {
        "weak": np.arange(200.0),
        "flag": np.array([0.0, 1.0] * 100),
        "strong": np.arange(200.0)[::-1],
        "c": np.array(["a", "b", "b", "b"] * 50, dtype=object),
    }
    first, second = find_locations(("strong", "flag", "c", "weak"), columns, 200)
    assert (first.number, second.number) == ("strong", "weak")  # `flag` has two values
    assert (first.category, first.group_column, int(first.group.sum())) == ("c", "c", 50)
    assert first.rows.all()
    (only,) = find_locations(("c",), columns, 200)
    assert only.number is None
    first, _ = find_locations(("strong", "weak"), columns, 200)
    assert (first.group_column, int(first.group.sum())) == ("strong", 50)


def test_a_fault_moves_on_where_it_changes_hardly_anything():
    table = Table({"flat": np.ones(200), "x": COLUMNS["x"]}, TARGET, "target")
    everywhere = np.ones(200, dtype=bool)
    locations = [FaultLocation(name, None, "", ~everywhere, everywhere) for name in ("flat", "x")]
    columns, _ = inject(DATA_FAULTS["join_shifted"], table, locations)
    assert changed_columns(table.columns, columns) == ("x",)
    columns, _ = inject(DATA_FAULTS["join_shifted"], table, locations[:1])
    assert changed_columns(table.columns, columns) == ()
    assert inject(DataFault("none", "never applies", lambda *_: None), table, locations) is None


def test_columns_that_a_fault_wrote_to_are_named():
    before = {"a": np.array([1.0, np.nan]), "b": np.array(["x", None], dtype=object)}
    assert changed_columns(before, {**before, "a": np.array([2.0, np.nan])}) == ("a",)
    assert changed_columns(before, {name: values[:1] for name, values in before.items()}) == ()
