"""The faults that a served model can have, and a release's mutants: the faults that suit it, with parameters."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """One way in which a served model differs from the trained one; `transform` is a name in `fault_transforms`.

    `choose` gives the parameters for a model, or None where the fault does not apply to it.
    """

    name: str
    family: Family
    sentence: str
    transform: str
    choose: Choose


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
    """Give a mutant for every fault of the catalogue that this model can have."""
    for fault in FAULTS.values():
        parameters = fault.choose(model)
        if parameters is not None:
            yield _mutant(fault.name, fault.family, fault.sentence, fault.transform, parameters)


def column_mutants(columns: Sequence[Column], model: ModelProfile) -> Iterator[Mutant]:
    """Give each column's mutants: it is constant, always missing where the schema allows that, or another row's."""
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


def _strongest_first(model: ModelProfile, names: Collection[str]) -> list[str]:
    return [name for name in model.order if name in names] or list(names)


def _drop(position: float) -> Choose:
    """Replace the column at this part of the order by its typical value."""

    def choose(model: ModelProfile) -> Parameters | None:
        if not model.order:
            return None
        name = model.order[min(int(position * len(model.order)), len(model.order) - 1)]
        return {"column": name, "value": model.typical[name]}

    return choose


def _number_column(position: int = 0, above: float = -1.0, **parameters: float) -> Choose:
    def choose(model: ModelProfile) -> Parameters | None:
        names = [name for name in model.order if name in model.largest and model.largest[name] > above]
        return {"column": names[min(position, len(names) - 1)], **parameters} if names else None

    return choose


def _text_column(model: ModelProfile) -> Parameters | None:
    return next(({"column": name} for name in model.order if name not in model.largest), None)


def _pair(choice: Callable[..., Any]) -> Choose:
    """Choose the two numeric inputs whose values are least (min) or most (max) unlike."""

    def choose(model: ModelProfile) -> Parameters | None:
        def distance(a: str, b: str) -> float:
            first, second = model.numbers[a], model.numbers[b]
            return float(abs(first["mean"] - second["mean"]) / (first["deviation"] + second["deviation"]))

        names = list(model.numbers)
        pairs = [(distance(a, b), a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        return dict(zip(("input", "other"), choice(pairs)[1:], strict=True)) if pairs else None

    return choose


def _number(model: ModelProfile) -> Parameters | None:
    names = _strongest_first(model, model.numbers)
    return {"input": names[0], **model.numbers[names[0]]} if names else None


def _numbers(model: ModelProfile) -> Parameters | None:
    return {"statistics": model.numbers} if model.numbers else None


def _missing_numbers(model: ModelProfile) -> Parameters | None:
    return _numbers(model) if any(each["missing"] for each in model.numbers.values()) else None


def _string(model: ModelProfile) -> Parameters | None:
    names = _strongest_first(model, [name for name, values in model.strings.items() if len(values) > 1])
    return {"input": names[0], "values": model.strings[names[0]]} if names else None


def _strings(model: ModelProfile) -> Parameters | None:
    return {} if model.strings else None


def _input(model: ModelProfile) -> Parameters | None:
    names = _strongest_first(model, [*model.numbers, *model.strings])
    return {"input": names[0]} if names else None


def _any(model: ModelProfile) -> Parameters:
    return {"base": model.base, "spread": model.spread, "temperature": 1.5, "size": 48}


def _classes(model: ModelProfile) -> Parameters | None:
    return {"low": 0.05, "high": 0.95} if model.classes else None


def _regression(model: ModelProfile) -> Parameters | None:
    low, high = model.base[0] - model.spread, model.base[0] + model.spread
    return None if model.classes else {"low": low, "high": high}


_F: Family = "features"
_P: Family = "preprocessing"
_O: Family = "output"
CATALOGUE = (
    Fault("drop_strong", _F, "the strongest column is lost before it reaches the model", "replace", _drop(0.0)),
    Fault("drop_medium", _F, "a column of medium importance is lost on the way", "replace", _drop(0.4)),
    Fault("drop_weak", _F, "a column of low importance is lost on the way", "replace", _drop(0.8)),
    Fault("swap_alike", _F, "two inputs with similar values are swapped", "swap", _pair(min)),
    Fault("swap_unlike", _F, "two inputs with different values are swapped", "swap", _pair(max)),
    Fault("unit_hundredth", _F, "a column arrives in a unit 100 times larger", "multiply", _number_column(factor=0.01)),
    Fault("unit_thousand", _F, "a column arrives in a unit 1000 times smaller", "multiply", _number_column(factor=1e3)),
    Fault("constant", _F, "a broken feature store returns 0 for a column", "replace", _number_column(1, value=0.0)),
    Fault("join_shifted", _F, "an input is joined to the next row", "lag_input", _input),
    Fault("sign", _F, "an input has the opposite sign", "negate", _number),
    Fault("logarithm", _F, "the logarithm of an input is taken once too often", "logarithm", _number),
    Fault("thousands", _F, "a thousands separator is read as a decimal point", "thousands", _number_column(above=1e3)),
    Fault("zero_is_missing", _F, "`if not value` treats zero as missing", "zero_as_missing", _numbers),
    Fault("impute_zero", _P, "missing numbers become 0", "fill_zero", _missing_numbers),
    Fault("indicator_lost", _P, "the model cannot see which numbers were missing", "fill_median", _missing_numbers),
    Fault("carried_forward", _P, "a missing number is filled from the row before", "carry_forward", _missing_numbers),
    Fault("scaler_missing", _P, "numbers reach the model unscaled", "unscale", _numbers),
    Fault("scaler_stale", _P, "numbers are scaled with the statistics of an earlier training", "scale_stale", _numbers),
    Fault("category_order", _P, "categories are encoded in a different order", "next_category", _string),
    Fault("unseen_first", _P, "an unseen category is treated as the first one", "unseen_as_first", _string),
    Fault("category_lost", _P, "one known category is treated as unseen", "lose_second", _string),
    Fault("rare_lost", _P, "the rarest category is treated as unseen", "lose_last", _string),
    Fault("case_folded", _P, "text arrives in a different case", "change_case", _strings),
    Fault("missing_text", _P, "missing text becomes 'nan'", "missing_as_nan", _strings),
    Fault("missing_frequent", _P, "missing text becomes the most frequent value", "missing_as_frequent", _string),
    Fault("padding_kept", _P, "spaces around text are not stripped", "keep_padding", _text_column),
    Fault("padding_stripped", _P, "spaces around text are stripped, unlike in training", "strip_padding", _text_column),
    Fault("integers", _P, "numbers are truncated to integers", "truncate", _numbers),
    Fault("rounded_inputs", _P, "inputs are rounded to one decimal place", "round_inputs", _numbers),
    Fault("clipped", _P, "inputs are clipped to their usual range", "clip_inputs", _numbers),
    Fault("float16", _P, "inputs are stored in half precision", "float16", _numbers),
    Fault("float32", _P, "inputs are stored in single precision", "float32", _numbers),
    Fault("overflow", _P, "inputs overflow, because they are stored in 8 bits", "overflow", _numbers),
    Fault("batch_statistics", _P, "numbers are scaled with the statistics of the batch", "scale_by_batch", _numbers),
    Fault(
        "columns_reordered", _P, "the inputs arrive in a different order than in training", "reorder",
        lambda model: {} if len(model.numbers) > 1 else None,
    ),
    Fault("class_index", _O, "the class index is off by one", "class_index", _classes),
    Fault(
        "threshold", _O, "the decision threshold has moved", "move_threshold",
        lambda model: {"threshold": min(model.threshold + 0.1, 0.95)} if model.classes == 2 else None,
    ),
    Fault("temperature", _O, "scores are on a different scale", "temperature", _any),
    Fault("softmax_twice", _O, "probabilities are normalized twice", "softmax", _classes),
    Fault("rounded", _O, "scores are rounded to two digits", "round_scores", _any),
    Fault("half_scores", _O, "scores are stored in half precision", "half_scores", _any),
    Fault("cut_scores", _O, "probabilities are clipped at 5 and 95 %", "clip_scores", _classes),
    Fault("cut_predictions", _O, "predictions are clipped to their usual range", "clip_scores", _regression),
    Fault("log_scale", _O, "predictions stay on the logarithmic scale", "log_scale", _regression),
    Fault("not_deterministic", _O, "the same row gets a different answer each time", "add_noise", _any),
    Fault("shifted", _O, "each row gets the answer of its neighbour", "shift_scores", _any),
    Fault("sorted", _O, "answers are returned in sorted order", "sort_scores", _any),
    Fault("nulls_base", _O, "rows with a missing value get the base rate", "base_for_missing", _any),
    Fault("nulls_dropped", _O, "rows with a missing value are dropped", "drop_missing", _any),
    Fault("always_same", _O, "every row gets the base rate", "base_always", _any),
    Fault("buffered", _O, "only the first rows of a large batch are scored, over and over", "buffer", _any),
    Fault("cached", _O, "answers are cached by too few of the inputs", "cache", _any),
    Fault("alone_differs", _O, "a single row takes another code path than a batch", "shift_single_row", _any),
)  # fmt: skip
FAULTS: dict[str, Fault] = {fault.name: fault for fault in CATALOGUE}
