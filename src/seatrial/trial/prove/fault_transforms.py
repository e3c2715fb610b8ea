"""Transforms that inject a fault into an installed release: mutation testing for a release gate.

The candidate's own environment loads this file by its path, so it imports only the standard library and numpy.
`serving_faults` lists the faults and chooses parameters that suit a model.
"""

import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Parameters = Mapping[str, Any]
Numbers = Any  # (n, k) float64 with NaN for missing
Strings = Any  # (n, m) of str with "" for missing
UNKNOWN = "\u200b"  # a zero-width space, which strip() leaves alone: a category that no model knows


def apply(release: Any, name: str, parameters: Parameters) -> None:
    """Inject a fault by setting attributes of a release object; deleting these attributes removes the fault.

    `release` has `engine`, `score_table(columns)`, `encode(row)`, `decide_index(scores)` and `metadata.inputs`.
    """
    stage, transform = TRANSFORMS[name]
    INJECTORS[stage](release, transform, parameters)


def _inject_values(release: Any, transform: Callable[..., Any], parameters: Parameters) -> None:
    table, encode, column = release.score_table, release.encode, parameters["column"]

    def score_table(columns: Any) -> Any:
        return table({**columns, column: transform_column(columns[column], transform, parameters)})

    def encode_row(row: Any) -> Any:
        value = transform(getattr(row, column), parameters)
        return encode(types.SimpleNamespace(**{**row.__dict__, column: value}))

    release.score_table, release.encode = score_table, encode_row


def transform_column(values: Any, transform: Callable[..., Any], parameters: Parameters) -> Any:
    """Transform each value of a checked column: float64 with NaN, or objects with None, for missing."""
    numeric = values.dtype.kind == "f"
    changed = [transform(None if numeric and math.isnan(value) else value, parameters) for value in values.tolist()]
    if numeric:
        return np.array([np.nan if value is None else value for value in changed], dtype=np.float64)
    return np.fromiter(changed, dtype=object, count=len(changed))


def _inject_lag(release: Any, transform: Callable[..., Any], parameters: Parameters) -> None:
    """Shift a column by a row: within a table, and from one request to the next."""
    table, encode, column = release.score_table, release.encode, parameters["column"]
    values: list[Any] = []

    def encode_row(row: Any) -> Any:
        values.append(getattr(row, column))
        return encode(types.SimpleNamespace(**{**row.__dict__, column: values[-2] if len(values) > 1 else values[-1]}))

    release.score_table = lambda columns: table({**columns, column: transform(columns[column])})
    release.encode = encode_row


def _inject_inputs(release: Any, transform: Callable[..., Any], parameters: Parameters) -> None:
    engine, inputs = release.engine, release.metadata.inputs

    def faulty_engine(numbers: Numbers, strings: Strings) -> Any:
        numbers, strings = np.array(numbers, dtype=np.float64), np.array(strings, dtype=object)
        return engine(*transform(numbers, strings, (list(inputs.numbers), list(inputs.strings)), parameters))

    release.engine = faulty_engine


def _inject_scores(release: Any, transform: Callable[..., Any], parameters: Parameters) -> None:
    engine = release.engine

    def faulty_engine(numbers: Numbers, strings: Strings) -> Any:
        return transform(np.array(engine(numbers, strings), dtype=np.float64), numbers, strings, parameters)

    release.engine = faulty_engine


def _inject_labels(release: Any, transform: Callable[..., Any], parameters: Parameters) -> None:
    decide = release.decide_index
    release.decide_index = lambda scores: transform(scores, decide, parameters)


INJECTORS = {
    "value": _inject_values,
    "lag": _inject_lag,
    "inputs": _inject_inputs,
    "scores": _inject_scores,
    "labels": _inject_labels,
}


# ---- values: one value of a row (None for missing), parameters


def _thousands(value: Any, _p: Parameters) -> Any:
    return value / 1000 if value is not None and abs(value) >= 1000 else value


def _keep_padding(value: Any, _p: Parameters) -> Any:
    return value if value is None or value == value.strip() else UNKNOWN + value.strip()


# ---- inputs: numbers, strings, (names of numbers, names of strings), parameters


