"""The benchmark of all leaves: what it fits, and that it finds a graph that is not the model's."""

from collections import Counter

import pytest
from benchmarks.boosters import all_leaves, variants
from benchmarks.boosters.real_tables import RealTable, real_tables
from tests.compile.boosters.conftest import library

library("xgboost")


@pytest.fixture(scope="module")
def tables() -> list[RealTable]:
    return list(real_tables(None))


def test_each_model_is_fitted_on_two_tables_of_its_task(tables: list[RealTable]) -> None:
    twice = [*tables, *tables]
    pairs = variants.chosen(twice)
    assert len(pairs) >= 2 * 30
    assert set(Counter(id(variant) for variant, _ in pairs).values()) == {2}
    assert {variant.library for variant, _ in pairs} == {"xgboost", "lightgbm", "catboost"}
    assert all(variant.task == table.task for variant, table in pairs)
    assert len(variants.chosen(twice, 7)) == 7


def test_a_graph_of_another_model_does_not_hold(monkeypatch: pytest.MonkeyPatch, tables: list[RealTable]) -> None:
    table = next(each for each in tables if each.name == "diabetes")
    variant = variants.Variant("xgboost", "regression", "few", {"n_estimators": 5, "max_depth": 3})
    result = all_leaves._compare(variant, table, 400, seed=0)
    assert result.holds
    assert result.leaves == (400 + len(table.frame)) * 5
    assert result.leaves_differ == 0
    other = variants.Variant("xgboost", "regression", "fewer", {"n_estimators": 4, "max_depth": 3}).fit(table)
    real = all_leaves.compile_pipeline
    monkeypatch.setattr(all_leaves, "compile_pipeline", lambda pipeline, inputs, booster: real(other, inputs))
    assert "differ" in all_leaves._compare(variant, table, 400, seed=0).reason


def test_most_rows_have_values_on_thresholds_and_unusual_ones(tables: list[RealTable]) -> None:
    table = next(each for each in tables if each.name == "diabetes")
    variant = variants.Variant("xgboost", "regression", "few", {"n_estimators": 5, "max_depth": 3})
    reference = all_leaves.reference_of(variant.fit(table))
    hard = all_leaves.hard_frame(reference, table, 20_000, seed=0)
    assert hard.isna().any().all()
    assert hard.isin([float("inf"), float("-inf")]).any().all()
    assert reference.booster is not None
    thresholds = reference.booster.thresholds()
    feature = max(thresholds, key=lambda each: len(thresholds[each]))
    assert set(thresholds[feature]) <= set(hard.iloc[:, feature])
