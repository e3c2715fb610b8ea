"""The real tables of the streams, as typed columns, and which of them the watch was tuned on."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.projects import Source, _is_number, _named, read_source
from seatrial.model.features import Array, Columns

DEVELOPMENT = ("titanic", "credit", "churn", "hitters", "mpg", "penguins", "tips", "salaries", "birthwt")
REPORT = ("ames", "pbc", "births14", "car_prices", "breast_cancer", "diabetes", "wine")
AMES = (
    "area", "Lot.Area", "Lot.Frontage", "Neighborhood", "Bldg.Type", "Overall.Qual", "Overall.Cond", "Year.Built",
    "Year.Remod.Add", "Exter.Qual", "Bsmt.Qual", "Total.Bsmt.SF", "Kitchen.Qual", "Garage.Type", "Garage.Cars",
    "Fireplaces", "Fireplace.Qu", "Full.Bath", "Central.Air", "Mas.Vnr.Area",
)  # fmt: skip
TITANIC = ("pclass", "name", "sex", "age", "sibsp", "parch", "ticket", "fare", "cabin", "embarked")
TABLES = {
    source.name: source
    for source in (
        Source("titanic", "survived", "development", TITANIC),
        Source("credit", "Status", "development", rows=5_000),
        Source("churn", "churn", "development", rows=8_000),
        Source("hitters", "Salary", "development", task="regression"),
        Source("mpg", "mpg", "development", task="regression"),
        Source("penguins", "species", "development"),
        Source("tips", "tip", "development", task="regression"),
        Source("salaries", "salary", "development", task="regression"),
        Source("birthwt", "low", "development"),
        Source("ames", "price", "report", AMES, rows=3_000, task="regression"),
        Source("pbc", "status", "report"),
        Source("births14", "lowbirthweight", "report"),
        Source("car_prices", "Price", "report", task="regression"),
        Source("breast_cancer", "target", "report"),
        Source("diabetes", "target", "report", task="regression"),
        Source("wine", "target", "report"),
    )
}
LEFT_OUT = {"rownames", "id", "time", "weight", "bwt"}  # line numbers, and what is known only with the target


def read_typed(source: Source, folder: Path | None) -> tuple[Columns, list[str]]:
    """A table's columns (n,), numbers with NaN and texts with None, and its target; rows without one are left out."""
    table = _scikit_learn() if source.name == "breast_cancer" else read_source(source, folder)[0]
    target = table.pop(source.target)
    rows = [k for k, value in enumerate(target) if value != ""]
    known: dict[str, Any] = {
        _named(name): [values[k] for k in rows]
        for name, values in table.items()
        if name not in LEFT_OUT or source.name == "titanic"
    }
    return {name: _typed(values) for name, values in known.items()}, [target[k] for k in rows]


def _typed(values: list[str]) -> Array:
    if all(_is_number(v) for v in values if v != ""):
        return np.array([float(v) if v != "" else np.nan for v in values])
    return np.array([v if v != "" else None for v in values], dtype=object)


def _scikit_learn() -> dict[str, list[str]]:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    table = {name: [repr(float(v)) for v in data.data[:, k]] for k, name in enumerate(names)}
    return {**table, "target": [data.target_names[k] for k in data.target]}
