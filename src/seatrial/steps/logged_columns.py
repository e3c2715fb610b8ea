"""Columns of the prediction log as a project's own table has them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.trial.rows.logged_rows import HASH

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.template.reading.conversion import Export


def hashed_rows(table: Any, names: Sequence[str], old: "Export | None") -> Any:
    """Mark the rows that were logged while an input was hashed: texts of 32 hexadecimal digits, as `old` has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = np.zeros(len(table), bool)
    for name in names:
        column = table[f"input_{name}"] if f"input_{name}" in table.column_names else None
        if column is None or not pa.types.is_string(column.type) or HASH.fullmatch(str(value_of(old, name))):
            continue
        matches = pc.fill_null(pc.match_substring_regex(column, f"^{HASH.pattern}$"), False)
        found |= matches.to_numpy(zero_copy_only=False) if isinstance(matches, pa.Array) else matches.to_numpy()
    return found


def value_of(old: "Export | None", name: str) -> Any:
    """One of the values of a column of the project's table; None if there is none."""
    column = old.columns.get(name) if old else None
    return next((value for value in column.distinct if value is not None), None) if column else None


def other_values(table: Any) -> Mapping[int, Mapping[str, Any]]:
    """The values that columns of the log cannot hold exactly, by row and name."""
    if "other_values" not in table.column_names:
        return {}
    texts = table["other_values"].to_pylist()
    return {row: json.loads(text) for row, text in enumerate(texts) if text}


def column_values(table: Any, name: str, others: Mapping[int, Mapping[str, Any]]) -> Any:
    """A column as the project's own table would have it: dates in ISO format."""
    import pyarrow as pa

    values = table[f"input_{name}"]
    moment = pa.types.is_date(values.type) or pa.types.is_timestamp(values.type) or pa.types.is_time(values.type)
    if not moment and not any(name in row for row in others.values()):
        return values
    listed = [value.isoformat() if hasattr(value, "isoformat") else value for value in values.to_pylist()]
    for row, held in others.items():
        if name in held:
            listed[row] = held[name]
    kinds = {type(value) for value in listed} - {type(None)}
    return pa.array(listed if len(kinds) < 2 else [None if value is None else str(value) for value in listed])


def label_values(values: Sequence[Any]) -> Any:
    """Labels as a column of one type."""
    import pyarrow as pa

    kinds = {type(value) for value in values}
    return pa.array(values if len(kinds) == 1 or kinds <= {int, float} else [str(value) for value in values])


def request_times(project: "ProjectSettings", times: Sequence[datetime], sample: Any) -> Any:
    """The times of requests for the column that the rows are split by, written as the table writes them."""
    import pyarrow as pa

    if sample is not None and _is_number(sample):
        raise SeatrialError(
            f"`{project.split.column}`, which the rows are split by, has numbers such as {sample}; of rows of the log "
            "only the time of the request is known.",
            hint="Bring such rows from where it is: `seatrial refresh FILE --append`.",
        )
    whole_days = sample is not None and len(str(sample)) == len("2027-01-31")
    return pa.array([f"{moment:%Y-%m-%d}" if whole_days else f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in times])


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
