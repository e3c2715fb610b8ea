"""The faults that a served model can have, and a release's mutants: the faults that suit it, with parameters."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.prove import fault_transforms
from seatrial.trial.prove.attempts import Family
from seatrial.trial.sandbox.queries import InjectedFault

Parameters = dict[str, Any]


@dataclass(frozen=True)
class ModelProfile:
    """What decides which faults suit a model. `order` names the columns that it uses, the strongest first.

    `typical` has the typical value of each column, `largest` the largest absolute value of the numeric ones. Of what
    the engine gets, `numbers` has statistics of each numeric input, and `strings` the values of each string input, the
    most frequent first. `base` is the mean score, by class. `classes` is 0 for a regression.
    """

    order: tuple[str, ...]
    typical: dict[str, Any]
    largest: dict[str, float]
    numbers: dict[str, Parameters]
    strings: dict[str, list[str]]
    base: list[float]
    spread: float
    classes: int
    threshold: float


Choose = Callable[[ModelProfile], Parameters | None]


@dataclass(frozen=True)
class Fault:
    """One way in which a served model differs from the trained one; `needs` is a key of `NEEDS`."""

    name: str
    family: Family
    sentence: str
    transform: str
    needs: str


@dataclass(frozen=True)
class Mutant:
    """A release with one fault in it; `columns` are the columns or inputs that a good report names."""

    name: str
    family: Family
    sentence: str
    columns: tuple[str, ...]
    fault: InjectedFault


def profile_model(
    columns: Columns,
    order: Sequence[str],
    numbers: Mapping[str, Array],
    strings: Mapping[str, Array],
    scores: Array,
    threshold: float = 0.5,
) -> ModelProfile:
    """Sum up a model by its checked training `columns`, the inputs (n,) made of them, and some of its scores."""
    typical: dict[str, Any] = {}
    largest: dict[str, float] = {}
    for name, values in columns.items():
        if values.dtype.kind == "f":
            known = values[~np.isnan(values)]
            middle = float(np.median(known)) if known.size else 0.0
            typical[name] = float(round(middle)) if known.size and (known % 1 == 0).all() else middle
            largest[name] = float(np.abs(known).max(initial=0))
        else:
            counts = Counter(value for value in values.tolist() if value is not None)
            typical[name] = min(counts, key=lambda value: (-counts[value], value), default=None)
    return ModelProfile(
        order=tuple(order),
        typical=typical,
        largest=largest,
        numbers={name: _statistics(values) for name, values in numbers.items()},
        strings={name: _by_frequency(values) for name, values in strings.items()},
        base=np.atleast_1d(np.asarray(scores, dtype=float).mean(axis=0)).tolist(),
        spread=float(np.std(scores)),
        classes=0 if np.ndim(scores) == 1 else int(np.shape(scores)[1]),
        threshold=threshold,
    )


def _statistics(values: Array) -> Parameters:
    known = values[~np.isnan(values)]
    known = known if known.size else np.zeros(1)
    low, high = np.quantile(known, [0.02, 0.98]).tolist()
    return {
        "median": float(np.median(known)),
        "mean": float(known.mean()),
        "deviation": float(known.std()) or 1.0,
        "low": low,
        "high": high,
        "missing": bool(np.isnan(values).any()),
    }


def _by_frequency(values: Array) -> list[str]:
    known, counts = np.unique(values.astype(str), return_counts=True)
    return [str(known[k]) for k in np.argsort(-counts, kind="stable") if known[k] != ""]


def mutants(model: ModelProfile) -> Iterator[Mutant]:
    """Yield a mutant for every fault of the catalogue that this model can have."""
    for fault in FAULTS.values():
        parameters = NEEDS[fault.needs](model)
        if parameters is not None:
            yield _mutant(fault.name, fault.family, fault.sentence, fault.transform, parameters)


def column_mutants(columns: Sequence[Column], model: ModelProfile) -> Iterator[Mutant]:
    """Yield each column's mutants: it is constant, always missing where the schema allows that, or another row's."""
    for column in columns:
        name, typical = column.name, model.typical[column.name]
        if typical is not None:  # otherwise it is missing in every row already
            parameters = {"column": name, "value": typical}
            yield _mutant(f"constant[{name}]", "columns", f"`{name}` is constant", "replace", parameters)
        if column.nullable:
            parameters = {"column": name, "value": None}
            yield _mutant(f"missing[{name}]", "columns", f"`{name}` is always missing", "replace", parameters)
        yield _mutant(f"shuffled[{name}]", "columns", f"`{name}` is from another row", "lag", {"column": name})


def _mutant(name: str, family: Family, sentence: str, transform: str, parameters: Parameters) -> Mutant:
    named = (parameters.get(key) for key in ("column", "input", "other"))
    columns = tuple(column for column in named if column is not None)
    fault = InjectedFault(Path(fault_transforms.__file__), transform, parameters)
    return Mutant(name, family, sentence, columns, fault)


# ---- how parameters are chosen for a model


def _strongest(model: ModelProfile, names: Collection[str]) -> str | None:
    return next((name for name in (*model.order, *names) if name in names), None)


def _drop(position: float) -> Choose:
    """Replace the column at this part of the order by its typical value."""

    def choose(model: ModelProfile) -> Parameters | None:
        if not model.order:
            return None
        name = model.order[min(int(position * len(model.order)), len(model.order) - 1)]
        return {"column": name, "value": model.typical[name]}

    return choose


def _number_column(position: int = 0, above: float = -1.0) -> Choose:
    def choose(model: ModelProfile) -> Parameters | None:
        names = [name for name in model.order if model.largest.get(name, -2.0) > above]
        return {"column": names[min(position, len(names) - 1)]} if names else None

    return choose


def _pair(choice: Callable[..., Any]) -> Choose:
    """Choose the two numeric inputs whose values differ least (min) or most (max)."""

    def distance(model: ModelProfile, a: str, b: str) -> float:
        first, second = model.numbers[a], model.numbers[b]
        return float(abs(first["mean"] - second["mean"]) / (first["deviation"] + second["deviation"]))

    def choose(model: ModelProfile) -> Parameters | None:
        pairs = [(distance(model, a, b), a, b) for a, b in combinations(model.numbers, 2)]
        return dict(zip(("input", "other"), choice(pairs)[1:], strict=True)) if pairs else None

    return choose


def _number(model: ModelProfile) -> Parameters | None:
    name = _strongest(model, model.numbers)
    return {"input": name, **model.numbers[name]} if name else None


def _string(model: ModelProfile) -> Parameters | None:
    name = _strongest(model, [name for name, values in model.strings.items() if len(values) > 1])
    return {"input": name, "values": model.strings[name]} if name else None


def _input(model: ModelProfile) -> Parameters | None:
    name = _strongest(model, [*model.numbers, *model.strings])
    return {"input": name} if name else None


# What a fault needs of a model, and the parameters that it gets: None where the model has no suitable input.
NEEDS: dict[str, Choose] = {
    "strong column": _drop(0.0),
    "medium column": _drop(0.4),
    "weak column": _drop(0.8),
    "number column": _number_column(),
    "second number column": _number_column(1),
    "large number column": _number_column(above=1000),
    "text column": lambda m: next(({"column": name} for name in m.order if name not in m.largest), None),
    "like numbers": _pair(min),
    "unlike numbers": _pair(max),
    "number": _number,
    "numbers": lambda m: {"statistics": m.numbers} if m.numbers else None,
    "several numbers": lambda m: {} if len(m.numbers) > 1 else None,
    "missing numbers": lambda m: {"statistics": m.numbers} if any(n["missing"] for n in m.numbers.values()) else None,
    "string": _string,
    "strings": lambda m: {} if m.strings else None,
    "input": _input,
    "scores": lambda m: {"base": m.base, "spread": m.spread, "temperature": 1.5, "size": 48},
    "classes": lambda m: {"low": 0.05, "high": 0.95} if m.classes else None,
    "two classes": lambda m: {"threshold": min(m.threshold + 0.1, 0.95)} if m.classes == 2 else None,
    "regression": lambda m: None if m.classes else {"low": m.base[0] - m.spread, "high": m.base[0] + m.spread},
}

_F: Family = "features"
_P: Family = "preprocessing"
_O: Family = "output"
CATALOGUE = (
    Fault("drop_strong", _F, "the strongest column never reaches the model", "replace", "strong column"),
    Fault("drop_medium", _F, "a column of medium importance never reaches the model", "replace", "medium column"),
    Fault("drop_weak", _F, "a column of low importance never reaches the model", "replace", "weak column"),
    Fault("swap_alike", _F, "two inputs with similar values are swapped", "swap", "like numbers"),
    Fault("swap_unlike", _F, "two inputs with different values are swapped", "swap", "unlike numbers"),
    Fault("unit_hundredth", _F, "a column arrives in a unit 100 times larger", "hundredth", "number column"),
    Fault("unit_thousand", _F, "a column arrives in a unit 1000 times smaller", "thousandfold", "number column"),
    Fault("constant", _F, "a broken feature store returns 0 for a column", "zero", "second number column"),
    Fault("join_shifted", _F, "an input is joined to the next row", "lag_input", "input"),
    Fault("sign", _F, "an input has the opposite sign", "negate", "number"),
    Fault("logarithm", _F, "the logarithm of an input is taken once too often", "logarithm", "number"),
    Fault("thousands", _F, "a thousands separator is read as a decimal point", "thousands", "large number column"),
    Fault("zero_is_missing", _F, "`if not value` treats zero as missing", "zero_as_missing", "numbers"),
    Fault("impute_zero", _P, "missing numbers become 0", "fill_zero", "missing numbers"),
    Fault("indicator_lost", _P, "the model cannot see which numbers were missing", "fill_median", "missing numbers"),
    Fault("carried_forward", _P, "a missing number is filled from the row before", "carry_forward", "missing numbers"),
    Fault("scaler_missing", _P, "numbers reach the model unscaled", "unscale", "numbers"),
    Fault("scaler_stale", _P, "numbers are scaled with statistics of an earlier training", "scale_stale", "numbers"),
    Fault("category_order", _P, "categories are encoded in a different order", "next_category", "string"),
    Fault("unseen_first", _P, "an unseen category is treated as the first one", "unseen_as_first", "string"),
    Fault("category_lost", _P, "one known category is treated as unseen", "lose_second", "string"),
    Fault("rare_lost", _P, "the rarest category is treated as unseen", "lose_last", "string"),
    Fault("case_folded", _P, "text arrives in a different case", "change_case", "strings"),
    Fault("missing_text", _P, "missing text becomes 'nan'", "missing_as_nan", "strings"),
    Fault("missing_frequent", _P, "missing text becomes the most frequent value", "missing_as_frequent", "string"),
    Fault("padding_kept", _P, "spaces around text are not stripped", "keep_padding", "text column"),
    Fault(
        "padding_stripped", _P, "spaces around text are stripped, not as in training", "strip_padding", "text column"
    ),
    Fault("integers", _P, "numbers are truncated to integers", "truncate", "numbers"),
    Fault("rounded_inputs", _P, "inputs are rounded to one decimal place", "round_inputs", "numbers"),
    Fault("clipped", _P, "inputs are clipped to their usual range", "clip_inputs", "numbers"),
    Fault("float16", _P, "inputs are stored in half precision", "float16", "numbers"),
    Fault("float32", _P, "inputs are stored in single precision", "float32", "numbers"),
    Fault("overflow", _P, "inputs overflow, because they are stored in 8 bits", "overflow", "numbers"),
    Fault("batch_statistics", _P, "numbers are scaled with the statistics of the batch", "scale_by_batch", "numbers"),
    Fault("columns_reordered", _P, "the inputs arrive in a different order", "reorder", "several numbers"),
    Fault("class_index", _O, "the class index is off by one", "class_index", "classes"),
    Fault("threshold", _O, "the decision threshold has moved", "move_threshold", "two classes"),
    Fault("temperature", _O, "scores are on a different scale", "temperature", "scores"),
    Fault("softmax_twice", _O, "probabilities are normalized twice", "softmax", "classes"),
    Fault("rounded", _O, "scores are rounded to two digits", "round_scores", "scores"),
    Fault("half_scores", _O, "scores are stored in half precision", "half_scores", "scores"),
    Fault("cut_scores", _O, "probabilities are clipped at 5 and 95 %", "clip_scores", "classes"),
    Fault("cut_predictions", _O, "predictions are clipped to their usual range", "clip_scores", "regression"),
    Fault("log_scale", _O, "predictions stay on the logarithmic scale", "log_scale", "regression"),
    Fault("not_deterministic", _O, "the same row gets a different answer each time", "add_noise", "scores"),
    Fault("shifted", _O, "each row gets the answer of its neighbour", "shift_scores", "scores"),
    Fault("sorted", _O, "answers are returned in sorted order", "sort_scores", "scores"),
    Fault("nulls_base", _O, "rows with a missing value get the base rate", "base_for_missing", "scores"),
    Fault("nulls_dropped", _O, "rows with a missing value are dropped", "drop_missing", "scores"),
    Fault("always_same", _O, "every row gets the base rate", "base_always", "scores"),
    Fault("buffered", _O, "only the first rows of a large batch are scored, over and over", "buffer", "scores"),
    Fault("cached", _O, "answers are cached by too few of the inputs", "cache", "scores"),
    Fault("alone_differs", _O, "a single row takes another code path than a batch", "shift_single_row", "scores"),
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in CATALOGUE}
