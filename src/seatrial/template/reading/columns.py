"""Reads one column of a table: its type, its typed values, what means missing, and each decision on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.dates import all_times, read_dates, read_day_numbers
from seatrial.template.reading.doubtful_values import case_variants, outlying_code
from seatrial.template.reading.numbers import Numbers, plain_numbers, read_numbers
from seatrial.template.reading.periods import Period, expand_period, read_period_numbers, read_periods
from seatrial.template.reading.values import (
    EXACT,
    INFINITE,
    MISSING,
    MISSING_BESIDE_VALUES,
    UNDERSTOOD,
    read_booleans,
)
from seatrial.template.records import KINDS, ColumnFacts, ColumnRules, DecimalMark, Decision, Kind

MOST_CATEGORIES = 40  # more than a person would list in a class
MOST_SHARE = 0.5  # of rows that have a category of their own
LONGEST_CATEGORY = 60
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")  # of e-mail
WORDS_OF_TEXT = 3.0  # on average; many distinct strings with at least as many words are text, others are codes
LARGEST = 1e150  # the square of a larger number overflows a double
NAMES = ("category", "code", "text")


@dataclass(frozen=True)
class DistinctTexts:
    """The distinct texts of a column that are not missing; `indices` has each row's position among them, or null."""

    texts: Any
    indices: Any

    def expand(self, values: Any) -> Any:
        """One value per distinct text -> one per row."""
        return values.take(self.indices)


def distinct_texts(encoded: Any, missing: Any) -> DistinctTexts:
    """The texts of a dictionary array without those that `missing` (a boolean array) marks."""
    absent = missing.to_numpy(zero_copy_only=False)
    positions = np.where(absent, 0, np.cumsum(~absent) - 1)
    texts = encoded.dictionary.filter(pc.invert(missing))
    return DistinctTexts(texts, pa.array(positions, mask=absent).take(encoded.indices))


