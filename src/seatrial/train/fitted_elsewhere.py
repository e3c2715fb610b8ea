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
    first = model
    while hasattr(first, "steps"):
        first = first.steps[0][1]
    if type(first).__name__ == "ColumnTransformer":
        return None
    names = feature_names(first)
    if not names:
        raise SeatrialError(
            f"The fitted {type(first).__name__} does not say the names of its features.",
            hint="Fit it on a DataFrame, whose columns it stores, and save it again.",
        )
    unknown = [name for name in names if name not in every.names]
    if unknown:
        raise SeatrialError(
            f"The fitted {type(first).__name__} has features that the project does not have: {_listed(unknown)}.",
            hint=f"{HINT} The project has {_listed(every.names)}.",
        )
    numbers = tuple(name for name in names if name in every.numbers)
    strings = tuple(name for name in names if name in every.strings)
    if (*numbers, *strings) != tuple(names):
        raise SeatrialError(
            f"The fitted {type(first).__name__} has texts before numbers among its features: {_listed(names)}.",
            hint="Fit it with the columns of numbers first, or with a ColumnTransformer, which selects them by name.",
        )
    return Inputs(numbers, strings)


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

    if is_classifier(model) is not bool(classes):
        raise SeatrialError(
            f"The fitted model is a {'classifier' if is_classifier(model) else 'regression'}, and the project's target "
            f"is {'a class' if classes else 'a number'}.",
            hint="Set `task` and `target` in [tool.seatrial], or name another model.",
        )
    if not classes:
        return
    own = [str(label) for label in model.classes_]
    numbered = [str(number) for number in range(len(classes))]  # in the order of the labels, as XGBoost wants them
    if own not in ([str(label) for label in classes], numbered):
        raise SeatrialError(
            f"The fitted model has the classes {_listed(own)}, and the table has {_listed(classes)}.",
            hint="They must be the same, in the same order, or be numbered from 0 in the order of the table's.",
        )


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(map(str, names[:12]))
    return f"{shown}, ..." if len(names) > 12 else shown
