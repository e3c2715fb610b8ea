"""Traits of one column of texts: its values, its characters, its length and how it is written."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.number_marks import value_marks
from seatrial.trial.traits.pool import PooledColumn

MOST_CHARACTERS = 60
LONGEST = 200  # characters of a text that are looked at
PLACEHOLDERS = frozenset({
    "?", "-", "--", ".", "n/a", "na", "nan", "none", "null", "nil", "unknown", "unk", "missing", "other", "others",
    "not available", "not known", "not specified", "unspecified", "undefined", "default", "test", "dummy", "tbd", "xxx",
    "0", "-1", "9", "99", "999", "9999", "#n/a", "(blank)", "blank", "empty", "no data", "<na>",
})  # fmt: skip


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace(",", "", 1).lstrip("+-").isdigit()


FORMS: tuple[tuple[str, Trait, Callable[[str], bool]], ...] = (
    ("is in upper case", "format", lambda text: text != text.lower() and text == text.upper()),
    ("is in lower case", "format", lambda text: text != text.upper() and text == text.lower()),
    ("begins with a capital letter", "format", lambda text: text[:1].isupper()),
    ("has spaces before or after it", "format", lambda text: text != text.strip()),
    ("has two spaces in a row or a line break", "format", lambda text: "  " in text.strip() or "\n" in text),
    ("is in quotation marks", "format", lambda text: len(text) > 1 and text[0] == text[-1] and text[0] in "'\""),
    ("is a number", "format", _is_number),
    ("is one of the usual words for a missing value", "sentinel", lambda text: text.strip().lower() in PLACEHOLDERS),
    ("has characters of a wrong encoding", "characters", lambda text: any(sign in text for sign in "ÃÂâ€�¤¶¼")),
    ("has characters beyond ASCII", "characters", lambda text: not text.isascii()),
)  # fmt: skip


def text_marks(column: PooledColumn) -> Iterator[Mark]:
    """Mark the values of a column of texts, and how they are written."""
    yield from value_marks(column)
    name = column.name
    for words, trait, holds in _forms(column):
        yield from _marks(column, trait, words, np.array([holds(text[:LONGEST]) for text in column.texts], dtype=bool))
    if _is_numbered(column):
        return  # the digits and the length of running numbers change with time
    lengths = np.array([len(text) for text in column.texts])
    if len(np.unique(lengths)) > 2:
        yield Mark(name, "profile", f"`{name}` is longer or shorter than before", _score(column, lengths))
        for length in _tops(column, lengths):
            yield from _marks(
                column, "profile", f"has exactly {length} character{'' if length == 1 else 's'}", lengths == length
            )
        rows = lengths[column.values[~column.missing].astype(int)]
        for share in (0.5, 0.75, 0.9, 0.98):
            limit = int(np.quantile(rows, share))
            yield from _marks(column, "profile", f"has more than {limit} characters", lengths > limit)
    yield from _character_marks(column)


def _forms(column: PooledColumn) -> Iterator[tuple[str, Trait, Callable[[str], bool]]]:
    """How texts are written, without what a column's own values look like.

    A label is a class, whatever it is called; and where most texts are numbers, `0` and `99` are two of these.
    """
    numbers = sum(_is_number(text) for text in column.texts) > len(column.texts) / 2
    for words, trait, holds in FORMS:
        if trait == "sentinel" and column.label and column.is_category:
            continue
        if trait == "sentinel" and numbers:
            yield words, trait, lambda text, holds=holds: holds(text) and not _is_number(text)  # type: ignore[misc]
        else:
            yield words, trait, holds


def _is_numbered(column: PooledColumn) -> bool:
    """Whether each row has a text of its own with digits, such as `A-1024`."""
    with_digits = [any(character.isdigit() for character in text[:LONGEST]) for text in column.texts]
    return column.is_key and sum(with_digits) > 0.5 * len(with_digits)


def _marks(column: PooledColumn, trait: Trait, words: str, holds: Array) -> Iterator[Mark]:
    """Mark the rows whose text, of the distinct ones, is one that `holds` (k,)."""
    values = np.append(holds, False)[np.where(column.missing, len(holds), np.nan_to_num(column.values)).astype(int)]
    if 0 < values.sum() < len(values):
        yield Mark(column.name, trait, f"`{column.name}` {words}", values)


def _score(column: PooledColumn, numbers: Array) -> Array:
    from scipy.stats import rankdata

    scores = np.full(len(column.values), 0.5)
    there = ~column.missing
    scores[there] = (rankdata(numbers[column.values[there].astype(int)]) - 0.5) / there.sum()
    return scores


def _tops(column: PooledColumn, lengths: Array) -> list[int]:
    """The lengths that most rows have: of texts that were cut off, many have the greatest length."""
    rows = lengths[column.values[~column.missing].astype(int)]
    return [length for length, number in Counter(rows.tolist()).most_common(12) if number >= 4]


def _character_marks(column: PooledColumn) -> Iterator[Mark]:
    """Mark the rarer characters, one by one, and characters that few rows have."""
    sets = [frozenset(text[:LONGEST]) for text in column.texts]
    weights = np.bincount(column.values[~column.missing].astype(int), minlength=len(sets))
    rows: Counter[str] = Counter()
    for characters, weight in zip(sets, weights.tolist(), strict=True):
        for character in characters:
            rows[character] += weight
    if len(column.texts) <= 12:
        return  # its values say the same
    for character, number in rows.most_common(MOST_CHARACTERS):
        if 4 <= number < 0.95 * weights.sum():
            holds = np.array([character in characters for characters in sets], dtype=bool)
            yield from _marks(column, "profile", f"contains “{character}”", holds)
    rare = frozenset(character for character, number in rows.items() if number < 0.05 * weights.sum())
    yield from _marks(column, "profile", "contains unusual characters", np.array([bool(s & rare) for s in sets]))
