"""What was done to a column is named by its values."""

import numpy as np
import pytest

from seatrial.model.schema import Column
from seatrial.watch.causes import cause_of, confined_key
from seatrial.watch.changes import ShareChange
from seatrial.watch.release_reference import column_bins
from seatrial.watch.watch_records import Level

G = np.random.default_rng(7)
OLD = np.round(G.gamma(3, 10, 1000) + 1, 1)
NEW = np.round(G.gamma(3, 10, 1000) + 1, 1)
TEXTS = np.array(["red", "blue", "green"], dtype=object)
SOME = np.arange(1000) % 5 == 0


def named(old, new, kind="number") -> tuple[str, str]:
    categories = tuple(TEXTS) if kind == "category" else ()
    bins = column_bins(Column("x", kind, nullable=True, required=False, categories=categories), old, {})
    assert bins is not None
    import pyarrow as pa

    codes = bins.codes(pa.array(new.tolist(), from_pandas=True))
    shares = np.bincount(codes, minlength=bins.size) / len(codes) - np.array(bins.expected) / sum(bins.expected)
    marked = np.arange(bins.size) == np.abs(shares).argmax()
    before = float(np.array(bins.expected)[marked][0] / sum(bins.expected))
    change = ShareChange(marked, before, float((codes == marked.argmax()).mean()), -50.0, None, False, Level.alarm)
    cause = cause_of(bins, old, new, change, codes)
    return cause.kind, cause.words


@pytest.mark.parametrize(
    ("new", "kind", "words"),
    [
        (NEW * 1000, "unit", "1,000 times"),
        (np.where(SOME, NEW * 1000, NEW), "unit", "1,000 times"),
        (-NEW, "sign", "wrong sign"),
        (np.where(SOME, np.nan, NEW), "missing", "missing more often"),
        (np.full(1000, np.nan), "missing", "is always missing"),
        (np.round(NEW), "rounded", "is rounded to whole numbers"),
        (np.floor(NEW), "rounded", "is rounded to whole numbers"),
        (np.round(NEW, -1), "rounded", "to multiples of 10"),
        (np.where(SOME, np.round(NEW), NEW), "rounded", "whole numbers"),
        (np.where(SOME, 30.0, NEW), "stuck", "one value, 30"),
        (np.where(SOME, 0.0, NEW), "sentinel", "value 0"),
        (2026 - NEW, "range", "of what training saw (median"),
        (np.where(SOME, -999.0, NEW), "sentinel", "-999"),
        (np.full(1000, 31.5), "stuck", "one value, 31.5"),
        (np.minimum(NEW, 30.0), "capped", "beyond 30 are now 30"),
        (NEW + 25, "moved", "more than it was"),
        (np.where(SOME, NEW / 2.54, NEW), "unit", "1/2.54 of"),
        (np.where(SOME, NEW / 1000, NEW), "unit", "1/1,000 of"),
        (np.where(SOME, 31.5, NEW), "stuck", "one value, 31.5"),
        (np.where(SOME, NEW + 60, NEW), "moved", "more than it was"),
        (NEW * 1.1, "unit", "another currency?"),
        (np.where(SOME, NEW * 1.8 + 32, NEW), "unit", "Fahrenheit"),
        (np.where(np.arange(1000) % 5 < 3, np.minimum(NEW, 25.0), NEW), "capped", "beyond 25 are now 25"),
    ],
)
def test_numbers(new, kind, words):
    found = named(OLD, new)
    assert found[0] == kind
    assert words in found[1]


def test_texts():
    old, new = TEXTS[G.integers(0, 3, 1000)], TEXTS[G.integers(0, 3, 1000)]
    renamed = np.where(new == "red", "ruby", new)
    assert named(old, renamed, "category")[0] == "renamed"
    assert "'ruby' where it had 'red'" in named(old, renamed, "category")[1]
    assert named(old, np.where(SOME, "pink", new), "category")[0] == "new_category"
    assert named(old, np.where(SOME, "red", new), "category")[0] == "moved"
    assert named(old, np.full(1000, "pink", dtype=object), "category")[0] == "new_category"


def test_texts_of_which_training_knows_only_some():
    old, new = TEXTS[G.integers(0, 3, 1000)], TEXTS[G.integers(0, 3, 1000)]
    assert named(old, np.where(new == "red", "ruby", new), "text")[0] == "renamed"
    kind, words = named(old, np.where(SOME, "pink", new), "text")
    assert (kind, words) == ("new_category", "has a new value, 'pink', which training hardly saw")
    assert named(old, np.array([f"{k}" for k in range(1000)], dtype=object), "text")[0] == "moved"


