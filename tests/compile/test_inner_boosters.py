"""Models of the three libraries inside ensembles: the graph, the paths, and what is said of XGBoost's rounding."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.compile.boosters.conftest import library

from seatrial.compile.boundaries import boundary_rows
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.inner_boosters import InnerBoosters
from seatrial.compile.proof import prove
from seatrial.compile.reference import reference_of, reference_scorer
from seatrial.core.errors import CompileError
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import Proof
from seatrial.model.inputs import Inputs

library("xgboost")
library("lightgbm")
library("catboost")

INPUTS = Inputs(("a", "b", "c"), ())
GENERATOR = np.random.default_rng(0)
FRAME = pd.DataFrame(GENERATOR.normal(size=(240, 3)), columns=list("abc")).mask(GENERATOR.random((240, 3)) < 0.05)
MORE = pd.DataFrame(GENERATOR.normal(size=(400, 3)), columns=list("abc")).mask(GENERATOR.random((400, 3)) < 0.1)
TWO = (FRAME.a.fillna(0) + GENERATOR.normal(size=240) / 2 > 0).to_numpy(int)
THREE = np.digitize(FRAME.a.fillna(0), [-0.5, 0.5])
NUMBER = np.exp(FRAME.a.fillna(0)).to_numpy()


def extreme(kind: str = "Classifier", **options: Any) -> Any:
    import xgboost

    return getattr(xgboost, f"XGB{kind}")(
        **{"n_estimators": 6, "max_depth": 3, "n_jobs": 1, "random_state": 0} | options
    )


def light(kind: str = "Classifier") -> Any:
    import lightgbm

    return getattr(lightgbm, f"LGBM{kind}")(n_estimators=4, num_leaves=6, n_jobs=1, verbose=-1, random_state=0)


def cat(kind: str = "Classifier") -> Any:
    import catboost

    quiet = {"thread_count": 1, "verbose": 0, "allow_writing_files": False, "random_state": 0}
    return getattr(catboost, f"CatBoost{kind}")(iterations=4, depth=3, **quiet)


def soft(*parts: Any) -> VotingClassifier:
    return VotingClassifier([(str(i), part) for i, part in enumerate(parts)], voting="soft")


def stack(final: Any, **options: Any) -> StackingClassifier:
    return StackingClassifier([("x", extreme()), ("l", light())], final, cv=2, **options)


CLASSIFIERS = {
    "a vote of all three": lambda: soft(extreme(), light(), cat()),
    "a vote of pipelines": lambda: soft(make_pipeline(StandardScaler(), extreme()), LogisticRegressionAfterFill()),
    "a stack": lambda: stack(LogisticRegression()),
    "a stack with XGBoost on top": lambda: stack(extreme(), passthrough=True),
    "a stack with a forest on top": lambda: stack(RandomForestClassifier(5, max_depth=3, random_state=0)),
    "bags of some columns": lambda: BaggingClassifier(extreme(), 2, max_features=0.7, random_state=0),
    "a sigmoid": lambda: CalibratedClassifierCV(extreme(), cv=2),
    "a temperature": lambda: CalibratedClassifierCV(extreme(), cv=2, method="temperature"),
    "a sigmoid over LightGBM's decision function": lambda: CalibratedClassifierCV(light(), cv=2),
    "an isotonic regression over CatBoost": lambda: CalibratedClassifierCV(cat(), cv=2, method="isotonic"),
    "a search in a vote": lambda: soft(GridSearchCV(extreme(), {"max_depth": [2, 3]}, cv=2)),
    "a searched vote": lambda: GridSearchCV(soft(extreme()), {"0__max_depth": [2]}, cv=2),
}
REGRESSORS = {
    "a target's logarithm": lambda: TransformedTargetRegressor(extreme("Regressor"), func=np.log, inverse_func=np.exp),
    "a weighted vote": lambda: VotingRegressor(
        [("x", extreme("Regressor")), ("l", light("Regressor")), ("c", cat("Regressor"))], weights=[1, 2, 3]
    ),
    "bags": lambda: BaggingRegressor(extreme("Regressor"), 2, random_state=0),
}


def LogisticRegressionAfterFill() -> Any:  # noqa: N802 - reads as an estimator above
    from sklearn.impute import SimpleImputer

    return make_pipeline(SimpleImputer(), LogisticRegression())


def rule_of(model: Any) -> DecisionRule:
    classes = tuple(getattr(model, "classes_", ()))
    if not classes:
        return DecisionRule("regression")
    return DecisionRule("binary" if len(classes) == 2 else "multiclass", classes)


def proof_of(model: Any, booster: Any = None) -> Proof:
    reference = reference_of(model, FRAME)
    reference = replace(reference, booster=booster or reference.booster)
    graph = compile_pipeline(model, INPUTS, reference.booster)
    edges = boundary_rows(model, INPUTS, FRAME, MORE, reference=reference)
    return prove(model, graph, INPUTS, FRAME, pd.concat([MORE, edges]), rule_of(model), reference)


@pytest.mark.parametrize("target", [TWO, THREE], ids=["two classes", "three"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_with_boosters_inside_compiles(name: str, target: Any) -> None:
    proof = proof_of(CLASSIFIERS[name]().fit(FRAME, target))
    assert proof.holds, proof.reason
    assert proof.largest_difference < 1e-12
    assert proof.paths > 1_000
    assert proof.paths_differ == 0
    assert proof.library_difference < 1e-6


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_with_boosters_inside_compiles(name: str) -> None:
    proof = proof_of(REGRESSORS[name]().fit(FRAME, NUMBER))
    assert proof.holds, proof.reason
    assert proof.paths > 1_000
    assert 0 < proof.library_difference < 1e-4  # XGBoost adds in single precision
    assert "sums in double precision" in proof.statement


def test_bags_that_ask_for_processes_are_scored_in_threads() -> None:
    model = BaggingClassifier(extreme(), 2, random_state=0).fit(FRAME, TWO)
    exact = reference_of(model).scores(MORE)
    model.n_jobs = 2  # a process would not see what answers in XGBoost's place
    assert np.array_equal(reference_of(model).scores(MORE), exact)


def test_the_statement_says_whether_anything_rounds() -> None:
    reference = reference_of(soft(light(), cat()).fit(FRAME, TWO))
    assert reference.booster is not None
    assert reference.booster.statement == (
        "Inside VotingClassifier, every row ends in the library's own leaf of every tree, "
        "and the scores are the ensemble's own to 1e-9."
    )


def test_a_threshold_around_an_ensemble_is_looked_through() -> None:
    inside = FixedThresholdClassifier(soft(extreme()), threshold=0.4).fit(FRAME, TWO)
    assert proof_of(inside).holds


def test_an_ensemble_is_left_as_it_was() -> None:
    model = soft(extreme(), light()).fit(FRAME, TWO)
    before = model.predict_proba(MORE)
    assert not np.array_equal(reference_of(model).scores(MORE), before)
    assert np.array_equal(model.predict_proba(MORE), before)
    assert "predict_proba" not in vars(model.estimators_[0])


def test_a_wrong_threshold_inside_fails_the_proof() -> None:
    model = soft(extreme(), light()).fit(FRAME, TWO)
    inner = reference_of(model).booster
    assert isinstance(inner, InnerBoosters)
    tree: Any = inner.inner[0].booster
    node = int(np.flatnonzero(tree._trees[0].comparing)[0])
    tree._trees[0].threshold[node] = np.nextafter(tree._trees[0].threshold[node], np.inf) + 1e-7
    proof = proof_of(model, inner)
    assert not proof.holds
    assert proof.paths_differ > 0


def test_own_scores_beyond_the_rounding_of_one_model_fail_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    model = soft(extreme(), light()).fit(FRAME, TWO)
    inner = reference_of(model).booster
    assert isinstance(inner, InnerBoosters)
    monkeypatch.setattr(type(inner.inner[0].booster), "bounds", lambda booster, rows: 0 * booster.reference(rows))
    with pytest.raises(CompileError, match=r"XGBClassifier's own scores of \d+ rows differ by more than its rounding"):
        inner.bounds(FRAME)


def test_an_ensemble_that_makes_much_of_rounding_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformedTargetRegressor(extreme("Regressor"), func=np.log, inverse_func=np.exp).fit(FRAME, NUMBER)
    monkeypatch.setattr("seatrial.compile.inner_boosters.MOST_EFFECT", 1e-9)
    proof = proof_of(model)
    assert not proof.holds
    assert "differ by more than its rounding explains" in proof.reason


def test_an_isotonic_regression_over_xgboost_is_refused() -> None:
    model = CalibratedClassifierCV(extreme(), cv=2, method="isotonic").fit(FRAME, TWO)
    with pytest.raises(CompileError, match="fitted in float32"):
        compile_pipeline(model, INPUTS, reference_of(model).booster)


def test_a_model_that_selects_columns_in_an_ensemble_is_not_compared() -> None:
    selecting = make_pipeline(SelectFromModel(extreme()), light())
    proof = proof_of(soft(selecting).fit(FRAME, TWO))
    assert proof.holds
    assert "own to 1e-9" in proof.statement


def test_categories_of_catboost_are_found_again_in_the_rows_of_its_part() -> None:
    import catboost

    words = pd.DataFrame({"a": FRAME.a.fillna(0), "word": GENERATOR.choice(["red", "green", "blue"], 240)})
    part = catboost.CatBoostClassifier(
        iterations=4, depth=2, cat_features=(1,), one_hot_max_size=1, max_ctr_complexity=1,
        thread_count=1, verbose=0, allow_writing_files=False,
    )  # fmt: skip
    model = CalibratedClassifierCV(part, cv=2).fit(words, TWO)
    inputs = Inputs(("a",), ("word",))
    reference = reference_of(model, words)
    graph = compile_pipeline(model, inputs, reference.booster)
    proof = prove(model, graph, inputs, words, words.assign(word="new"), rule_of(model), reference)
    assert proof.holds, proof.reason
    assert proof.paths == 2 * 240 * 8


def test_a_model_inside_that_is_refused_is_named() -> None:
    model = soft(extreme(objective="binary:hinge")).fit(FRAME, TWO)
    with pytest.raises(
        CompileError, match=r"VotingClassifier .* of XGBClassifier inside of it, its objective binary:hi"
    ):
        reference_of(model)


def test_a_vote_without_probabilities_has_no_reference_so_that_training_says_what_it_lacks() -> None:
    assert reference_scorer(VotingClassifier([("x", extreme())], voting="hard").fit(FRAME, TWO)) is None
    assert reference_scorer(soft(extreme()).fit(FRAME, TWO)) is not None
