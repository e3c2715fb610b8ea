"""The contract: what a caller may send and what comes back, compared with the baseline's.

A change that rejects what was accepted before, or that answers differently, is a break and needs a major version.
Accepting more than before is an extension. Neither depends on the values of the predictions.
"""

from collections.abc import Iterator, Sequence
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
    """Compare the contracts: one check for each difference, or one that passes if there is none."""
    changes = [*_changed_answers(old, new), *_changed_columns(old.columns, new.columns)]
    if not changes:
        return [Check("contract.same", "contract", Outcome.passed, "Columns, rules and answers are the same.")]
    # A major version announces the break, so it need not wait for acceptance.
    announced = is_major_step(old.version, new.version)
    return [
        Check(
            "contract.break" if change.breaks else "contract.extension", "contract",
            Outcome.waiting if change.breaks and not announced else Outcome.noted, change.summary,
            subject=change.subject, severity=1.0 if change.breaks else 0.0,
            hint="Callers have to change: raise the major version, or accept it." if change.breaks else "",
        )
        for change in changes
    ]  # fmt: skip


def version_check(old: str, new: str, *, broken: bool, changed: bool) -> tuple[str, Check]:
    """Recommend a version, and check that the candidate's version is at least that.

    A break of the contract needs a major step, changed predictions a minor one, neither a patch. Below 1.0, as in
    semantic versioning, a minor step counts as a major one, and a patch as a minor one.
    """
    step = "major" if broken else "minor" if changed else "patch"
    recommended = _raised(old, step)
    if Version(new) <= Version(old):
        summary, hint = (
            f"The candidate's version {new} is not above the baseline's {old}.",
            f"Raise it to {recommended}.",
        )
        return recommended, Check("contract.version", "contract", Outcome.blocked, summary, severity=1.0, hint=hint)
    outcome = Outcome.passed if Version(new) >= Version(recommended) else Outcome.noted
    why = {"major": "the contract breaks", "minor": "predictions change", "patch": "nothing changes"}[step]
    summary = f"{old} to {new}; {recommended} is recommended, because {why}."
    return recommended, Check("contract.version", "contract", outcome, summary)


def is_major_step(old: str, new: str) -> bool:
    """Whether the version announces a break of the contract."""
    return _step(old, new) == "major"


def _changed_answers(old: Contract, new: Contract) -> Iterator[_Change]:
    if old.classes != new.classes:
        same = set(map(str, old.classes)) == set(map(str, new.classes))
        what = "in another order" if same else f"now {_listed(new.classes)}"
        yield _Change("classes", True, f"The classes were {_listed(old.classes)}, and are {what}.")
    for name in ("task", "target", "positive", "threshold"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            label = "positive label" if name == "positive" else name
            yield _Change(name, True, f"The {label} was {before}, and is {after}.")


def _changed_columns(old: Sequence[Column], new: Sequence[Column]) -> Iterator[_Change]:
    before, after = {c.name: c for c in old}, {c.name: c for c in new}
    for name in before:
        if name not in after:
            yield _Change(name, True, f"The column {name} was removed: requests that contain it are rejected.")
    for name, column in after.items():
        if name in before:
            for breaks, summary in _changed_rules(before[name], column):
                yield _Change(name, breaks, f"{name}: {summary}")
        else:
            must = "is required" if column.required else "is optional"
            yield _Change(name, column.required, f"The column {name} is new and {must}.")


def _changed_rules(old: Column, new: Column) -> Iterator[tuple[bool, str]]:
    """The differences between two columns of one name: (whether it is a break, what it is)."""
    if old.kind != new.kind:
        # A number column accepts what an integer column accepted.
        yield (old.kind, new.kind) != ("integer", "number"), f"was {old.kind}, and is {new.kind}."
    if old.nullable != new.nullable:
        yield old.nullable, f"missing values are {'no longer' if old.nullable else 'now'} accepted."
    if old.required != new.required:
        yield new.required, f"is {'now' if new.required else 'no longer'} required."
    elif not new.required and old.default != new.default:
        yield True, f"its default was {old.default!r}, and is {new.default!r}."
    gone = [value for value in old.categories if value not in new.categories]
    added = [value for value in new.categories if value not in old.categories]
    if old.open != new.open and old.categories and new.categories:
        yield old.open, f"values that are not listed are {'no longer' if old.open else 'now'} accepted."
    elif old.categories and new.categories and not new.open:
        if gone:
            yield True, f"{_listed(gone)} no longer allowed."
        if added:
            yield False, f"{_listed(added)} now allowed."
    yield from _changed_bound("minimum", old, new, low=True)
    yield from _changed_bound("maximum", old, new, low=False)
    if old.max_length != new.max_length:
        shorter = new.max_length is not None and (old.max_length is None or new.max_length < old.max_length)
        yield shorter, f"its maximum length was {old.max_length}, and is {new.max_length}."


def _changed_bound(name: str, old: Column, new: Column, *, low: bool) -> Iterator[tuple[bool, str]]:
    before, after = getattr(old, name), getattr(new, name)
    if before != after:
        inward = after is not None and (before is None or (after > before if low else after < before))
        was, now = ("none" if value is None else f"{value:g}" for value in (before, after))
        yield inward, f"its {name} was {was}, and is {now}."
    elif after is not None:
        was, now = (getattr(column, f"exclusive_{name}") for column in (old, new))
        if was != now:
            yield now, f"its {name} itself is {'no longer' if now else 'now'} allowed."


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


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) or "none"
