"""A model that was fitted elsewhere: which inputs it takes, and whether its classes are those of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.inputs import Inputs

HINT = "Rename columns or write feature functions, so that there is one for each of the model's features."


@dataclass(frozen=True)
class FittedElsewhere:
    """A fitted estimator and the file that it came in.

    `unseen` says that somebody has declared that it was not trained on the rows of the project's table.
    """

    model: Any
    file: str
    sha256: str
    unseen: bool = False

    @property
    def record(self) -> dict[str, Any]:
        """What release.json says of it."""
        kind = type(self.model)
        library = kind.__module__.partition(".")[0]
        return {"file": self.file, "sha256": self.sha256, "class": f"{library}.{kind.__name__}", "unseen": self.unseen}

    @property
    def doubt(self) -> str:
        """Why its measures may be too good; "" where somebody has declared that they are not."""
        if self.unseen:
            return ""
        return (
            f"the model was fitted elsewhere ({self.file}), and on which rows is not known: if the held-out rows were "
            "among them, these measures are too good. --held-out-only declares that none were"
        )


def inputs_of(model: Any, every: Inputs) -> Inputs | None:
    """The inputs that a fitted model takes by their names, in its order; None where it selects columns by name itself.

    Raises SeatrialError where it has no names, or names that are neither columns nor features.
    """
    first = _first(model)
    if type(first).__name__ == "ColumnTransformer":
        _require_known(first, _selected(first), every)
        return None
    if getattr(getattr(first, "_Booster", None), "pandas_categorical", None):  # LightGBM
        raise SeatrialError(
            f"The fitted {type(first).__name__} encodes the categories of a DataFrame itself.",
            hint="Encode them with OrdinalEncoder before it, in a pipeline, and save that with skops.",
        )
    names = feature_names(first)
    if not names:
        raise SeatrialError(
            f"The fitted {type(first).__name__} does not say the names of its features.",
            hint="Fit it on a DataFrame, whose columns it stores, and save it again.",
        )
    _require_known(first, names, every)
    if len({*names}) < len(names):
        raise SeatrialError(
            f"The fitted {type(first).__name__} has two features of one name: {_listed(names)}.",
            hint="Fit it with a name of its own for each.",
        )
    numbers = tuple(name for name in names if name in every.numbers)
    strings = tuple(name for name in names if name in every.strings)
    if (*numbers, *strings) != tuple(names):
        raise SeatrialError(
            f"The fitted {type(first).__name__} has texts before numbers among its features: {_listed(names)}.",
            hint="Fit it with the columns of numbers first, or with a ColumnTransformer, which selects them by name.",
        )
    return Inputs(numbers, strings)


def _first(model: Any) -> Any:
    """What a fitted model does first with its columns."""
    first = model
    while hasattr(first, "steps"):
        first = next((step for _, step in first.steps if step not in ("passthrough", None)), first.steps[-1][1])
    return first


def _selected(transformer: Any) -> list[str]:
    """The columns that a fitted ColumnTransformer selects by name."""
    chosen = [columns for _, how, columns in getattr(transformer, "transformers_", ()) if not _dropped(how)]
    lists = [[columns] if isinstance(columns, str) else columns for columns in chosen]
    return [
        str(each) for columns in lists if not isinstance(columns, slice) for each in columns if isinstance(each, str)
    ]


def _dropped(how: Any) -> bool:
    return isinstance(how, str) and how == "drop"


def _require_known(first: Any, names: Sequence[str], every: Inputs) -> None:
    unknown = [name for name in names if name not in every.names]
    if unknown:
        raise SeatrialError(
            f"The fitted {type(first).__name__} has features that the project does not have: {_listed(unknown)}.",
            hint=f"{HINT} The project has {_listed(every.names)}.",
        )


def feature_names(model: Any) -> list[str]:
    """The names of a fitted model's features, in its order; empty where it has none."""
    for read in (_booster_names, lambda each: each.feature_names_in_, lambda each: each.feature_names_):
        try:
            names = read(model)
        except (AttributeError, TypeError, ValueError):  # each library has its own way to have none
            continue
        if names is not None and len(names):
            return [str(name) for name in names]
    return []


def _booster_names(model: Any) -> Any:
    if hasattr(model, "get_booster"):  # XGBoost
        return model.get_booster().feature_names
    return model._Booster.feature_name()  # LightGBM


def check_classes(model: Any, classes: Sequence[Any]) -> None:
    """Raise SeatrialError where a classifier's classes are not those of the table, or the kind of model is another."""
    from sklearn.base import is_classifier

    if not callable(getattr(model, "predict", None)):
        raise SeatrialError(
            f"The file has a {type(model).__name__}, which does not predict.", hint="Save the fitted estimator itself."
        )
    if is_classifier(model) is not bool(classes):
        raise SeatrialError(
            f"The fitted model is a {'classifier' if is_classifier(model) else 'regression'}, and the project's target "
            f"is {'a class' if classes else 'a number'}.",
            hint="Set `task` and `target` in [tool.seatrial], or name another model.",
        )
    if not classes:
        return
    try:
        own = [str(label) for label in model.classes_]
    except AttributeError:
        raise SeatrialError(f"The {type(model).__name__} is not fitted.", hint="Save it after `fit`.") from None
    numbered = [str(number) for number in range(len(classes))]  # in the order of the labels, as XGBoost wants them
    if own not in ([str(label) for label in classes], numbered):
        raise SeatrialError(
            f"The fitted model has the classes {_listed(own)}, and the table has {_listed(classes)}.",
            hint="They must be the same, in the same order, or be numbered from 0 in the order of the table's.",
        )


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(map(str, names[:12]))
    return f"{shown}, ..." if len(names) > 12 else shown
