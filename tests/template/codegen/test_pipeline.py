"""The generated pipeline.py: what each model needs, and nothing else."""

import ast

import pytest
from tests.template.projects import source_of

from seatrial.core.model_libraries import MODEL_LIBRARIES
from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.model_code import MODELS, Model, estimator_of
from seatrial.template.codegen.pipeline import pipeline_code
from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


def code(model: Model, rows: int = 200) -> str:
    examination = examine(
        source_of(
            size=[n * 7 % 41 / 2 for n in range(rows)],
            age=[None if n % 9 == 0 else n * 5 % 37 + 0.5 for n in range(rows)],
            colour=[["red", "blue", "green"][n * n % 3] for n in range(rows)],
            city=[f"city {n * 11 % 60}" for n in range(rows)],
            y=[n // 3 % 2 for n in range(rows)],
        ),
        "y",
    )
    return pipeline_code(examination, feature_code(examination), model)


def constants(text: str) -> dict[str, list[str]]:
    constants = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in constants}  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", ["boosting", "lightgbm", "xgboost"])
def test_boosted_trees_take_missing_numbers_as_they_are(model: Model) -> None:
    text = code(model)
    assert constants(text) == {"NUMBERS": ["size", "age"], "CATEGORIES": ["colour"], "CODES": ["city"]}
    assert "Imputer" not in text
    assert "Scaler" not in text


def test_catboost_takes_texts_as_they_are_and_first() -> None:
    text = code("catboost")
    assert constants(text) == {"TEXTS": ["colour", "city"], "NUMBERS": ["size", "age"]}
    assert '[("texts", "passthrough", TEXTS), ("numbers", "passthrough", NUMBERS)]' in text
    assert "cat_features=list(range(len(TEXTS)))" in text
    assert "max_ctr_complexity=1" in text


def test_catboost_gets_categories_that_are_numbers_in_columns_of_their_own() -> None:
    overrides = Overrides(kinds={"level": "category"})
    rows = range(200)
    table = source_of(
        level=[n * n % 5 for n in rows], size=[n * 7 % 41 / 2 for n in rows], y=[n // 3 % 2 for n in rows]
    )
    examination = examine(table, "y", overrides)
    text = pipeline_code(examination, feature_code(examination), "catboost")
    assert constants(text)["CATEGORIES"] == ["level"]
    assert "OneHotEncoder(" in text
    assert "cat_features" not in text


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize(("rows", "few"), [(60, True), (900, True), (1_200, False), (12_000, False)])
def test_trees_of_the_libraries_grow_with_the_table(model: Model, rows: int, few: bool) -> None:
    sizes = estimator_of(model, regression=False, rows=rows)
    assert ("Few rows" in sizes.line) is few
    assert all(len(line) <= 120 for line in sizes.line.splitlines())
    assert estimator_of(model, regression=True, rows=rows).name == sizes.name.replace("Classifier", "Regressor")


@pytest.mark.parametrize("model", ["logistic", "forest"])
def test_other_models_impute_them_and_only_the_linear_one_scales(model: Model) -> None:
    text = code(model)
    assert constants(text)["WITH_GAPS"] == ["age"]
    assert "with_gaps = " in text
    assert 'SimpleImputer(strategy="median", add_indicator=True)' in text
    assert ("StandardScaler()" in text) is (model == "logistic")


@pytest.mark.parametrize(
    ("rows", "words"), [(60, 'handle_unknown="ignore"'), (200, "in only one row"), (1200, "in fewer than 10 rows")]
)
def test_rare_categories_by_the_number_of_rows(rows: int, words: str) -> None:
    assert words in code("boosting", rows)


@pytest.mark.parametrize("model", MODELS)
def test_every_import_is_used(model: Model) -> None:
    text = code(model)
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    modules = [str(node.module).partition(".")[0] for node in imports]
    names = [a.name for node in imports for a in node.names]
    assert len(names) >= 3
    assert [module for module in modules if module not in ("sklearn",)] == [model] * (model in MODEL_LIBRARIES)
    assert all(text.count(name) > 1 for name in names)
