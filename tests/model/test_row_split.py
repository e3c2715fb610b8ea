"""Whether a row was held out, by what release.json and the row itself say."""

import numpy as np

from seatrial.model.row_split import BUCKETS, buckets_of, group_key, group_places, held_out_mask, same_keys

COLUMNS, TARGET = {"x": np.arange(4.0)}, np.array([0, 1, 0, 1])


def test_a_time_is_held_out_from_the_cut_on() -> None:
    mask = held_out_mask({"by": "time", "cuts": {"all": 5.0}, "seed": 1}, COLUMNS, TARGET, np.array([4.0, 5, 6, 4.9]))
    assert mask is not None
    assert mask.tolist() == [False, True, True, False]


def test_a_group_is_on_the_same_side_in_every_table_with_one_seed() -> None:
    buckets = np.array([group_key(key) for key in ("anna", "ben", "anna", "cleo")])
    places = group_places(buckets, 1912)
    assert places[0] == places[2]
    assert ((places >= 0) & (places < 1)).all()
    assert not np.array_equal(places, group_places(buckets, 7))
    mask = held_out_mask({"by": "group", "cuts": {"all": places[0] + 1e-9}, "seed": 1912}, COLUMNS, TARGET, buckets)
    assert mask is not None
    assert mask[0]
    assert mask[2]


def test_a_bucket_stands_for_many_groups_and_is_split_as_they_are() -> None:
    keys = np.array([group_key(f"customer {n}") for n in range(1_000)])
    assert len(np.unique(keys)) == 1_000
    buckets = buckets_of(keys)
    assert buckets.max() < BUCKETS
    assert np.array_equal(group_places(buckets, 5), group_places(keys, 5))


def test_places_are_spread_evenly() -> None:
    places = group_places(np.arange(float(BUCKETS)), 3)
    assert np.abs(np.histogram(places, 10, (0, 1))[0] - BUCKETS / 10).max() < 0.05 * BUCKETS / 10


def test_without_keys_a_split_by_rows_is_known_and_one_by_group_is_not() -> None:
    by_rows = held_out_mask({"cuts": {"0": 1.0, "1": 0.0}, "seed": 1}, COLUMNS, TARGET, None)
    assert by_rows is not None
    assert by_rows.tolist() == [True, False, True, False]
    assert held_out_mask({"by": "group", "cuts": {"all": 0.5}, "seed": 1}, COLUMNS, TARGET, None) is None


def test_keys_of_another_column_mean_something_else() -> None:
    assert same_keys({"by": "time", "column": "a"}, {"by": "time", "column": "a", "seed": 2})
    assert not same_keys({"by": "time", "column": "a"}, {"by": "time", "column": "b"})
    assert not same_keys({}, {"by": "group", "column": "a"})
