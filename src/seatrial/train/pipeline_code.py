"""The project's pipeline.py: call its build(), and report its errors with the project's own file and line."""

import importlib
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, place_of_error
from seatrial.train.own_decision import last_estimator

SEVERAL_TARGETS = ("MultiOutput", "MultiTask", "ClassifierChain", "RegressorChain")  # how such classes' names begin
VECTORIZERS = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")


def build_pipeline(project: ProjectSettings) -> Any:
    """Call build() of the project's pipeline.py, and return the unfitted pipeline.

    Raises SeatrialError where there is no build(), or where it returns anything but an unfitted estimator.
    """
    module = importlib.import_module(f"{project.package}.pipeline")
    file = f"src/{project.package}/pipeline.py"
    if not callable(getattr(module, "build", None)):
        raise SeatrialError(f"{file} has no function build().", hint="Let build() return the pipeline.")
    pipeline = module.build()
    where = f"{file}, line {module.build.__code__.co_firstlineno}" if hasattr(module.build, "__code__") else file
    if pipeline is None:
        raise SeatrialError(f"{where}: build() returns nothing.", hint="End it with `return` and the pipeline.")
    if isinstance(pipeline, type):
        raise SeatrialError(
            f"{where}: build() returns the class {pipeline.__name__}.",
            hint=f"Return an estimator: {pipeline.__name__}(...).",
        )
    _require_model(pipeline, where)
    return pipeline


def _require_model(pipeline: Any, where: str) -> None:
    """Raise SeatrialError where a pipeline does not end with an estimator that predicts."""
    from sklearn.utils import get_tags

    # Some estimators show predict() only once they are fitted, so the class is asked.
    last = type(last_estimator(pipeline))
    missing = [name for name in ("fit", "predict", "get_params") if not hasattr(last, name)]
    if missing:
        raise SeatrialError(
            f"{where}: build() returns something that cannot be trained as a model: {last.__name__} has no "
            f"{missing[0]}().",
            hint="Return a scikit-learn classifier or regressor, or a pipeline that ends with one.",
        )
    try:
        get_tags(last_estimator(pipeline))
    except Exception as error:  # whatever an incomplete estimator raises
        raise SeatrialError(
            f"{where}: {last.__name__}, which build() returns, is not a complete estimator: {first_line(error)[:200]}",
            hint="Let your class inherit from sklearn.base's BaseEstimator, and ClassifierMixin or RegressorMixin.",
        ) from error


def fit_error(project: ProjectSettings, pipeline: Any, columns: list[str], error: Exception) -> SeatrialError:
    """What to report where a pipeline's fit() raises: its first line, and the place in the project's code."""
    text = first_line(error)
    if place := place_of_error(project, error):
        return SeatrialError(f"{place}: {type(error).__name__}: {text}", hint="Correct this line.")
    hint = f"It is fitted on the columns {', '.join(columns)}; missing strings are ''."
    kind = type(last_estimator(pipeline)).__name__
    if kind.startswith(SEVERAL_TARGETS):
        hint = f"{kind} predicts several targets, and a project has one: use a model of one target."
    elif listed := _listed_texts(pipeline):
        hint = f'A text vectorizer takes one column by its name: "{listed[0]}" in place of {listed!r}.'
    elif text.startswith("could not convert string to float"):
        hint = "Strings need an encoder, such as OneHotEncoder in a ColumnTransformer, and labels a classifier. " + hint
    named = text if isinstance(error, ValueError | TypeError | KeyError) else f"{type(error).__name__}: {text}"
    return SeatrialError(f"The pipeline cannot be fitted: {named}", hint=hint)


def _listed_texts(pipeline: Any) -> list[Any]:
    """The list of columns that a ColumnTransformer gives to a text vectorizer, which takes one column; else empty."""
    for part in (pipeline, *pipeline.get_params().values()):
        for _, transformer, columns in getattr(part, "transformers", ()):
            first = transformer.steps[0][1] if hasattr(transformer, "steps") else transformer
            if type(first).__name__ in VECTORIZERS and isinstance(columns, list) and columns:
                return columns
    return []


def first_line(error: Exception) -> str:
    """The first line of an error's message; its class where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
