"""XGBoost's trees, path by path, over its objectives, with missing values and categories, and with injected faults."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from tests.compile import cases
from tests.compile.boosters.conftest import library
from tests.compile.boosters.hard_rows import hard_rows, names, proof_on, table
from tests.compile.test_proof import altered, at
from tests.soak import turns

from seatrial.compile.boosters import booster
from seatrial.compile.boosters import xgboost as reader
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.reference import reference_of
from seatrial.compile.single import rounded_threshold
from seatrial.core.errors import CompileError
from seatrial.model.inputs import Inputs

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
    assert proven(kind, objective=objective).library_difference > 0  # its rounding, within its bound


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


@pytest.mark.parametrize(
    ("kind", "variant"), [("binary", "dart"), ("multiclass", "parallel trees"), ("real", "sampled")]
)
def test_some_trees_at_a_time_are_proven(monkeypatch, kind, variant):
    """As more than 200 are: the library's own leaves and those of the graph."""
    monkeypatch.setattr(booster, "BLOCK", 7)
    proven(kind, **VARIANTS[variant])


def test_after_early_stopping_some_trees_at_a_time_are_those_up_to_the_best_round(monkeypatch):
    monkeypatch.setattr(booster, "BLOCK", 2)
    test_after_early_stopping_the_trees_up_to_the_best_round_count()


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


