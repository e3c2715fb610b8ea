"""Reads example tables: those that come with scikit-learn, and OpenML's by name."""

import difflib
import warnings
from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.arrow_types import plain_table
from seatrial.template.records import TableSource

SKLEARN = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")


def read_sklearn(name: str) -> TableSource:
    """Load one of scikit-learn's own data sets, with class names instead of numbers."""
    if name not in SKLEARN:
        similar = difflib.get_close_matches(name, SKLEARN, 1)
        hint = f"Did you mean {similar[0]}?" if similar else f"Available: {', '.join(SKLEARN)}."
        raise SeatrialError(f"scikit-learn has no data set {name!r}.", hint=hint)
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = loaded.frame
    if name in ("iris", "wine", "breast_cancer"):
        frame["target"] = [str(loaded.target_names[label]) for label in frame["target"]]
    return _source(f"sklearn:{name}", frame, "Chins" if name == "linnerud" else "target", "scikit-learn")


def read_openml(name: str) -> TableSource:
    """Download a data set from OpenML by its name or number."""
    from sklearn.datasets import fetch_openml

    try:
        by: dict[str, Any] = {"data_id": int(name)} if name.isdecimal() else {"name": name, "version": "active"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about retries; the final error is reported below
            loaded = fetch_openml(**by, as_frame=True, parser="auto", n_retries=1, delay=0.1)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        reason = str(getattr(error, "reason", "") or error).splitlines()[0]
        raise SeatrialError(
            f"The OpenML data set {name!r} cannot be downloaded: {reason}",
            hint="Check its name and the network connection.",
        ) from None
    target = loaded.target_names[0] if loaded.target_names else ""
    return _source(f"openml:{name}", loaded.frame, target, "OpenML")


def _source(name: str, frame: Any, target: str, origin: str) -> TableSource:
    table = plain_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None))
    return TableSource(name, table, {"data set": origin}, target=target)
