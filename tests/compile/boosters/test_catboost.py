"""CatBoost's trees, path by path, over its objectives and ways to use categories, and with injected faults."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from tests.compile import cases
from tests.compile.boosters.conftest import library
from tests.compile.boosters.hard_categories import inputs_of, pipeline_of, proof_of, table, targets
from tests.soak import turns

from seatrial.compile.boosters import booster_of, ctr_tables
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.graph import Refused
from seatrial.compile.leaf_proof import score
from seatrial.compile.reference import reference_of
from seatrial.compile.single import threshold_below
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.engines import GraphEngine

catboost = library("catboost")

ROWS = turns(100_000, 3_000)
WORDS = (2, 3, 12, 60)
POLICIES = ("SymmetricTree", "Depthwise", "Lossguide")
CLASSES = {"binary": 2, "multiclass": 3}
# Two strings of which CatBoost's hashes are equal.
TWINS = ("111524", "47220")


def estimator(kind="binary", **parameters):
    make = catboost.CatBoostClassifier if kind in CLASSES else catboost.CatBoostRegressor
    fixed = {"iterations": 25, "verbose": 0, "thread_count": 1, "allow_writing_files": False, "random_seed": 1}
    return make(**fixed | parameters)


def fitted(kind="binary", *, words=WORDS, missing=0.15, **parameters):
    """A fitted pipeline and its table."""
    frame, signal = table(words, missing=missing)
    return pipeline_of(estimator(kind, **parameters), words).fit(frame, targets(signal, kind)), frame


def proven(kind="binary", *, words=WORDS, **how):
    """Fit a model, and require that it is proven on hard rows."""
    pipeline, frame = fitted(kind, words=words, **how)
    proof, reference = proof_of(pipeline, frame, words, CLASSES.get(kind, 0), ROWS)
    assert proof.reason == ""
    assert proof.holds
    assert proof.paths == (len(frame) + ROWS) * pipeline[-1].tree_count_
    assert proof.paths_differ == 0
    assert proof.largest_difference < 1e-13
    assert "own leaf" in proof.statement
    return reference.booster


OBJECTIVES = [
    ("binary", "Logloss"),
    ("binary", "CrossEntropy"),
    ("binary", "Focal:focal_alpha=0.4;focal_gamma=1.5"),
    ("multiclass", "MultiClass"),
    ("real", "RMSE"),
    ("real", "MAE"),
    ("real", "Quantile:alpha=0.3"),
    ("real", "Expectile:alpha=0.2"),
    ("real", "Huber:delta=1"),
    ("real", "Lq:q=1.5"),
    ("real", "LogCosh"),
    ("real", "Cox"),
    ("count", "MAPE"),
    ("count", "LogLinQuantile"),
    ("count", "Poisson"),
    ("count", "Tweedie:variance_power=1.5"),
]


@pytest.mark.parametrize(("kind", "objective"), OBJECTIVES, ids=lambda value: value)
def test_each_objective_is_proven(kind, objective):
    proven(kind, words=(2, 9), loss_function=objective)


WAYS = {
    "numbers": {"words": ()},
    "many borders": {"words": (), "border_count": 1024},
    "one-hot": {"one_hot_max_size": 100},
    "single columns": {"one_hot_max_size": 2, "max_ctr_complexity": 1},
    "combinations": {"one_hot_max_size": 2, "max_ctr_complexity": 4},
    "combinations and one-hot": {"one_hot_max_size": 5, "max_ctr_complexity": 4},
    "ordered": {"boosting_type": "Ordered", "model_size_reg": 0, "max_ctr_complexity": 4, "iterations": 60},
    "priors": {"simple_ctr": ["Borders:Prior=0.3/1", "Counter:Prior=2/1:CtrBorderCount=40"]},
    "all counters": {"simple_ctr": ["Counter"], "counter_calc_method": "Full"},
    "forbidden NaN": {"nan_mode": "Forbidden", "missing": 0.0},
    "stump": {"depth": 1},
    "deep": {"depth": 10, "iterations": 5},
    "weights": {"auto_class_weights": "Balanced"},
}


@pytest.mark.parametrize("name", WAYS)
def test_ways_to_use_columns_are_proven(name):
    proven(**WAYS[name])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "real"])
@pytest.mark.parametrize("policy", POLICIES)
def test_ways_to_grow_trees_are_proven(policy, kind):
    proven(kind, grow_policy=policy)


def test_some_trees_at_a_time_are_proven(monkeypatch):
    monkeypatch.setattr("seatrial.compile.boosters.booster.BLOCK", 7)
    proven("multiclass", grow_policy="Lossguide", words=(3,))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "real"])
@pytest.mark.parametrize("statistic", ["Borders", "Buckets", "BinarizedTargetMeanValue", "Counter"])
def test_each_statistic_of_categories_is_proven(statistic, kind):
    several = (
        f"{statistic}:TargetBorderCount=3" if kind == "real" and statistic in ("Borders", "Buckets") else statistic
    )
    booster = proven(kind, simple_ctr=[several], combinations_ctr=[several], max_ctr_complexity=3)
    assert booster.categories.statistics is not None


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_numbers_go_where_training_sent_them(mode, missing):
    """Without missing numbers in training, CatBoost ignores the mode."""
    booster = proven(nan_mode=mode, missing=missing, max_ctr_complexity=4, words=(8, 20))
    numbers = booster.splits.columns < len(booster.numbers)
    assert booster.splits.missing_left[numbers].all() == (mode == "Min" or not missing)


def test_sparse_matrices_are_proven():
    """Zeros that a sparse matrix leaves out are zeros for CatBoost."""
    frame, signal = table((3, 9), missing=0.0)
    columns = inputs_of((3, 9))
    parts = [("strings", OneHotEncoder(handle_unknown="ignore"), list(columns.strings))]
    parts.append(("numbers", "passthrough", list(columns.numbers)))
    pipeline = make_pipeline(ColumnTransformer(parts, sparse_threshold=1.0), estimator("real"))
    pipeline.fit(frame, signal)
    assert hasattr(pipeline[:-1].transform(frame), "toarray")
    assert proof_of(pipeline, frame, (3, 9), 0, 2000, offset=12)[0].holds


def test_rankers_give_their_raw_scores():
    frame, signal = table((), rows=300)
    ranker = catboost.CatBoostRanker(iterations=10, verbose=0, thread_count=1, allow_writing_files=False)
    ranker.fit(frame, signal, group_id=np.arange(300) // 10)
    assert proof_of(ranker, frame, (), 0, 1000)[0].holds


def test_strings_with_equal_hashes_are_one_category():
    frame, signal = table((3,))
    frame["s0"] = np.where(np.arange(len(frame)) % 2, *TWINS)
    frame.loc[::3, "s0"] = "another"
    pipeline = pipeline_of(estimator("real"), (3,)).fit(frame, signal)
    proof, reference = proof_of(pipeline, frame, (3,), 0, 2000)
    assert proof.holds
    codes = reference.booster.categories.columns[0].strings
    assert codes[TWINS[0]] == codes[TWINS[1]] != codes["another"]


def test_after_early_stopping_the_trees_up_to_the_best_round_count():
    frame, signal = table(())
    model = estimator("real", iterations=200, early_stopping_rounds=3)
    model.fit(frame, signal, eval_set=(frame, np.random.default_rng(0).normal(size=len(frame))))
    assert model.tree_count_ < 200
    proof = proof_of(model, frame, (), 0, 1000)[0]
    assert proof.holds
    assert proof.paths == (len(frame) + 1000) * model.tree_count_


def test_a_model_fitted_on_a_dataframe_with_names_is_proven():
    frame, signal = table((5, 9))
    model = estimator("real", cat_features=["s0", "s1"]).fit(frame, signal)
    reference = reference_of(model, frame)
    assert sorted(reference.booster.thresholds()) == [0, 1, 2, 3]
    graph = compile_pipeline(model, inputs_of((5, 9)), reference.booster)
    assert graph == compile_pipeline(model, inputs_of((5, 9)), reference_of(model, frame).booster)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_rows_get_no_scores(policy):
    pipeline, frame = fitted("multiclass", grow_policy=policy)
    graph = compile_pipeline(pipeline, inputs_of(WORDS), reference_of(pipeline, frame).booster)
    assert score(GraphEngine(graph), inputs_of(WORDS), frame.iloc[:0]).shape == (0, 3)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_pipelines_are_released(task):
    model = estimator("real" if task == "regression" else task, max_ctr_complexity=2, cat_features=[0, 1, 2])
    parts = [("strings", "passthrough", cases.STRINGS), ("numbers", "passthrough", cases.NUMBERS)]
    assert cases.compile_case(make_pipeline(ColumnTransformer(parts), model), task).proof.paths > 0


def test_a_search_over_a_pipeline_is_proven():
    """Of numbers only: scikit-learn cannot clone an estimator of CatBoost with cat_features."""
    frame, signal = table(())
    search = GridSearchCV(pipeline_of(estimator("real"), ()), {"model__depth": [2, 3]}, cv=2)
    assert proof_of(search.fit(frame, signal), frame, (), 0, 1000)[0].holds


# Injected faults: each must be found.


@pytest.mark.parametrize("policy", POLICIES)
def test_at_the_border_instead_of_above_it_is_found(policy):
    pipeline, frame = fitted(words=(), grow_policy=policy)
    splits = reference_of(pipeline, frame).booster.splits
    borders, thresholds = np.nextafter(splits.borders, np.float32(-np.inf)), threshold_below(splits.borders)
    changed = replace(splits, borders=borders, thresholds=thresholds)
    proof = proof_of(pipeline, frame, (), 2, 2000, splits=changed)[0]
    assert not proof.holds
    assert proof.paths_differ > 0


def test_a_missing_bias_is_found():
    pipeline, frame = fitted("real", words=())
    proof, _ = proof_of(pipeline, frame, (), 0, 2000, bias=np.zeros(1))
    assert not proof.holds
    assert proof.paths_differ == 0
    assert proof.largest_difference > 0.01


@pytest.mark.parametrize("policy", POLICIES)
def test_missing_numbers_on_the_other_side_are_found(policy):
    pipeline, frame = fitted(words=(), grow_policy=policy)
    splits = reference_of(pipeline, frame).booster.splits
    changed = replace(splits, missing=-splits.missing)
    assert proof_of(pipeline, frame, (), 2, 2000, splits=changed)[0].paths_differ > 0


@pytest.mark.parametrize("policy", POLICIES)
def test_another_default_of_statistics_is_found(policy):
    pipeline, frame = fitted(grow_policy=policy, one_hot_max_size=2)
    splits = reference_of(pipeline, frame).booster.splits
    changed = replace(splits, missing=np.where(np.isfinite(splits.missing), 99.0, splits.missing))
    assert proof_of(pipeline, frame, WORDS, 2, 2000, splits=changed)[0].paths_differ > 0


@pytest.mark.parametrize("name", ["prior_numerator", "prior_denomerator"])
def test_another_prior_is_found(monkeypatch, name):
    pipeline, frame = fitted()
    statistic = ctr_tables._statistic
    monkeypatch.setattr(
        ctr_tables, "_statistic", lambda ctr, *counts: statistic(ctr | {name: ctr[name] + 0.125}, *counts)
    )
    assert proof_of(pipeline, frame, WORDS, 2, 2000)[0].paths_differ > 0


def test_a_category_in_place_of_another_is_found(monkeypatch):
    pipeline, frame = fitted(one_hot_max_size=100)
    found = ctr_tables.CatColumn.code_of
    monkeypatch.setattr(ctr_tables.CatColumn, "code_of", lambda self, value: max(found(self, value) - 1, 1))
    assert proof_of(pipeline, frame, WORDS, 2, 2000)[0].paths_differ > 0


# What is refused.


def refusal(model, rows=None):
    with pytest.raises(Refused) as caught:
        booster_of(model, None if rows is None else lambda: rows)
    return str(caught.value)


@pytest.mark.parametrize("objective", ["RMSEWithUncertainty", "MultiQuantile:alpha=0.1,0.9", "SurvivalAft"])
def test_objectives_that_are_not_listed_are_refused(objective):
    frame, signal = table(())
    target = np.column_stack([np.exp(signal), np.exp(signal)]) if objective == "SurvivalAft" else signal
    name = objective.partition(":")[0]
    assert refusal(estimator("real", loss_function=objective).fit(frame, target)) == (
        f"its loss_function {name} is not supported"
    )


def test_probabilities_that_do_not_add_up_to_one_are_refused():
    frame, signal = table(())
    model = estimator("multiclass", loss_function="MultiClassOneVsAll").fit(frame, targets(signal, "multiclass"))
    assert refusal(model) == "its loss_function MultiClassOneVsAll is not supported"


def test_text_is_refused():
    frame, signal = table((9,), rows=200)
    frame["s0"] = frame["s0"] + " word and word"
    model = estimator("real", text_features=["s0"]).fit(frame, signal)
    assert refusal(model) == "it has text features"


def test_categories_need_the_training_rows():
    pipeline, frame = fitted(words=(9,))
    assert "found again in training rows, and an estimator inside of another gets none" in refusal(pipeline[-1])
    few = pipeline[:-1].transform(frame.iloc[:5])
    assert "of no row of its table" in refusal(pipeline[-1], few)
    assert booster_of(fitted(words=())[0][-1]).categories.columns == ()


def test_a_category_that_no_row_has_is_refused():
    pipeline, frame = fitted(words=(3,), one_hot_max_size=10)
    with pytest.raises(CompileError) as caught:
        reference_of(pipeline, frame[frame["s0"] != "v1"])
    assert caught.value.message == (
        "CatBoostClassifier does not compile: it asks for a category that no row of its table has."
    )


def test_one_type_of_statistic_with_two_divisions_of_the_target_is_refused():
    pipeline, frame = fitted("real", simple_ctr=["Borders:TargetBorderCount=1", "Borders:TargetBorderCount=4"])
    assert "several TargetBorderCount" in refusal(pipeline[-1], pipeline[:-1].transform(frame))


def test_combinations_beyond_whole_numbers_in_double_are_refused(monkeypatch):
    pipeline, frame = fitted()
    monkeypatch.setattr(ctr_tables, "KEYS", 100)
    assert "set max_ctr_complexity to 1 or 2" in refusal(pipeline[-1], pipeline[:-1].transform(frame))


def test_categories_that_are_numbers_are_refused():
    frame, signal = table((), missing=0.0)
    whole = FunctionTransformer(lambda rows: rows.round().astype(int))
    pipeline = make_pipeline(whole, estimator("real", cat_features=[1]))
    pipeline.fit(frame, signal)
    with pytest.raises(SeatrialError) as caught:
        reference_of(pipeline, frame)
    assert "has values that are not strings" in caught.value.message
