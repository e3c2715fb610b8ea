"""Two training tables row by row: kept, rewritten, lost and repeated rows, and the rows that are new."""

from datetime import date, timedelta

import numpy as np
import pytest
from tests.trial.compare.formula_models import passengers, survival

from seatrial.trial.compare.new_row_checks import compare_new_rows
from seatrial.trial.compare.row_matching import Table, match, repeats
from seatrial.trial.compare.table_history import compare_history
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome, PolicyError

POLICY = Policy()
ALPHA = 0.01 / 12
COLUMNS = {**passengers(1_500, seed=3), "weight": np.random.default_rng(9).normal(70, 9, 1_500)}
TARGET = (np.random.default_rng(3).random(1_500) < survival(COLUMNS)[:, 1]).astype(np.int64)
OLD_ROWS = 1_000


def table(columns=COLUMNS, target=TARGET, rows=slice(None)):
    return Table({n: v[rows] for n, v in columns.items()}, target[rows], "survived")


OLD = table(rows=slice(0, OLD_ROWS))


def failed(checks):
    return {c.name: c for c in checks if c.outcome in (Outcome.blocked, Outcome.waiting)}


def everything(new, policy=POLICY):
    matched = match(OLD, new)
    new_rows = compare_new_rows(OLD, new, matched.new_rows, ALPHA)
    return failed([*compare_history(OLD, new, policy, matched), *new_rows])


@pytest.mark.parametrize(
    "rows",
    [
        slice(0, OLD_ROWS),
        slice(0, 1_300),
        slice(200, 1_200),
        np.random.default_rng(0).permutation(OLD_ROWS),
    ],
)
def test_more_rows_a_later_window_and_another_order_are_harmless(rows):
    assert not everything(table(rows=rows))


def test_old_rows_are_found_in_any_order():
    matched = match(OLD, table(rows=slice(400, 1_500)))
    assert matched.kept.sum() == 600
    assert np.array_equal(np.flatnonzero(matched.kept), np.arange(400, 1_000))
    assert matched.known.sum() == 600


def test_equal_rows_are_paired_one_to_one():
    twice = Table({"x": np.array([1.0, 1.0, 2.0])}, np.array([0, 0, 1]), "y")
    once = Table({"x": np.array([1.0, 2.0, 1.0, 1.0])}, np.array([0, 1, 0, 0]), "y")
    matched = match(twice, once)
    assert matched.kept.tolist() == [True, True, True]
    assert matched.known.sum() == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v * 1000, "1000 times as large, as if in another unit"),
        (lambda v: np.full_like(v, 28.0), "it is now 28"),
        (lambda v: np.roll(v, 1), "as after a wrong join"),
    ],
)
def test_a_rewritten_column_is_named_with_what_happened_to_it(change, words):
    columns = {**COLUMNS, "fare": change(COLUMNS["fare"])}
    check = everything(table(columns, rows=slice(0, 1_200)))["data.rewritten"]
    assert check.outcome is Outcome.blocked
    assert check.subject == "fare"
    assert words in check.summary


def test_several_rewritten_columns_are_all_named():
    columns = {**COLUMNS, "fare": np.roll(COLUMNS["fare"], 1), "sex": np.roll(COLUMNS["sex"], 1)}
    new = table(columns)
    checks = compare_history(OLD, new, POLICY, match(OLD, new))
    assert {"fare", "sex"} <= {c.subject for c in checks if c.outcome is Outcome.blocked}


def test_wrong_labels_of_a_group_name_the_group():
    wrong = np.where(COLUMNS["deck"] == "B", 1 - TARGET, TARGET)
    check = everything(table(target=wrong))["data.rewritten"]
    assert check.subject == "deck = B"
    assert "the labels changed" in check.summary


def test_a_few_corrections_are_only_noted():
    target = TARGET.copy()
    target[:15] = 1 - target[:15]
    new = table(target=target)
    checks = compare_history(OLD, new, POLICY, match(OLD, new))
    assert not failed(checks)
    assert any(c.outcome is Outcome.noted and "corrected" in c.summary for c in checks)


def test_a_column_that_is_declared_to_change_is_only_noted():
    columns = {**COLUMNS, "age": COLUMNS["age"] + 1}
    assert "data.rewritten" in everything(table(columns))
    assert "data.rewritten" not in everything(table(columns), Policy(changing=["age"]))


def test_a_lost_group_is_named():
    keep = COLUMNS["deck"] != "C"
    check = everything(table(rows=keep))["data.lost"]
    assert check.subject == "deck = C"
    assert "`deck` = C are gone" in check.summary


def test_repeated_rows_are_found():
    rows = np.concatenate([np.arange(1_000), np.arange(300)])
    assert "data.repeated" in everything(table(rows=rows))


def only_new(name, change):
    values = COLUMNS[name].copy()
    values[OLD_ROWS:] = change(values[OLD_ROWS:])
    return table({**COLUMNS, name: values})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fare", lambda v: v * 0.01),
        ("fare", lambda v: np.full_like(v, 20.0)),
        ("age", lambda v: np.nan_to_num(v, nan=0.0)),
        ("sex", lambda v: np.full(len(v), "male", dtype=object)),
    ],
)
def test_a_fault_in_the_new_rows_only_is_named(name, change):
    checks = everything(only_new(name, change))
    assert any(c.subject == name for c in checks.values())


def test_a_column_that_leaks_the_label_in_the_new_rows_is_named():
    def leak(values):
        return np.where(TARGET[OLD_ROWS:] == 1, np.quantile(COLUMNS["fare"], 0.9), np.quantile(COLUMNS["fare"], 0.1))

    assert any(c.subject == "fare" for c in everything(only_new("fare", leak)).values())


