"""Parses the user's overrides: those typed at the prompt of `seatrial new`, and those of its options."""

import re
from dataclasses import replace

from seatrial.core.errors import SeatrialError
from seatrial.template.choice_words import KIND_WORDS, TASK_WORDS, chosen, every_word
from seatrial.template.reading.values import MISSING
from seatrial.template.records import KINDS, Overrides

CHANGES = (
    "keep COLUMN, leave out COLUMN, COLUMN is KIND, keep NA in COLUMN, positive LABEL, task TASK, target COLUMN, "
    "split by rows, split by time COLUMN, split by group COLUMN"
)


def change(text: str, target: str, overrides: Overrides) -> tuple[str, Overrides]:
    """Apply one change in words, such as `leave out price` or `zip is category`; returns the new target and overrides.

    Raises SeatrialError, which lists the possible changes.
    """
    words = text.strip().strip(".")
    verb = re.fullmatch(r"(keep|leave out|positive|target|task|split by) (.+)", words, re.IGNORECASE)
    match (verb[1].lower(), verb[2].strip()) if verb else ("", ""):
        case "keep", text if kept := re.fullmatch(r"(\S+) in (.+)", text):
            usual = [word for word in sorted(MISSING) if word and word != kept[1].lower()]
            return target, _with_missing(overrides, kept[2].strip(), usual)
        case "keep", name:
            left_out = tuple(n for n in overrides.leave_out if n != name)
            return target, replace(overrides, keep=(*overrides.keep, name), leave_out=left_out)
        case "leave out", name:
            keep = tuple(n for n in overrides.keep if n != name)
            return target, replace(overrides, leave_out=(*overrides.leave_out, name), keep=keep)
        case "split by", way:
            return target, replace(overrides, split=_split_way(way))
        case "positive", label:
            return target, replace(overrides, positive=label)
        case "target", name:
            return name, replace(overrides, positive=None, task=None)
        case "task", text:
            task = chosen(text, TASK_WORDS, "a task")
            positive = overrides.positive if task in ("binary", "classification") else None
            return target, replace(overrides, task=task, positive=positive)  # type: ignore[arg-type]
    kinds = "|".join(map(re.escape, every_word(KIND_WORDS)))
    if kind := re.fullmatch(rf"(.+?) is (?:an? )?({kinds})", words, re.IGNORECASE):
        return target, _with_kind(overrides, kind[1].strip(), kind[2])
    raise SeatrialError(f"{words!r} is not a change.", hint=f"Type {CHANGES}. Kinds: {', '.join(KINDS)}.")


def overrides_of(
    keep: list[str],
    leave_out: list[str],
    kinds: list[str],
    task: str | None,
    positive: str | None,
    missing: list[str] | None = None,
    split: str = "",
) -> Overrides:
    """Overrides from a command line: a kind is written COLUMN=KIND, and texts for missing values COLUMN=TEXT,TEXT."""
    both = [name for name in keep if name in leave_out]
    if both:
        raise SeatrialError(f"`{both[0]}` is both kept and left out.", hint="Remove --keep or --leave-out for it.")
    task = chosen(task, TASK_WORDS, "a task") if task else None
    overrides = Overrides(task=task, positive=positive, keep=tuple(keep), leave_out=tuple(leave_out), split=split)  # type: ignore[arg-type]
    for text in kinds:
        name, _, kind = text.rpartition("=")
        if not name:
            raise SeatrialError(f"--kind {text} does not name a column.", hint="For example --kind zip=category.")
        overrides = _with_kind(overrides, name, kind)
    for text in missing or []:
        name, equals, texts = text.rpartition("=")
        if not equals or not name:
            raise SeatrialError(
                f"--missing {text} does not name a column.",
                hint="For example --missing country=, which keeps NA as a value, or --missing age=-,999.",
            )
        overrides = _with_missing(overrides, name, [word.strip() for word in texts.split(",") if word.strip()])
    return overrides


def _split_way(words: str) -> str:
    """`rows`, `time sold_at` and `group customer_id` as the option --split has them."""
    return re.sub(r"^(time|group)[ :]+", lambda way: f"{way[1].lower()}:", words.strip(), flags=re.IGNORECASE)


def _with_missing(overrides: Overrides, name: str, texts: list[str]) -> Overrides:
    return replace(overrides, missing={**overrides.missing, name: tuple(texts)})


def _with_kind(overrides: Overrides, name: str, kind: str) -> Overrides:
    known = chosen(kind, KIND_WORDS, "a kind of column")
    return replace(overrides, kinds={**overrides.kinds, name: known})  # type: ignore[dict-item]
