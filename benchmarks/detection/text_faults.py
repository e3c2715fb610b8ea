"""Faults of texts and categories in the new rows: encodings, case, truncation, codes, renamed and merged categories."""

import hashlib
from collections.abc import Callable

import numpy as np

from benchmarks.detection.batches import Batch, Faulty, mapped
from benchmarks.detection.fault_parts import Change, Rows, everywhere, group, run, some
from seatrial.model.features import Array

_LATIN, _CYRILLIC = (
    "aeopcxyAEOPCTXBHKM",
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0410\u0415\u041e\u0420\u0421\u0422\u0425\u0412\u041d\u041a\u041c",
)
LOOK_ALIKE = str.maketrans(_LATIN, _CYRILLIC)
ACCENTS = str.maketrans("aeiouAEIOU", "\u00e4\u00e9\u00ef\u00f6\u00fc\u00c4\u00c9\u00cf\u00d6\u00dc")


def text(change: Callable[[str], object], rows: Rows = everywhere, few: bool = True) -> Change:
    """A fault of each value of one text column."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.texts(few, lambda known: any(change(v) != v for v in known)))
        return name and b.write(name, rows(b), mapped(b.columns[name], lambda v: change(str(v))))  # type: ignore[return-value]

    return apply


def category(change: Callable[[Array, list[str]], Array], rows: Rows = everywhere, least: int = 2) -> Change:
    """A fault of one column's categories; `change` gets the values and the known ones, the most frequent first."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.texts(test=lambda known: len(known) >= least))
        return name and b.write(name, rows(b), change(b.columns[name], b.known(name)))  # type: ignore[return-value]

    return apply


def _mapping(pairs: Callable[[list[str]], dict[str, str]]) -> Callable[[Array, list[str]], Array]:
    return lambda values, known: mapped(values, lambda v: pairs(known).get(str(v), v))


def _shifted(known: list[str], by: int = 1) -> dict[str, str]:
    """Each code stands for its neighbour in alphabetical order."""
    names = sorted(known)
    return {name: names[(k + by) % len(names)] for k, name in enumerate(names)}


def _number_codes(known: list[str]) -> dict[str, str]:
    return {name: str(k) for k, name in enumerate(sorted(known))}


def _constant(value: Callable[[list[str]], object]) -> Callable[[Array, list[str]], Array]:
    def change(values: Array, known: list[str]) -> Array:
        after = np.empty(len(values), dtype=object)
        after[:] = value(known)
        return after

    return change


def _missing(value: Callable[[list[str]], object]) -> Change:
    def apply(b: Batch) -> Faulty | None:
        names = [n for n in b.texts() if sum(v is None for v in b.columns[n].tolist()) > 0.02 * len(b.new)]
        name = b.pick(names)
        if name is None:
            return None
        rows = np.array([v is None for v in b.columns[name].tolist()])
        return b.write(name, rows, _constant(value)(b.columns[name], b.known(name)))

    return apply


def _swap(b: Batch) -> Faulty | None:
    names = b.texts()
    if len(names) < 2:
        return None
    first, second = names[0], names[1 + int(b.g.integers(0, len(names) - 1))]
    return b.wrote({first: b.columns[second], second: b.columns[first]}, b.new)


def _group_default(b: Batch) -> Faulty | None:
    found = b.group()
    name = found and b.pick([n for n in b.texts() if n != found[0]])
    if not found or not name:
        return None
    return b.write(name, found[1], _constant(lambda known: known[0])(b.columns[name], b.known(name)))


def _rare_dropped(b: Batch) -> Faulty | None:
    """All categories but the two most frequent are 'other'."""
    name = b.pick(b.texts(test=lambda known: len(known) >= 4))
    if name is None:
        return None
    keep = set(b.known(name)[:2])
    return b.write(name, b.new, mapped(b.columns[name], lambda v: v if v in keep else "other"))


def _mojibake(value: str) -> str:
    return value.encode("utf-8").decode("latin-1")


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:8]


_LOSS = _constant(lambda _: None)
_FIRST_TO_SECOND = _mapping(lambda known: {known[0]: known[1]})
_SECOND_TO_FIRST = _mapping(lambda known: {known[1]: known[0]})
_LAST_TO_FIRST = _mapping(lambda known: {known[-1]: known[0]})
_EXCHANGED = _mapping(lambda known: {known[0]: known[1], known[1]: known[0]})
_RENAMED = _mapping(lambda known: {known[0]: f"{known[0]} (new)"})
_RENAMED_SECOND = _mapping(lambda known: {known[1]: f"{known[1]}_v2"})

