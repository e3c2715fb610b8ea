"""LightGBM: every leaf of every tree, and all scores, on rows that are hard for trees."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from tests.compile import cases
from tests.compile.boosters.certificate import certify, hard_rows, made_table
from tests.compile.boosters.conftest import library

from seatrial.compile.boosters import booster_of
from seatrial.compile.boosters import lightgbm as reader
from seatrial.compile.graph import Refused

lgb = library("lightgbm")
pytestmark = pytest.mark.filterwarnings("ignore:categorical_feature keyword", "ignore:The argument 'eval_set'")

TABLE, TARGETS = made_table()
ROWS = 4_000
SMALL = {"n_estimators": 15, "num_leaves": 12, "min_child_samples": 5, "n_jobs": 1, "verbose": -1, "random_state": 0}
CODES = {"categorical_feature": [6, 7], "min_data_per_group": 5, "cat_smooth": 1.0}
BAGGED = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "binary": ("LGBMClassifier", "binary", {}),
    "sigmoid": ("LGBMClassifier", "binary", {"sigmoid": 0.7}),
    "unbalanced": ("LGBMClassifier", "binary", {"is_unbalance": True}),
    "cross-entropy": ("LGBMClassifier", "binary", {"objective": "cross_entropy"}),
    "multiclass": ("LGBMClassifier", "multiclass", {}),
    "one-against-all": ("LGBMClassifier", "multiclass", {"objective": "multiclassova", "sigmoid": 1.3}),
    "codes": ("LGBMClassifier", "binary", CODES),
    "codes-one-hot": ("LGBMClassifier", "multiclass", {**CODES, "max_cat_to_onehot": 64}),
    "zero-is-missing": ("LGBMClassifier", "binary", {"zero_as_missing": True}),
    "zero-is-missing-codes": ("LGBMRegressor", "regression", {"zero_as_missing": True, **CODES}),
    "nothing-is-missing": ("LGBMClassifier", "binary", {"use_missing": False}),
    "dart": ("LGBMClassifier", "binary", {"boosting_type": "dart", "drop_rate": 0.5}),
    "goss": ("LGBMRegressor", "regression", {"data_sample_strategy": "goss"}),
    "forest": ("LGBMClassifier", "binary", BAGGED),
    "forest-multiclass": ("LGBMClassifier", "multiclass", BAGGED),
    "forest-regression": ("LGBMRegressor", "regression", BAGGED),
    "extra-trees": ("LGBMRegressor", "regression", {"extra_trees": True}),
    "monotone": ("LGBMRegressor", "regression", {"monotone_constraints": [1, 0, 0, 0, 0, -1, 0, 0]}),
    "sqrt": ("LGBMRegressor", "regression", {"reg_sqrt": True}),
    "share": ("LGBMRegressor", "share", {"objective": "cross_entropy"}),
    "stumps": ("LGBMRegressor", "regression", {"max_depth": 1}),
    "no-split": ("LGBMRegressor", "regression", {"min_child_samples": 500}),
    "one-tree": ("LGBMClassifier", "multiclass", {"n_estimators": 1}),
    **{
        objective: ("LGBMRegressor", "regression", {"objective": objective})
        for objective in ("l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie")
    },
}


def fitted(case: str, **more: Any) -> Any:
    """One of the cases, fitted on the table."""
    kind, target, options = CASES[case]
    return getattr(lgb, kind)(**{**SMALL, **options, **more}).fit(TABLE, TARGETS[target])


def proven(model: Any, rows: int = ROWS) -> None:
    """All leaves are equal, and the scores to a few units in the last place."""
    booster = booster_of(model)
    found = certify(booster, hard_rows(booster, TABLE, rows))
    assert found.leaves_differ == 0
    assert found.largest <= 1e-14


@pytest.mark.parametrize("case", CASES)
def test_every_leaf_and_score_is_the_librarys_own(case: str) -> None:
    proven(fitted(case))


@pytest.mark.parametrize("case", ["binary", "multiclass", "codes", "forest"])
def test_some_trees_at_a_time_are_the_librarys_own(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.setattr("seatrial.compile.boosters.booster.BLOCK", 7)
    model = fitted(case)
    proven(model)
    found = reader.read(model)
    shorter = replace(found, trees=found.trees[:-1])
    assert shorter.leaves(TABLE).shape == found.leaves(TABLE).shape  # the library's count of trees, not ours


def test_a_pipeline_is_proven_as_training_does_it() -> None:
    columns = make_column_transformer(
        ("passthrough", cases.NUMBERS),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), cases.STRINGS),
    )
    codes = list(range(len(cases.NUMBERS), len(cases.NUMBERS) + len(cases.STRINGS)))
    model = lgb.LGBMClassifier(**SMALL, categorical_feature=codes, min_data_per_group=5)
    compiled = cases.compile_case(make_pipeline(columns, model))
    assert compiled.proof.paths > 15 * 3_000
    assert compiled.proof.statement == reader.LightModel.statement


def test_a_sparse_matrix_has_zeros_where_it_has_nothing() -> None:
    columns = make_column_transformer(
        ("passthrough", ["fare", "size"]), (OneHotEncoder(handle_unknown="ignore"), cases.STRINGS), sparse_threshold=1.0
    )
    for options in ({}, {"zero_as_missing": True}):
        pipeline = make_pipeline(columns, lgb.LGBMClassifier(**SMALL, **options))
        assert cases.compile_case(pipeline).proof.paths_differ == 0


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES)
def test_a_hundred_thousand_rows(case: str) -> None:
    booster = booster_of(fitted(case, n_estimators=60, num_leaves=31))
    found = certify(booster, hard_rows(booster, TABLE, 100_000))
    assert found.leaves_differ == 0
    assert found.largest <= 1e-14


def test_a_ranker_gives_its_raw_scores() -> None:
    ranks = np.digitize(TARGETS["regression"], [0.5, 1.0, 2.0])
    for objective in ("lambdarank", "rank_xendcg"):
        model = lgb.LGBMRanker(objective=objective, **SMALL).fit(TABLE, ranks, group=[20] * (len(TABLE) // 20))
        proven(model)


def test_a_model_that_stopped_early_has_the_trees_up_to_its_best_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lgb.LGBMClassifier(**{**SMALL, "n_estimators": 200, "learning_rate": 0.3}, early_stopping_round=5)
    model.fit(TABLE[:400], TARGETS["binary"][:400], eval_set=[(TABLE[400:], TARGETS["binary"][400:])])
    assert 0 < model.best_iteration_ < 200
    assert len(reader.read(model).trees) == model.best_iteration_
    proven(model)
    monkeypatch.setattr("seatrial.compile.boosters.booster.BLOCK", 2)
    proven(model)


def test_rows_of_float32_are_scored_alike() -> None:
    model = lgb.LGBMClassifier(**SMALL).fit(TABLE.astype(np.float32), TARGETS["binary"])
    proven(model)


@pytest.mark.parametrize(
    ("kind", "target", "options", "reason"),
    [
        ("LGBMRegressor", "regression", {"linear_tree": True}, "linear_tree"),
        ("LGBMRegressor", "regression", {"objective": lambda y, p: (p - y, np.ones_like(y))}, "a function of its own"),
        ("LGBMRegressor", "share", {"objective": "cross_entropy_lambda"}, "cross_entropy_lambda"),
        ("LGBMClassifier", "multiclass", {"objective": "regression"}, "multiclass|regression"),
        ("LGBMClassifier", "binary", {"pred_early_stop": True}, "approximate"),
    ],
)
def test_what_cannot_be_exact_is_refused_by_name(kind: str, target: str, options: dict[str, Any], reason: str) -> None:
    table = np.nan_to_num(TABLE)
    goal = TARGETS[target]
    if options.get("objective") == "regression":
        goal, target = (TARGETS["binary"] == "yes").astype(int), "binary"
    model = getattr(lgb, kind)(**SMALL, **options).fit(table, goal)
    with pytest.raises(Refused, match=reason):
        booster_of(model)


def test_columns_of_pandas_categories_are_refused() -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": TABLE[:, 5], "c": pd.Categorical(TABLE[:, 6])})
    model = lgb.LGBMClassifier(**SMALL).fit(frame, TARGETS["binary"])
    with pytest.raises(Refused, match="pandas"):
        booster_of(model)


def _strictly_less(tree: reader.LightTree) -> Any:
    return np.nextafter(tree.threshold, -np.inf)


# Each fault is one line of a converter that forgets a rule; the comparison must see it.
FAULTS: dict[str, tuple[str, str, Callable[[reader.LightTree], Any]]] = {
    "less-than": ("binary", "bounds", _strictly_less),
    "no-zero-rule": ("binary", "bounds", lambda tree: tree.threshold),
    "missing-to-the-other-side": ("binary", "missing_left", lambda tree: (tree.decision & reader.DEFAULT_LEFT) == 0),
    "missing-is-not-zero": ("nothing-is-missing", "missing_left", lambda tree: tree.threshold < 0),
    "zero-is-not-missing": (
        "zero-is-missing",
        "forms",
        lambda tree: ["code" if code else "number" for code in tree.categorical],
    ),
    "codes-are-not-truncated": ("codes", "forms", lambda tree: ["number"] * len(tree.left)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_path_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, name, wrong = FAULTS[fault]
    model = fitted(case)
    right = booster_of(model)
    rows = hard_rows(right, TABLE, ROWS)
    monkeypatch.setattr(reader.LightTree, name, property(wrong))
    faulty = booster_of(model)
    assert certify(faulty, rows).leaves_differ > 0


def test_a_category_on_the_wrong_side_is_seen() -> None:
    booster = reader.read(fitted("codes"))
    node = next(tree.sets for tree in booster.trees if tree.sets)
    chosen = next(iter(node))
    node[chosen] = node[chosen][1:]
    assert certify(booster, hard_rows(booster, TABLE, ROWS)).leaves_differ > 0


def test_a_forest_that_is_summed_is_seen() -> None:
    booster = reader.read(fitted("forest-regression"))
    rows = hard_rows(booster, TABLE, 500)
    object.__setattr__(booster, "averaged", False)
    assert certify(booster, rows).largest > 1e-9
