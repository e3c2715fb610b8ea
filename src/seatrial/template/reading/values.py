"""What a column's texts mean: numbers, yes or no, dates; read over the distinct values, exactly or not at all."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# These stand for a missing value in every column; the others only where all other values are numbers, dates, yes or no,
# since "none" may be a name like any other.
MISSING = {"", "na", "n/a", "nan", "null", "#n/a", "<na>", "?"}
MISSING_BESIDE_VALUES = MISSING | {"-", "--", "none", "nil", "missing", "unknown", ".", "nat", "k.a."}
INFINITE = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
YES_NO = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("ja", "nein"), ("oui", "non"),
    ("si", "no"), ("sí", "no"), ("on", "off"), ("1.0", "0.0"),
)  # fmt: skip
UNDERSTOOD = {"yes", "no", "y", "n", "true", "false", "t", "f", "1", "0"}  # by seatrial's own tables
ODD_SHARE = 0.05  # of values that are no numbers, in a column that is taken as numbers all the same
EXACT = 2**53  # up to which a double holds every whole number

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d+")
_ZEROS = re.compile(r"0\d+")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][-+]?\d+)?")
_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d+(\.\d+)?")
_PROVEN = re.compile(r"[-+]?\d{1,3}(,\d{3}){2,}(\.\d+)?|[-+]?\d{1,3}(,\d{3})+\.\d+")
_SIGNED = re.compile(r"([-+]?)\s*([$€£¥]|EUR|USD|CHF)?\s*([-+]?[\d.,]+)\s*([$€£¥%]|EUR|USD|CHF)?")


@dataclass(frozen=True)
class Numbers:
    """Distinct texts read as numbers: NaN where one is none. `how` says what had to be understood, if anything.

    `doubt` says why they are not taken as numbers, and `doubtful` is the position of a text that shows it.
    """

    values: npt.NDArray[np.float64]
    whole: bool
    how: str = ""
    doubt: str = ""
    doubtful: int = 0


def plain_numbers(given: Any) -> Numbers | None:
    """Read an arrow array of distinct texts that are all plain numbers; None where one is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def all_match(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(given, f"^(?:{pattern})$")).as_py())

    if not all_match(_PLAIN.pattern) or pc.any(pc.match_substring_regex(given, r"^0\d+$")).as_py():
        return None
    try:
        values = pc.cast(given, pa.float64())
    except pa.ArrowInvalid:  # a leading plus
        return Numbers(_floats(given.to_pylist()), all_match(_WHOLE.pattern))
    return Numbers(values.to_numpy(zero_copy_only=False), all_match(_WHOLE.pattern))


def read_numbers(texts: list[str], *, decimal_comma: bool) -> Numbers | None:
    """Read distinct texts as numbers where that is certain; None where they are something else.

    A doubt is told where they look like numbers and could be read in two ways.
    """
    numeric = (_PLAIN, _SIGNED, _COMMA, _GROUPS)
    if not any(pattern.fullmatch(text) for text in texts[:100] for pattern in numeric):
        return None
    plain = [_PLAIN.fullmatch(text) is not None for text in texts]
    if sum(plain) >= (1 - ODD_SHARE) * len(texts):
        zero = next((place for place, text in enumerate(texts) if _ZEROS.fullmatch(text)), None)
        if zero is not None:
            return Numbers(np.empty(0), whole=False, doubt="some begin with a zero, as codes do", doubtful=zero)
        whole = all(_WHOLE.fullmatch(text) for text, good in zip(texts, plain, strict=True) if good)
        return Numbers(_floats(texts, plain), whole)
    signs = [_SIGNED.fullmatch(text) for text in texts]
    if all(signs):
        marks = {(match.group(2) or "") + (match.group(4) or "") for match in signs if match}
        if len(marks) == 1 and (mark := marks.pop()):
            bare = read_numbers([m.group(1) + m.group(3) for m in signs if m], decimal_comma=decimal_comma)
            if bare is not None and bare.doubt:
                return bare
            if bare is not None:
                return Numbers(bare.values, bare.whole, f"{mark} taken off" + (f", {bare.how}" if bare.how else ""))
    if decimal_comma and all(_COMMA.fullmatch(text) for text in texts):
        bare_texts = [text.replace(".", "").replace(",", ".") for text in texts]
        return Numbers(_floats(bare_texts), whole=False, how="decimal comma")
    if all(_GROUPS.fullmatch(text) for text in texts):
        if any(_PROVEN.fullmatch(text) for text in texts):
            bare_texts = [text.replace(",", "") for text in texts]
            whole = all(_WHOLE.fullmatch(text) for text in bare_texts)
            return Numbers(_floats(bare_texts), whole, "commas between thousands")
        return Numbers(np.empty(0), whole=False, doubt="its commas could be decimal marks or stand between thousands")
    if all(_COMMA.fullmatch(text) for text in texts):
        return Numbers(np.empty(0), whole=False, doubt="its commas and points could mean either")
    return None


