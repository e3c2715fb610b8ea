"""Errors in pipeline.py are reported with the project's own file and line, and never as a fault of Seatrial's."""

from pathlib import Path

import pytest
from tests.train.projects import PIPELINE, compiles, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train.run import train

FILE = "src/little_model/pipeline.py"
BUILD = PIPELINE.splitlines().index("def build():") + 1
BODY = "    return make_pipeline(columns, LogisticRegression())"
RETURN = PIPELINE.splitlines().index(BODY) + 1
DUCK = """

class Duck:
    fit = predict = predict_proba = get_params = None
"""
STEP = """

class Broken(BaseEstimator, TransformerMixin):
    def transform(self, rows):
        return rows

    def fit(self, rows, labels=None):
        return self.missing

"""


def refusal(root: Path, body: str, before: str = "") -> SeatrialError:
    project = write_project(root, table(two), pipeline=PIPELINE.replace(BODY, f"    {body}") + DUCK + before)
    with pytest.raises(SeatrialError) as caught:
        train(project, compiles)
    assert not project.artifacts.exists()
    return caught.value


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (
            "import lightgbmm",
            f"{FILE}, line {RETURN}: ModuleNotFoundError: No module",
            "contains lightgbmm, and add it",
        ),
        ("return LogisticRegresion()", f"{FILE}, line {RETURN}: NameError: name 'LogisticRegresion'", "Correct this"),
        ("return columns.one", f"{FILE}, line {RETURN}: AttributeError", "Correct this line"),
        ("pass", f"{FILE}, line {BUILD}: build() returns nothing", "return"),
        ("return LogisticRegression", f"{FILE}, line {BUILD}: build() returns the class", "LogisticRegression(...)"),
        ("return columns", f"{FILE}, line {BUILD}: .* ColumnTransformer has no predict()", "ends with one"),
        ("return Duck()", f"{FILE}, line {BUILD}: Duck, which build() returns, is not a complete", "sklearn.base"),
        ("return 5", f"{FILE}, line {BUILD}: .* int has no fit()", "ends with one"),
        ("return LogisticRegression()", "could not convert string to float: '", "Strings need an encoder"),
        (
            "from sklearn.multioutput import ClassifierChain; return make_pipeline(columns, ClassifierChain(columns))",
            "The pipeline cannot be fitted: ",
            "ClassifierChain predicts several targets",
        ),
        (
            "from sklearn.feature_extraction.text import CountVectorizer; words = ('w', CountVectorizer(), ['note']); "
            "return make_pipeline(ColumnTransformer([words]), LogisticRegression())",
            "The pipeline cannot be fitted: ",
            "A text vectorizer takes one column by its name: \"note\" in place of ['note'].",
        ),
    ],
    ids=[
        "package",
        "name",
        "attribute",
        "nothing",
        "class",
        "transformer",
        "incomplete",
        "number",
        "strings",
        "several targets",
        "a list of texts",
    ],
)
def test_what_is_wrong_with_pipeline_py_is_said_with_its_line(
    body: str, message: str, hint: str, tmp_path: Path
) -> None:
    error = refusal(tmp_path, body)
    first, _, rest = message.partition(".*")
    assert error.message.startswith(first) or first in error.message
    assert rest in error.message
    assert hint in error.hint


def test_an_error_in_a_step_of_the_projects_own_is_reported_with_its_line(tmp_path: Path) -> None:
    lines = "\nfrom sklearn.base import BaseEstimator, TransformerMixin\n" + STEP
    error = refusal(tmp_path, "return make_pipeline(columns, Broken(), LogisticRegression())", lines)
    line = len((PIPELINE + DUCK + lines).rstrip().splitlines())
    assert error.message == f"{FILE}, line {line}: AttributeError: 'Broken' object has no attribute 'missing'"


def test_what_a_pipeline_prints_is_not_a_result(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    search = "GridSearchCV(LogisticRegression(), {'C': [1, 2]}, cv=2, verbose=2)"
    text = PIPELINE.replace("LogisticRegression())", f"{search})")
    text = text.replace("def build():\n", "def build():\n    print('building')\n    os.system('echo a child')\n")
    text = "import os\nfrom sklearn.model_selection import GridSearchCV\n" + text
    train(write_project(tmp_path, table(two), pipeline=text), compiles)
    printed = capfd.readouterr()
    assert "Fitting 2 folds" in printed.err
    assert "building" in printed.err
    assert "Fitting" not in printed.out
    assert "building" not in printed.out
