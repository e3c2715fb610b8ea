"""New rows against old ones: chance alone must not stop a release, whatever the tails, and what matters must."""

import numpy as np
import pytest

from seatrial.model.features import Array
from seatrial.trial.compare import new_rows
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.new_row_checks import compare_new_rows
from seatrial.trial.compare.new_rows import _explained_pairs, explained, judge_rows, pool, rate_changes
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.splits import Splits, window_splits
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.records import Outcome

ALPHA = 0.01 / 12


def counts(groups: Array, labels: Array, size: int = 2) -> Array:
    groups_size = int(groups.max()) + 1
    return np.bincount(groups * size + labels, minlength=groups_size * size).reshape(1, groups_size, size)


def credit(rows: int, seed: int) -> Table:
    """Heavy-tailed amounts, of which a few carry nearly all of the relation with a category."""
    g = np.random.default_rng(seed)
    kind = g.choice(np.array(["none", "private", "public", "own"], dtype=object), rows, p=[0.85, 0.08, 0.05, 0.02])
    amount = np.where(kind == "none", 0.0, np.round(g.pareto(0.8, rows) * 1_000))
    late = np.where(kind == "own", amount * 3, np.round(g.pareto(0.7, rows)))
    label = (g.random(rows) < np.where(amount > 2_000, 0.7, 0.2)).astype(np.int64)
    return Table({"kind": kind, "amount": amount, "late": late}, label, "bad")


def taken(table: Table, rows: Array) -> Table:
    return Table({n: v[rows] for n, v in table.columns.items()}, table.target[rows], table.name)


def stopped(table: Table, old: int) -> list[str]:
    checks = compare_new_rows(taken(table, np.arange(old)), table, np.arange(old, len(table.target)), ALPHA)
    return [check.id for check in checks if check.outcome in (Outcome.blocked, Outcome.waiting)]


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_rows_of_the_same_heavy_tailed_population_are_no_alarm(share: float) -> None:
    old = 900
    assert [stopped(credit(old + int(share * old), seed), old) for seed in range(40)] == [[]] * 40


def test_chance_alone_exceeds_the_limit_as_often_as_it_may() -> None:
    """With a budget of one in ten, some of 120 draws of one population exceed the limit, and not many more than 12."""
    exceeded = 0
    for seed in range(120):
        table = credit(300, 1_000 + seed)
        pooled = pool(taken(table, np.arange(240)), table, np.arange(240, 300))
        exceeded += bool(judge_rows(pooled, 0.1, None).exceeded)
    assert 3 <= exceeded <= 24


def test_a_relation_that_is_gone_is_found_in_few_rows() -> None:
    table = credit(1_150, 7)
    joined = table.columns["amount"].copy()
    joined[1_000:] = np.random.default_rng(0).permutation(table.columns["amount"][:150] + 5_000)
    assert stopped(Table({**table.columns, "amount": joined}, table.target, "bad"), 1_000)


def test_how_much_groups_explain_is_0_by_chance_and_1_of_themselves() -> None:
    g = np.random.default_rng(0)
    codes = g.integers(0, 5, 4_000)
    assert explained(counts(codes, codes % 2))[0] == pytest.approx(1.0)
    assert abs(explained(counts(codes, g.integers(0, 2, 4_000)))[0]) < 0.01
    assert explained(counts(np.arange(5), np.arange(5) % 2))[0] == 0.0  # no more rows than groups


def test_rates_of_small_groups_do_not_count() -> None:
    old, new = counts(np.repeat([0, 1], 50), np.zeros(100, int)), counts(np.repeat([0, 1], [50, 14]), np.ones(64, int))
    changes = rate_changes(old, new)[0]
    assert changes[0].min() > 5
    assert changes[1].max() == 0.0


def test_too_few_new_rows_are_only_noted() -> None:
    table = credit(514, 1)
    (check,) = compare_new_rows(taken(table, np.arange(500)), table, np.arange(500, 514), ALPHA)
    assert check.outcome is Outcome.noted


