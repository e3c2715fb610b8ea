"""Every preprocessing step compiles to the same numbers, in front of a smooth model and of one with thresholds."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier
from tests.compile.cases import BINARY, FRAME, NUMBERS, STRINGS, compile_case

from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError
from seatrial.model.inputs import Inputs

pytestmark = pytest.mark.slow

MODELS = [LogisticRegression(max_iter=300), DecisionTreeClassifier(random_state=0)]
MISSING = ["age", "grade"]


def imputed(*steps, **options):
    return make_pipeline(SimpleImputer(**options), *steps)


NUMERIC = {
    "mean": imputed(strategy="mean"),
    "median": imputed(strategy="median"),
    "most frequent": imputed(strategy="most_frequent"),
    "constant": imputed(strategy="constant", fill_value=-1),
    "mean with indicator": imputed(strategy="mean", add_indicator=True),
    "a number stands for missing": make_pipeline(
        SimpleImputer(), SimpleImputer(missing_values=3.0, add_indicator=True)
    ),
    "standard": imputed(StandardScaler()),
    "standard without mean": imputed(StandardScaler(with_mean=False)),
    "standard without deviation": imputed(StandardScaler(with_std=False)),
    "standard doing nothing": imputed(StandardScaler(with_mean=False, with_std=False)),
    "min-max": imputed(MinMaxScaler()),
    "min-max clipped": imputed(MinMaxScaler((-1, 2), clip=True)),
    "robust": imputed(RobustScaler()),
    "robust without centre": imputed(RobustScaler(with_centering=False)),
    "robust without scale": imputed(RobustScaler(with_scaling=False, quantile_range=(10, 90))),
    "largest absolute value": imputed(MaxAbsScaler()),
    "indicator before scaling": imputed(StandardScaler(), add_indicator=True),
    "indicator alone": make_union(imputed(), MissingIndicator()),
    "union with weights": FeatureUnion(
        [("a", imputed(StandardScaler())), ("b", imputed(MinMaxScaler()))],
        transformer_weights={"a": 2.0, "b": 0.1},
    ),
    "no function": imputed(FunctionTransformer()),
    "passthrough": Pipeline([("impute", SimpleImputer()), ("nothing", "passthrough")]),
    "binarized": imputed(Binarizer(threshold=4)),
    "categories that are numbers": imputed(OneHotEncoder(handle_unknown="ignore"), strategy="most_frequent"),
}


@pytest.mark.parametrize("model", MODELS, ids=["linear", "tree"])
@pytest.mark.parametrize("name", NUMERIC)
def test_numbers_compile_exactly(name, model):
    columns = ColumnTransformer([("numbers", NUMERIC[name], NUMBERS)])
    compile_case(make_pipeline(columns, model))


SUMS = {norm: imputed(StandardScaler(), Normalizer(norm)) for norm in ("l1", "l2", "max")}


@pytest.mark.parametrize("name", SUMS)
def test_rows_of_unit_size_compile_before_a_smooth_model(name):
    compile_case(make_pipeline(ColumnTransformer([("numbers", SUMS[name], NUMBERS)]), LogisticRegression()))


RARE = {"min_frequency": 25, "handle_unknown": "ignore"}
ENCODERS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore"),
    "one-hot dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "one-hot without the first": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "one-hot without one of two": OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    "one-hot, rare ones merged": OneHotEncoder(**RARE),
    "one-hot, rare ones merged, first dropped": OneHotEncoder(**RARE, drop="first"),
    "one-hot, unknown is rare": OneHotEncoder(min_frequency=25, handle_unknown="infrequent_if_exist"),
    "one-hot, unknown warns": OneHotEncoder(min_frequency=25, handle_unknown="warn"),
    "one-hot, at most three": OneHotEncoder(max_categories=3, handle_unknown="infrequent_if_exist"),
    "one-hot, at most three, first dropped": OneHotEncoder(
        max_categories=3, handle_unknown="infrequent_if_exist", drop="first"
    ),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "ordinal, missing has its code": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "ordinal, rare ones merged": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=3),
    "target": TargetEncoder(random_state=0),
    "target, less smooth": TargetEncoder(smooth=0.5, random_state=0),
}


@pytest.mark.parametrize("model", MODELS, ids=["linear", "tree"])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_of_strings_and_numbers_compile_exactly(name, model):
    columns = ColumnTransformer(
        [("categories", ENCODERS[name], ["pclass", *STRINGS, "size"]), ("rest", SimpleImputer(), NUMBERS)]
    )
    compile_case(make_pipeline(columns, model))


@pytest.mark.parametrize("name", ENCODERS)
def test_a_missing_number_is_a_category(name):
    columns = ColumnTransformer([("categories", ENCODERS[name], ["grade", "deck"])])
    boosted = "ordinal" in name or "dense" in name
    model = HistGradientBoostingClassifier(max_iter=5) if boosted else LogisticRegression()
    compile_case(make_pipeline(columns, model))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_target_encoder_compiles_for_every_task(task):
    from sklearn.linear_model import Ridge

    columns = ColumnTransformer([("target", TargetEncoder(random_state=0), ["grade", *STRINGS])])
    compile_case(make_pipeline(columns, Ridge() if task == "regression" else LogisticRegression()), task)


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
def test_missing_strings_are_imputed(strategy):
    imputer = SimpleImputer(missing_values="", strategy=strategy)
    one_hot = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    compile_case(make_pipeline(ColumnTransformer([("strings", one_hot, STRINGS)]), LogisticRegression()))


def test_missing_strings_have_an_indicator():
    flags = ColumnTransformer(
        [("flags", MissingIndicator(missing_values=""), STRINGS), ("fare", "passthrough", ["fare"])]
    )
    compile_case(make_pipeline(flags, LogisticRegression()))


def test_strings_and_numbers_may_share_an_imputer():
    mixed = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    compile_case(
        make_pipeline(ColumnTransformer([("mixed", mixed, ["sex", "grade", "port", "pclass"])]), LogisticRegression())
    )


def test_thousands_of_rare_categories_are_looked_up(monkeypatch):
    from seatrial.compile import encoders

    encoder = OneHotEncoder(min_frequency=25, handle_unknown="ignore")
    columns = ColumnTransformer([("rare", encoder, ["deck", "grade", "port", "size"])])
    pipeline = make_pipeline(columns, LogisticRegression())
    monkeypatch.setattr(encoders, "MERGED_LIMIT", 0)
    assert b"Gemm" in compile_case(pipeline).graph  # the model's own
    monkeypatch.setattr(encoders, "MERGED_LIMIT", 20_000)
    compile_case(pipeline)


def test_columns_are_selected_by_name_list_or_selector_and_the_rest_passes():
    columns = ColumnTransformer(
        [
            ("one", StandardScaler(), ["fare"]),
            ("by type", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
            ("gone", "drop", ["pclass"]),
            ("kept", "passthrough", ["size"]),
        ],
        remainder=SimpleImputer(),
        transformer_weights={"one": 3.0},
    )
    compile_case(make_pipeline(columns, LogisticRegression(max_iter=300)))


def test_the_remainder_passes_through():
    columns = ColumnTransformer([("gone", "drop", STRINGS)], remainder="passthrough")
    compile_case(make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5)))


def test_a_pipeline_may_be_nested_and_searched():
    numbers = make_pipeline(make_pipeline(SimpleImputer()), make_pipeline(StandardScaler(), SelectKBest(k=2)))
    pipeline = make_pipeline(ColumnTransformer([("numbers", numbers, NUMBERS)]), LogisticRegression())
    compile_case(GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2))


def test_a_column_transformer_may_select_outputs_of_another():
    outer = ColumnTransformer([("impute", SimpleImputer(), NUMBERS), ("strings", "passthrough", STRINGS)])
    inner = ColumnTransformer(
        [("scale", StandardScaler(), [4, 0]), ("encode", OneHotEncoder(handle_unknown="ignore"), [5, 7])]
    )
    compile_case(make_pipeline(outer, inner, LogisticRegression()))


def test_a_column_that_was_always_missing_is_dropped():
    frame = FRAME.assign(grade=np.nan)
    columns = ColumnTransformer([("numbers", SimpleImputer(), NUMBERS)])
    compile_case(make_pipeline(columns, LogisticRegression()).fit(frame, BINARY), fitted=True)


def test_columns_that_are_not_engine_inputs_are_named():
    pipeline = make_pipeline(ColumnTransformer([("n", SimpleImputer(), NUMBERS)]), LogisticRegression()).fit(
        FRAME, BINARY
    )
    with pytest.raises(CompileError, match="the engine has no input grade"):
        compile_pipeline(pipeline, Inputs(("age", "fare", "size", "pclass"), ()))