def _each_number(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Change one numeric input, or all of them where the parameters name none."""

    def transform(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
        for k, name in enumerate(names[0]):
            if p.get("input") in (None, name):
                numbers[:, k] = change(numbers[:, k], p.get("statistics", {}).get(name, p))
        return numbers, strings

    return transform


def _each_string(change: Callable[[str, Any], str]) -> Callable[..., Any]:
    def transform(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
        for k, name in enumerate(names[1]):
            if p.get("input") in (None, name):
                strings[:, k] = [change(value, p) for value in strings[:, k]]
        return numbers, strings

    return transform


def _swap(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
    a, b = names[0].index(p["input"]), names[0].index(p["other"])
    numbers[:, [a, b]] = numbers[:, [b, a]]
    return numbers, strings


def _lag_input(numbers: Numbers, strings: Strings, names: Any, p: Parameters) -> Any:
    values, own = (numbers, names[0]) if p["input"] in names[0] else (strings, names[1])
    k = own.index(p["input"])
    values[:, k] = np.roll(values[:, k], 1)
    return numbers, strings


def _fill(values: Any, filler: Any) -> Any:
    return np.where(np.isnan(values), filler, values)


def _standardize_by_batch(values: Any, s: Any) -> Any:
    known = values[np.isfinite(values)]
    deviation, mean = (np.nanstd(values), np.nanmean(values)) if known.size else (0.0, 0.0)
    return (values - mean) / (deviation or 1.0) * s["deviation"] + s["mean"]


def _carry_forward(values: Any, _s: Any) -> Any:
    values = values.copy()
    for k in range(1, len(values)):
        if np.isnan(values[k]):
            values[k] = values[k - 1]
    return values


def _next_category(value: str, p: Parameters) -> str:
    values = p["values"]
    return values[(values.index(value) + 1) % len(values)] if value in values else value


def _lose_category(position: int) -> Callable[[str, Any], str]:
    return lambda value, p: UNKNOWN if value == p["values"][min(position, len(p["values"]) - 1)] else value


# ---- scores: scores, numbers, strings, parameters


def _has_missing(numbers: Numbers, strings: Strings) -> Any:
    return np.isnan(np.asarray(numbers, dtype=float)).any(axis=1) | (np.asarray(strings, dtype=object) == "").any(
        axis=1
    )


def _temperature(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    if scores.ndim == 1:
        return (scores - p["base"][0]) * 0.97 + p["base"][0]
    powered = np.clip(scores, 1e-12, 1) ** (1 / p["temperature"])
    return powered / powered.sum(axis=1, keepdims=True)


def _softmax(scores: Any, *_: Any) -> Any:
    raised = np.exp(scores)
    return raised / raised.sum(axis=1, keepdims=True)


def _base_for_missing(scores: Any, numbers: Numbers, strings: Strings, p: Parameters) -> Any:
    scores[_has_missing(numbers, strings)] = p["base"]
    return scores


def _add_noise(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    noise = np.random.default_rng().normal(0, 1e-3 * p["spread"], len(scores))  # no seed: it differs on each call
    if scores.ndim == 1:
        return scores + noise
    scores = np.clip(scores + noise[:, None] * np.array([1.0, -1.0] + [0.0] * (scores.shape[1] - 2)), 0, 1)
    return scores / scores.sum(axis=1, keepdims=True)


def _cache(scores: Any, numbers: Numbers, strings: Strings, _p: Parameters) -> Any:
    keys: dict[Any, int] = {}
    rows = zip(np.asarray(numbers)[:, :2].tolist(), np.asarray(strings)[:, :2].tolist(), strict=True)
    return scores[[keys.setdefault(repr(key), position) for position, key in enumerate(rows)]]


def _shift_single_row(scores: Any, _n: Numbers, _s: Strings, p: Parameters) -> Any:
    return scores * 0.99 + 0.01 * np.array(p["base"]) if len(scores) == 1 else scores


# ---- labels: scores, the release's own decision, parameters


def _move_threshold(scores: Any, decide: Callable[[Any], Any], p: Parameters) -> Any:
    labels = decide(scores)
    return np.where(scores.max(axis=1) < p["threshold"], 1 - labels, labels)


# By name: the stage that it changes (a "value" of a row or its "lag", the engine's "inputs", its "scores", or the
# "labels" decided from them), and the function that changes it.
TRANSFORMS: dict[str, tuple[str, Callable[..., Any]]] = {
    "replace": ("value", lambda _v, p: p["value"]),
    "zero": ("value", lambda _v, _p: 0.0),
    "hundredth": ("value", lambda v, _p: None if v is None else v * 0.01),
    "thousandfold": ("value", lambda v, _p: None if v is None else v * 1000.0),
    "thousands": ("value", _thousands),
    "keep_padding": ("value", _keep_padding),
    "strip_padding": ("value", lambda v, _p: v if v is None else v.strip()),
    "lag": ("lag", lambda values: np.roll(values, 1)),
    "swap": ("inputs", _swap),
    "lag_input": ("inputs", _lag_input),
    "reorder": ("inputs", lambda n, t, _names, _p: (np.roll(n, 1, axis=1), t)),
    "negate": ("inputs", _each_number(lambda v, _s: -v)),
    "logarithm": ("inputs", _each_number(lambda v, _s: np.sign(v) * np.log1p(np.abs(v)))),
    "zero_as_missing": ("inputs", _each_number(lambda v, _s: np.where(v == 0, np.nan, v))),
    "fill_zero": ("inputs", _each_number(lambda v, _s: _fill(v, 0.0))),
    "fill_median": ("inputs", _each_number(lambda v, s: _fill(v, s["median"]))),
    "carry_forward": ("inputs", _each_number(_carry_forward)),
    "unscale": ("inputs", _each_number(lambda v, s: v * s["deviation"] + s["mean"])),
    "scale_stale": ("inputs", _each_number(lambda v, s: v * 1.05 + 0.05 * s["deviation"])),
    "scale_by_batch": ("inputs", _each_number(_standardize_by_batch)),
    "truncate": ("inputs", _each_number(lambda v, _s: np.trunc(v))),
    "round_inputs": ("inputs", _each_number(lambda v, _s: np.round(v, 1))),
    "clip_inputs": ("inputs", _each_number(lambda v, s: np.clip(v, s["low"], s["high"]))),
    "float16": ("inputs", _each_number(lambda v, _s: np.clip(v, -6e4, 6e4).astype(np.float16))),
    "float32": ("inputs", _each_number(lambda v, _s: v.astype(np.float32))),
    "overflow": ("inputs", _each_number(lambda v, _s: np.where(np.abs(v) > 127, (v + 128) % 256 - 128, v))),
    "next_category": ("inputs", _each_string(_next_category)),
    "unseen_as_first": ("inputs", _each_string(lambda v, p: v if v in p["values"] or v == "" else p["values"][0])),
    "lose_second": ("inputs", _each_string(_lose_category(1))),
    "lose_last": ("inputs", _each_string(_lose_category(-1))),
    "change_case": ("inputs", _each_string(lambda v, _p: v.upper() if v == v.lower() else v.lower())),
    "missing_as_nan": ("inputs", _each_string(lambda v, _p: v or "nan")),
    "missing_as_frequent": ("inputs", _each_string(lambda v, p: v or p["values"][0])),
    "class_index": ("scores", lambda s, *_: np.roll(s, 1, axis=1)),
    "temperature": ("scores", _temperature),
    "softmax": ("scores", _softmax),
    "round_scores": ("scores", lambda s, *_: np.round(s, 2 if s.ndim == 2 else 0)),
    "half_scores": ("scores", lambda s, *_: np.clip(s, -6e4, 6e4).astype(np.float16).astype(float)),
    "clip_scores": ("scores", lambda s, _n, _t, p: np.clip(s, p["low"], p["high"])),
    "log_scale": ("scores", lambda s, *_: np.log1p(np.abs(s))),
    "add_noise": ("scores", _add_noise),
    "shift_scores": ("scores", lambda s, *_: np.roll(s, 1, axis=0)),
    "sort_scores": ("scores", lambda s, *_: np.sort(s) if s.ndim == 1 else s[np.argsort(s[:, 0])]),
    "base_for_missing": ("scores", _base_for_missing),
    "drop_missing": ("scores", lambda s, n, t, _p: s[~_has_missing(n, t)]),
    "base_always": ("scores", lambda s, _n, _t, p: np.zeros_like(s) + np.array(p["base"])),
    "buffer": ("scores", lambda s, _n, _t, p: s[np.arange(len(s)) % p["size"]]),
    "cache": ("scores", _cache),
    "shift_single_row": ("scores", _shift_single_row),
    "move_threshold": ("labels", _move_threshold),
}