def _floats(texts: list[str], good: list[bool] | None = None) -> npt.NDArray[np.float64]:
    if good is None:
        return np.array(texts, dtype=object).astype(np.float64)
    return np.array([float(t) if g else np.nan for t, g in zip(texts, good, strict=True)], dtype=np.float64)


def read_booleans(texts: list[str]) -> tuple[set[str], set[str]] | None:
    """The texts that mean yes, and those that mean no; None where they are not exactly such a pair."""
    if len(texts) > 6:
        return None
    folded = {text.lower() for text in texts}
    for yes, no in YES_NO:
        if folded == {yes, no}:
            return {t for t in texts if t.lower() == yes}, {t for t in texts if t.lower() == no}
    return None


@dataclass(frozen=True)
class Dates:
    """Distinct texts read as dates: arrow moments, null where one is none."""

    values: Any
    formats: tuple[str, ...]
    timed: bool
    aware: bool = False
    doubt: str = ""


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?")
_ISO_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s?(Z|[-+]\d{2}:?\d{2})")
_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_SHAPE = re.compile(r"(?=.*\d)[\w ,./:+-]{6,40}")


def read_dates(texts: list[str]) -> Dates | None:
    """Read distinct texts as dates, in one format or several; None where some are no dates.

    Which of day and month comes first is settled by a value above 12; where none is, that is told as a doubt.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not texts or not all(_SHAPE.fullmatch(text) for text in texts[:50]):
        return None
    values = pa.array([None] * len(texts), pa.timestamp("us"))
    formats, aware = [], [_ISO_ZONE.fullmatch(text) is not None for text in texts]
    iso = [_ISO.fullmatch(text) is not None for text in texts]
    if any(aware) and not all(aware):
        mixed = sum(aware) + sum(iso) == len(texts)
        return Dates(values, (), timed=True, doubt="some have a time zone and some have none") if mixed else None
    if all(aware):
        read = _cast([text.replace(" Z", "Z").replace(" +", "+") for text in texts], pa.timestamp("us", "UTC"))
        return None if read is None else Dates(read, ("ISO with a time zone",), timed=True, aware=True)
    if any(iso):
        values = _cast([text if good else None for text, good in zip(texts, iso, strict=True)], pa.timestamp("us"))
        if values is None:
            return None
        formats.append("ISO")
    timed = any(len(text) > 10 for text, good in zip(texts, iso, strict=True) if good)
    candidates = [(day + time, time) for time in _TIMES for day in _DAYS]
    first = next((text for text, good in zip(texts, iso, strict=True) if not good), None)
    if first is not None and not any(_strptime([first], pa.array([first]), form)[0].is_valid for form, _ in candidates):
        return None  # eighty formats for each of 100,000 identifiers would take long
    given = pa.array(texts)
    reads: dict[str, Any] = {}
    while values.null_count:
        left = pc.is_null(values)
        best, best_count = ("", ""), 0
        for candidate, time in candidates:
            if candidate not in reads:
                reads[candidate] = _strptime(texts, given, candidate)
            count = pc.sum(pc.and_(left, pc.is_valid(reads[candidate]))).as_py() or 0
            if count > best_count:
                best, best_count = (candidate, time), count
        if not best_count:
            return None
        twin = _twin(best[0])
        if twin in reads and _same_reach(reads[best[0]], reads[twin], left) and "." not in best[0]:
            return Dates(values, (), timed=False, doubt="whether the day or the month comes first cannot be told")
        values = pc.coalesce(values, reads[best[0]])
        formats.append(best[0])
        timed = timed or bool(best[1])
    return Dates(values, tuple(formats), timed)


def _twin(form: str) -> str:
    return form.translate(str.maketrans("dm", "md")) if form[:6] in ("%d/%m/", "%m/%d/", "%d-%m-", "%m-%d-") else ""


def _same_reach(one: Any, other: Any, left: Any) -> bool:
    """Whether two formats read the same of what is left, to different dates."""
    import pyarrow.compute as pc

    first, second = one.filter(left), other.filter(left)
    return first.null_count == second.null_count and not first.equals(second) and bool(
        pc.all(pc.equal(pc.is_valid(first), pc.is_valid(second))).as_py()
    )  # fmt: skip


def _cast(texts: list[Any], kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(pa.array(texts, pa.string()), kind)
    except pa.ArrowInvalid:
        return None


def _strptime(texts: list[str], given: Any, form: str) -> Any:
    """Read by one format. Arrow makes 2 March of 30 February; a second look at the first days of months finds it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    read = pc.strptime(given, format=form, unit="us", error_is_null=True)
    if read.null_count == len(read):
        return read
    early = np.flatnonzero(pc.fill_null(pc.less_equal(pc.day(read), 3), False).to_numpy(zero_copy_only=False))
    wrong = np.zeros(len(texts), dtype=bool)
    for place in early.tolist():
        try:
            dt.datetime.strptime(texts[place], form)
        except ValueError:
            wrong[place] = True
    if "%Y" in form:
        wrong |= pc.fill_null(pc.less(pc.year(read), 1000), False).to_numpy(zero_copy_only=False)
    return pc.if_else(pa.array(wrong), pa.scalar(None, read.type), read) if wrong.any() else read
