"""XGBoost's trees, path by path, over its objectives, with missing values and categories, and with injected faults."""

import numpy as np
import pytest
from tests.compile.boosters.conftest import library
from tests.compile.boosters.hard_rows import hard_rows, proof_on, table
from tests.soak import turns

xgboost = library("xgboost")

ROWS = turns(100_000, 4_000)
WIDTH = 6
TARGETS = {
    "binary": lambda signal: (signal > 0).astype(int),
    "multiclass": lambda signal: np.digitize(signal, [-0.7, 0.7]),
    "real": lambda signal: 100 * signal,
    "positive": lambda signal: np.exp(signal / 2),
    "share": lambda signal: 1 / (1 + np.exp(-signal)),
    "count": lambda signal: np.floor(np.exp(signal)),
}


def fitted(kind, *, estimator=None, categories=None, missing=0.1, rows=600, **parameters):
    """A fitted model, its table and its target."""
    categories = categories or {}
    values = table(rows, WIDTH, categories, missing=missing)
    signal = np.nan_to_num(values[:, 0]) - np.nan_to_num(values[:, 1]) * 0.7 + np.nan_to_num(values[:, 2])
    for position in categories:
        signal = signal + np.isin(values[:, position], [1, 3, 6, 11])
    signal += np.random.default_rng(3).normal(size=rows) * 0.3
    target = TARGETS[kind](signal - np.median(signal))
    if estimator is None:
        estimator = xgboost.XGBClassifier if kind in ("binary", "multiclass") else xgboost.XGBRegressor
    if categories:
        parameters |= {
            "enable_categorical": True,
            "feature_types": ["c" if position in categories else "q" for position in range(WIDTH)],
        }
    model = estimator(**{"n_estimators": 20, "max_depth": 4, "n_jobs": 1, "random_state": 0, **parameters})
    return model.fit(values, target), values, target


def proven(kind, **how):
    """Fit a model, and require that it is proven on hard rows."""
    model, values, target = fitted(kind, **how)
    hard = hard_rows(model, WIDTH, ROWS, how.get("categories") or {})
    proof = proof_on(model, values, target, hard)
    assert proof.reason == ""
    assert proof.holds
    assert proof.paths == (len(values) + ROWS) * model.apply(values[:1]).size
    assert proof.paths_differ == 0
    assert "own leaf" in proof.statement
    return proof


OBJECTIVES = [
    ("binary", "binary:logistic"),
    ("multiclass", "multi:softprob"),
    ("multiclass", "multi:softmax"),
    ("real", "reg:squarederror"),
    ("real", "reg:absoluteerror"),
    ("real", "reg:pseudohubererror"),
    ("positive", "reg:squaredlogerror"),
    ("share", "reg:logistic"),
    ("count", "count:poisson"),
    ("positive", "reg:gamma"),
    ("count", "reg:tweedie"),
]


@pytest.mark.parametrize(("kind", "objective"), OBJECTIVES, ids=lambda value: value)
def test_each_objective_is_proven(kind, objective):
    assert proven(kind, objective=objective).library_difference < 1e-5


@pytest.mark.parametrize("categories", [{}, {1: 3}, {0: 12, 5: 40}, {2: 90}], ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_missing_values_and_categories_are_proven(missing, categories):
    for one_hot in (1, 64):
        proven("binary", missing=missing, categories=categories, max_cat_to_onehot=one_hot, max_depth=6)


VARIANTS = {
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "dart classes": {"booster": "dart", "rate_drop": 0.3, "skip_drop": 0.2},
    "parallel trees": {"num_parallel_tree": 4, "subsample": 0.6},
    "pruned": {"gamma": 3.0, "max_depth": 8},
    "lossguide": {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0},
    "exact": {"tree_method": "exact"},
    "stump": {"max_depth": 1},
    "no splits": {"gamma": 1e9},
    "many": {"n_estimators": 300, "max_depth": 3},
    "deep": {"max_depth": 12, "min_child_weight": 0},
    "base score": {"base_score": 0.9},
    "sampled": {"subsample": 0.7, "colsample_bytree": 0.5},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_ways_to_grow_trees_are_proven(name):
    proven("multiclass" if "classes" in name else "binary", **VARIANTS[name])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "real"])
def test_random_forests_are_proven(kind):
    proven(kind, estimator=xgboost.XGBRFRegressor if kind == "real" else xgboost.XGBRFClassifier)


def test_after_early_stopping_the_trees_up_to_the_best_round_count():
    model, values, target = fitted("binary")
    held = table(200, WIDTH, {}, seed=5)
    random = np.random.default_rng(0).integers(2, size=200)
    model.set_params(early_stopping_rounds=3, n_estimators=60).fit(values, target, eval_set=[(held, random)])
    assert model.best_iteration + 1 < len(model.get_booster().get_dump())
    proof = proof_on(model, values, target, hard_rows(model, WIDTH, 2000, {}))
    assert proof.holds
    assert proof.paths == 2600 * (model.best_iteration + 1)


def test_a_number_that_stands_for_missing_is_proven():
    model, values, target = fitted("binary", missing=0.0)
    values[::7, 0] = -9.1  # no float32
    model.set_params(missing=-9.1).fit(values, target)
    hard = hard_rows(model, WIDTH, 2000, {})
    hard[::5, :3] = -9.1
    hard[1::5, 0] = np.float32(-9.1)
    assert proof_on(model, values, target, hard).holds
