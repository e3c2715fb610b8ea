"""Faults to seed into an installed release, to see whether the trial finds them: mutation testing for a release gate.

This file is loaded by its path in the candidate's own environment, so it uses the standard library and numpy alone.
`catalogue` says what each fault is and with which parameters it suits a model; faults of training data are in
`spoiling`.
"""

import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Parameters = Mapping[str, Any]
Numbers = Any  # (n, k) float64 with NaN for missing
Strings = Any  # (n, m) of str with "" for missing


def apply(release: Any, name: str, parameters: Parameters) -> None:
    """Seed a fault into a release object, by attributes of its own; deleting these takes it out again.

    `release` has `engine`, `score_table(columns)`, `encode(row)`, `decide_index(scores)` and `metadata.inputs`.
    """
    place, effect = EFFECTS[name]
    spoil = {"cell": _spoil_cells, "inputs": _spoil_inputs, "scores": _spoil_scores, "labels": _spoil_labels}[place]
    spoil(release, effect, parameters)


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
    changed = [effect(None if math.isnan(value) else value, parameters) for value in values.tolist()]
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
    return value or None


def _kept_padding(value: Any, _p: Parameters) -> Any:
    # A zero-width space, which no strip() meets: the padded text stays another text.
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


# ---- labels: (scores, the release's own decision, parameters)


def _moved_threshold(scores: Any, decide: Callable[[Any], Any], p: Parameters) -> Any:
    decided = decide(scores)
    top = scores.max(axis=1)
    return np.where(top < p["threshold"], 1 - decided, decided)


# By name: where it strikes (a "cell" of a row, the engine's "inputs", its "scores", or the "labels" decided from them),
# and the function that does it.
EFFECTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "drop_strong": ("cell", _constant),
    "drop_medium": ("cell", _constant),
    "drop_weak": ("cell", _constant),
    "swap_alike": ("inputs", _swapped),
    "swap_unlike": ("inputs", _swapped),
    "unit_hundredth": ("cell", _times),
    "unit_thousand": ("cell", _times),
    "constant": ("cell", _constant),
    "join_shifted": ("inputs", _rolled_input),
    "sign": ("inputs", _numbers_by(lambda v, _f: -v)),
    "logarithm": ("inputs", _numbers_by(lambda v, _f: np.sign(v) * np.log1p(np.abs(v)))),
    "thousands": ("cell", _thousands),
    "zero_is_missing": ("inputs", _numbers_by(lambda v, _f: np.where(v == 0, np.nan, v))),
    "impute_zero": ("inputs", _numbers_by(lambda v, _f: _filled(v, 0.0))),
    "indicator_lost": ("inputs", _numbers_by(lambda v, f: _filled(v, f["median"]))),
    "carried_forward": ("inputs", _numbers_by(_carried)),
    "scaler_missing": ("inputs", _numbers_by(lambda v, f: v * f["deviation"] + f["mean"])),
    "scaler_stale": ("inputs", _numbers_by(lambda v, f: v * 1.05 + 0.05 * f["deviation"])),
    "category_order": ("inputs", _strings_by(_next_category)),
    "unseen_first": ("inputs", _strings_by(lambda v, p: v if v in p["values"] or v == "" else p["values"][0])),
    "category_lost": (
        "inputs",
        _strings_by(lambda v, p: "\u200b" if v == p["values"][min(1, len(p["values"]) - 1)] else v),
    ),
    "rare_lost": ("inputs", _strings_by(lambda v, p: "\u200b" if v == p["values"][-1] else v)),
    "case_folded": ("inputs", _strings_by(_other_case)),
    "missing_text": ("inputs", _strings_by(lambda v, _p: v or "nan")),
    "missing_frequent": ("inputs", _strings_by(lambda v, p: v or p["values"][0])),
    "padding_kept": ("cell", _kept_padding),
    "padding_stripped": ("cell", _stripped),
    "integers": ("inputs", _numbers_by(lambda v, _f: np.trunc(v))),
    "rounded_inputs": ("inputs", _numbers_by(lambda v, _f: np.round(v, 1))),
    "clipped": ("inputs", _numbers_by(lambda v, f: np.clip(v, f["low"], f["high"]))),
    "float16": ("inputs", _numbers_by(lambda v, _f: np.clip(v, -6e4, 6e4).astype(np.float16))),
    "float32": ("inputs", _numbers_by(lambda v, _f: v.astype(np.float32))),
    "overflow": ("inputs", _numbers_by(lambda v, _f: np.where(np.abs(v) > 127, (v + 128) % 256 - 128, v))),
    "batch_statistics": ("inputs", _numbers_by(_batch_standardized)),
    "columns_reordered": ("inputs", _reordered),
    "class_index": ("scores", lambda s, _n, _t, _p: np.roll(s, 1, axis=1)),
    "threshold": ("labels", _moved_threshold),
    "temperature": ("scores", _temperature),
    "softmax_twice": ("scores", _twice),
    "rounded": ("scores", lambda s, _n, _t, _p: np.round(s, 2 if s.ndim == 2 else 0)),
    "half_scores": ("scores", lambda s, _n, _t, _p: np.clip(s, -6e4, 6e4).astype(np.float16).astype(float)),
    "cut_scores": ("scores", _cut),
    "cut_predictions": ("scores", _cut),
    "log_scale": ("scores", lambda s, _n, _t, _p: np.log1p(np.abs(s))),
    "not_deterministic": ("scores", _noisy),
    "shifted": ("scores", lambda s, _n, _t, _p: np.roll(s, 1, axis=0)),
    "sorted": ("scores", lambda s, _n, _t, _p: np.sort(s) if s.ndim == 1 else s[np.argsort(s[:, 0])]),
    "nulls_base": ("scores", _based),
    "nulls_dropped": ("scores", lambda s, n, t, _p: s[~_with_nulls(n, t)]),
    "always_same": (
        "scores",
        lambda s, _n, _t, p: np.zeros_like(s) + (np.array(p["base"]) if s.ndim == 2 else p["base"][0]),
    ),
    "buffered": ("scores", _buffered),
    "cached": ("scores", _cached),
    "alone_differs": ("scores", _alone),
}
