"""Example tables: scikit-learn's own, and OpenML's by name."""

import difflib
import warnings
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.source import plain_table
from seatrial.template.records import Fact, TableSource

SKLEARN = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")


def read_sklearn(name: str) -> TableSource:
    """Load one of scikit-learn's own data sets; classes go by their names."""
    if name not in SKLEARN:
        near = difflib.get_close_matches(name, SKLEARN, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(SKLEARN)}."
        raise SeatrialError(f"scikit-learn has no data set {name!r}.", hint=hint)
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = found.frame
    if name in ("iris", "wine", "breast_cancer"):
        frame["target"] = [str(found.target_names[label]) for label in frame["target"]]
    return _source(f"sklearn:{name}", frame, "Chins" if name == "linnerud" else "target", "scikit-learn's own data")


def read_openml(name: str) -> TableSource:
    """Fetch a data set from OpenML by its name, or its number."""
    from sklearn.datasets import fetch_openml

    try:
        named: dict[str, Any] = {"data_id": int(name)} if name.isdecimal() else {"name": name, "version": "active"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of trying again; what goes wrong in the end is told below
            found = fetch_openml(**named, as_frame=True, parser="auto", n_retries=1, delay=0.1)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        reason = str(getattr(error, "reason", "") or error).splitlines()[0]
        raise SeatrialError(
            f"OpenML's {name!r} cannot be fetched: {reason}", hint="Is the name right, and is there a network?"
        ) from None
    target = found.target_names[0] if found.target_names else ""
    return _source(f"openml:{name}", found.frame, target, "OpenML")


def _source(name: str, frame: Any, target: str, origin: str) -> TableSource:
    import pyarrow as pa

    table = plain_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None))
    return TableSource(name, table, (Fact("data set", origin),), target=target)
