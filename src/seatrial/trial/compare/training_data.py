"""Compares the training data of two releases by fingerprints: rows, missing values, categories, quantiles, labels.

A fingerprint is the "data" part of release.json (see `seatrial.train.profile`). It is always available. If the tables
are available too, `table_history` shows much more.
"""

import math
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, judged_check

SIGNIFICANT = 4.0  # standard errors: among hundreds of figures per release, anything less is chance
# The effect from which it needs a review, and the effect from which it is no longer the same data.
MISSING = (0.05, 0.25)
SHARES = (0.10, 0.30)
SHIFT = (0.20, 0.60)  # mean shift of the deciles, in the old range from the first to the ninth
UNIT = 4.0  # a middle that many times as large or small is another unit rather than another population
VANISHED = 0.1  # a category with less than this part of its old share
BY_CHANCE = 1e-4  # the probability from which other values may be missing from the new rows by chance
COMMON = 0.03  # a category with less than this share may vanish by chance

Finding = tuple[float, float, str]  # severity (1: blocked), effect, words


def compare_data(old: dict[str, Any], new: dict[str, Any], policy: Policy) -> list[Check]:
    """Compare two fingerprints: a check for the rows, one for each column, one for the labels."""
    if not old.get("columns") or not new.get("columns"):
        return [Check("data.rows", "data", Outcome.inconclusive, "One release has no fingerprint of its data.")]
    rows = (int(old["rows"]), int(new["rows"]))
    known = {column["name"]: column for column in old["columns"]}
    shared = [(known[column["name"]], column) for column in new["columns"] if column["name"] in known]
    return [
        _rows(*rows, policy),
        *(_column("data.column", before, after, *rows) for before, after in shared),
        _column("data.labels", old["target"], new["target"], *rows),
    ]


def named_shares(fingerprint: dict[str, Any]) -> dict[str, float]:
    """The shares of rows that a fingerprint holds, by what they are of: "age missing", "sex = female"."""
    shares: dict[str, float] = {}
    for column in [fingerprint["target"], *fingerprint["columns"]]:
        shares |= {f"{column['name']} = {each['value']}": float(each["share"]) for each in column["shares"]}
        shares[f"{column['name']} missing"] = float(column["missing"])
    return shares


def chance(share: float, old_rows: int, new_rows: int) -> float:
    """How far a share of the rows moves by chance."""
    share = min(max(share, 1 / old_rows), 1 - 1 / old_rows)
    return SIGNIFICANT * math.sqrt(share * (1 - share) * (1 / old_rows + 1 / new_rows))


def _rows(old: int, new: int, policy: Policy) -> Check:
    change = new / old - 1
    summary = f"{old:,} rows before, {new:,} now ({change:+.0%})"
    return judged_check(
        "data.rows", "data", change < -policy.max_fewer_rows,
        f"rows are missing from the training data: {summary}", f"The data has enough rows: {summary}.",
        old=old, new=new, limit=old * (1 - policy.max_fewer_rows),
        severity=max(-change, 0.0) / max(policy.max_fewer_rows, 1e-9),
    )  # fmt: skip


def _column(name: str, old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> Check:
    column = str(new["name"])
    findings = [
        *_constant(old, new, new_rows),
        *_missing(old, new, old_rows, new_rows),
        *_shares(old, new, old_rows, new_rows),
        *_quantiles(old, new, old_rows, new_rows),
    ]
    if not findings:
        return Check(name, "data", Outcome.passed, f"`{column}` is distributed as before.", subject=column)
    severity, effect, words = max(findings)
    if name == "data.labels":
        severity *= 2  # the model follows its labels
    outcome, summary = Outcome.blocked if severity >= 1 else Outcome.waiting, f"the training data changed: {words}"
    hint = "If the data is right, accept this difference."
    return Check(name, "data", outcome, summary, subject=column, new=effect, severity=severity, hint=hint)


def _other_share(column: dict[str, Any]) -> float:
    """The share of values that are not the most frequent one, at least; of numbers by their variance and range."""
    if column["shares"]:
        return 1 - max(float(share["share"]) for share in column["shares"])
    span = float(column["deciles"][-1] - column["deciles"][0]) if column["deciles"] else 0.0
    return min(float(column["deviation"] or 0.0) ** 2 / span**2, 0.5) if span else 0.0


def _constant(old: dict[str, Any], new: dict[str, Any], new_rows: int) -> list[Finding]:
    if old["distinct"] > 1 and new["distinct"] <= 1 and (1 - _other_share(old)) ** new_rows < BY_CHANCE:
        return [(10.0, 1.0, f"`{new['name']}` is now the same in every row; it had {old['distinct']} values")]
    return []


def _missing(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> list[Finding]:
    before, after = float(old["missing"]), float(new["missing"])
    effect = abs(after - before)
    if effect <= max(MISSING[0], chance((before + after) / 2, old_rows, new_rows)):
        return []
    return [(effect / MISSING[1], effect, f"`{new['name']}` is missing in {after:.0%} of rows, {before:.0%} before")]


def _shares(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> list[Finding]:
    before, after = ({str(s["value"]): float(s["share"]) for s in side["shares"]} for side in (old, new))
    if not before or not after:
        return []
    name, findings = new["name"], []
    for value, share in before.items():
        now = after.get(value, 0.0)
        if share >= COMMON and now < VANISHED * share and share - now > chance(share, old_rows, new_rows):
            words = f"rows with `{name}` = {value} have vanished: {share:.1%} before, {now:.1%} now"
            findings.append((2.0 + share, share - now, words))
    moved = {value: abs(after.get(value, 0.0) - before.get(value, 0.0)) for value in {*before, *after}}
    distance = (sum(moved.values()) + abs(float(new["other"]) - float(old["other"]))) / 2
    if distance > max(SHARES[0], math.sqrt(len(moved)) * chance(0.5, old_rows, new_rows) / 2):
        value = max(moved, key=lambda value: moved[value])
        change = f"{before.get(value, 0.0):.0%} before, {after.get(value, 0.0):.0%} now"
        words = f"the shares of `{name}` changed, mostly {value}: {change}"
        findings.append((distance / SHARES[1], distance, words))
    return findings


def _beyond_chance(before: Array, after: Array, reach: float) -> bool:
    """Whether a decile is outside of what the old quantiles are within `reach` (a share of the rows) of its place.

    A column of few values is a staircase: where a step is close to a decile, a few rows move that decile by all of it.
    """
    places = np.arange(1, 10)
    low = before[np.maximum(np.floor(places - 10 * reach).astype(int), 0)]
    high = before[np.minimum(np.ceil(places + 10 * reach).astype(int), 10)]
    return bool(((after[1:10] < low) | (after[1:10] > high)).any())


def _quantiles(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> list[Finding]:
    before, after = np.array(old["deciles"]), np.array(new["deciles"])
    if len(before) != 11 or len(after) != 11 or not np.ptp(before):
        return []
    span = float(before[9] - before[1]) or float(old["deviation"]) or 1.0
    reach = SIGNIFICANT * 0.5 * math.sqrt(1 / old_rows + 1 / new_rows)
    shift = float(np.abs(after[1:10] - before[1:10]).mean() / span)
    if shift <= SHIFT[0] or not _beyond_chance(before, after, reach):
        return []
    words = f"`{new['name']}` moved: its median was {before[5]:.4g} and is {after[5]:.4g}"
    severity = shift / SHIFT[1]
    size = [float(abs(deciles[5])) for deciles in (before, after)]
    if min(size) > 0 and max(size) / min(size) >= UNIT:
        words += ", as if in another unit"
        severity += 2
    return [(severity, shift, words)]