def test_texts_that_are_written_in_another_way():
    old, new = TEXTS[G.integers(0, 3, 1000)], TEXTS[G.integers(0, 3, 1000)]
    upper = np.array([f" {value.upper()}" for value in new], dtype=object)
    kind, words = named(old, np.where(SOME, upper, new), "text")
    assert kind == "renamed"
    assert "other case, spaces or punctuation" in words
    assert "cut off" in named(old, np.array([value[:3] for value in new], dtype=object), "text")[1]
    places = np.array(["Zürich", "Bern", "Genève"], dtype=object)
    old, new = places[G.integers(0, 3, 1000)], places[G.integers(0, 3, 1000)]
    garbled = np.array([value.encode().decode("latin-1") for value in new], dtype=object)
    assert "another encoding" in named(old, garbled, "text")[1]


def test_known_texts_that_became_others():
    old, new = (TEXTS[np.minimum(G.integers(0, 6, 1000), 2)] for _ in range(2))
    assert named(old, np.where(new == "red", "blue", new), "text") == ("regrouped", "has 'blue' where it had 'red'")
    exchanged = np.where(new == "red", "green", np.where(new == "green", "red", new))
    assert named(old, exchanged, "text")[1] in (
        f"has {a!r} and {b!r} exchanged" for a, b in (TEXTS[[0, 2]], TEXTS[[2, 0]])
    )
    assert named(old, G.permutation(np.repeat(TEXTS, 334)[:1000]), "text")[0] == "moved"


def test_a_few_sentinels_are_seen_beside_a_common_value():
    old = np.where(np.arange(1000) % 3 == 0, 35.0, OLD)
    new = np.where(np.arange(200) % 33 == 0, -999.0, np.where(np.arange(200) % 5 < 2, 35.0, NEW[:200]))
    kind, words = named(old, new)
    assert kind == "sentinel"
    assert "-999" in words


def test_one_value_where_it_was_missing():
    gaps = np.where(SOME, np.nan, OLD)
    assert named(gaps, np.where(SOME, 28.5, NEW)) == ("filled_in", "is 28.5 where it was missing")
    assert named(gaps, NEW)[0] == "missing"


def test_moments_that_are_shifted_by_hours():
    def moments(shift):
        hours = G.choice([8, 9, 10, 11, 15], 1000, p=[0.1, 0.5, 0.2, 0.1, 0.1]) + shift
        return np.array([f"2026-09-{1 + k % 28:02}T{hour:02}:30:00" for k, hour in enumerate(hours)], dtype=object)

    kind, words = named(moments(0), moments(2), "other")
    assert kind == "time_zone"
    assert "shifted by 2 hours" in words


def test_one_key_is_named_only_if_the_others_are_as_before():
    keys = ["web", "app", "partner"] * 300
    partner = np.array(keys) == "partner"
    assert confined_key(partner, 0.0, keys) == "partner"
    assert confined_key(G.random(900) < 0.4, 0.0, keys) == ""
    assert confined_key(np.ones(900, bool), 0.0, ["web"] * 900) == ""


def test_of_a_value_that_was_frequent_and_is_more_so_it_is_only_asked_whether_it_is_stuck():
    debt = np.where(np.arange(1000) % 10 < 7, 0.0, OLD)
    more = np.where(np.arange(1000) % 10 < 8, 0.0, NEW)
    kind, words = named(debt, more)
    assert kind == "moved"
    assert words.startswith("is 0 in 80\xa0% of the rows, it was 70\xa0% (is it ")


def test_several_values_that_a_column_of_few_values_never_had_are_not_one_stuck_value():
    years = G.choice(np.arange(8.0, 19.0), 1000)
    converted = np.where(np.arange(1000) % 5 == 0, years * 1.08, years)
    kind, words = named(years, converted)
    assert kind not in ("stuck", "capped"), words
    stuck = np.where(np.arange(1000) % 5 == 0, 12.34, years)
    assert named(years, stuck)[0] == "stuck"


def test_few_values_that_are_inverted():
    old, new = ((G.random(1000) < 0.06).astype(float) for _ in range(2))
    assert named(old, 1 - new) == ("regrouped", "is inverted: 1 where it had 0, and the other way round")
    assert named(old, np.ones(1000))[0] == "stuck"
    scale = [G.choice([1.0, 2.0, 3.0, 4.0], 1000, p=[0.6, 0.25, 0.1, 0.05]) for _ in range(2)]
    assert "is inverted: 4 where it had 1" in named(scale[0], 5 - scale[1])[1]


def test_a_value_whose_requests_no_longer_come_has_not_become_another_one():
    old, new = (G.choice(TEXTS, 3000, p=[0.3, 0.4, 0.3]) for _ in range(2))
    assert named(old, new[new != "red"], "category") == ("moved", "no longer has 'red': such requests no longer come")
    merged = np.where(new == "red", "blue", new).astype(object)
    assert named(old, merged, "category") == ("regrouped", "has 'blue' where it had 'red'")


def test_whole_numbers_of_another_unit_are_cut_off_and_not_a_sentinel():
    old, new = (np.floor(G.gamma(2, 12, 1000)) + 1 for _ in range(2))
    kind, words = named(old, np.floor(new / 12))  # nearly half of them are 0
    assert (kind, words) == ("unit", "is 1/12 of what it was (another unit?)")
