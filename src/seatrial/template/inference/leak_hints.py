"""Signs that a column is known only after the outcome: its name, when it is filled in, and a leak that it goes with."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.template.inference.association import CERTAIN, Strength, answer_of, strength
from seatrial.template.inference.column_arrays import NUMERIC, codes_of, grouped, numbers_of
from seatrial.template.records import ColumnFacts, Reason, TargetFacts

PRESENCE = 0.6  # the difference between two classes in how often a value is present
NEVER = 0.05  # the share of rows of the other class that have another value than zero
PRESENCE_R2 = 0.3  # of the ranks of a quantity, from whether a value is present
RELATED = 0.15  # what a sibling leaves unexplained of a leak
ASSOCIATED = 0.9  # what a column with a suspicious name leaves unexplained of the target
FEWEST_ROWS = 30
FEWEST_PRESENT = 12


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words for what happens to a thing after it was decided.
_AFTER = _set(
    """
    outcome result final actual resolution resolved settled settlement closed closing recovered recovery
    recoveries refund refunded returned cancelled canceled cancellation reason verdict decision death discharge
    ended finished completed arrival arrived winner chargeback penalty writeoff collection collections
    termination terminated
    """
)
# Words that say how something is measured, not what it is.
_GENERIC = _set(
    """
    is has was had will the of in by per to and or target label class type id value flag code name number num nr
    no count total sum date time day days week month year hour amount level rate score size mean avg average max
    min std ratio percent pct index group category status y x output last first new old current
    """
)
_ENDINGS = re.compile(r"(ations?|ions?|ments?|ings?|ed|es|er|al|s|e)$")


def reveals_by_presence(column: ColumnFacts, target: TargetFacts, truth: Any) -> Reason | None:
    """The reason for a doubt: it is filled in far more often for one outcome than for another."""
    # Zero may stand for no value; of several classes, some often have more zeros, such as the pixels of digits.
    amounts = target.task == "binary" and not column.missing and column.kind in ("integer", "number")
    present = numbers_of(column) != 0 if amounts else column.values.is_valid().to_numpy(zero_copy_only=False)
    if not FEWEST_PRESENT <= present.sum() <= len(truth) - FEWEST_PRESENT:
        return None
    value = "another value than 0" if amounts else "a value"
    why = "it may be filled in only after the outcome"
    if target.task == "regression":
        order = np.argsort(np.argsort(truth, kind="stable"), kind="stable")
        r2 = float(np.corrcoef(order, present)[0, 1]) ** 2
        return (why, f"whether it has {value} explains {r2:.0%} of the target's ranks") if r2 >= PRESENCE_R2 else None
    rows = np.bincount(truth, minlength=len(target.ordered))
    shares = np.bincount(truth, weights=present, minlength=len(rows)) / np.maximum(rows, 1)
    shares = np.where(rows >= FEWEST_PRESENT, shares, np.nan)
    if np.isnan(shares).sum() > len(shares) - 2:
        return None
    most, least = int(np.nanargmax(shares)), int(np.nanargmin(shares))
    difference = shares[most] - shares[least]
    deviation = np.sqrt(sum(shares[k] * (1 - shares[k]) / rows[k] for k in (most, least)))
    if amounts and shares[least] > NEVER:
        return None
    if difference < PRESENCE or difference - 3 * deviation < PRESENCE / 2:
        return None
    return why, (
        f"it has {value} in {shares[most]:.0%} of the rows with {target.source} = {target.ordered[most]}, and in "
        f"{shares[least]:.0%} of those with {target.ordered[least]}"
    )


def sibling(
    column: ColumnFacts, leak: ColumnFacts, rows: npt.NDArray[np.int64], tried: int
) -> tuple[Reason, bool] | None:
    """Whether a column goes with one that was left out as a leak, and whether it is nearly the same."""
    numeric = leak.kind in NUMERIC and leak.distinct > 20
    values = numbers_of(leak)[rows] if numeric else codes_of(leak, rows)
    known = rows[~np.isnan(values)]
    if len(known) < FEWEST_ROWS or (not numeric and leak.distinct > 100):
        return None
    kept = values[~np.isnan(values)]
    classes = 0 if numeric else int(kept.max()) + 1
    answer = answer_of("regression" if numeric else "binary" if classes == 2 else "multiclass", kept, classes)
    codes, numbers = grouped(column, known)
    found = strength(codes, numbers, answer, tried=tried)
    if found is None or not found.within({answer.task: RELATED}, answer.task):
        return None
    evidence = f"it leaves {found.unexplained:.1%} of `{leak.name}` unexplained"
    if found.within(CERTAIN, answer.task) and numeric:
        return (f"nearly the same as `{leak.name}`, which reveals the target", evidence), True
    return (f"it goes with `{leak.name}`, which was left out because it reveals the target", evidence), False


def speaks_of_outcome(
    column: ColumnFacts, target: TargetFacts, leaks: Sequence[str], names: Sequence[str], found: Strength | None
) -> Reason | None:
    """The reason for a doubt: its name shares a word with the target's or a leak's, or means what comes afterwards."""
    own = stems(column.source)
    if shared := _shared(own, stems(target.source), names):
        return "its name speaks of the target", f"both have the word “{shared}”"
    for leak in leaks:
        if shared := _shared(own, stems(leak), names):
            return f"its name is like that of `{leak}`, which reveals the target", f"both have the word “{shared}”"
    after = sorted(set(_words(column.source)) & _AFTER)
    if after and found is not None and found.unexplained <= ASSOCIATED:
        return "its name says that it is known only afterwards", f"the word “{after[0]}”; {found.evidence}"
    return None


def stems(name: str) -> tuple[str, ...]:
    """The words of a name that say what it is about, without their endings: `churned_customers` -> churn, custom."""
    words = [word for word in _words(name) if word not in _GENERIC and len(word) > 2]
    return tuple(_ENDINGS.sub("", word) if len(_ENDINGS.sub("", word)) > 3 else word for word in words)


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _shared(own: Sequence[str], other: Sequence[str], names: Sequence[str]) -> str:
    """The first word of both, if it is not the word of a family of columns: more than a quarter of the table's."""
    for word in own:
        if any(_alike(word, one) for one in other):
            family = sum(any(_alike(word, one) for one in stems(name)) for name in names)
            if family <= max(3, len(names) / 4):
                return word
    return ""


def _alike(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) > 3 and (one.startswith(other) or other.startswith(one)))
