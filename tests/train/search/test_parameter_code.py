"""Values are written into the call where they belong, and only if the code then builds exactly that."""

from pathlib import Path
from typing import Any

import pytest
from tests.train.projects import PIPELINE, table, two, write_project

from seatrial.core.project import ProjectSettings, importable
from seatrial.train import pipeline_code
from seatrial.train.search.parameter_code import ChangedCode, changed_code, pipeline_file

C = {"logisticregression__C": 0.5}


def changed(root: Path, pipeline: str, values: dict[str, Any]) -> ChangedCode:
    project: ProjectSettings = write_project(root, table(two), pipeline=pipeline)
    with importable(project):
        built = pipeline_code.build_pipeline(project)
    return changed_code(project, pipeline_file(project).read_text(), built, values)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LogisticRegression()", "LogisticRegression(C=0.5)"),
        ("LogisticRegression(C=1)", "LogisticRegression(C=0.5)"),
        ("LogisticRegression(C=1 / 3, max_iter=500)", "LogisticRegression(C=0.5, max_iter=500)"),
        ("LogisticRegression(max_iter=500)", "LogisticRegression(max_iter=500, C=0.5)"),
        ("LogisticRegression(max_iter=500,)", "LogisticRegression(max_iter=500, C=0.5,)"),
        (
            "LogisticRegression(\n        max_iter=500,  # für „alle“\n    )",
            "LogisticRegression(\n        max_iter=500,  # für „alle“\n        C=0.5,\n    )",
        ),
        (
            "LogisticRegression(\n        max_iter=500\n    )",
            "LogisticRegression(\n        max_iter=500,\n        C=0.5\n    )",
        ),
    ],
)
def test_a_value_is_written_into_the_call_and_nothing_else_changes(tmp_path: Path, before: str, after: str) -> None:
    source = PIPELINE.replace("LogisticRegression()", before)
    assert changed(tmp_path, source, C).text == source.replace(before, after)


def test_a_line_that_gets_too_long_is_broken_as_formatters_do(tmp_path: Path) -> None:
    before = (
        'LogisticRegression(max_iter=11111111111, solver="lbfgs", class_weight="balanced", tol=0.000111111111111111111)'
    )
    source = PIPELINE.replace("    return", f"    model = {before}\n    return").replace(
        "LogisticRegression())", "model)"
    )
    after = before.replace("(", "(\n        ").replace(", ", ",\n        ").replace(")", ",\n        C=0.5,\n    )")
    assert changed(tmp_path, source, C).text == source.replace(before, after)


def test_what_has_the_value_already_stays(tmp_path: Path) -> None:
    source = PIPELINE.replace("LogisticRegression()", "LogisticRegression(C=0.50)")
    assert changed(tmp_path, source, C).text == source


@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        (
            PIPELINE.replace("LogisticRegression())", "(LogisticRegression() if True else LogisticRegression()))"),
            "it has 2 calls of LogisticRegression",
        ),
        (
            PIPELINE.replace("import LogisticRegression", "import LogisticRegression as Model").replace(
                "LogisticRegression()", "Model()"
            ),
            "no call of LogisticRegression is in it",
        ),
        (
            PIPELINE.replace(
                "    return make_pipeline(columns, LogisticRegression())",
                "    made = make_pipeline(columns, LogisticRegression())\n    return made.set_params(logisticregression__C=7)",
            ),
            "the changed code would build another pipeline",
        ),
        (
            PIPELINE.replace("LogisticRegression()", 'LogisticRegression(**{"C": 3})'),
            "the changed code would build another pipeline",
        ),
    ],
)
def test_code_that_cannot_be_changed_surely_stays(tmp_path: Path, pipeline: str, reason: str) -> None:
    made = changed(tmp_path, pipeline, C)
    assert made.text is None
    assert made.reason == reason


def test_a_step_before_the_model_is_changed_by_its_path(tmp_path: Path) -> None:
    values = {"columntransformer__c__min_frequency": 7, "logisticregression__C": 0.5}
    text = changed(tmp_path, PIPELINE, values).text
    assert text is not None
    assert 'OneHotEncoder(handle_unknown="ignore", min_frequency=7)' in text


def test_an_estimator_that_only_lists_what_is_set_gets_its_values(tmp_path: Path) -> None:
    pytest.importorskip("catboost")
    before = PIPELINE.replace("LogisticRegression()", "CatBoostClassifier(iterations=3)").replace(
        "sklearn.linear_model import LogisticRegression", "catboost import CatBoostClassifier"
    )
    text = changed(tmp_path, before, {"catboostclassifier__depth": 4, "catboostclassifier__iterations": 9}).text
    assert text == before.replace("(iterations=3)", "(iterations=9, depth=4)")
