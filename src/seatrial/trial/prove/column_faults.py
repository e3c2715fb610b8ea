"""A fault that any column may have in serving, beside those of `faults`: its values are those of other rows.

This file is loaded by its path in the candidate's own environment, so it uses the standard library and numpy alone.
"""

import types
from collections.abc import Mapping
from typing import Any

import numpy as np


def apply(release: Any, name: str, parameters: Mapping[str, Any]) -> None:
    """Give each row the column's value of the row before it, in a table and from one request to the next."""
    if name != "shuffled":
        raise ValueError(f"no fault {name!r}")
    table, encode, column = release.score_table, release.encode, parameters["column"]
    before: list[Any] = []

    def score_table(columns: Any) -> Any:
        return table({**columns, column: np.roll(columns[column], 1)})

    def encode_row(row: Any) -> Any:
        before.append(getattr(row, column))
        value = before[-2] if len(before) > 1 else before[-1]
        return encode(types.SimpleNamespace(**{**row.__dict__, column: value}))

    release.score_table, release.encode = score_table, encode_row
