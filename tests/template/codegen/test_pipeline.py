"""The generated pipeline.py: what each model needs, and nothing else."""

import ast

import pytest
from tests.template.projects import source_of

from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.model_code import MODELS, Model
from seatrial.template.codegen.pipeline import pipeline_code
from seatrial.template.inference.examination import examine


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


def test_boosted_trees_take_missing_numbers_as_they_are() -> None:
    text = code("boosting")
    assert constants(text) == {"NUMBERS": ["size", "age"], "CATEGORIES": ["colour"], "CODES": ["city"]}
    assert "Imputer" not in text
    assert "Scaler" not in text


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
    names = [a.name for node in ast.parse(text).body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert len(names) >= 3
    assert all(text.count(name) > 1 for name in names)
