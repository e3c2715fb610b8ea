"""Faults to seed into an installed release, to see whether the trial finds them: mutation testing for a release gate.

This file is loaded by its path in the candidate's own environment, so it uses the standard library and numpy alone.
`apply` changes what the release object does, by attributes of its own; `seeds` chooses what to change for a model.
Faults of training data are in `spoiling`.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Facts = Mapping[str, Any]  # what `describe_inputs` says of a model
Parameters = Mapping[str, Any]
Numbers = Any  # (n, k) float64 with NaN for missing
Strings = Any  # (n, m) of str with "" for missing


@dataclass(frozen=True)
class Fault:
    """One way in which a served model comes to differ from the trained one.

    `place` says where it strikes: a "cell" (a value of a row), the engine's "inputs", its "scores", or the "labels"
    decided from them. `effect` is the function that does it, `choose` gives its parameters for a model, or None where
    the model has nothing of the kind.
    """

    name: str
    family: str
    sentence: str
    place: str
    effect: Callable[..., Any]
    choose: Callable[[Facts], dict[str, Any] | None]


@dataclass(frozen=True)
class Seed:
    """A fault with its parameters for one model; `columns` are what a good report names, `words` otherwise."""

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
    number_values: Numbers,
    string_values: Strings,
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
            listed = [value for value in values.tolist() if value is not None]
            counted = (
                sorted(set(listed), key=lambda value: (-listed.count(value), value)) if len(listed) < 20_000 else []
            )
            facts["raw"][name] = {"numeric": False, "typical": counted[0] if counted else None}
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
        listed, counts = np.unique(column.astype(str), return_counts=True)
        facts["strings"][name] = [str(listed[k]) for k in np.argsort(-counts, kind="stable") if listed[k] != ""]
    facts["base"] = np.atleast_1d(np.asarray(scores, dtype=float).mean(axis=0)).tolist()
    facts["classes"] = 0 if np.ndim(scores) == 1 else int(np.shape(scores)[1])
    facts["spread"] = float(np.std(scores))
    return facts


def seeds(facts: Facts) -> list[Seed]:
    """Every fault that this model can have, with its parameters."""
    found = [(fault, fault.choose(facts)) for fault in FAULTS.values()]
    return [Seed(fault, parameters) for fault, parameters in found if parameters is not None]


def apply(release: Any, name: str, parameters: Parameters) -> None:
    """Seed a fault into a release object, by attributes of its own; deleting these takes it out again.

    `release` has `engine`, `score_table(columns)`, `encode(row)`, `decide_index(scores)` and `metadata.inputs`.
    """
    fault = FAULTS[name]
    {"cell": _spoil_cells, "inputs": _spoil_inputs, "scores": _spoil_scores, "labels": _spoil_labels}[fault.place](
        release, fault.effect, parameters
    )


def _spoil_cells(release: Any, effect: Callable[..., Any], parameters: Parameters) -> None:
    table, encode, column = release.score_table, release.encode, parameters["column"]

    def score_table(columns: Any) -> Any:
        return table({**columns, column: spoil_column(columns[column], effect, parameters)})

    def encode_row(row: Any) -> Any:
        values = {**row.__dict__, column: effect(getattr(row, column), parameters)}
        return encode(types.SimpleNamespace(**values))

    release.score_table, release.encode = score_table, encode_row


def spoil_column(values: Any, effect: Callable[..., Any], parameters: Parameters) -> Any:
    """Apply a cell's effect to a checked column: float64 with NaN, or objects with None, for missing."""
    if values.dtype.kind != "f":
        known = {value: effect(value, parameters) for value in set(values.tolist())}
        return np.fromiter((known[value] for value in values.tolist()), dtype=object, count=len(values))
    changed = [effect(None if value != value else value, parameters) for value in values.tolist()]
    return np.array([np.nan if value is None else value for value in changed], dtype=np.float64)


def _spoil_inputs(release: Any, effect: Callable[..., Any], parameters: Parameters) -> None:
    engine, inputs = release.engine, release.metadata.inputs

    def spoiled(numbers: Numbers, strings: Strings) -> Any:
        numbers, strings = np.array(numbers, dtype=np.float64), np.array(strings, dtype=object)
        return engine(*effect(numbers, strings, (list(inputs.numbers), list(inputs.strings)), parameters))

    release.engine = spoiled


def _spoil_scores(release: Any, effect: Callable[..., Any], parameters: Parameters) -> None:
    engine = release.engine

    def spoiled(numbers: Numbers, strings: Strings) -> Any:
        return effect(np.array(engine(numbers, strings), dtype=np.float64), numbers, strings, parameters)

    release.engine = spoiled


