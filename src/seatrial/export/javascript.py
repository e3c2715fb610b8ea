"""Writes expressions as JavaScript: a missing number is NaN, a missing text or truth value null."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from seatrial.export.expressions import Expression
from seatrial.export.sql import Output, used

HELPERS = """
const text = (value, make) => (value === null ? null : make(value));
const missing = (value) => value === null || Number.isNaN(value);
const same = (a, b) => a !== null && b !== null && a === b;
const other = (a, b) => !missing(a) && !missing(b) && a !== b;
const points = (value, from, to) => [...value].slice(from, to).join("");
function strip(value, characters, left, right) {
  const all = [...value];
  let [from, to] = [0, all.length];
  while (left && from < to && characters.includes(all[from])) from++;
  while (right && to > from && characters.includes(all[to - 1])) to--;
  return all.slice(from, to).join("");
}
"""
_INFIX = {"+": "+", "-": "-", "*": "*", "/": "/", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MATH = {"exp": "exp", "log": "log", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "abs": "abs", "single": "fround"}


def features_module(outputs: Sequence[Output], numbers: Sequence[str], strings: Sequence[str]) -> str:
    """A function of a row that returns the engine's input: {numbers: [...], strings: [...]}."""
    order, _ = used([output.expression for output in outputs])
    names = {id(each): f"e{place}" for place, each in enumerate(order)}
    lines = [f"  const {names[id(each)]} = {_written(each, [names[id(a)] for a in each.arguments])};" for each in order]
    found = {output.name: names[id(output.expression)] for output in outputs}
    listed = [", ".join(found[name] for name in group) for group in (numbers, strings)]
    body = "\n".join(lines)
    returned = f"  return {{ numbers: [{listed[0]}], strings: [{listed[1]}] }};"
    return f"{HELPERS}\nexport function features(row) {{\n{body}\n{returned}\n}}\n"


def literal(value: Any) -> str:
    """A constant; JSON is JavaScript but for NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return json.dumps(value)


def _written(each: Expression, arguments: Sequence[str]) -> str:
    if each.operator == "constant":
        return literal(each.value)
    if each.operator in _INFIX:
        return f"{arguments[0]} {_INFIX[each.operator]} {arguments[1]}"
    if each.operator in _MATH:
        return f"Math.{_MATH[each.operator]}({arguments[0]})"
    return _WRITERS[each.operator](each, *arguments)


def _column(each: Expression) -> str:
    value = f"row[{json.dumps(each.value)}]"
    return f"{value} ?? NaN" if each.kind == "number" else f"{value} ?? null"


def _lookup(each: Expression, subject: str, default: str) -> str:
    pairs = ", ".join(f"[{literal(key)}, {literal(value)}]" for key, value in each.value)
    return f"new Map([{pairs}]).has({subject}) ? new Map([{pairs}]).get({subject}) : {default}"


def _of_text(make: Callable[[Any], str]) -> Callable[..., str]:
    return lambda each, a: f"text({a}, (t) => {make(each.value)})"


def _strip(sides: str) -> Callable[..., str]:
    return _of_text(lambda value: f"strip(t, {literal(value)}, {sides})")


_WRITERS: dict[str, Callable[..., str]] = {
    "column": _column,
    "case": lambda _, c, a, b: f"{c} === true ? {a} : {b}",
    "and": lambda _, a, b: f"{a} === true && {b} === true",
    "or": lambda _, a, b: f"{a} === true || {b} === true",
    "not": lambda _, a: f"{a} !== true",
    "=": lambda _, a, b: f"same({a}, {b})",
    "<>": lambda _, a, b: f"other({a}, {b})",
    "is null": lambda _, a: f"missing({a})",
    "negative": lambda _, a: f"-{a}",
    "divide or null": lambda _, a, b: f"{b} === 0 ? NaN : {a} / {b}",
    "least": lambda _, a, b: f"Math.min({a}, {b})",
    "greatest": lambda _, a, b: f"Math.max({a}, {b})",
    "lookup": _lookup,
    "in": lambda each, a: f"[{', '.join(map(literal, each.value))}].includes({a})",
    "lower": _of_text(lambda _: "t.toLowerCase()"),
    "upper": _of_text(lambda _: "t.toUpperCase()"),
    "strip": _strip("true, true"),
    "lstrip": _strip("true, false"),
    "rstrip": _strip("false, true"),
    "substring": _of_text(
        lambda value: f"points(t, {value[0]}, {'undefined' if value[1] is None else value[0] + value[1]})"
    ),
    "last": _of_text(lambda value: f"points(t, -{value})"),
    "replace": _of_text(lambda value: f"t.split({literal(value[0])}).join({literal(value[1])})"),
    "length": lambda _, a: f"{a} === null ? NaN : [...{a}].length",
    "contains": lambda _, a, b: f"{a} !== null && {b} !== null && {a}.includes({b})",
    "concat": lambda _, *parts: f"[{', '.join(parts)}].includes(null) ? null : [{', '.join(parts)}].join('')",
    "matches": lambda each, a: f"{a} !== null && new RegExp({literal(each.value)}, 'u').test({a})",
    "group": _of_text(lambda value: f"new RegExp({literal(value[0])}, 'u').exec(t)?.[{value[1]}] ?? null"),
}