TEXTS: list[tuple[str, str, Change]] = [
    ("category_as_another", "a renamed category is taken for another: the first is called as the second",
     category(_FIRST_TO_SECOND)),
    ("category_as_another_second", "the second category is taken for the first", category(_SECOND_TO_FIRST)),
    ("category_as_another_rare", "the rarest category is taken for the first", category(_LAST_TO_FIRST, least=3)),
    ("category_as_another_exchanged", "two categories are exchanged", category(_EXCHANGED)),
    ("category_as_another_codes", "each code stands for its neighbour", category(_mapping(_shifted), least=3)),
    ("category_as_another_third", "each code stands for its neighbour in a third of the new rows",
     category(_mapping(_shifted), some(0.33))),
    ("group_default_category", "a group has the commonest category", _group_default),
    ("sentinel_category", "a tenth has the last category, which means that none is known",
     category(_constant(lambda known: known[-1]), some(0.1), 3)),
    ("category_renamed", "a category has a new name", category(_RENAMED)),
    ("category_renamed_second", "the second category has a new name", category(_RENAMED_SECOND)),
    ("rare_as_other", "rare categories are 'other'", _rare_dropped),
    ("numbers_for_names", "categories are numbered", category(_mapping(_number_codes))),
    ("numbers_for_names_third", "categories are numbered in a third of the new rows",
     category(_mapping(_number_codes), some(0.33))),
    ("one_category", "half of the new rows, in a row, have one category",
     category(_constant(lambda known: known[0]), run(0.5))),
    ("unknown_fifth", "a fifth is 'unknown'", category(_constant(lambda _: "unknown"), some(0.2))),
    ("masked", "texts are masked", text(lambda _: "***")),
    ("masked_third", "texts are masked in a third of the new rows", text(lambda _: "***", some(0.33))),
    ("hashed", "texts are hashed", text(_hashed)),
    ("hashed_group", "texts of one group are hashed", text(_hashed, group)),
    ("upper", "texts are in upper case", text(str.upper)),
    ("lower", "texts are in lower case", text(str.lower)),
    ("upper_third", "a third is in upper case", text(str.upper, some(0.33))),
    ("title_case", "texts are in title case", text(str.title)),
    ("cut_to_1", "texts are cut to one character", text(lambda v: v[:1])),
    ("cut_to_3", "texts are cut to three characters", text(lambda v: v[:3])),
    ("cut_to_8", "texts are cut to eight characters", text(lambda v: v[:8], few=False)),
    ("first_lost", "the first character is lost", text(lambda v: v[1:])),
    ("quoted", "texts are in quotes", text(lambda v: f'"{v}"')),
    ("spaces_lost", "spaces and signs are lost", text(lambda v: "".join(c for c in v if c.isalnum()))),
    ("underscores", "spaces are underscores", text(lambda v: v.replace(" ", "_").replace("-", "_"))),
    ("entities", "texts are HTML",
     text(lambda v: v.replace("&", "&amp;").replace(" ", "&nbsp;").replace("'", "&#39;"))),
    ("mojibake", "UTF-8 is read as Latin-1", text(_mojibake)),
    ("mojibake_accents", "letters have accents that were read as Latin-1",
     text(lambda v: _mojibake(v.translate(ACCENTS)))),
    ("replacement", "a letter of each text is unreadable", text(lambda v: v[:1] + "\ufffd" + v[2:])),
    ("look_alike", "letters of another alphabet that look alike", text(lambda v: v.translate(LOOK_ALIKE))),
    ("invisible", "an invisible character in each text", text(lambda v: v + "\u200b")),
    ("padded", "texts are padded", text(lambda v: v.ljust(20))),
    ("prefix", "texts have a prefix of the new system", text(lambda v: f"crm:{v}")),
    ("suffix_third", "a third has a suffix", text(lambda v: f"{v}.0", some(0.33))),
    ("missing_unknown", "missing categories are 'unknown'", _missing(lambda _: "unknown")),
    ("missing_na", "missing categories are the text NA", _missing(lambda _: "NA")),
    ("missing_commonest", "missing categories are the commonest one", _missing(lambda known: known[0])),
    ("category_lost_third", "a third of a category column is missing", category(_LOSS, some(0.33))),
    ("category_lost_group", "a category column is missing for a group", category(_LOSS, group)),
    ("texts_swapped", "two text columns are exchanged", _swap),
    ("reversed", "texts are reversed", text(lambda v: v[::-1])),
    ("doubled", "texts are doubled", text(lambda v: v + v)),
]  # fmt: skip