def test_corrected_rows_are_not_new_rows():
    """A correction concentrates in the rows that needed it; compared as new ones, they would look like no others."""
    columns = {**COLUMNS, "age": np.where(np.arange(1_500) < 40, 99.0, COLUMNS["age"])}
    new = table(columns, rows=slice(0, OLD_ROWS))
    matched = match(OLD, new)
    assert len(matched.rewritten["age"][0]) == 40
    assert not len(matched.new_rows)
    assert not everything(new)


def in_order(new, column=""):
    return TimeOrder(column, np.arange(OLD.rows), np.arange(new.rows - OLD.rows))


def test_the_oldest_rows_may_leave_and_other_rows_may_not():
    ages = np.arange(1_500) // 150  # a quantity that goes with time, so that its groups leave as a whole
    columns = {**COLUMNS, "batch": np.array([f"b{k}" for k in ages], dtype=object)}
    old = table(columns, rows=slice(0, OLD_ROWS))
    for rows, lost in ((slice(310, 1_300), False), (np.delete(np.arange(1_300), np.arange(450, 600)), True)):
        new = table(columns, rows=rows)
        matched = match(old, new)
        order = TimeOrder("", np.arange(old.rows), np.arange(len(matched.new_rows)))
        assert ("data.lost" in failed(compare_history(old, new, POLICY, matched, order))) is lost
    new = table(columns, rows=slice(310, 1_300))  # a window that moved on
    assert "data.lost" not in failed(compare_history(old, new, POLICY, match(old, new)))
    new = table(columns, rows=slice(310, 1_100))
    assert "data.lost" in failed(compare_history(old, new, POLICY, match(old, new)))  # without a time, they are lost


def few_values(rows, seed):
    """A table of which nearly half of the rows repeat another one."""
    g = np.random.default_rng(seed)
    columns = {name: g.integers(0, 4, rows).astype(float) for name in ("a", "b", "c", "d")}
    return Table(
        {**columns, "e": np.where(g.random(rows) < 0.5, g.normal(size=rows), 0.0)}, g.integers(0, 2, rows), "y"
    )


def part(whole, rows):
    return Table({n: v[rows] for n, v in whole.columns.items()}, whole.target[rows], "y")


def test_new_rows_that_repeat_rows_that_left_are_new():
    """Otherwise the new rows would lack what is usual, and be no sample of their population."""
    whole = few_values(1_300, 0)
    matched = match(part(whole, slice(0, 1_000)), part(whole, slice(300, 1_300)))
    assert matched.new_rows.tolist() == list(range(700, 1_000))
    assert not matched.rewritten
    shuffled = np.random.default_rng(1).permutation(1_000)
    by_content = match(part(whole, slice(0, 1_000)), part(part(whole, slice(300, 1_300)), shuffled))
    assert len(by_content.new_rows) < 300


def test_more_rows_of_a_population_repeat_more_and_that_is_no_fault():
    whole = few_values(1_300, 0)
    old, new = part(whole, slice(0, 1_000)), whole
    assert repeats(new) > repeats(old) + 0.02
    assert abs(repeats(new, 1_000) - repeats(old)) < 0.02
    assert "data.repeated" not in failed(compare_history(old, new, POLICY, match(old, new)))


def with_known_outcomes():
    """The newest fifth of the old rows had a 0 for outcomes that were not known yet."""
    early = TARGET.copy()
    early[800:OLD_ROWS] = 0
    dates = np.array([date(2020, 1, 1) + timedelta(days=k) for k in range(1_500)], dtype=object)
    columns = {**COLUMNS, "seen": dates}
    return table(columns, early, slice(0, OLD_ROWS)), table(columns)


def about_outcomes(policy):
    old, new = with_known_outcomes()
    order = in_order(new, "seen")
    return [c for c in compare_history(old, new, policy, match(old, new), order) if c.name != "data.lost"]


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (Policy(), Outcome.waiting),
        (Policy(pending=[0]), Outcome.noted),
        (Policy(labels_mature_after=250.0), Outcome.noted),
    ],
)
def test_outcomes_that_became_known_are_a_kind_of_their_own(policy, outcome):
    checks = about_outcomes(policy)
    assert {c.outcome for c in checks if c.name == "data.matured"} == {outcome}
    assert "data.rewritten" not in failed(checks)
    if policy == Policy():
        (matured,) = (c for c in checks if c.name == "data.matured")
        assert "labels changed from 0 to 1 in" in matured.summary
        assert "write pending = [0] in [tool.seatrial.trial]" in matured.hint


def test_a_pending_label_that_is_none_is_an_error():
    with pytest.raises(PolicyError, match="pending names 'nope'"):
        about_outcomes(Policy(pending=["nope"]))


def test_labels_that_were_final_may_not_change():
    checks = about_outcomes(Policy(labels_mature_after=50.0))
    assert {c.outcome for c in checks if c.name == "data.matured"} == {Outcome.noted, Outcome.waiting}


@pytest.mark.parametrize(
    "wrong",
    [np.where(np.arange(1_500) % 4 == 0, 0, TARGET), np.where(np.arange(1_500) >= 800, 1 - TARGET, TARGET)],
)
def test_labels_that_change_everywhere_or_both_ways_are_blocked(wrong):
    new = table(target=wrong)
    checks = failed(compare_history(OLD, new, POLICY, match(OLD, new), in_order(new)))
    assert checks["data.rewritten"].outcome is Outcome.blocked
