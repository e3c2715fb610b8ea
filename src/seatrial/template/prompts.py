"""What a person is asked on the way to a project, and how they say what shall be otherwise."""

import re
from collections.abc import Callable
from dataclasses import replace

from seatrial.core.errors import SeatrialError
from seatrial.template.records import KINDS, Wishes

CHANGES = "keep COLUMN, leave out COLUMN, COLUMN is KIND, positive LABEL, task TASK, target COLUMN"


def change(text: str, target: str, wishes: Wishes) -> tuple[str, Wishes]:
    """Read one change in words, as `leave out price` or `zip is category`; gives the target and the wishes then.

    Raises SeatrialError, which says what can be said.
    """
    words = text.strip().strip(".")
    rules: tuple[tuple[str, Callable[[str], tuple[str, Wishes]]], ...] = (
        (r"keep (.+)", lambda name: (target, _kept(wishes, name))),
        (r"leave out (.+)", lambda name: (target, _left_out(wishes, name))),
        (r"positive (.+)", lambda label: (target, replace(wishes, positive=label))),
        (r"target (.+)", lambda name: (name, replace(wishes, positive=None, task=None))),
        (r"task (binary|multiclass|regression)", lambda task: (target, _with_task(wishes, task.lower()))),
    )
    for pattern, make in rules:
        if found := re.fullmatch(pattern, words, re.IGNORECASE):
            return make(found[1].strip())
    if found := re.fullmatch(rf"(.+?) is (?:an? )?({'|'.join(KINDS)})", words, re.IGNORECASE):
        return target, _with_kind(wishes, found[1].strip(), found[2].lower())
    raise SeatrialError(f"{words!r} is not understood.", hint=f"Say {CHANGES}. Kinds: {', '.join(KINDS)}.")


def wishes_of(
    keep: list[str], leave_out: list[str], kinds: list[str], task: str | None, positive: str | None
) -> Wishes:
    """Wishes from a command line; a kind is written COLUMN=KIND."""
    both = [name for name in keep if name in leave_out]
    if both:
        raise SeatrialError(f"`{both[0]}` is to be kept and to be left out.", hint="Say one of the two.")
    wishes = Wishes(task=task, positive=positive, keep=tuple(keep), leave_out=tuple(leave_out))  # type: ignore[arg-type]
    for given in kinds:
        name, _, kind = given.rpartition("=")
        if not name:
            raise SeatrialError(f"--kind {given} does not say which column.", hint="For example --kind zip=category.")
        wishes = _with_kind(wishes, name, kind)
    return wishes


def _kept(wishes: Wishes, name: str) -> Wishes:
    return replace(wishes, keep=(*wishes.keep, name), leave_out=tuple(n for n in wishes.leave_out if n != name))


def _left_out(wishes: Wishes, name: str) -> Wishes:
    return replace(wishes, leave_out=(*wishes.leave_out, name), keep=tuple(n for n in wishes.keep if n != name))


def _with_task(wishes: Wishes, task: str) -> Wishes:
    return replace(wishes, task=task, positive=wishes.positive if task == "binary" else None)  # type: ignore[arg-type]


def _with_kind(wishes: Wishes, name: str, kind: str) -> Wishes:
    if kind not in KINDS:
        raise SeatrialError(f"{kind!r} is no kind of column.", hint=f"There are {', '.join(KINDS)}.")
    return replace(wishes, kinds={**wishes.kinds, name: kind})
