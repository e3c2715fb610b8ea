"""Whatever is fitted ends as a compiled release, as a native one, or in one of few refusals, never in a fault."""

import warnings
from functools import partial
from typing import Any

import pytest
from tests.train import estimator_cases
from tests.train.estimator_cases import SCHEMA, TABLES, table
from tests.train.every_class import every_estimator
from tests.train.pipeline_cases import PIPELINES
from tests.train.projects import write_project

from seatrial.compile import compile_release
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.train.run import train

COMPILED, NATIVE = "compiled", "native"
BUILD = """
from sklearn.base import clone

from tests.train import estimator_cases


def build():
    (pipeline,) = estimator_cases.CURRENT
    return clone(pipeline)
"""
REFUSALS = (
    "cannot be fitted",
    "build() returns something that cannot be trained",
    "predicts no probabilities",
    "predicts one number per row",
    "predicts another label than its probabilities",
    "fails on rows that the schema allows",
    "nor stored safely",
    "are not finite",
)
EVERY = {name: (target, pipeline) for name, target, pipeline in every_estimator()}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ProjectSettings]:
    """A project for each table."""
    made = {}
    for target in TABLES:
        folder = tmp_path_factory.mktemp(target)
        made[target] = write_project(folder, table(target), schema=SCHEMA, pipeline=BUILD)
    return made


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.compile import boundaries

    monkeypatch.setattr(boundaries, "THRESHOLDS", 100)
    monkeypatch.setattr(boundaries, "PAIRS", 40)


def end_of(pipeline: Any, project: ProjectSettings, compiler: Any = compile_release) -> str:
    """Train the pipeline: how its release runs, or the refusal that it met; any other exception is a fault."""
    estimator_cases.CURRENT[:] = [pipeline]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = train(project, partial(compiler, rows=200))
    except SeatrialError as error:
        return next((words for words in REFUSALS if words in error.message), f"{error.message} ({error.hint})")
    return NATIVE if run.native_reason else COMPILED


# What must not become native or refused again; other converters may add to it.
COMPILES = (
    "logistic", "sparse one-hot", "boosted", "histogram", "histogram over codes", "selected by dtype", "target encoder",
    "infrequent", "grid", "random search", "shuffled folds", "search of models", "calibrated support vectors",
    "calibrated forest", "calibrated, shuffled", "soft vote", "bagging", "boosting of trees", "against the rest",
    "fixed threshold", "tuned threshold", "components", "best columns", "columns of a forest", "union", "network",
    "pandas inside", "ridge", "forest of numbers", "histogram of numbers", "logarithmic target", "vote of numbers",
    "words", "word weights", "text and numbers", "text by letters, bayes", "hashed text", "text to forest", "latent topics",
    "words, then weights, then the best", "words and letters", "text to amount", "components, support vectors",
    "recursive selection", "halving", "stack of mixed", "the rest passed on", "columns within columns", "what is missing",
    "codes of categories", "stack of forests",
)  # fmt: skip
REFUSED = {
    "histogram alone": "cannot be fitted",
    "hard vote": "predicts no probabilities",
    "support vectors": "predicts no probabilities",
    "ridge classifier": "predicts no probabilities",
    "hinge": "predicts no probabilities",
    "outliers": "predicts one number per row",
    "regressor for classes": "cannot be fitted",
    "lambda": "nor stored safely",
    "several targets": "cannot be fitted",
    "several labels": "cannot be fitted",
    "own tokens": "nor stored safely",
    "classifier of numbers": "cannot be fitted",
}
OFTEN = (
    "text and numbers",
    "calibrated support vectors",
    "soft vote",
    "stack",
    "fixed threshold",
    "tuned threshold",
    "search of models",
)


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in OFTEN else pytest.mark.soak) for n in PIPELINES])
def test_pipelines_as_people_write_them_are_released(name: str, projects: dict[str, ProjectSettings]) -> None:
    target, pipeline = PIPELINES[name]
    end = end_of(pipeline, projects[target])
    if name in REFUSED:
        assert end == REFUSED[name]
    else:
        assert end in ((COMPILED,) if name in COMPILES else (COMPILED, NATIVE))


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name, (target, _) in PIPELINES.items() if target == "two"])
def test_they_end_as_well_on_a_table_of_three_classes(name: str, projects: dict[str, ProjectSettings]) -> None:
    end = end_of(PIPELINES[name][1], projects["three"])
    binary = name in ("fixed threshold", "tuned threshold")
    if name in REFUSED:
        numbers = name == "regressor for classes"  # these labels are numbers, and can be fitted
        assert end == ("predicts one number per row" if numbers else REFUSED[name])
    else:
        assert end in ((COMPILED,) if name in COMPILES and not binary else (COMPILED, NATIVE, *REFUSALS))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if place % 10 == 0 else pytest.mark.soak) for place, n in enumerate(EVERY)]
)
def test_every_estimator_ends_in_a_release_or_in_a_refusal(name: str, projects: dict[str, ProjectSettings]) -> None:
    target, pipeline = EVERY[name]
    assert end_of(pipeline, projects[target]) in (COMPILED, NATIVE, *REFUSALS)


def test_a_fault_is_not_taken_for_an_end(projects: dict[str, ProjectSettings]) -> None:
    """The guard of the tests above: an exception that is not the user's passes through, and so does a new message."""
    with pytest.raises(NameError):
        end_of(PIPELINES["ridge"][1], projects["amount"], compiler=lambda *_, **__: undefined)  # type: ignore[name-defined]  # noqa: F821
    other = projects["two"]
    assert end_of(PIPELINES["ridge"][1], ProjectSettings(**{**vars(other), "target": "z"})) not in REFUSALS
