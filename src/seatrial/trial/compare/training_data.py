"""The training data of two releases by their fingerprints: rows, missing values, categories, quantiles, label rates.

A fingerprint is what release.json keeps under "data" (see `seatrial.train.profile`). It is always at hand; where the
tables themselves are, `history` tells much more.
"""

import math
from typing import Any

import numpy as np

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

SURE = 4.0  # standard errors: with hundreds of figures a release, nothing less should speak
# From which effect on somebody should look, and from which on it is no longer the same data.
MISSING = (0.05, 0.25)
SHARES = (0.10, 0.30)
SHIFT = (0.20, 0.60)  # mean shift of the deciles, in the old range from the first to the ninth
UNIT = 4.0  # a middle that many times as large or small is another unit rather than another population
VANISHED = 0.1  # a category that has less than this of the share it had


def compare_data(old: dict[str, Any], new: dict[str, Any], policy: Policy) -> list[Check]:
    """Compare two fingerprints: a check for the rows, one for each column, one for the labels."""
    if not old.get("columns") or not new.get("columns"):
        return [Check("data.rows", "data", Outcome.inconclusive, "One of the releases has no fingerprint of its data.")]
    rows = (int(old["rows"]), int(new["rows"]))
    checks = [_rows(*rows, policy)]
    known = {column["name"]: column for column in old["columns"]}
    for column in new["columns"]:
        if column["name"] in known:
            checks.append(_column("data.column", known[column["name"]], column, *rows))
    checks.append(_column("data.labels", old["target"], new["target"], *rows))
    return checks


def _rows(old: int, new: int, policy: Policy) -> Check:
    change = new / old - 1
    told = f"{old:,} rows before, {new:,} now ({change:+.0%})"
    if change < -policy.max_fewer_rows:
        summary, outcome = f"rows are missing from the training data: {told}", Outcome.blocked
    else:
        summary, outcome = f"The data has enough rows: {told}.", Outcome.passed
    return Check(
        "data.rows",
        "data",
        outcome,
        summary,
        old=old,
        new=new,
        limit=old * (1 - policy.max_fewer_rows),
        severity=max(-change, 0.0) / max(policy.max_fewer_rows, 1e-9),
    )


def _column(name: str, old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> Check:
    column = str(new["name"])
    found = [
        *_constant(old, new),
        *_missing(old, new, old_rows, new_rows),
        *_shares(old, new, old_rows, new_rows),
        *_quantiles(old, new, old_rows, new_rows),
    ]
    if not found:
        return Check(name, "data", Outcome.passed, f"`{column}` is distributed as before.", subject=column)
    severity, effect, words = max(found)
    if name == "data.labels":
        severity *= 2  # what the labels do, the model does
    outcome = Outcome.blocked if severity >= 1 else Outcome.waiting
    return Check(
        name,
        "data",
        outcome,
        f"the training data changed: {words}",
        subject=column,
        new=effect,
        severity=severity,
        hint="If the data is right, accept this difference.",
    )


Found = list[tuple[float, float, str]]  # severity (1: blocked), effect, words


def _constant(old: dict[str, Any], new: dict[str, Any]) -> Found:
    if old["distinct"] > 1 and new["distinct"] <= 1:
        return [(10.0, 1.0, f"`{new['name']}` is the same in every row, and had {old['distinct']} values")]
    return []


def _noise(share: float, old_rows: int, new_rows: int) -> float:
    share = min(max(share, 1 / old_rows), 1 - 1 / old_rows)
    return SURE * math.sqrt(share * (1 - share) * (1 / old_rows + 1 / new_rows))


def _missing(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> Found:
    before, after = float(old["missing"]), float(new["missing"])
    effect = abs(after - before)
    if effect <= max(MISSING[0], _noise((before + after) / 2, old_rows, new_rows)):
        return []
    return [(effect / MISSING[1], effect, f"`{new['name']}` is missing in {after:.0%} of rows, {before:.0%} before")]


def _shares(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> Found:
    before = {str(s["value"]): float(s["share"]) for s in old["shares"]}
    after = {str(s["value"]): float(s["share"]) for s in new["shares"]}
    if not before or not after:
        return []
    found = []
    for value, share in before.items():
        now = after.get(value, 0.0)
        if share >= 0.03 and now < VANISHED * share and share - now > _noise(share, old_rows, new_rows):
            words = f"rows with `{new['name']}` = {value} have vanished: {share:.1%} before, {now:.1%} now"
            found.append((2.0 + share, share - now, words))
    values = set(before) | set(after)
    distance = sum(abs(after.get(v, 0.0) - before.get(v, 0.0)) for v in values) / 2
    distance += abs(float(new["other"]) - float(old["other"])) / 2
    limit = max(SHARES[0], math.sqrt(len(values)) * _noise(0.5, old_rows, new_rows) / 2)
    if distance > limit:
        value = max(values, key=lambda v: abs(after.get(v, 0.0) - before.get(v, 0.0)))
        words = (
            f"`{new['name']}` has other shares, most of all {value}: {before.get(value, 0.0):.0%} before, "
            f"{after.get(value, 0.0):.0%} now"
        )
        found.append((distance / SHARES[1], distance, words))
    return found


def _quantiles(old: dict[str, Any], new: dict[str, Any], old_rows: int, new_rows: int) -> Found:
    before, after = np.array(old["deciles"]), np.array(new["deciles"])
    if len(before) != 11 or len(after) != 11 or not np.ptp(before):
        return []
    span = float(before[9] - before[1]) or float(old["deviation"]) or 1.0
    shift = float(np.abs(after[1:10] - before[1:10]).mean() / span)
    limit = max(SHIFT[0], SURE * 0.5 * math.sqrt(1 / old_rows + 1 / new_rows))
    if shift <= limit:
        return []
    words = f"`{new['name']}` moved: its middle was {before[5]:.4g} and is {after[5]:.4g}"
    severity = shift / SHIFT[1]
    size = (float(np.abs(before[1:10]).mean()), float(np.abs(after[1:10]).mean()))
    if min(size) > 0 and max(size) / min(size) >= UNIT:
        words += ", as by another unit"
        severity += 2
    return [(severity, shift, words)]
