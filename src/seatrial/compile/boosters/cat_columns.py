"""The categorical columns of a CatBoost model, and the model's JSON with the hashes of their strings.

A saved model contains 32-bit hashes of strings, not the strings. They are found again in the training rows: CatBoost
writes a dictionary of hashes next to a model that is saved together with rows.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.compile.graph import Refused
from seatrial.model.features import Array


@dataclass(frozen=True)
class CatColumn:
    """A column of strings. Each has a code from 1; codes are equal where CatBoost's hashes are, as it sees no more.

    `hashes` are the hashes by code, that of 0, an unknown string, being 0 and meaningless; `codes` are those of the
    training rows (n,).
    """

    position: int  # in the rows
    strings: dict[str, int]
    hashes: Array
    codes: Array

    def code_of(self, hashed: int) -> int:
        """Return the code of a hash. Raises Refused if no training row has such a string."""
        found = np.flatnonzero(self.hashes[1:] == hashed)
        if not len(found):
            raise Refused("it asks for a category that no row of its table has")
        return int(found[0]) + 1


def save_with_hashes(estimator: Any, rows: Any) -> tuple[dict[str, Any], list[CatColumn]]:
    """Return a fitted model's JSON, and its categorical columns as they are in the rows that it was trained on."""
    positions = [int(position) for position in estimator.get_cat_feature_indices()]
    if not positions:
        return _save(estimator, None), []
    if rows is None:
        raise Refused("its cat_features are found again in training rows, and an estimator inside of another gets none")
    found = [_distinct(rows, position) for position in positions]
    width = len(rows.columns) if hasattr(rows, "columns") else rows.shape[1]
    hashes: dict[str, int] = {}
    missing = list(dict.fromkeys(text for strings, _ in found for text in strings))
    while missing:  # a dictionary has one string of each hash, so strings with equal hashes take several turns
        saved = _save(estimator, _pool(missing, positions, width))
        turn = {str(each["value"]): int(each["hash"]) for each in saved["features_info"]["cat_features_hash"]}
        hashes |= {text: turn[text] for text in missing if text in turn}
        if not turn.keys() & set(missing):
            raise Refused("CatBoost does not say how it hashes the strings of its cat_features")
        missing = [text for text in missing if text not in turn]
    return saved, [_column(position, *each, hashes) for position, each in zip(positions, found, strict=True)]


def _column(position: int, strings: list[str], inverse: Array, hashes: dict[str, int]) -> CatColumn:
    distinct, numbers = np.unique(np.array([hashes[text] for text in strings], dtype=np.int64), return_inverse=True)
    codes = numbers.reshape(-1) + 1
    signed = distinct.astype(np.uint32).astype(np.int32).astype(np.int64)
    return CatColumn(
        position, dict(zip(strings, codes.tolist(), strict=True)), np.concatenate([[0], signed]), codes[inverse]
    )


def _distinct(rows: Any, position: int) -> tuple[list[str], Array]:
    """The distinct strings of a column, and for each row the position of its own among them."""
    import pandas as pd

    values = rows.iloc[:, position] if hasattr(rows, "iloc") else rows[:, position]
    inverse, distinct = pd.factorize(np.asarray(values, dtype=object), sort=False)
    if not all(isinstance(text, str) for text in distinct):
        raise Refused("one of its cat_features has values that are not strings")
    return list(distinct), inverse


def _pool(strings: list[str], positions: Sequence[int], width: int) -> Array:
    """Rows for CatBoost that contain all of these strings: (n, width)."""
    count = -(-len(strings) // len(positions))
    padded = np.array([*strings, *[strings[0]] * (count * len(positions) - len(strings))], dtype=object)
    rows = np.zeros((count, width), dtype=object)
    rows[:, list(positions)] = padded.reshape(count, len(positions))
    return rows


def _save(estimator: Any, pool: Array | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        estimator.save_model(str(file), format="json", pool=pool)
        saved: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return saved
