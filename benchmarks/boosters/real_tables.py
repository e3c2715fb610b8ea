"""The tables that the models are fitted on: those of a folder, as for `benchmarks.tables`, and scikit-learn's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# By the table: its target, and the columns that say which row it is or what the target is.
FILES = {
    "titanic": ("survived", ("boat", "body", "name", "home_dest")),
    "churn": ("churn", ("rownames",)),
    "credit": ("Status", ("rownames",)),
    "ames": ("price", ("rownames", "Order", "PID")),
    "mpg": ("mpg", ("name",)),
    "penguins": ("species", ()),
    "pbc": ("status", ("rownames", "id", "time")),
}
OWN = {"breast_cancer": "binary", "digits": "multiclass", "diabetes": "regression"}
MOST_CLASSES = 3  # of a target in a file


@dataclass(frozen=True)
class RealTable:
    """A table: numbers with NaN, strings with "" where they are missing, and the target.

    Classes are numbered. The target of a regression is positive in all of them, as some objectives want it.
    """

    name: str
    frame: Any
    target: Any
    task: str  # binary, multiclass or regression

    @property
    def strings(self) -> list[str]:
        """The columns of strings, which are in front."""
        return [name for name in self.frame.columns if self.frame[name].dtype == object]


def real_tables(folder: Path | None) -> Iterator[RealTable]:
    """Yield the tables of a folder, and then scikit-learn's."""
    import pandas as pd
    from sklearn import datasets

    for name, (target, left_out) in FILES.items() if folder else ():
        assert folder is not None
        yield _from_file(pd.read_csv(folder / f"{name}.csv"), name, target, left_out)
    for name, task in OWN.items():
        columns, target = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
        yield RealTable(name, columns.astype(np.float64), target.to_numpy(), task)


def _from_file(table: Any, name: str, target: str, left_out: tuple[str, ...]) -> RealTable:
    import pandas as pd

    known = table[table[target].notna()].reset_index(drop=True)
    columns = known.drop(columns=[target, *left_out])
    texts = [each for each in columns.columns if not pd.api.types.is_numeric_dtype(columns[each])]
    parts = {each: columns[each].fillna("").astype(str).astype(object) for each in texts}
    parts |= {each: columns[each].astype(np.float64) for each in columns.columns if each not in texts}
    distinct = known[target].nunique()
    if distinct > MOST_CLASSES:
        return RealTable(name, pd.DataFrame(parts), known[target].to_numpy(np.float64), "regression")
    codes = pd.Categorical(known[target]).codes.astype(np.int64)
    return RealTable(name, pd.DataFrame(parts), codes, "binary" if distinct == 2 else "multiclass")
