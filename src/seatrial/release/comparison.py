"""Two releases side by side: their metrics with intervals, and what changed from one to the other.

Everything is read from the two wheels. Neither is installed or run: whether one is better on the same rows is what a
trial finds out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.pages.words import DASH, SPACE, percent, plain, short
from seatrial.release.code_changes import ModuleChange, changed_modules, estimators, feature_functions, parameters
from seatrial.wheels.wheel import WheelInfo

MOST_VALUES = 6  # categories that are listed
SHARE, DEVIATIONS = 0.05, 0.2  # smaller changes of shares, and of means in standard deviations, are left out
SETTINGS = ("task", "target", "positive", "threshold", "engine")
BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}


@dataclass(frozen=True)
class MetricPair:
    """A metric of both releases as text: values, 95 % intervals, and the change of the value."""

    label: str
    old: str
    old_interval: str
    new: str
    new_interval: str
    change: str


@dataclass(frozen=True)
class Change:
    """One thing that differs: its group, its name, and both values as text."""

    group: str
    what: str
    old: str
    new: str


@dataclass(frozen=True)
class RowChange:
    """How many rows of the training table are new, and how many are gone."""

    new: int
    gone: int


@dataclass(frozen=True)
class Comparison:
    """Two releases of a model; `note` says whether their metrics were measured on the same rows."""

    old: WheelInfo
    new: WheelInfo
    metrics: tuple[MetricPair, ...]
    note: str
    changes: tuple[Change, ...]
    modules: tuple[ModuleChange, ...]


def compare(old: WheelInfo, new: WheelInfo, rows: RowChange | None = None) -> Comparison:
    """Compare two releases; `rows` is how their training tables differ, where both are available."""
    before, after = (_metadata(wheel) for wheel in (old, new))
    changes = [
        *_schema(old, new),
        *_named("features", feature_functions(old), feature_functions(new), changed="changed"),
        *_inputs(before, after),
        *_estimators(old, new),
        *_named("hyper-parameters", parameters(old), parameters(new)),
        *_data(before, after, rows),
        *_settings(before, after),
        *_named("libraries", before.get("environment", {}), after.get("environment", {})),
    ]
    return Comparison(
        old,
        new,
        tuple(_metrics(before, after)),
        _note(before, after),
        tuple(Change(*map(_text, (each.group, each.what, each.old, each.new))) for each in changes),
        tuple(changed_modules(old, new)),
    )


def _metadata(wheel: WheelInfo) -> dict[str, Any]:
    if wheel.release is None:
        raise SeatrialError(f"{wheel.filename} is not a model's wheel.", hint="Name two releases of a model.")
    return wheel.release


def _metrics(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[MetricPair]:
    old, new = before.get("metrics", {}), after.get("metrics", {})
    first = [made.get("headline", "") for made in (after, before)]
    for name in dict.fromkeys([*(name for name in first if name in new or name in old), *new, *old]):
        both = [metrics[name] for metrics in (old, new) if name in metrics]
        texts = [short(metrics[name]["value"]) if name in metrics else DASH for metrics in (old, new)]
        intervals = [_interval(metrics.get(name)) for metrics in (old, new)]
        change = _signed(both[1]["value"] - both[0]["value"], texts[1]) if len(both) > 1 else ""
        yield MetricPair(_text(both[0]["label"]), texts[0], intervals[0], texts[1], intervals[1], change)


def _signed(change: float, like: str) -> str:
    """A change with its sign, and as many decimals as the value has."""
    digits = len(like.partition(".")[2])
    return f"{change:+.1e}" if "e" in like else f"{change:+,.{digits}f}" if round(change, digits) else "0"


def _interval(metric: Mapping[str, Any] | None) -> str:
    if not metric or metric.get("low") is None or metric.get("high") is None:
        return ""
    return f"{short(metric['low'])} to {short(metric['high'])}"


def _note(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = before.get("split", {}), after.get("split", {})
    rows = new.get("test_rows", 0)
    same_data = before.get("data", {}).get("sha256") == after.get("data", {}).get("sha256")
    if same_data and all(
        old.get(key) == new.get(key) for key in ("test_rows", "seed", "dropped_rows", "cuts", "by", "column")
    ):
        return f"Both were measured on the same {rows:,} held-out rows."
    return (
        f"They were measured on different held-out rows, {old.get('test_rows', 0):,} and {rows:,}, so a difference may "
        "be that of the rows; a trial compares both on the same ones."
    )


def _schema(old: WheelInfo, new: WheelInfo) -> Iterator[Change]:
    before, after = (_properties(wheel) for wheel in (old, new))
    yield from _named("schema", before, after)


def _properties(wheel: WheelInfo) -> dict[str, str]:
    """The rule of each column, as text."""
    try:
        schema = json.loads(wheel.read(f"{wheel.package}/artifacts/schema.json"))
        required = schema.get("required", [])
        return {
            name: _rule(rule, schema.get("$defs", {})) + ("" if name in required else ", may be left out")
            for name, rule in schema["properties"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _rule(rule: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "$ref" in rule:
        return _rule(known[rule["$ref"].rpartition("/")[2]], known)
    if "anyOf" in rule:
        parts = [_rule(part, known) for part in rule["anyOf"]]
        return " or ".join("missing" if part == "null" else part for part in parts)
    if "enum" in rule or "const" in rule:
        values = [str(value) for value in rule.get("enum", [rule.get("const")])]
        more = f" and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
        return f"one of {', '.join(values[:MOST_VALUES])}{more}"
    words = [str(rule.get("format") or rule.get("type") or "any")]
    words += [f"{word} {rule[key]:g}" for key, word in BOUNDS.items() if key in rule]
    return " ".join(words) + (f", at most {rule['maxLength']} characters" if "maxLength" in rule else "")


def _inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = ({n for names in made.get("inputs", {}).values() for n in names} for made in (before, after))
    if old != new:
        yield Change("features", "columns that the model reads", _listed(old - new, "gone"), _listed(new - old, "new"))


def _listed(names: set[str], what: str) -> str:
    return f"{what}: {', '.join(sorted(names))}" if names else DASH


def _estimators(old: WheelInfo, new: WheelInfo) -> Iterator[Change]:
    before, after = estimators(old), estimators(new)
    if before != after:
        gone, added = set(before) - set(after), set(after) - set(before)
        yield Change("hyper-parameters", "estimators", _listed(gone, "gone"), _listed(added, "new"))


def _data(old_facts: Mapping[str, Any], new_facts: Mapping[str, Any], rows: RowChange | None) -> Iterator[Change]:
    old, new = old_facts.get("data", {}), new_facts.get("data", {})
    if old.get("sha256") == new.get("sha256"):
        return
    yield Change("data", "table (SHA-256)", str(old.get("sha256", ""))[:12], str(new.get("sha256", ""))[:12])
    yield Change("data", "rows", f"{old.get('rows', 0):,}", f"{new.get('rows', 0):,}")
    if rows:
        yield Change("data", "rows gone and new", f"{rows.gone:,} gone", f"{rows.new:,} new")
    before, after = (_profiles(data) for data in (old, new))
    for name in after:
        if name in before:
            yield from _profile(before[name], after[name])


def _profiles(data: Mapping[str, Any]) -> dict[str, Any]:
    """The profiles of the target and of each column, by name."""
    return {profile["name"]: profile for profile in (data.get("target"), *data.get("columns", [])) if profile}


def _profile(old: Any, new: Any) -> Iterator[Change]:
    """What is different about one column of the table: what is missing, new and lost values, the mean.

    Small movements are left out; the trial says what is more than chance.
    """
    name = new["name"]
    if _moved(old["missing"], new["missing"]):
        yield Change("data", f"{name}: missing", percent(old["missing"]), percent(new["missing"]))
    shares = [{str(share["value"]): share["share"] for share in profile["shares"]} for profile in (old, new)]
    if shares[0] and shares[1]:
        for value in dict.fromkeys([*shares[0], *shares[1]]):
            both = [part.get(value, 0.0) for part in shares]
            listed = [value in part or not profile["other"] for part, profile in zip(shares, (old, new), strict=True)]
            if all(listed) and _moved(*both):  # what is not listed may be among the others
                yield Change("data", f"{name}: {value}", *map(percent, both))
    elif None not in (old["mean"], new["mean"]) and abs(new["mean"] - old["mean"]) > DEVIATIONS * old["deviation"]:
        yield Change("data", f"{name}: mean", plain(old["mean"]), plain(new["mean"]))


def _moved(old: float, new: float) -> bool:
    """Whether a share has changed visibly: by SHARE, or from or to none."""
    return abs(new - old) >= SHARE or (old == 0) != (new == 0)


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    facts = [{key: made.get(key) for key in SETTINGS} for made in (before, after)]
    for made, fact in zip((before, after), facts, strict=True):
        fact["classes"] = ", ".join(map(str, made.get("classes", ())))
        fact["rows for training"] = f"{made.get('split', {}).get('train_rows', 0):,}"
        fact["rows held out"] = f"{made.get('split', {}).get('test_rows', 0):,}"
        fact["seed"] = made.get("split", {}).get("seed")
        fact["split by"] = " ".join(made.get("split", {}).get(key, "") for key in ("by", "column")).strip()
        fact["weight"] = made.get("split", {}).get("weight")
    old, new = ({key: str(value) for key, value in fact.items() if value not in (None, "")} for fact in facts)
    yield from _named("settings", old, new)


def _named(group: str, old: Mapping[str, str], new: Mapping[str, str], *, changed: str = "") -> Iterator[Change]:
    """What differs between two sets of named texts; with `changed` in that word, and not in the texts."""
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            texts = [each.get(name, DASH) for each in (old, new)]
            if name in old and name in new and changed:
                texts = ["", changed]
            elif changed:
                texts = [DASH, "new"] if name in new else ["", "gone"]
            yield Change(group, name, *texts)


def _text(text: str) -> str:
    """One printable line: names and values come from the wheels."""
    return "".join(letter if letter.isprintable() or letter == SPACE else " " for letter in text)
