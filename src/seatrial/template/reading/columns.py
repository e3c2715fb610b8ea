"""Reads one column of a source: its type, its typed values, what stands for missing, and each decision on the way."""

from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.dates import all_times, read_dates, read_day_numbers
from seatrial.template.reading.doubtful_values import far_off, several_ways
from seatrial.template.reading.expand import Spread
from seatrial.template.reading.numbers import Numbers, plain_numbers, read_numbers
from seatrial.template.reading.values import (
    EXACT,
    INFINITE,
    MISSING,
    MISSING_BESIDE_VALUES,
    UNDERSTOOD,
    read_booleans,
)
from seatrial.template.records import KINDS, ColumnFacts, Decision, Kind

MOST_CATEGORIES = 40  # more names than a person would list in a class
MOST_SHARE = 0.5  # of rows that have a category of their own
LONGEST_CATEGORY = 60
WORDS_OF_TEXT = 3.0  # on average, from which on many distinct strings are text and not codes
OVERFLOWS = 1e150  # squares of it are no doubles any more


class Reader:
    """Reads a column, and collects the decisions and what the project's data file must change of it."""

    def __init__(self, source: str, name: str, *, decimal_comma: bool, kind: Kind | None = None) -> None:
        self.source, self.name = source, name
        self.decimal_comma, self.wished = decimal_comma, kind
        self.decisions: list[Decision] = []
        self.changes: list[str] = []
        self._left_out = ""
        self._unit = ""

    def read(self, values: Any) -> ColumnFacts:
        """Read arrow values: strings by what they mean, all others by their type. Raises where a wish does not fit."""
        found = self._read(values)
        if self.wished and found.kind != self.wished and len(values) > found.missing:
            raise SeatrialError(
                f"The column {self.source!r} cannot be read as {KINDS[self.wished]}.",
                hint=f"It looks like {KINDS[found.kind]}; an example is {str(found.example)[:60]!r}.",
            )
        return found

    def _read(self, values: Any) -> ColumnFacts:
        import pyarrow as pa

        kind = values.type
        if pa.types.is_string(kind):
            return self._read_texts(values)
        if self.wished in ("category", "code", "text"):
            return self._read_texts(values.cast(pa.string()))
        if pa.types.is_boolean(kind):
            return self._facts("boolean", values)
        if pa.types.is_date(kind):
            return self._facts("date", values)
        if pa.types.is_timestamp(kind):
            return self._moments(values, aware=kind.tz is not None)
        return self._numbers(values.cast(pa.float64(), safe=False), values, whole=bool(pa.types.is_integer(kind)))

    # -- texts

    def _read_texts(self, values: Any) -> ColumnFacts:
        import pyarrow as pa
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim_whitespace(values)
        coded = trimmed.dictionary_encode()
        texts = coded.dictionary
        lower = pc.utf8_lower(texts)
        certain = pc.is_in(lower, value_set=pa.array(sorted(MISSING)))
        likely = pc.is_in(lower, value_set=pa.array(sorted(MISSING_BESIDE_VALUES)))
        found: ColumnFacts | None = None
        for absent in (certain,) if certain.equals(likely) else (certain, likely):
            present = texts.filter(pc.invert(absent))
            found = self._typed(present, Spread(coded, absent)) if len(present) else None
            if found is not None:
                break
        if found is None:
            absent = certain
            names = pc.if_else(absent, pa.scalar(None, pa.string()), texts)
            found = self._names(names.take(coded.indices), texts.filter(pc.invert(absent)).to_pylist())
            if not trimmed.equals(values) and found.kind == "category":
                self.changes.append(f"{self.source}: blanks around names taken off")
        if found.kind in ("date", "moment") and not trimmed.equals(values):
            self.changes.append(f"{self.source}: blanks around dates taken off")
        named = sorted(t for t in texts.filter(absent).to_pylist() if t)
        if named:
            shown = ", ".join(map(repr, named))
            self.changes.append(f"{self.source}: {', '.join(named)} written as missing")
            self._decide("missing", f"{shown} stands for missing", "that is what it means in tables")
        return replace(found, missing_as=tuple(named))

    def _typed(self, given: Any, spread: Spread) -> ColumnFacts | None:
        """Numbers, yes or no, or dates, where all distinct texts are such."""
        import pyarrow as pa

        plain = plain_numbers(given) if self.wished not in ("code", "text") else None
        if self.wished == "category" and plain is not None and plain.whole and len(given) <= MOST_CATEGORIES:
            return self._facts("category", spread(pa.array(plain.values.astype(np.int64))))
        if self.wished in ("category", "code", "text"):
            return None
        days = read_day_numbers(plain.values) if plain is not None and self.wished in (None, "date") else None
        if days is not None:
            self.changes.append(f"{self.source}: dates written as ISO")
            self._decide(
                "type", "dates", "all its numbers are days, as year, month, day", f"such as {given[0].as_py()!r}"
            )
            return self._facts("date", spread(days).cast(pa.date32()))
        if plain is not None and (len(given) > 2 or self.wished not in (None, "boolean")):
            return self._read_numbers([], [], [], plain, spread, given)
        present: list[str] = given.to_pylist()
        if self.wished in (None, "boolean") and (pair := read_booleans(present)):
            yes, no = pair
            if not {t.lower() for t in present} <= UNDERSTOOD:
                self.changes.append(f"{self.source}: {', '.join(sorted(yes | no))} written as true and false")
            if {t.lower() for t in present} != {"true", "false"}:
                why = f"it holds {' and '.join(sorted(yes))} for yes, {' and '.join(sorted(no))} for no"
                self._decide("type", "yes or no", why)
            return self._facts("boolean", spread(pa.array([t in yes for t in present])))
        odd_infinite = [t for t in present if t.lower() in INFINITE]
        finite = [t for t in present if t.lower() not in INFINITE]
        numbers = read_numbers(finite, decimal_comma=self.decimal_comma)
        if numbers is not None and numbers.doubt:
            self._decide(
                "type", "taken as names, not as numbers", numbers.doubt, f"such as {finite[numbers.doubtful]!r}"
            )
            return None
        if numbers is not None:
            return self._read_numbers(present, finite, odd_infinite, numbers, spread, given)
        return self._read_dates(present, spread)

    def _read_dates(self, present: list[str], spread: Spread) -> ColumnFacts | None:
        import pyarrow as pa

        dates = read_dates(present)
        if dates is None:
            if all_times(present):
                self._left_out = "times without a date, which are not read; write them as a number, of minutes or hours"
                self._decide("leave out", "left out", self._left_out, f"such as {present[0]!r}")
            return None
        if dates.doubt:
            self._left_out = f"dates, and {dates.doubt}"
            self._decide("leave out", "left out", self._left_out, f"such as {present[0]!r}")
            return None
        if dates.formats != ("ISO",):
            told = " and ".join(dates.formats)
            self.changes.append(f"{self.source}: dates written as ISO")
            self._decide(
                "type",
                "dates",
                f"written in {'several ways: ' if len(dates.formats) > 1 else ''}{told}",
                f"such as {present[0]!r}",
            )
        if dates.timed and any(len(text) <= len("2024-01-01") for text in present):
            self.changes.append(f"{self.source}: dates among moments written as midnight")
        values = spread(dates.values)
        return (
            self._moments(values, aware=dates.aware)
            if dates.timed
            else self._facts("date", values.cast(pa.date32(), safe=False))
        )

    def _read_numbers(
        self,
        present: list[str],
        finite: list[str],
        infinite: list[str],
        numbers: Numbers,
        spread: Spread,
        given: Any,
    ) -> ColumnFacts:
        """`numbers` are those of `finite`, what of `present` is not infinite; or of all that was `given`."""
        import pyarrow as pa

        distinct = numbers.values
        if present:
            by_text = dict(zip(finite, distinct.tolist(), strict=True))
            odd = [text for text in finite if by_text[text] != by_text[text]]
            if odd:
                shown = ", ".join(map(repr, odd[:3])) + (", ..." if len(odd) > 3 else "")
                why = f"all other values are numbers; {len(odd)} of {len(present)} different ones are not"
                self.changes.append(f"{self.source}: texts among the numbers written as missing")
                self._decide("missing", f"{shown} taken as missing", why)
            distinct = np.array([by_text.get(text, np.nan) for text in present], dtype=np.float64)
        if infinite:
            self.changes.append(f"{self.source}: infinite values written as missing")
            self._decide("missing", f"{', '.join(infinite)} taken as missing", "a model cannot calculate with infinity")
        if numbers.how:
            self.changes.append(f"{self.source}: {numbers.how}")
            kind = KINDS["integer" if numbers.whole else "number"]
            self._decide("type", kind, f"read with {numbers.how}", f"such as {finite[0]!r}")
        self._unit = numbers.unit
        values = spread(pa.array(distinct, pa.float64(), from_pandas=True))
        large = numbers.whole and np.nanmax(np.abs(distinct), initial=0) > EXACT
        return self._numbers(values, spread(given) if large else None, whole=numbers.whole)

    def _names(self, values: Any, present: list[str]) -> ColumnFacts:
        """Texts that mean themselves: a few names, many names, or free text."""
        rows = len(values) - values.null_count
        longest = max(map(len, present), default=0)
        words = sum(text.count(" ") + 1 for text in present[:2000]) / max(len(present[:2000]), 1)
        few = (
            len(present) <= MOST_CATEGORIES
            and longest <= LONGEST_CATEGORY
            and len(present) <= max(rows * MOST_SHARE, 2)
        )
        kind: Kind = "category" if few else "text" if words >= WORDS_OF_TEXT or longest > 200 else "code"
        if self.wished in ("category", "code", "text"):
            kind = self.wished
        numeric = sum(text.lstrip("+-").replace(".", "", 1).isdecimal() for text in present)
        if 0 < numeric < len(present) and numeric > len(present) / 4:
            others = [t for t in present if not t.lstrip("+-").replace(".", "", 1).isdecimal()]
            self._decide(
                "type",
                f"taken as {KINDS[kind]}",
                "numbers and texts are mixed in it",
                f"{len(others)} of {len(present)} different values are no numbers, such as {others[0]!r}",
            )
        if kind != "text" and (ways := several_ways(present)):
            self._decide("type", f"{ways} are different names", "they differ in upper and lower case only")
        formulas = [text for text in present if text[:1] in "=@" and len(text) > 1]
        if formulas:
            self._decide(
                "type", "formulas taken as plain text", "a spreadsheet would run them", f"such as {formulas[0][:40]!r}"
            )
        return self._facts(kind, values, longest=longest)

    # -- numbers and moments

    def _numbers(self, values: Any, exact: Any, *, whole: bool) -> ColumnFacts:
        import pyarrow as pa
        import pyarrow.compute as pc

        finite = pc.is_finite(values)
        if not pc.all(pc.fill_null(finite, True)).as_py():
            if pc.any(pc.is_inf(values)).as_py():
                self.changes.append(f"{self.source}: infinite values written as missing")
                self._decide("missing", "infinity taken as missing", "a model cannot calculate with it")
            values = pc.if_else(finite, values, pa.scalar(None, pa.float64()))
        present = values.drop_null().to_numpy(zero_copy_only=False)
        largest = float(np.abs(present).max()) if len(present) else 0.0
        if whole and largest > EXACT:
            self._left_out = "whole numbers above 2^53, which no double holds exactly"
            self._decide("leave out", "left out", self._left_out, f"up to {largest:.0f}; a number that long is a name")
            return self._facts("code", exact.cast(pa.string()))
        if odd := far_off(present):
            why = "no other value is near it; if it stands for missing, take it out of the table"
            self._decide("missing", f"{odd[0]:g} kept as a number", why, f"in {odd[1]:,} rows")
        if largest > OVERFLOWS:
            self._left_out = "numbers too large to calculate with"
            self._decide("leave out", "left out", self._left_out, f"up to {largest:.3g}")
        if (
            whole
            and len(present)
            and set(np.unique(present).tolist()) == {0.0, 1.0}
            and self.wished in (None, "boolean")
        ):
            return self._facts("boolean", pc.equal(values, 1.0))
        kind: Kind = "integer" if whole and self.wished != "number" else "number"
        return self._facts(kind, values.cast(pa.int64()) if kind == "integer" else values)

    def _moments(self, values: Any, *, aware: bool) -> ColumnFacts:
        import pyarrow as pa
        import pyarrow.compute as pc

        if aware:
            self.changes.append(f"{self.source}: moments written in UTC")
            self._decide(
                "type", "moments in UTC", "they have a time zone, and a part such as the hour needs one for all"
            )
        elif not any(pc.any(pc.greater(part(values), 0)).as_py() for part in (pc.hour, pc.minute, pc.second)):
            self.changes.append(f"{self.source}: moments, all at midnight, written as dates")
            self._decide("type", "dates", "every time of day is midnight")
            return self._facts("date", values.cast(pa.date32(), safe=False))
        return self._facts("moment", values, aware=aware)

    def _facts(self, kind: Kind, values: Any, *, longest: int = 0, aware: bool = False) -> ColumnFacts:
        import pyarrow.compute as pc

        named, ordered = kind in ("category", "code", "boolean"), kind in ("integer", "number", "date", "moment")
        found = pc.value_counts(values.drop_null()).to_pylist() if named else []
        counts = sorted(((c["values"], c["counts"]) for c in found), key=lambda pair: -pair[1])
        ends = pc.min_max(values).as_py() if ordered else {"min": None, "max": None}
        present = values.drop_null()
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
            unit=self._unit,
        )

    def _decide(self, about: Any, what: str, why: str, evidence: str = "") -> None:
        self.decisions.append(Decision(about, self.name, what, why, evidence))