def _spoil_labels(release: Any, effect: Callable[..., Any], parameters: Parameters) -> None:
    decide = release.decide_index
    release.decide_index = lambda scores: effect(scores, decide, parameters)


# ---- cells: one value of a row; None for missing


def _constant(_value: Any, p: Parameters) -> Any:
    return p["value"]


def _times(value: Any, p: Parameters) -> Any:
    return None if value is None else value * p["factor"]


def _thousands(value: Any, _p: Parameters) -> Any:
    return value / 1000 if value is not None and abs(value) >= 1000 else value


def _falsy(value: Any, _p: Parameters) -> Any:
    return None if not value else value


def _kept_padding(value: Any, _p: Parameters) -> Any:
    # A no-break space that no strip() of ours would meet: the padded text stays another text.
    return value if value is None or value == value.strip() else "\u200b" + value.strip()


def _stripped(value: Any, _p: Parameters) -> Any:
    return value if value is None else value.strip()


# ---- inputs: (numbers, strings, (names of numbers, names of strings), parameters)


def _numbers_by(change: Callable[[Any, Any], Any], key: str = "input") -> Callable[..., Any]:
    """Change one input, or all numeric ones where the parameters name none."""

    def effect(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
        for k, name in enumerate(names[0]):
            if p.get(key) in (None, name):
                numbers[:, k] = change(numbers[:, k], p.get("facts", {}).get(name, p))
        return numbers, strings

    return effect


def _strings_by(change: Callable[[str, Any], str]) -> Callable[..., Any]:
    def effect(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
        for k, name in enumerate(names[1]):
            if p.get("input") in (None, name):
                strings[:, k] = [change(value, p) for value in strings[:, k]]
        return numbers, strings

    return effect


def _swapped(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
    a, b = names[0].index(p["input"]), names[0].index(p["other"])
    numbers[:, [a, b]] = numbers[:, [b, a]]
    return numbers, strings


def _rolled_input(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
    if p["input"] in names[0]:
        k = names[0].index(p["input"])
        numbers[:, k] = np.roll(numbers[:, k], 1)
    else:
        k = names[1].index(p["input"])
        strings[:, k] = np.roll(strings[:, k], 1)
    return numbers, strings


def _reordered(numbers: Numbers, strings: Strings, _names: Any, _p: Parameters) -> Any:
    return np.roll(numbers, 1, axis=1), strings


def _filled(values: Any, filler: Any) -> Any:
    return np.where(np.isnan(values), filler, values)


def _batch_standardized(values: Any, f: Any) -> Any:
    spread = np.nanstd(values) if np.isfinite(values).any() else 0.0
    middle = np.nanmean(values) if np.isfinite(values).any() else 0.0
    return (values - middle) / (spread or 1.0) * f["deviation"] + f["mean"]


def _carried(values: Any, _f: Any) -> Any:
    values = values.copy()
    for k in range(1, len(values)):
        if np.isnan(values[k]):
            values[k] = values[k - 1]
    return values


def _next_category(value: str, p: Parameters) -> str:
    values = p["values"]
    return values[(values.index(value) + 1) % len(values)] if value in values else value


def _other_case(value: str, _p: Parameters) -> str:
    return value.upper() if value == value.lower() else value.lower()


# ---- scores: (scores, numbers, strings, parameters)


def _with_nulls(numbers: Numbers, strings: Strings) -> Any:
    return np.isnan(np.asarray(numbers, dtype=float)).any(axis=1) | (np.asarray(strings, dtype=object) == "").any(
        axis=1
    )


def _temperature(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    if scores.ndim == 1:
        return (scores - p["base"][0]) * 0.97 + p["base"][0]
    powered = np.clip(scores, 1e-12, 1) ** (1 / p["temperature"])
    return powered / powered.sum(axis=1, keepdims=True)


def _based(scores: Any, numbers: Numbers, strings: Strings, p: Parameters) -> Any:
    scores[_with_nulls(numbers, strings)] = p["base"] if scores.ndim == 2 else p["base"][0]
    return scores


def _noisy(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    noise = np.random.default_rng().normal(0, 1e-3 * p["spread"], len(scores))  # another each time, on purpose
    if scores.ndim == 1:
        return scores + noise
    scores = np.clip(scores + noise[:, None] * np.array([1.0, -1.0] + [0.0] * (scores.shape[1] - 2)), 0, 1)
    return scores / scores.sum(axis=1, keepdims=True)


def _buffered(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    size = p["size"]
    return scores[np.arange(len(scores)) % size] if len(scores) > size else scores


def _cached(scores: Any, numbers: Numbers, strings: Strings, _p: Parameters) -> Any:
    keys: dict[Any, int] = {}
    rows = zip(np.asarray(numbers)[:, :2].tolist(), np.asarray(strings)[:, :2].tolist(), strict=True)
    return scores[[keys.setdefault(repr(key), place) for place, key in enumerate(rows)]]


def _alone(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    return (
        scores * 0.99 + 0.01 * np.array(p["base"] if scores.ndim == 2 else p["base"][0]) if len(scores) == 1 else scores
    )


def _twice(scores: Any, _n: Numbers, _s: Strings, _p: Parameters) -> Any:
    raised = np.exp(scores)
    return raised / raised.sum(axis=1, keepdims=True)


def _cut(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    return np.clip(scores, p["low"], p["high"])


# ---- which parameters suit a model


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
            return abs(first["mean"] - second["mean"]) / (first["deviation"] + second["deviation"])

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


def _moved_threshold(scores: Any, decide: Callable[[Any], Any], p: Parameters) -> Any:
    decided = decide(scores)
    top = scores.max(axis=1)
    return np.where(top < p["threshold"], 1 - decided, decided)


_F, _P, _O = "features", "preprocessing", "output"
_CATALOGUE = (
    Fault("drop_strong", _F, "the strongest column is lost on the way", "cell", _constant, _dropped(0.0)),
    Fault("drop_medium", _F, "a column of middling use is lost on the way", "cell", _constant, _dropped(0.4)),
    Fault("drop_weak", _F, "a column of little use is lost on the way", "cell", _constant, _dropped(0.8)),
    Fault("swap_alike", _F, "two inputs that look alike are swapped", "inputs", _swapped, _pair(True)),
    Fault("swap_unlike", _F, "two inputs that look unlike are swapped", "inputs", _swapped, _pair(False)),
    Fault("unit_hundredth", _F, "a column comes in a unit a hundred times as large", "cell", _times, _scaled(0.01)),
    Fault("unit_thousand", _F, "a column comes in a unit a thousand times as small", "cell", _times, _scaled(1000.0)),
    Fault("constant", _F, "a broken feature store answers 0 for a column", "cell", _constant, _zeroed),
    Fault("join_shifted", _F, "an input is joined to the next row", "inputs", _rolled_input, _any_input),
    Fault("sign", _F, "an input has the opposite sign", "inputs", _numbers_by(lambda v, f: -v), _one_number),
    Fault("logarithm", _F, "the logarithm of an input is taken once too often", "inputs",
          _numbers_by(lambda v, f: np.sign(v) * np.log1p(np.abs(v))), _one_number),
    Fault("thousands", _F, "the thousands separator is read as a decimal point", "cell", _thousands, _first_raw(True, 1000)),
    Fault("zero_is_missing", _F, "`if not value` takes zero for missing", "inputs",
          _numbers_by(lambda v, f: np.where(v == 0, np.nan, v)), _all_numbers),
    Fault("impute_zero", _P, "missing numbers become 0", "inputs", _numbers_by(lambda v, f: _filled(v, 0.0)), _missing_numbers),
    Fault("indicator_lost", _P, "missing numbers are filled before the model can see that they were missing", "inputs",
          _numbers_by(lambda v, f: _filled(v, f["median"])), _missing_numbers),
    Fault("carried_forward", _P, "a missing number takes the row before's", "inputs", _numbers_by(_carried), _missing_numbers),
    Fault("scaler_missing", _P, "numbers reach the model unscaled", "inputs",
          _numbers_by(lambda v, f: v * f["deviation"] + f["mean"]), _all_numbers),
    Fault("scaler_stale", _P, "numbers are scaled by an earlier training's statistics", "inputs",
          _numbers_by(lambda v, f: v * 1.05 + 0.05 * f["deviation"]), _all_numbers),
    Fault("category_order", _P, "the categories are numbered in another order", "inputs", _strings_by(_next_category), _one_string),
    Fault("unseen_first", _P, "an unseen category is taken for the first", "inputs",
          _strings_by(lambda v, p: v if v in p["values"] or v == "" else p["values"][0]), _one_string),
    Fault("category_lost", _P, "one known category is treated as unseen", "inputs",
          _strings_by(lambda v, p: "\u200b" if v == p["values"][min(1, len(p["values"]) - 1)] else v), _one_string),
    Fault("rare_lost", _P, "the rarest category is treated as unseen", "inputs",
          _strings_by(lambda v, p: "\u200b" if v == p["values"][-1] else v), _one_string),
    Fault("case_folded", _P, "texts come in another case", "inputs", _strings_by(_other_case), _all_strings),
    Fault("missing_text", _P, "a missing text becomes 'nan'", "inputs", _strings_by(lambda v, p: v or "nan"), _all_strings),
    Fault("missing_frequent", _P, "a missing text becomes the most frequent one", "inputs",
          _strings_by(lambda v, p: v or p["values"][0]), _one_string),
    Fault("padding_kept", _P, "padding is not stripped", "cell", _kept_padding, _first_raw(False)),
    Fault("padding_stripped", _P, "padding is stripped where training kept it", "cell", _stripped, _first_raw(False)),
    Fault("integers", _P, "fractions are cut off", "inputs", _numbers_by(lambda v, f: np.trunc(v)), _all_numbers),
    Fault("rounded_inputs", _P, "inputs are rounded to one digit", "inputs", _numbers_by(lambda v, f: np.round(v, 1)), _all_numbers),
    Fault("clipped", _P, "inputs are clipped to the usual range", "inputs",
          _numbers_by(lambda v, f: np.clip(v, f["low"], f["high"])), _all_numbers),
    Fault("float16", _P, "inputs are kept in half precision", "inputs",
          _numbers_by(lambda v, f: np.clip(v, -6e4, 6e4).astype(np.float16)), _all_numbers),
    Fault("float32", _P, "inputs are kept in single precision", "inputs", _numbers_by(lambda v, f: v.astype(np.float32)), _all_numbers),
    Fault("overflow", _P, "an input is kept in 8 bits", "inputs",
          _numbers_by(lambda v, f: np.where(np.abs(v) > 127, (v + 128) % 256 - 128, v)), _all_numbers),
    Fault("batch_statistics", _P, "numbers are scaled by the batch's own statistics", "inputs",
          _numbers_by(_batch_standardized), _all_numbers),
    Fault("columns_reordered", _P, "the inputs come in another order than in training", "inputs", _reordered, _several_numbers),
    Fault("class_index", _O, "the class index is off by one", "scores", lambda s, n, t, p: np.roll(s, 1, axis=1), _classes),
    Fault("threshold", _O, "the threshold moved", "labels", _moved_threshold, _binary),
    Fault("temperature", _O, "scores are on another scale", "scores", _temperature, lambda f: {**_always(f), "temperature": 1.5}),
    Fault("softmax_twice", _O, "probabilities are normalized twice", "scores", _twice, _classes),
    Fault("rounded", _O, "scores are rounded to two digits", "scores", lambda s, n, t, p: np.round(s, 2 if s.ndim == 2 else 0), _always),
    Fault("half_scores", _O, "scores are kept in half precision", "scores",
          lambda s, n, t, p: np.clip(s, -6e4, 6e4).astype(np.float16).astype(float), _always),
    Fault("cut_scores", _O, "probabilities are cut at 5 and 95 %", "scores", _cut, _classes),
    Fault("cut_predictions", _O, "predictions are cut to the usual range", "scores", _cut, _regression),
    Fault("log_scale", _O, "predictions stay on the logarithmic scale", "scores",
          lambda s, n, t, p: np.log1p(np.abs(s)), _regression),
    Fault("not_deterministic", _O, "the same row gets another answer each time", "scores", _noisy, _always),
    Fault("shifted", _O, "each row gets the next one's answer", "scores", lambda s, n, t, p: np.roll(s, 1, axis=0), _always),
    Fault("sorted", _O, "answers come sorted", "scores",
          lambda s, n, t, p: np.sort(s) if s.ndim == 1 else s[np.argsort(s[:, 0])], _always),
    Fault("nulls_base", _O, "rows with a missing value are answered with the base rate", "scores", _based, _always),
    Fault("nulls_dropped", _O, "rows with a missing value are dropped", "scores",
          lambda s, n, t, p: s[~_with_nulls(n, t)], _always),
    Fault("always_same", _O, "every row gets the base rate", "scores",
          lambda s, n, t, p: np.zeros_like(s) + (np.array(p["base"]) if s.ndim == 2 else p["base"][0]), _always),
    Fault("buffered", _O, "only the first rows of a large batch are scored, again and again", "scores", _buffered,
          lambda f: {"size": 48}),
    Fault("cached", _O, "answers are cached by too few of the inputs", "scores", _cached, _always),
    Fault("alone_differs", _O, "a row alone takes another path than a batch", "scores", _alone, _always),
)  # fmt: skip
FAULTS: dict[str, Fault] = {fault.name: fault for fault in _CATALOGUE}
