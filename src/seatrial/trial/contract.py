"""The contract: what a caller may send and what comes back, held against the baseline's.

A change that refuses what was taken before, or answers in other terms, is a break and asks for a major version; taking
more than before is an extension; neither is a matter of the predictions' values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from seatrial.model.schema import Column
from seatrial.trial.records import Check, Outcome


@dataclass(frozen=True)
class Contract:
    """What one release promises."""

    version: str
    task: str
    target: str
    columns: tuple[Column, ...]
    classes: tuple[Any, ...] = ()
    positive: Any = None
    threshold: float | None = None


@dataclass(frozen=True)
class _Change:
    subject: str
    breaks: bool
    summary: str


def contract_checks(old: Contract, new: Contract) -> list[Check]:
    """Compare the terms; one check for each difference, one for the version, and one that passes where all is equal."""
    changes = [*_answers(old, new), *_columns(old.columns, new.columns)]
    breaks = [change for change in changes if change.breaks]
    # Where the version says so, a break is announced; somebody has read the list.
    announced = bool(breaks) and _step(old.version, new.version) == "major"
    checks = [
        Check(
            "contract.break" if change.breaks else "contract.extension",
            "contract",
            (Outcome.noted if announced else Outcome.waiting) if change.breaks else Outcome.noted,
            change.summary,
            subject=change.subject,
            severity=1.0 if change.breaks else 0.0,
            hint="Callers have to change: raise the major version, or accept it." if change.breaks else "",
        )
        for change in changes
    ]
    if not changes:
        checks.append(Check("contract.same", "contract", Outcome.passed, "The same columns, rules and answers."))
    return checks


def version_check(old: str, new: str, *, broken: bool, changed: bool) -> tuple[str, Check]:
    """Recommend a version, and say whether the candidate's own is at least that.

    A break of the contract asks for a major step, changed predictions for a minor one, neither for a patch. Below 1.0,
    as semantic versioning has it, a minor step counts as a major one, and a patch as a minor one.
    """
    wanted = "major" if broken else "minor" if changed else "patch"
    recommended = _raised(old, wanted)
    if Version(new) <= Version(old):
        summary = f"The candidate's version {new} is not above the baseline's {old}."
        return recommended, Check(
            "contract.version", "contract", Outcome.blocked, summary, severity=1.0, hint=f"Raise it to {recommended}."
        )
    enough = Version(new) >= Version(recommended)
    why = {"major": "the contract breaks", "minor": "predictions change", "patch": "nothing changes"}[wanted]
    summary = f"{old} to {new}; since {why}, {recommended} is recommended."
    return recommended, Check("contract.version", "contract", Outcome.passed if enough else Outcome.noted, summary)


def _answers(old: Contract, new: Contract) -> list[_Change]:
    found = []
    for name, before, after in (("task", old.task, new.task), ("target", old.target, new.target)):
        if before != after:
            found.append(_Change(name, True, f"The {name} was {before}, and is {after}."))
    if old.classes != new.classes:
        same = set(map(str, old.classes)) == set(map(str, new.classes))
        what = "in another order" if same else f"now {_listed(new.classes)}"
        found.append(_Change("classes", True, f"The classes were {_listed(old.classes)}, and are {what}."))
    if old.positive != new.positive:
        found.append(_Change("positive", True, f"The positive label was {old.positive}, and is {new.positive}."))
    if old.threshold != new.threshold:
        found.append(_Change("threshold", True, f"The threshold was {old.threshold}, and is {new.threshold}."))
    return found


def _columns(old: Sequence[Column], new: Sequence[Column]) -> list[_Change]:
    before, after = {c.name: c for c in old}, {c.name: c for c in new}
    found = [
        _Change(name, True, f"The column {name} is gone: requests that name it are refused.")
        for name in before
        if name not in after
    ]
    for name, column in after.items():
        if name not in before:
            found.append(
                _Change(name, column.required, f"The column {name} is new, and {_must(column.required)} be given.")
            )
        else:
            found += _rules(before[name], column)
    return found


def _rules(old: Column, new: Column) -> list[_Change]:
    def change(breaks: bool, summary: str) -> _Change:
        return _Change(old.name, breaks, f"{old.name}: {summary}")

    found = []
    if old.kind != new.kind:
        # What an integer column took, a number column takes too.
        found.append(change((old.kind, new.kind) != ("integer", "number"), f"was {old.kind}, and is {new.kind}."))
    if old.nullable != new.nullable:
        found.append(change(old.nullable, "missing values were taken." if old.nullable else "may now be missing."))
    if old.required != new.required:
        found.append(change(new.required, "must now be given." if new.required else "need not be given any more."))
    elif not new.required and old.default != new.default:
        found.append(change(True, f"where it is left out, {old.default!r} was taken, and {new.default!r} is."))
    gone = [value for value in old.categories if value not in new.categories]
    come = [value for value in new.categories if value not in old.categories]
    if old.categories and new.categories:
        found += [change(True, f"{_listed(gone)} no longer allowed.")] if gone else []
        found += [change(False, f"{_listed(come)} now allowed.")] if come else []
    for what, low in (("minimum", True), ("maximum", False)):
        found += _end(change, what, getattr(old, what), getattr(new, what), low)
        if getattr(old, what) == getattr(new, what) is not None:
            before, after = (getattr(column, f"exclusive_{what}") for column in (old, new))
            if before != after:
                found.append(change(after, f"its {what} itself is {'no longer' if after else 'now'} allowed."))
    if old.max_length != new.max_length:
        shorter = new.max_length is not None and (old.max_length is None or new.max_length < old.max_length)
        found.append(change(shorter, f"its longest text was {old.max_length}, and is {new.max_length}."))
    return found


def _end(change: Any, what: str, old: float | None, new: float | None, low: bool) -> list[_Change]:
    if old == new:
        return []
    inward = new is not None and (old is None or (new > old if low else new < old))
    was, now = ("none" if value is None else f"{value:g}" for value in (old, new))
    return [change(inward, f"its {what} was {was}, and is {now}.")]


def _step(old: str, new: str) -> str:
    before, after = Version(old), Version(new)
    if before.major == 0 and after.major == 0:
        return "major" if after.minor > before.minor else "minor"
    return "major" if after.major > before.major else "minor" if after.minor > before.minor else "patch"


def _raised(version: str, step: str) -> str:
    old = Version(version)
    if old.major == 0:
        return f"0.{old.minor + 1}.0" if step == "major" else f"0.{old.minor}.{old.micro + 1}"
    if step == "major":
        return f"{old.major + 1}.0.0"
    return f"{old.major}.{old.minor + 1}.0" if step == "minor" else f"{old.major}.{old.minor}.{old.micro + 1}"


def _must(required: bool) -> str:
    return "must" if required else "may"


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) or "none"