class ColumnReader:
    """Reads a column, and collects the decisions and how the project's data file will differ from the source."""

    def __init__(
        self,
        source: str,
        name: str,
        *,
        decimal: DecimalMark,
        kind: Kind | None = None,
        missing: Sequence[str] | None = None,
    ) -> None:
        self.source, self.name = source, name
        self.decimal, self.requested, self.missing = decimal, kind, missing
        self.decisions: list[Decision] = []
        self.changes: list[str] = []
        self._left_out = ""
        self._rules: dict[str, Any] = {"missing": None if missing is None else tuple(missing)}

    def read(self, values: Any) -> ColumnFacts:
        """Read arrow values: strings by their content, all others by their type. Raises if `kind` does not fit."""
        facts = self._read(values)
        if self.requested and facts.kind != self.requested and len(values) > facts.missing:
            raise SeatrialError(
                f"The column {self.source!r} cannot be read as {KINDS[self.requested]}.",
                hint=f"It looks like {KINDS[facts.kind]}; an example is {str(facts.example)[:60]!r}.",
            )
        return facts

    def _read(self, values: Any) -> ColumnFacts:
        kind = values.type
        if pa.types.is_string(kind) or self.requested in NAMES:
            return self._read_texts(values.cast(pa.string()))
        if self.missing is not None:
            marked = pc.is_in(values.cast(pa.string()), value_set=pa.array(list(self.missing), pa.string()))
            values = pc.if_else(marked, pa.scalar(None, kind), values)
        if pa.types.is_boolean(kind):
            return self._facts("boolean", values)
        if pa.types.is_date(kind):
            return self._facts("date", values)
        if pa.types.is_timestamp(kind):
            return self._read_moments(values, aware=kind.tz is not None)
        return self._number_facts(values.cast(pa.float64(), safe=False), values, whole=bool(pa.types.is_integer(kind)))

    # -- texts

    def _read_texts(self, values: Any) -> ColumnFacts:
        trimmed = pc.utf8_trim_whitespace(values)
        encoded = trimmed.dictionary_encode()
        lower = pc.utf8_lower(encoded.dictionary)
        given = None if self.missing is None else {"", *(text.lower() for text in self.missing)}
        certain = missing = pc.is_in(lower, value_set=pa.array(sorted(MISSING if given is None else given)))
        likely = pc.is_in(lower, value_set=pa.array(sorted(MISSING_BESIDE_VALUES if given is None else given)))
        facts: ColumnFacts | None = None
        for missing in (certain,) if certain.equals(likely) else (certain, likely):
            distinct = distinct_texts(encoded, missing)
            facts = self._typed(distinct) if len(distinct.texts) else None
            if facts is not None:
                break
        else:
            missing = certain
            facts = self._names(distinct_texts(encoded, missing))
        if facts.kind in ("category", "date", "moment") and not trimmed.equals(values):
            self._change("spaces around values removed")
        marks = sorted(text for text in encoded.dictionary.filter(missing).to_pylist() if text)
        if marks:
            self._change(f"{', '.join(marks)} written as missing")
            self._decide("missing", f"{', '.join(map(repr, marks))} read as missing", "it usually means that in tables")
        return replace(facts, missing_as=tuple(marks))

    def _typed(self, distinct: DistinctTexts) -> ColumnFacts | None:
        """The facts if all distinct texts are numbers, yes or no, or dates."""
        plain = plain_numbers(distinct.texts, self.decimal) if self.requested not in ("code", "text") else None
        if self.requested == "category" and plain and plain.whole and len(distinct.texts) <= MOST_CATEGORIES:
            return self._facts("category", distinct.expand(pa.array(plain.values.astype(np.int64))))
        if self.requested in NAMES:
            return None
        days = read_day_numbers(plain.values) if plain and self.requested in (None, "date") else None
        if days is not None:
            self._change("dates written as ISO")
            why = "every number is a date, written as year, month and day"
            self._decide("type", "dates", why, f"such as {distinct.texts[0].as_py()!r}")
            self._rules |= {"formats": ("%Y%m%d",)}
            return self._facts("date", distinct.expand(days).cast(pa.date32()))
        if plain and (len(distinct.texts) > 2 or self.requested not in (None, "boolean")):
            return self._read_numbers([], plain, distinct)
        texts: list[str] = distinct.texts.to_pylist()
        if self.requested in (None, "boolean") and (pair := read_booleans(texts)):
            return self._read_booleans(texts, *pair, distinct)
        finite = [text for text in texts if text.lower() not in INFINITE]
        numbers = read_numbers(finite, self.decimal)
        if numbers is None:
            return self._read_dates(texts, distinct)
        if numbers.doubt:
            example = f"such as {finite[numbers.doubtful]!r}"
            self._decide("type", "read as text, not as numbers", numbers.doubt, example)
            return None
        return self._read_numbers(finite, numbers, distinct)

    def _read_booleans(self, texts: list[str], yes: set[str], no: set[str], distinct: DistinctTexts) -> ColumnFacts:
        lower = {text.lower() for text in texts}
        if not lower <= UNDERSTOOD:
            self._change(f"{', '.join(sorted(yes | no))} written as true and false")
        self._rules |= {"yes": tuple(sorted(yes)), "no": tuple(sorted(no))}
        if lower != {"true", "false"}:
            why = f"its values are {' and '.join(sorted(yes))} for yes, {' and '.join(sorted(no))} for no"
            self._decide("type", "yes or no", why)
        return self._facts("boolean", distinct.expand(pa.array([text in yes for text in texts])))

    def _read_dates(self, texts: list[str], distinct: DistinctTexts) -> ColumnFacts | None:
        dates = read_dates(texts)
        example = f"such as {texts[0]!r}"
        if dates is None and (period := read_periods(texts)):
            return self._read_period(period, distinct.expand(period.values), example)
        if dates is None:
            if all_times(texts):
                why = "times without a date are not supported; convert them to a number of minutes or hours"
                self._leave_out(why, example)
            return None
        if dates.doubt:
            self._leave_out(f"its dates cannot be read: {dates.doubt}", example)
            return None
        if dates.formats != ("ISO",):
            several = "in several formats, " if len(dates.formats) > 1 else "as "
            self._change("dates written as ISO")
            self._decide("type", "dates", f"written {several}{' and '.join(dates.formats)}", example)
        self._rules |= {"formats": dates.formats, "time_zone": dates.aware}
        if dates.timed and any(len(text) <= len("2024-01-01") for text in texts):
            self._change("dates without a time written as midnight")
        values = distinct.expand(dates.values)
        if dates.timed:
            return self._read_moments(values, aware=dates.aware)
        return self._facts("date", values.cast(pa.date32(), safe=False))

    def _read_numbers(self, finite: list[str], numbers: Numbers, distinct: DistinctTexts) -> ColumnFacts:
        """`numbers` are the values of the `finite` texts; of all distinct texts if `finite` is empty."""
        values = numbers.values
        if finite:
            by_text = dict(zip(finite, values.tolist(), strict=True))
            texts = distinct.texts.to_pylist()
            values = np.array([by_text.get(text, np.nan) for text in texts], dtype=np.float64)
            others = [text for text, value in by_text.items() if np.isnan(value)]
            if others:
                shown = ", ".join(map(repr, others[:3])) + (", ..." if len(others) > 3 else "")
                self._change("text among the numbers written as missing")
                why = f"all other values are numbers; {len(others)} of {len(texts)} distinct values are not"
                self._decide("missing", f"{shown} read as missing", why)
                self._rules |= {"also_missing": tuple(others)}
            infinite = [text for text in texts if text not in by_text]
            if infinite:
                self._infinite_as_missing(", ".join(infinite))
        if numbers.how:
            self._change(numbers.how)
            kind = KINDS["integer" if numbers.whole else "number"]
            shown = next((text for text in finite if not text.isdecimal()), finite[0])
            self._decide("type", kind, f"read with {numbers.how}", f"such as {shown!r}")
        self._rules |= {"decimal": numbers.decimal, "thousands": numbers.thousands, "unit": numbers.unit}
        large = numbers.whole and np.nanmax(np.abs(values), initial=0) > EXACT
        exact = distinct.expand(distinct.texts) if large else None
        rows = distinct.expand(pa.array(values, pa.float64(), from_pandas=True))
        return self._number_facts(rows, exact, whole=numbers.whole)

    def _names(self, distinct: DistinctTexts) -> ColumnFacts:
        """Texts that stand for themselves: a few categories, many codes, or free text."""
        values, texts = distinct.expand(distinct.texts), distinct.texts.to_pylist()
        rows = len(values) - values.null_count
        longest = max(map(len, texts), default=0)
        words = sum(text.count(" ") + 1 for text in texts[:2000]) / max(len(texts[:2000]), 1)
        few = len(texts) <= min(MOST_CATEGORIES, max(rows * MOST_SHARE, 2)) and longest <= LONGEST_CATEGORY
        few = few and not all(map(_ADDRESS.fullmatch, texts))  # which people would read in schema.py
        kind: Kind = "category" if few else "text" if words >= WORDS_OF_TEXT or longest > 200 else "code"
        kind = self.requested if self.requested in NAMES else kind
        others = [text for text in texts if not text.lstrip("+-").replace(".", "", 1).isdecimal()]
        if others and 4 * len(others) < 3 * len(texts):
            evidence = f"{len(others)} of {len(texts)} distinct values are not numbers, such as {others[0]!r}"
            self._decide("type", f"read as {KINDS[kind]}", "it mixes numbers and text", evidence)
        if kind != "text" and (variants := case_variants(texts)):
            self._decide("type", f"{variants} kept as different values", "they differ only in upper and lower case")
        if all(text.isdecimal() for text in texts) and any(text[0] == "0" for text in texts):
            widths = {len(text) for text in texts}
            self._rules |= {"width": widths.pop()} if len(widths) == 1 else {}
        formula = next((text for text in texts if text[:1] in "=@" and len(text) > 1), None)
        if formula:
            why = "a spreadsheet would run them"
            self._decide("type", "formulas kept as plain text", why, f"such as {formula[:40]!r}")
        return self._facts(kind, values, longest=longest)

    # -- numbers and moments

    def _number_facts(self, values: Any, exact: Any, *, whole: bool) -> ColumnFacts:
        """Facts about doubles; `exact` are the same numbers as they were, for those that no double can represent."""
        finite = pc.is_finite(values)
        if not pc.all(pc.fill_null(finite, True)).as_py():
            if pc.any(pc.is_inf(values)).as_py():
                self._infinite_as_missing("infinity")
            values = pc.if_else(finite, values, pa.scalar(None, pa.float64()))
        present = values.drop_null().to_numpy(zero_copy_only=False)
        largest = float(np.abs(present).max(initial=0))
        if self.requested in (None, "date", "moment") and (period := read_period_numbers(self.source, present)):
            return self._read_period(period, expand_period(period, values), f"such as {present[0]:.0f}")
        if whole and largest > EXACT:
            evidence = f"up to {largest:.0f}; numbers this long are usually identifiers"
            self._leave_out("whole numbers above 2^53, which a double cannot represent exactly", evidence)
            return self._facts("code", exact.cast(pa.string()))
        if outlier := outlying_code(present):
            why = "it is far from all other values; if it means missing, remove it from the table"
            self._decide("missing", f"{outlier[0]:g} kept as a number", why, f"in {outlier[1]:,} rows")
        if largest > LARGEST:
            self._leave_out("numbers too large to calculate with", f"up to {largest:.3g}")
        if whole and self.requested in (None, "boolean") and set(np.unique(present).tolist()) == {0.0, 1.0}:
            return self._facts("boolean", pc.equal(values, 1.0))
        kind: Kind = "integer" if whole and self.requested != "number" else "number"
        return self._facts(kind, values.cast(pa.int64()) if kind == "integer" else values)

    def _read_period(self, period: Period, values: Any, example: str) -> ColumnFacts:
        kind: Kind = "moment" if period.instants else "date"
        self._change(f"{period.what} written as ISO {KINDS[kind]}")
        self._decide("type", KINDS[kind], f"written as {period.what}", example)
        self._rules |= {"formats": (period.what.partition(",")[0],), "time_zone": period.instants}
        return self._facts(kind, values if period.instants else values.cast(pa.date32()), aware=period.instants)

    def _read_moments(self, values: Any, *, aware: bool) -> ColumnFacts:
        if aware:
            self._change("dates and times written in UTC")
            why = "a part of them, such as the hour, needs the same time zone in all rows"
            self._decide("type", "dates and times in UTC", why)
        elif not any(pc.any(pc.greater(part(values), 0)).as_py() for part in (pc.hour, pc.minute, pc.second)):
            self._change("times, all midnight, removed from dates")
            self._decide("type", "dates", "every time of day is midnight")
            return self._facts("date", values.cast(pa.date32(), safe=False))
        return self._facts("moment", values, aware=aware)

    def _facts(self, kind: Kind, values: Any, *, longest: int = 0, aware: bool = False) -> ColumnFacts:
        named, ordered = kind in ("category", "code", "boolean"), kind in ("integer", "number", "date", "moment")
        present = values.drop_null()
        pairs = [(count["values"], count["counts"]) for count in pc.value_counts(present).to_pylist()] if named else []
        counts = sorted(pairs, key=lambda pair: -pair[1])
        ends = pc.min_max(values).as_py() if ordered else {"min": None, "max": None}
        example = counts[0][0] if counts else present[len(present) // 2].as_py() if len(present) else None
        return ColumnFacts(
            source=self.source,
            name=self.name,
            kind=kind,
            values=values,
            missing=values.null_count,
            distinct=len(counts) if named else pc.count_distinct(values).as_py(),
            minimum=ends["min"],
            maximum=ends["max"],
            counts=tuple(counts if kind != "code" else counts[:MOST_CATEGORIES]),
            longest=longest,
            aware=aware,
            example=example,
            left_out=self._left_out,
            unit=self._rules.get("unit", ""),
            rules=ColumnRules(self.source, kind, **self._rules),
        )

    def _infinite_as_missing(self, shown: str) -> None:
        self._change("infinite values written as missing")
        self._decide("missing", f"{shown} read as missing", "a model cannot calculate with infinity")

    def _leave_out(self, why: str, evidence: str) -> None:
        self._left_out = why
        self._decide("leave out", "left out", why, evidence)

    def _change(self, what: str) -> None:
        self.changes.append(f"{self.source}: {what}")

    def _decide(self, about: Any, what: str, why: str, evidence: str = "") -> None:
        self.decisions.append(Decision(about, self.name, what, why, evidence))