def test_partners_are_the_columns_that_explain_another() -> None:
    g = np.random.default_rng(4)
    a = g.integers(0, 4, 600).astype(float)
    table = Table({"a": a, "b": a % 2, "c": g.normal(size=600)}, g.integers(0, 2, 600), "y")
    pooled = pool(taken(table, np.arange(500)), table, np.arange(500, 600))
    assert pooled.partners[0] == ("a", "b")
    assert not any("c" in pair for pair in pooled.partners)


def test_long_windows_are_thinned_and_a_jump_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table = credit(8_000, 3)
    sizes: list[tuple[int, int]] = []
    jumped = {**table.columns, "amount": table.columns["amount"] + np.where(np.arange(8_000) < 7_000, 0, 5_000)}

    def split(old: int, new: int) -> Splits | None:
        sizes.append((old, new))
        return window_splits(old, new)

    monkeypatch.setattr(new_rows, "window_splits", split)
    monkeypatch.setattr(new_rows, "MOST_IN_WINDOW", 250)
    pooled = pool(taken(Table(jumped, table.target, "bad"), np.arange(7_000)), Table(jumped, table.target, "bad"),
                  np.arange(7_000, 8_000))  # fmt: skip
    found = judge_rows(pooled, ALPHA, TimeOrder("", np.arange(7_000), np.arange(1_000)))
    assert sizes == [(1_750, 250)]
    assert [each.abrupt for each in found.exceeded if each.key[:2] == ("shares", "amount")] == [True]


def test_of_very_many_columns_some_are_looked_at_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    g = np.random.default_rng(0)
    same = g.normal(size=200)
    table = Table({f"x{k}": same for k in range(12)}, g.integers(0, 2, 200), "y")
    old, rows = taken(table, np.arange(150)), np.arange(150, 200)
    assert len(pool(old, table, rows).partners) == new_rows.MOST_PAIRS
    monkeypatch.setattr(new_rows, "MOST_PAIRED", 5)
    assert {name for pair in pool(old, table, rows).partners for name in pair} == {"x0", "x2", "x5", "x8", "x11"}


def test_all_pairs_at_once_are_explained_as_one_by_one() -> None:
    g = np.random.default_rng(0)
    base = g.integers(0, 5, 900)
    codes = [base, base % 2, (base + g.integers(0, 2, 900)) % 5, np.zeros(900, int), *g.integers(0, 9, (30, 900))]
    parts = [Grouping(f"x{k}", tuple("123456789"), each.astype(np.int8)) for k, each in enumerate(codes)]
    pairs = _explained_pairs(parts)
    for i, j in [(0, 1), (1, 0), (0, 2), (2, 0), (4, 0), (0, 33), (33, 2), (3, 0), (20, 21)]:
        one = explained(np.bincount(parts[i].crossed(parts[j]), minlength=81).reshape(1, 9, 9))[0]
        assert pairs[i, j] == pytest.approx(one, abs=1e-4)
    assert pairs.shape == (34, 34)


def test_groups_that_no_row_has_explain_as_one_by_one() -> None:
    few = np.arange(12) % 3
    parts = [Grouping("a", ("0", "1"), few % 2), Grouping("b", tuple(map(str, range(100))), few)]
    one = explained(np.bincount(parts[0].crossed(parts[1]), minlength=200).reshape(1, 2, 100))[0]
    assert one == pytest.approx(0.45)
    assert _explained_pairs(parts)[0, 1] == pytest.approx(one, abs=1e-4)


def test_pooled_codes_take_a_byte_each_and_still_cross_with_many_labels() -> None:
    g = np.random.default_rng(0)
    table = Table({"a": g.integers(0, 12, 600).astype(float)}, g.integers(0, 40, 600), "y")
    pooled = pool(taken(table, np.arange(500)), table, np.arange(500, 600))
    assert pooled.groups["a"].codes.dtype == np.int8
    old, new = Splits(600, np.arange(500, 600)[None]).crossed(pooled.groups["a"], pooled.labels)
    for counted, rows in ((old, slice(500)), (new, slice(500, 600))):
        expected = np.zeros((12, 40))
        np.add.at(expected, (table.columns["a"][rows].astype(int), table.target[rows]), 1)
        known = np.array([int(name) for name in pooled.labels.names])
        assert (counted[0] == expected[:, known]).all()
