"""The benchmark's faults of new rows: they touch new rows alone, they say what a cause must name, they differ by name."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from benchmarks.detection.batches import Batch, Faulty, cells_changed, differ
from benchmarks.detection.new_row_faults import NEW_ROW_FAULTS, _all, inject_new
from tests.soak import turns

ROWS, OLD = 400, 340
NEW = np.arange(ROWS) >= OLD


def made_up() -> dict[str, Any]:
    g = np.random.default_rng(1)

    def choice(*values: str) -> Any:
        return g.choice(np.array(values, dtype=object), ROWS)

    def days(step: str) -> Any:
        moments = [dt.datetime(2020, 1, 1) + dt.timedelta(**{step: 7 * int(k)}) for k in g.integers(0, 900, ROWS)]
        return np.array([m.date() if step == "days" else m for m in moments], dtype=object)

    return {
        "amount": np.round(np.exp(g.normal(3, 1, ROWS)), 1),
        "visits": g.poisson(3, ROWS).astype(float),
        "gap": np.where(g.random(ROWS) < 0.2, np.nan, g.normal(size=ROWS)),
        "member": g.integers(0, 2, ROWS).astype(float),
        "kind": choice("red apple", "Blue pear", "green"),
        "weekday": choice("Mon", "Tue", "Wed", "Sun"),
        "city": np.where(g.random(ROWS) < 0.1, None, choice("Köln", "Bonn", "Ulm", "Aix", "Ghent")),
        "paid": days("days"),
        "seen": days("hours"),
        "month": g.integers(1, 13, ROWS).astype(float),
        "total": np.rint(np.exp(g.normal(7, 1, ROWS))),
    }


def targets() -> dict[str, Any]:
    g = np.random.default_rng(2)
    return {
        "binary": g.integers(0, 2, ROWS),
        "multiclass": g.choice(np.array(["a", "b", "c"], dtype=object), ROWS),
        "regression": g.normal(50, 10, ROWS),
    }


def results(name: str) -> list[tuple[Batch, Faulty]]:
    """What a fault makes of the made-up table, with each kind of target and some seeds."""
    columns, found = made_up(), []
    for target in targets().values():
        for seed in range(turns(full=12, few=4)):
            faulty = inject_new(NEW_ROW_FAULTS[name], columns, target, NEW, np.random.default_rng(seed))
            if faulty is not None:
                found.append((Batch(columns, target, NEW, np.random.default_rng(0)), faulty))
    return found


@pytest.mark.parametrize("name", sorted(set(NEW_ROW_FAULTS) - {"dates_lost_third"}))
def test_a_fault_changes_new_rows_and_no_other_and_says_what_its_cause_must_name(name):
    found = results(name)
    assert found
    for batch, faulty in found:
        assert faulty.names or faulty.words
        assert set(faulty.names) <= {*faulty.columns, ""}
        assert cells_changed(batch, faulty) > 0
        after: Mapping[str, Any] = {**faulty.columns, "": faulty.target}
        for column, values in {**batch.columns, "": batch.target}.items():
            assert not differ(values[batch.old], after[column][~faulty.new]).any()
            assert len(after[column]) == len(faulty.new)


def test_names_are_used_once():
    assert len(NEW_ROW_FAULTS) == len(list(_all()))


def test_the_faults_of_the_issue_are_listed():
    assert sum(fault.listed for fault in NEW_ROW_FAULTS.values()) >= 40
    assert all(fault.added == "2026-11-29" for fault in NEW_ROW_FAULTS.values())


def test_days_and_months_are_exchanged_only_where_that_is_a_date():
    batch, faulty = results("days_months")[0]
    name = faulty.names[0]
    for before, after in zip(batch.columns[name][NEW], faulty.columns[name][NEW], strict=True):
        assert (after.day, after.month) == (before.month, before.day) or (before.day > 12 and after == before)


def test_a_fault_without_a_suitable_column_is_none():
    columns = {"kind": made_up()["kind"]}
    assert inject_new(NEW_ROW_FAULTS["hour_later"], columns, targets()["binary"], NEW, np.random.default_rng(0)) is None


def test_rows_that_come_twice_are_counted_as_changed_cells():
    batch, faulty = results("twice_15")[0]
    assert cells_changed(batch, faulty) == pytest.approx(9 / 69)
