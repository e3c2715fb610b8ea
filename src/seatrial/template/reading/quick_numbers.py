"""Reads a column of texts that are all plain numbers at once, where its rules leave no doubt about what they mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.template.reading.numbers import plain_numbers
from seatrial.template.reading.rules import ReadingRules
from seatrial.template.records import ColumnRules, DecimalMark, TableSource

EXACT = 2**53  # whole numbers up to here are the same as float64


@dataclass(frozen=True)
class QuickNumbers:
    """A number for each distinct text, None for missing, and each row's position among them.

    `missing_text` is the first text that means a missing value, if it is not empty.
    """

    distinct: list[Any]
    codes: Any
    missing_text: str = ""


def quick_numbers(
    values: Any, source: TableSource, rules: ReadingRules, column: ColumnRules, missing: frozenset[str]
) -> QuickNumbers | None:
    """Read an arrow array by the rules; None where its texts have to be looked at one by one, and with others.

    With decimal points by rule, or as whole numbers, plain texts mean the same in every column.
    """
    decimal = column.decimal or rules.decimal
    marked = source.decimal.certain and source.decimal.mark != "."
    if column.kind not in ("integer", "number") or not pa.types.is_string(values.type) or marked:
        return None
    if decimal not in ("", ".") or column.unit or column.thousands or column.labels:
        return None
    encoded = values.dictionary_encode("encode")
    texts = encoded.dictionary.fill_null("")
    gone = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(sorted(missing), pa.string()))
    numbers = plain_numbers(texts.filter(pc.invert(gone)), DecimalMark("."))
    if numbers is None or (numbers.decimal and not decimal):
        return None
    found = np.asarray(numbers.values, dtype=np.float64)
    whole = column.kind == "integer"
    if not np.isfinite(found).all() or (whole and not ((found % 1 == 0) & (np.abs(found) <= EXACT)).all()):
        return None
    listed: list[Any] = (found.astype(np.int64) if whole else found).tolist()
    is_gone = np.asarray(gone.to_numpy(zero_copy_only=False))
    distinct = np.full(len(texts), None, dtype=object)
    distinct[~is_gone] = listed
    named = texts.filter(gone).to_pylist()
    codes = np.from_dlpack(encoded.indices).astype(np.int64)  # to_numpy would import pandas
    return QuickNumbers(distinct.tolist(), codes, next((text for text in named if text), ""))
