"""Finds the labels of logged rows, batch by batch."""

import json
from typing import Any

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array

ODD = np.uint64(0x9E3779B97F4A7C15)  # tells rows of a request apart


class LabelLookup:
    """The newest label of each prediction, from the table that `newest_labels` gives.

    Predictions are found by a hash of 64 bits of their request and row: of ten million rows and a million labels, one
    is taken for another once in two million times.
    """

    def __init__(self, labels: Any) -> None:
        hashes = _hashes(labels["request_id"], labels["row"]) if labels.num_rows else np.empty(0, np.uint64)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._order = hashes[order], order
        self._texts = labels["label"].take(order).to_pylist() if labels.num_rows else []

    def __len__(self) -> int:
        return len(self._texts)

    def positions(self, batch: Any) -> Array:
        """The place of each row's label (n,) in `truth`, -1 without; `batch` has the columns request_id and row."""
        if not len(self) or not batch.num_rows:
            return np.full(batch.num_rows, -1)
        wanted = _hashes(batch.column("request_id"), batch.column("row"))
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self) - 1)
        return np.where(self._hashes[places] == wanted, places, -1)

    def rows(self, positions: Array) -> Array:
        """The rows of the table of labels that these positions are of."""
        return self._order[positions]

    def truth(self, rule: DecisionRule) -> Array:
        """Each label as a position among the classes of a release, -1 for another one; of a regression as a number."""
        values: dict[str, Any] = {text: json.loads(text) for text in set(self._texts)}
        if rule.task == "regression":
            numbers = {text: float(value) if _is_number(value) else np.nan for text, value in values.items()}
            return np.array([numbers[text] for text in self._texts], dtype=np.float64)
        positions = dict(zip(values, rule.positions(list(values.values())).tolist(), strict=True))
        return np.array([positions[text] for text in self._texts], dtype=np.int64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hashes(requests: Any, rows: Any) -> Array:
    from pandas.util import hash_array

    texts = requests.to_numpy(zero_copy_only=False) if hasattr(requests, "buffers") else requests.to_numpy()
    numbers = rows.to_numpy(zero_copy_only=False) if hasattr(rows, "buffers") else rows.to_numpy()
    with np.errstate(over="ignore"):
        return np.asarray(
            hash_array(np.asarray(texts, dtype=object), categorize=False) + numbers.astype(np.uint64) * ODD
        )
