"""The catalogue of faults that a served model can have: what each is, and with which parameters it suits a model."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.trial.prove.fault_transforms import EFFECTS

Facts = Mapping[str, Any]  # what `describe_inputs` says of a model


@dataclass(frozen=True)
class Fault:
    """One way in which a served model comes to differ from the trained one.

    `choose` gives its parameters for a model, or None where the model has nothing of the kind.
    """

    name: str
    family: str
    sentence: str
    choose: Callable[[Facts], dict[str, Any] | None]

    @property
    def place(self) -> str:
        """Where it strikes: "cell", "inputs", "scores" or "labels"."""
        return EFFECTS[self.name][0]

    @property
    def effect(self) -> Callable[..., Any]:
        """What it does; see `faults`."""
        return EFFECTS[self.name][1]


@dataclass(frozen=True)
class Seed:
    """A fault with its parameters for one model; `columns` are what a good report names."""

    fault: Fault
    parameters: dict[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns or inputs that it spoils."""
        named = (self.parameters.get(key) for key in ("column", "input", "other"))
        return tuple(name for name in named if name is not None)


def describe_inputs(
    raw: Mapping[str, Any],
    order: list[str],
    numbers: tuple[str, ...],
    strings: tuple[str, ...],
    number_values: Any,
    string_values: Any,
    scores: Any,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Sum up a model for `seeds`: its columns (strongest first in `order`) and what its engine is given; as JSON.

    `raw` are checked columns, `number_values` (n, k) and `string_values` (n, m) the engine's inputs in training.
    """
    facts: dict[str, Any] = {"order": list(order), "numbers": {}, "strings": {}, "raw": {}, "threshold": threshold}
    for name, values in raw.items():
        if values.dtype.kind == "f":
            there = values[~np.isnan(values)]
            middle = float(np.median(there)) if there.size else 0.0
            whole = bool(there.size and (there % 1 == 0).all())
            typical: Any = float(round(middle)) if whole else middle
            facts["raw"][name] = {"numeric": True, "typical": typical, "largest": float(np.abs(there).max(initial=0))}
        else:
            counted = Counter(value for value in values.tolist() if value is not None)
            typical = min(counted, key=lambda value: (-counted[value], value), default=None)
            facts["raw"][name] = {"numeric": False, "typical": typical}
    for name, values in zip(numbers, np.asarray(number_values, dtype=float).T, strict=True):
        there = values[~np.isnan(values)]
        there = there if there.size else np.zeros(1)
        low, high = np.quantile(there, [0.02, 0.98]).tolist()
        facts["numbers"][name] = {
            "median": float(np.median(there)),
            "mean": float(there.mean()),
            "deviation": float(there.std()) or 1.0,
            "low": low,
            "high": high,
            "missing": bool(np.isnan(values).any()),
        }
    for name, column in zip(strings, np.asarray(string_values, dtype=object).T, strict=True):
        known, counts = np.unique(column.astype(str), return_counts=True)
        facts["strings"][name] = [str(known[k]) for k in np.argsort(-counts, kind="stable") if known[k] != ""]
    facts["base"] = np.atleast_1d(np.asarray(scores, dtype=float).mean(axis=0)).tolist()
    facts["classes"] = 0 if np.ndim(scores) == 1 else int(np.shape(scores)[1])
    facts["spread"] = float(np.std(scores))
    return facts


def seeds(facts: Facts) -> list[Seed]:
    """Every fault that this model can have, with its parameters."""
    found = [(fault, fault.choose(facts)) for fault in FAULTS.values()]
    return [Seed(fault, parameters) for fault, parameters in found if parameters is not None]


def _raw(facts: Facts, *, numeric: bool | None = None) -> list[str]:
    return [n for n in facts["order"] if numeric is None or facts["raw"][n]["numeric"] is numeric]


def _dropped(place: float) -> Callable[[Facts], dict[str, Any] | None]:
    def choose(facts: Facts) -> dict[str, Any] | None:
        order = facts["order"]
        if not order:
            return None
        name = order[min(int(place * len(order)), len(order) - 1)]
        return {"column": name, "value": facts["raw"][name]["typical"]}

    return choose


def _zeroed(facts: Facts) -> dict[str, Any] | None:
    names = _raw(facts, numeric=True)
    return {"column": names[min(1, len(names) - 1)], "value": 0.0} if names else None


def _scaled(factor: float) -> Callable[[Facts], dict[str, Any] | None]:
    def choose(facts: Facts) -> dict[str, Any] | None:
        names = _raw(facts, numeric=True)
        return {"column": names[0], "factor": factor} if names else None

    return choose


def _first_raw(numeric: bool, largest: float = 0.0) -> Callable[[Facts], dict[str, Any] | None]:
    def choose(facts: Facts) -> dict[str, Any] | None:
        names = [n for n in _raw(facts, numeric=numeric) if facts["raw"][n].get("largest", 1.0) > largest]
        return {"column": names[0]} if names else None

    return choose


def _pair(alike: bool) -> Callable[[Facts], dict[str, Any] | None]:
    def choose(facts: Facts) -> dict[str, Any] | None:
        names = list(facts["numbers"])
        if len(names) < 2:
            return None

        def apart(a: str, b: str) -> float:
            first, second = facts["numbers"][a], facts["numbers"][b]
            return float(abs(first["mean"] - second["mean"]) / (first["deviation"] + second["deviation"]))

        pairs = [(apart(a, b), a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        _, a, b = min(pairs) if alike else max(pairs)
        return {"input": a, "other": b}

    return choose


def _one_number(facts: Facts) -> dict[str, Any] | None:
    names = [name for name in facts["order"] if name in facts["numbers"]] or list(facts["numbers"])
    return {"input": names[0], **facts["numbers"][names[0]]} if names else None


def _all_numbers(facts: Facts) -> dict[str, Any] | None:
    return {"facts": dict(facts["numbers"])} if facts["numbers"] else None


def _missing_numbers(facts: Facts) -> dict[str, Any] | None:
    return {"facts": dict(facts["numbers"])} if any(f["missing"] for f in facts["numbers"].values()) else None


def _one_string(facts: Facts) -> dict[str, Any] | None:
    names = [name for name, values in facts["strings"].items() if len(values) > 1]
    ordered = [name for name in facts["order"] if name in names] or names
    return {"input": ordered[0], "values": facts["strings"][ordered[0]]} if ordered else None


def _all_strings(facts: Facts) -> dict[str, Any] | None:
    return {} if facts["strings"] else None


def _several_numbers(facts: Facts) -> dict[str, Any] | None:
    return {} if len(facts["numbers"]) > 1 else None


def _any_input(facts: Facts) -> dict[str, Any] | None:
    names = [*facts["numbers"], *facts["strings"]]
    ordered = [name for name in facts["order"] if name in names] or names
    return {"input": ordered[0]} if ordered else None


def _always(facts: Facts) -> dict[str, Any]:
    return {"base": facts["base"], "spread": facts["spread"]}


def _classes(facts: Facts) -> dict[str, Any] | None:
    return {"base": facts["base"], "temperature": 1.5, "low": 0.05, "high": 0.95} if facts["classes"] else None


def _binary(facts: Facts) -> dict[str, Any] | None:
    return {"threshold": min(facts["threshold"] + 0.1, 0.95)} if facts["classes"] == 2 else None


def _regression(facts: Facts) -> dict[str, Any] | None:
    return (
        {"low": facts["base"][0] - facts["spread"], "high": facts["base"][0] + facts["spread"]}
        if not facts["classes"]
        else None
    )


_F, _P, _O = "features", "preprocessing", "output"
CATALOGUE = (
    Fault("drop_strong", _F, "the strongest column is lost on the way", _dropped(0.0)),
    Fault("drop_medium", _F, "a column of middling use is lost on the way", _dropped(0.4)),
    Fault("drop_weak", _F, "a column of little use is lost on the way", _dropped(0.8)),
    Fault("swap_alike", _F, "two inputs that look alike are swapped", _pair(True)),
    Fault("swap_unlike", _F, "two inputs that look unlike are swapped", _pair(False)),
    Fault("unit_hundredth", _F, "a column comes in a unit a hundred times as large", _scaled(0.01)),
    Fault("unit_thousand", _F, "a column comes in a unit a thousand times as small", _scaled(1000.0)),
    Fault("constant", _F, "a broken feature store answers 0 for a column", _zeroed),
    Fault("join_shifted", _F, "an input is joined to the next row", _any_input),
    Fault("sign", _F, "an input has the opposite sign", _one_number),
    Fault("logarithm", _F, "the logarithm of an input is taken once too often", _one_number),
    Fault("thousands", _F, "the thousands separator is read as a decimal point", _first_raw(True, 1000)),
    Fault("zero_is_missing", _F, "`if not value` takes zero for missing", _all_numbers),
    Fault("impute_zero", _P, "missing numbers become 0", _missing_numbers),
    Fault(
        "indicator_lost",
        _P,
        "missing numbers are filled before the model can see that they were missing",
        _missing_numbers,
    ),
    Fault("carried_forward", _P, "a missing number takes the row before's", _missing_numbers),
    Fault("scaler_missing", _P, "numbers reach the model unscaled", _all_numbers),
    Fault("scaler_stale", _P, "numbers are scaled by an earlier training's statistics", _all_numbers),
    Fault("category_order", _P, "the categories are numbered in another order", _one_string),
    Fault("unseen_first", _P, "an unseen category is taken for the first", _one_string),
    Fault("category_lost", _P, "one known category is treated as unseen", _one_string),
    Fault("rare_lost", _P, "the rarest category is treated as unseen", _one_string),
    Fault("case_folded", _P, "texts come in another case", _all_strings),
    Fault("missing_text", _P, "a missing text becomes 'nan'", _all_strings),
    Fault("missing_frequent", _P, "a missing text becomes the most frequent one", _one_string),
    Fault("padding_kept", _P, "padding is not stripped", _first_raw(False)),
    Fault("padding_stripped", _P, "padding is stripped where training kept it", _first_raw(False)),
    Fault("integers", _P, "fractions are cut off", _all_numbers),
    Fault("rounded_inputs", _P, "inputs are rounded to one digit", _all_numbers),
    Fault("clipped", _P, "inputs are clipped to the usual range", _all_numbers),
    Fault("float16", _P, "inputs are kept in half precision", _all_numbers),
    Fault("float32", _P, "inputs are kept in single precision", _all_numbers),
    Fault("overflow", _P, "an input is kept in 8 bits", _all_numbers),
    Fault("batch_statistics", _P, "numbers are scaled by the batch's own statistics", _all_numbers),
    Fault("columns_reordered", _P, "the inputs come in another order than in training", _several_numbers),
    Fault("class_index", _O, "the class index is off by one", _classes),
    Fault("threshold", _O, "the threshold moved", _binary),
    Fault("temperature", _O, "scores are on another scale", lambda f: {**_always(f), "temperature": 1.5}),
    Fault("softmax_twice", _O, "probabilities are normalized twice", _classes),
    Fault("rounded", _O, "scores are rounded to two digits", _always),
    Fault("half_scores", _O, "scores are kept in half precision", _always),
    Fault("cut_scores", _O, "probabilities are cut at 5 and 95 %", _classes),
    Fault("cut_predictions", _O, "predictions are cut to the usual range", _regression),
    Fault("log_scale", _O, "predictions stay on the logarithmic scale", _regression),
    Fault("not_deterministic", _O, "the same row gets another answer each time", _always),
    Fault("shifted", _O, "each row gets the next one's answer", _always),
    Fault("sorted", _O, "answers come sorted", _always),
    Fault("nulls_base", _O, "rows with a missing value are answered with the base rate", _always),
    Fault("nulls_dropped", _O, "rows with a missing value are dropped", _always),
    Fault("always_same", _O, "every row gets the base rate", _always),
    Fault(
        "buffered",
        _O,
        "only the first rows of a large batch are scored, again and again",
        lambda _f: {"size": 48},
    ),
    Fault("cached", _O, "answers are cached by too few of the inputs", _always),
    Fault("alone_differs", _O, "a row alone takes another path than a batch", _always),
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in CATALOGUE}
