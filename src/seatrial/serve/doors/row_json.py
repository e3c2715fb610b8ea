"""Translates tables that came in as columns, as lists, or as text into the JSON of /api/v1/predict.

Nothing is validated here: what does not fit the schema is translated as it is, and refused where all rows are
validated. NaN is a missing value, as in every table. Names that are not columns are translated for the first row only,
since a long name that is repeated in each row would fill the memory.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from seatrial.model import Release
from seatrial.model.repeated_keys import keys_in, repeated_key
from seatrial.model.row_validation import (
    RowError,
    check_width,
    encodable,
    parts_of,
    repeated_key_error,
    without_texts,
)

Json = dict[str, Any]
MOST_PARTS = 10_000  # of a value that is a list or an object, and of all within it
MOST_LISTS = 120_000  # lists and objects in a megabyte of JSON: a list takes a tenth of a microsecond, here and again


def problem(message: str, kind: str = "value_error", *place: int | str) -> RowError:
    """An error in a request; `place` is the row and the column in it, as far as they are known."""
    loc = ["body", *(part if isinstance(part, int) else encodable(part) for part in place)]
    return RowError([{"type": kind, "loc": loc, "msg": message}])


def check_lists(body: bytes) -> None:
    """Refuse JSON that has little but lists and objects, before it is read, since each takes long for its few bytes."""
    most = int(MOST_LISTS * max(len(body) / 2**20, 1))
    if body.count(b"[") + body.count(b"{") > most:
        plain = without_texts(body)
        if plain.count(b"[") + plain.count(b"{") > most:
            raise problem(f"The body has more than {most:,} lists and objects.", "too_long")


def read_json(body: bytes, *place: int) -> Any:
    """Read JSON; NaN is read as well. Raises RowError; `place` is the row that it is, if it is one."""
    try:
        document = from_json(body)
    except ValueError as error:
        raise problem(f"Invalid JSON: {error}", "json_invalid", *place) from None
    if (found := repeated_key(body, keys_in(document))) is not None:
        raise RowError([repeated_key_error("body", *place, *found)])
    return document


def read_object(body: bytes) -> Json:
    """Read a JSON object. Raises RowError."""
    check_lists(body)
    document = read_json(body)
    if not isinstance(document, dict):
        raise problem("Send a JSON object.", "dict_type")
    return document


def from_columns(release: Release, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> bytes:
    """Write rows from a list of values for each column; all have the same length. Raises RowError."""
    distinct = set(names)
    if len(distinct) < len(names):
        raise problem("The column is there twice.", "duplicate", Counter(names).most_common(1)[0][0])
    check_width(len(names), list(release.schema.model_fields))
    count = len(columns[0]) if columns else 0
    check_count(release, count)
    if count == 1:
        values = _without_nan([values[0] for values in columns], 0)
        return to_json([dict(zip(names, values, strict=True))], **_EXACT)
    if not distinct <= release.schema.model_fields.keys():
        columns = [values[:1] for values in columns]
    translated = [_without_nan(values, name) for name, values in zip(names, columns, strict=True)]
    return to_json([dict(zip(names, row, strict=True)) for row in zip(*translated, strict=True)], **_EXACT)


def from_rows(release: Release, rows: Any) -> bytes:
    """Write rows from objects, or from lists of values in the order of the schema's columns. Raises RowError."""
    if not isinstance(rows, list):
        raise problem("Send a list of rows.", "list_type")
    check_count(release, len(rows))
    names = [column.name for column in release.columns]
    return to_json([_row(names, number, row) for number, row in enumerate(rows)], **_EXACT)


def from_split(release: Release, table: Any) -> bytes:
    """Write rows from `{"columns": [...], "data": [[...], ...]}`, as pandas does with `orient="split"`."""
    if not isinstance(table, dict) or not isinstance(table.get("data"), list):
        raise problem('Send an object with the lists "columns" and "data".', "dict_type")
    if unknown := set(table) - {"columns", "data", "index"}:
        raise problem(f"Unknown key {min(unknown)[:100]!r}; known: columns, index, data.", "extra_forbidden")
    names, data = table.get("columns"), table["data"]
    if names is None:
        return from_rows(release, data)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise problem('"columns" must be a list of names.', "list_type")
    return from_lists(release, names, data)


def from_lists(release: Release, names: Sequence[str], rows: Sequence[Any]) -> bytes:
    """Write rows from lists of values in the order of `names`. Raises RowError."""
    check_count(release, len(rows))
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            what = f"{len(row)} values" if isinstance(row, list) else "no list of values"
            raise problem(f"The row has {what}; there are {len(names)} columns.", "wrong_length", number)
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in names]
    return from_columns(release, names, columns)


def check_count(release: Release, count: int) -> None:
    """Refuse too many rows before they are translated; the message is the one that the parser has."""
    if count > release.row_limit:
        raise problem(f"List should have at most {release.row_limit} items after validation, not {count}", "too_long")


def _without_nan(values: Sequence[Any], place: int | str) -> Sequence[Any]:
    """The values with None for NaN. Raises RowError for one with thousands of parts, which take long to translate."""
    kinds = set(map(type, values))
    if kinds & _NESTED and any(type(value) in _NESTED and parts_of(value, MOST_PARTS) > MOST_PARTS for value in values):
        raise problem(f"A value has more than {MOST_PARTS:,} parts.", "too_long", place)
    return [None if v != v else v for v in values] if float in kinds else values  # noqa: PLR0124 - NaN


def _row(names: Sequence[str], number: int, row: Any) -> Any:
    if isinstance(row, dict):
        check_width(len(row), names)
        return dict(zip(row, _without_nan(list(row.values()), number), strict=True))
    if not isinstance(row, list):
        return row
    if len(row) != len(names):
        text = f"The row has {len(row)} values; there are {len(names)} columns: {', '.join(names)}."
        raise problem(text, "wrong_length", number)
    return _row(names, number, dict(zip(names, row, strict=True)))


_NESTED = {list, dict}
_EXACT: Json = {"inf_nan_mode": "constants"}  # an infinity must reach the parser, which refuses it