def codes(columns):
    """Columns of text as codes, of which XGBoost chooses sets."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer([("numbers", "passthrough", cases.NUMBERS), ("codes", encoder, columns)])


def flags(**how):
    """Columns of text as a sparse matrix of zeros and ones."""
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=3)
    return ColumnTransformer([("numbers", "passthrough", cases.NUMBERS), ("flags", encoder, cases.STRINGS)], **how)


NUMBER = (cases.BINARY == "yes").astype(int)
SMALL = {"n_estimators": 15, "max_depth": 4, "n_jobs": 1}


def native_categories():
    kinds = ["q"] * len(cases.NUMBERS) + ["c"] * len(cases.STRINGS)
    return xgboost.XGBClassifier(**SMALL, enable_categorical=True, feature_types=kinds)


PIPELINES = {
    "sparse": lambda: make_pipeline(flags(sparse_threshold=1.0), xgboost.XGBClassifier(**SMALL)),
    "sparse, selected": lambda: make_pipeline(
        flags(sparse_threshold=1.0), VarianceThreshold(0.05), xgboost.XGBClassifier(**SMALL)
    ),
    "dense": lambda: make_pipeline(flags(sparse_threshold=0.0), xgboost.XGBClassifier(**SMALL)),
    "categories": lambda: make_pipeline(codes(cases.STRINGS), native_categories()),
    "a DataFrame": lambda: make_pipeline(flags(sparse_threshold=0), xgboost.XGBClassifier(**SMALL)).set_output(),
    "a search": lambda: GridSearchCV(
        make_pipeline(codes(cases.STRINGS), native_categories()), {"xgbclassifier__learning_rate": [0.1, 0.3]}, cv=2
    ),
    "a search inside": lambda: make_pipeline(
        codes(cases.STRINGS), GridSearchCV(native_categories(), {"learning_rate": [0.1, 0.3]}, cv=2)
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_of_texts_and_numbers_are_proven(name):
    compiled = cases.compile_case(PIPELINES[name]().fit(cases.FRAME, NUMBER), fitted=True)
    assert compiled.proof.paths > 3000
    assert compiled.proof.paths_differ == 0


def flipped(tree):
    return replace(tree, missing_left=1 - tree.missing_left)


READING_FAULTS = {
    "at most for less than": ("threshold_below", lambda real: rounded_threshold),
    "missing values to the other side": ("_tree", lambda real: lambda *parts: flipped(real(*parts))),
    "a category moved": (
        "_sets",
        lambda real: lambda tree: {n: sorted(chosen)[1:] for n, chosen in real(tree).items()},
    ),
}


@pytest.mark.parametrize("fault", READING_FAULTS)
def test_a_tree_that_is_read_wrongly_is_detected_by_its_leaves(fault, monkeypatch):
    model, values, target = fitted("binary", categories={1: 12})
    hard = hard_rows(model, WIDTH, 2000, {1: 12})
    assert proof_on(model, values, target, hard).holds
    name, wrong = READING_FAULTS[fault]
    monkeypatch.setattr(reader, name, wrong(getattr(reader, name)))
    proof = proof_on(model, values, target, hard)
    assert not proof.holds
    assert proof.paths_differ > 0
    assert "another leaf than the library's" in proof.reason


@pytest.mark.parametrize("block", [7, 200])
def test_a_tree_too_few_is_detected(monkeypatch, block):
    monkeypatch.setattr(booster, "BLOCK", block)
    model, values, target = fitted("binary")
    real = reader._trees
    monkeypatch.setattr(reader, "_trees", lambda *parts: list(real(*parts))[:-1])
    with pytest.raises(CompileError, match="The library has 20 trees where the graph has 19"):
        proof_on(model, values, target, values)


def test_a_skipped_intercept_is_detected_by_the_bound_of_the_rounding(monkeypatch):
    model, values, target = fitted("binary", base_score=0.7)
    monkeypatch.setattr(reader, "_intercept", lambda learner, link: np.zeros(1))
    proof = proof_on(model, values, target, values)
    assert proof.paths_differ == 0
    assert proof.largest_difference <= 1e-9  # the graph and the reference agree with each other
    assert not proof.holds
    assert "more than its rounding explains" in proof.reason


def test_an_intercept_in_another_precision_is_detected(monkeypatch):
    model, values, target = fitted("share", n_estimators=1, objective="reg:squarederror", base_score=1000)
    real = reader._intercept
    monkeypatch.setattr(reader, "_intercept", lambda *of: real(*of) * (1 + 2.0**-22))
    assert not proof_on(model, values, target, values).holds


@pytest.mark.parametrize("kind", ["binary", "multiclass", "real"])
def test_the_smallest_change_of_a_leaf_is_detected(kind):
    model, values, target = fitted(kind, n_estimators=3)
    graph = compile_pipeline(model, Inputs(tuple(names(WIDTH)), ()))
    hard = hard_rows(model, WIDTH, 2000, {})
    assert proof_on(model, values, target, hard, graph=graph).holds
    leaf = at(0, lambda value: float(np.nextafter(np.float32(value), np.float32(np.inf))))
    changed = altered(graph, "TreeEnsemble", "leaf_weights", leaf)
    proof = proof_on(model, values, target, hard, graph=changed)
    assert not proof.holds
    assert proof.paths_differ == 0  # of the trees as they were read; the graph's own leaf is what is wrong


def test_dart_without_its_weights_is_detected(monkeypatch):
    model, values, target = fitted("binary", booster="dart", rate_drop=0.4)
    real = reader._model
    monkeypatch.setattr(reader, "_model", lambda learner: (real(learner)[0], None))
    assert not proof_on(model, values, target, values).holds


def test_labels_that_the_rounding_decides_are_counted():
    model, values, target = fitted("binary")
    score = reference_of(model).scores(values)
    own = model.predict_proba(values)[:, 1].astype(np.float64)
    row = int(np.argmax(np.abs(own - score[:, 1])))
    threshold = float((own[row] + score[row, 1]) / 2)  # between the two
    proof = proof_on(model, values, target, values, threshold=threshold)
    assert proof.holds
    assert proof.labels_differ == 0
    assert proof.library_labels >= 2  # the row is in both tables


REFUSED = {
    "an objective without probabilities": ({"objective": "binary:logitraw"}, "objective binary:logitraw"),
    "hinge": ({"objective": "binary:hinge"}, "objective binary:hinge"),
    "linear": ({"booster": "gblinear"}, "gblinear has no trees"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exact_is_refused_by_name(name):
    parameters, reason = REFUSED[name]
    model, *_ = fitted("binary", **parameters)
    with pytest.raises(CompileError, match=f"XGBClassifier does not compile: .*{reason}"):
        reference_of(model)


def test_several_targets_are_refused():
    values = table(200, 3, {})
    several = xgboost.XGBRegressor(n_estimators=2).fit(values, np.stack([np.arange(200.0)] * 2, axis=1))
    with pytest.raises(CompileError, match="predicts several targets"):
        reference_of(several)


def test_an_objective_of_ones_own_gives_what_xgboost_makes_of_it():
    model, values, target = fitted("real", objective=lambda y, p: (p - y, np.ones_like(y)))
    assert proof_on(model, values, target, hard_rows(model, WIDTH, 2000, {})).holds


def test_categories_of_a_data_frame_are_refused_with_what_to_do():
    frame = pd.DataFrame({"x": np.arange(50.0), "c": pd.Categorical(["a", "b"] * 25)})
    model = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True).fit(frame, np.arange(50) % 2)
    with pytest.raises(CompileError, match="encode them with OrdinalEncoder before it"):
        reference_of(model)


def test_a_ranker_gives_its_raw_scores():
    values = table(300, WIDTH, {})
    target, groups = np.random.default_rng(0).integers(4, size=300), np.repeat(np.arange(30), 10)
    model = xgboost.XGBRanker(n_estimators=10, n_jobs=1).fit(values, target, qid=groups)
    assert proof_on(model, values, target, hard_rows(model, WIDTH, 2000, {})).holds


def test_values_beyond_single_precision_are_proven():
    model, values, target = fitted("binary")
    edge = float(np.finfo(np.float32).max) + 2.0**103
    huge = [1e300, -1e300, np.inf, -np.inf, edge, -edge, np.nextafter(edge, 0), -np.nextafter(edge, 0)]
    hard = hard_rows(model, WIDTH, 2000, {})
    hard[:, :4] = np.random.default_rng(0).choice(huge, (2000, 4))
    assert proof_on(model, values, target, hard).holds


def with_splits_at(value, *, missing_left):
    """A model whose first splits are at an infinity, as XGBoost 3.4 writes them where only missing values are apart."""
    model, values, target = fitted("binary", n_estimators=3, max_depth=2)
    document = json.loads(bytes(model.get_booster().save_raw("json")))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"][0], tree["default_left"][0] = value, missing_left
    model.get_booster().load_model(bytearray(json.dumps(document).encode()))
    return model, values, target


@pytest.mark.parametrize("missing_left", [0, 1])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_splits_at_infinity_are_proven(infinity, missing_left):
    model, values, target = with_splits_at(infinity, missing_left=missing_left)
    hard = hard_rows(model, WIDTH, 2000, {}).clip(-1e38, 1e38)
    hard[::5, 0] = -1e300
    assert proof_on(model, values, target, hard).holds


def test_rows_beyond_single_precision_need_a_bound_where_a_split_is_at_infinity():
    model, values, target = with_splits_at(np.inf, missing_left=0)
    with pytest.raises(CompileError, match="splits at infinity") as refused:
        proof_on(model, values, target, np.full((3, WIDTH), 1e300))
    assert "Field(le=1e30)" in refused.value.hint
