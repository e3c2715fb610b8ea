"""Faults in new rows are found by what they do, and rows of the same population pass."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.trial.traits.orders_table import ALPHA, changed, compared, joined, orders

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome
from seatrial.trial.traits.trait_checks import compare_traits

OLD = orders(1_200, seed=1)
NEW = orders(180, seed=2)


def part(share: float) -> np.ndarray:
    """A mask of some of the new rows."""
    return np.random.default_rng(3).random(NEW.rows) < share


def rolled(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    values = table.columns[name].copy()
    values[rows] = np.roll(values[rows], 1)
    return values


def written(name: str, change: Callable[[np.ndarray], np.ndarray], share: float = 1.0) -> Table:
    values = NEW.columns[name]
    return changed(NEW, **{name: np.where(part(share), change(values), values)})


FAULTS: dict[str, tuple[Table, str, str]] = {
    "unit": (written("weight", lambda v: v * 2.2046), "weight", ""),
    "unit of a third": (written("weight", lambda v: v * 1000, 0.3), "weight", ""),
    "sentinel": (written("price", lambda v: np.full(len(v), 9999.0), 0.1), "price", "9999"),
    "default": (written("price", lambda v: np.full(len(v), 20.09), 0.1), "price", "20.09"),
    "rounded": (written("price", np.rint), "price", "decimals"),
    "joined to another row": (changed(NEW, weight=rolled(NEW, "weight", part(0.4))), "weight", "fit"),
    "sum broken": (changed(NEW, total=rolled(NEW, "total", part(0.1))), "total", "is not `price` times `count`"),
    "dependency broken": (changed(NEW, region=rolled(NEW, "region", part(0.3))), "region", "goes with"),
    "another case": (written("segment", lambda v: np.array([s.upper() for s in v], dtype=object), 0.1), "segment", ""),
    "missing values": (written("price", lambda v: np.full(len(v), np.nan), 0.1), "price", "missing"),
    "labels not yet known": (changed(NEW, late=np.where(part(0.5), 0, NEW.target)), "late", ""),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_column_is_named_first(fault: str) -> None:
    new, column, words = FAULTS[fault]
    checks = compared(new, OLD)
    assert checks, fault
    assert checks[0].subject == column
    assert words in checks[0].summary
    assert checks[0].severity == max(check.severity for check in checks)


def test_repeated_rows_block() -> None:
    twice = np.concatenate([np.arange(NEW.rows), np.arange(8)])
    repeated = Table({name: values[twice] for name, values in NEW.columns.items()}, NEW.target[twice], NEW.name)
    (first, *_) = compared(repeated, OLD)
    assert first.outcome is Outcome.blocked
    assert "the row occurs twice in 8.5% of the 188 new rows" in first.summary


def test_new_rows_of_the_same_population_pass() -> None:
    stopped = 0
    for seed in range(40):
        old, new = orders(400, seed=100 + seed), orders(60, seed=200 + seed)
        stopped += bool(compared(new, old))
    assert stopped == 0  # of 40; the chance of each is 0.25 %


def test_fewer_than_fifteen_new_rows_are_not_judged() -> None:
    few = orders(14, seed=3)
    (check,) = compare_traits(OLD, joined(OLD, few), np.arange(OLD.rows, OLD.rows + 14), Policy(), alpha=ALPHA)
    assert check.outcome is Outcome.noted
    assert check.summary == "14 rows are new, too few to look for faults in them."


def odd(rows: int, seed: int) -> Table:
    """Columns that have nothing in them, one value, one value each, or values of several types."""
    g = np.random.default_rng(seed)
    nothing = np.full(rows, None, dtype=object)
    columns = {
        "nan": np.full(rows, np.nan), "none": nothing, "constant": np.ones(rows), "flag": g.random(rows) < 0.5,
        "id": np.arange(rows) + 1_000.0 * seed, "mixed": np.array([1, "a", None, 2.5] * rows, dtype=object)[:rows],
        "large": g.lognormal(40, 10, rows), "key": np.array([f"A-{seed}-{k}" for k in range(rows)], dtype=object),
    }  # fmt: skip
    return Table(columns, np.array(["yes", "no"], dtype=object)[g.integers(0, 2, rows)], "label")


@pytest.mark.parametrize("rows", [15, 16, 400])
def test_odd_columns_and_small_tables_are_compared(rows: int) -> None:
    old, new = odd(rows, 1), odd(max(15, rows // 5), 2)
    checks = compare_traits(old, joined(old, new), np.arange(rows, rows + new.rows), Policy(), alpha=ALPHA)
    assert [check.subject for check in checks if check.outcome is not Outcome.passed] == []


def test_dates_and_running_numbers_that_follow_the_old_ones_pass() -> None:
    old, new = orders(800, seed=4), orders(120, seed=5)
    later = {name: np.array([value.replace(year=value.year + 3, day=min(value.day, 28)) for value in new.columns[name]],
                            dtype=object) for name in ("ordered", "due")}  # fmt: skip
    weekdays = [value.weekday() for value in later["ordered"]]
    assert 6 in weekdays  # in another year, these days are other weekdays
    numbered = changed(old, number=np.arange(800.0)), changed(new, number=np.arange(800.0, 920.0))
    assert compared(numbered[1], numbered[0]) == []
    subjects = {check.subject for check in compared(changed(new, **later), old)}
    assert subjects == {"ordered"}  # as there are no Sundays among the old dates
