"""Small projects for the benchmark's tables, written as a user would write them, and read by the same functions."""

import csv
import keyword
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent.parent
MODELS = ("linear", "boosted")


@dataclass(frozen=True)
class Source:
    """A table: its name, its target, what it is used for, its columns (none: all), and how many rows at most."""

    name: str
    target: str
    role: str  # "tuned on", "reported", or "tests" alone
    columns: tuple[str, ...] = ()
    rows: int = 2_000


AMES = (
    "area", "Lot.Area", "Lot.Frontage", "Neighborhood", "Bldg.Type", "Overall.Qual", "Overall.Cond", "Year.Built",
    "Year.Remod.Add", "Exter.Qual", "Bsmt.Qual", "Total.Bsmt.SF", "Kitchen.Qual", "Garage.Type", "Garage.Cars",
    "Fireplaces", "Fireplace.Qu", "Full.Bath", "Central.Air", "Mas.Vnr.Area",
)  # fmt: skip

SOURCES = {
    source.name: source
    for source in (
        Source("titanic", "survived", "tuned on"),
        Source("synthetic", "label", "tuned on"),
        Source("wine", "target", "tuned on"),
        Source("diabetes", "target", "tests"),
        Source("churn", "churn", "reported", rows=2_500),
        Source("penguins", "species", "reported"),
        Source("mpg", "mpg", "reported"),
        Source("ames", "price", "reported", AMES),
    )
}  # fmt: skip


def read_source(source: Source, folder: Path | None) -> tuple[dict[str, list[str]], int]:
    """Read a table as text columns, and count its rows. `folder` has the files that are not in this repository."""
    if source.name == "synthetic":
        table = _synthetic()
    elif source.name in ("wine", "diabetes"):
        from sklearn import datasets

        data = getattr(datasets, f"load_{source.name}")()
        names = [re.sub(r"\W+", "_", name) for name in data.feature_names]
        table = {name: [repr(float(v)) for v in data.data[:, k]] for k, name in enumerate(names)}
        table["target"] = [str(v) for v in data.target.tolist()]
    else:
        home = ROOT / "titanic" / "data" if source.name == "titanic" else Path(folder or ".")
        path = home / f"{source.name}.csv"
        if not path.is_file():
            raise SystemExit(f"{path} was not found. Name the folder with the tables by --data.")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        table = {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}
    size = len(table[source.target])
    order = np.random.default_rng(7).permutation(size)[: source.rows]
    names = source.columns or [n for n in table if n not in ("rownames", "name") or source.name == "titanic"]
    return {name: [table[name][k] for k in order] for name in dict.fromkeys((*names, source.target))}, len(order)


def _synthetic(rows: int = 2_500) -> dict[str, list[str]]:
    """A credit table: numbers with missing values, categories with rare ones, and labels by a rule with noise."""
    g = np.random.default_rng(1912)
    income = np.exp(g.normal(10.3, 0.5, rows))
    age = g.integers(18, 80, rows).astype(float)
    debt = income * g.beta(2, 6, rows)
    years = np.maximum(0, g.normal((age - 18) / 4, 4, rows)).round(1)
    region = g.choice(["north", "south", "east", "west", "abroad"], rows, p=[0.3, 0.3, 0.2, 0.17, 0.03])
    purpose = g.choice(["car", "home", "study", "other"], rows, p=[0.4, 0.3, 0.2, 0.1])
    married = g.choice(["yes", "no"], rows)
    late = g.poisson(0.6, rows).astype(float)
    odds = (
        -1.2 + 6 * (debt / income - 0.25) - 0.03 * (age - 45) + 0.9 * late - 0.06 * years
        + np.select([region == "abroad", region == "south"], [1.2, 0.4], 0.0) + np.where(purpose == "study", -0.7, 0.0)
    )  # fmt: skip
    label = (g.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    empty = {"income": g.random(rows) < 0.1, "years": g.random(rows) < 0.15, "region": g.random(rows) < 0.05}
    table: dict[str, Any] = {
        "income": income.round(2), "age": age, "debt": debt.round(2), "years": years, "late": late, "region": region,
        "purpose": purpose, "married": married, "label": label,
    }  # fmt: skip
    return {
        name: ["" if name in empty and empty[name][k] else str(value) for k, value in enumerate(values.tolist())]
        for name, values in table.items()
    }


def write_project(source: Source, model: str, table: dict[str, list[str]], folder: Path) -> Path:
    """Write a project for the table: schema, features, pipeline, data. Titanic keeps its own schema and features."""
    shutil.rmtree(folder, ignore_errors=True)
    task = "regression" if source.name in ("mpg", "ames", "diabetes") else None
    if source.name == "titanic":
        skip = shutil.ignore_patterns("artifacts", "runs", "dist", ".seatrial", "__pycache__", ".*")
        shutil.copytree(ROOT / "titanic", folder, ignore=skip)
        data = folder / "data" / "titanic.csv"
        package = folder / "src" / "titanic_model"
        text = (package / "pipeline.py").read_text(encoding="utf-8")
        numbers = _listed(text, "NUMBERS")
        categories = _listed(text, "CATEGORIES")
    else:
        package = folder / "src" / f"{source.name}_model"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text('__version__ = "0.1.0"\n')
        table = {_named(name): values for name, values in table.items()}
        target = _named(source.target)
        lines, features, numbers, categories = _code({n: v for n, v in table.items() if n != target})
        (package / "schema.py").write_text(
            "from typing import Literal\n\nfrom seatrial import Schema\n\n\nclass Row(Schema):\n" + "".join(lines)
        )
        (package / "features.py").write_text("\n\n".join(features) + "\n")
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{source.name}-model"\nversion = "0.1.0"\n\n[tool.seatrial]\ndata = "data.csv"\n'
            f'target = "{target}"\n' + (f'task = "{task}"\n' if task else "")
        )
        data = folder / "data.csv"
    (package / "pipeline.py").write_text(_pipeline(model, bool(task), numbers, categories))
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return folder


def _listed(text: str, name: str) -> list[str]:
    match = re.search(rf"{name} = (\[.*?\])", text, re.S)
    assert match is not None
    return [part.strip(" \n\"'") for part in match[1].strip("[]").split(",") if part.strip()]


def _named(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_").lower()
    return f"c_{plain}" if keyword.iskeyword(plain) or not plain[:1].isalpha() else plain


def _code(table: dict[str, list[str]]) -> tuple[list[str], list[str], list[str], list[str]]:
    lines, features, numbers, categories = [], [], [], []
    for place, (name, values) in enumerate(table.items()):
        present = [v for v in values if v != ""]
        empty = " | None" if len(present) < len(values) else ""
        if all(_is_number(v) for v in present):
            lines.append(f"    {name}: float{empty}\n")
            numbers.append(name)
        elif place % 2 and len(set(present)) <= 12:
            lines.append(f"    {name}: Literal[{', '.join(map(repr, sorted(set(present))))}]{empty}\n")
            categories.append(name)
        else:
            # Like most features, this one accepts what people type, and strips it.
            lines.append(f"    {name}: str{empty}\n")
            features.append(
                f"def {name}_clean({name}: str{empty}) -> str | None:\n"
                f"    return {name}.strip() or None if {name} else None\n"
            )
            categories.append(f"{name}_clean")
    if len(numbers) > 1:
        a, b = numbers[0], numbers[1]
        features.append(
            f"def ratio({a}: float | None, {b}: float | None) -> float | None:\n"
            f"    return None if {a} is None or {b} is None else {a} / (abs({b}) + 1)\n"
        )
        numbers = [*numbers, "ratio"]
    return lines, features, numbers, categories


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pipeline(model: str, regression: bool, numbers: list[str], categories: list[str]) -> str:
    if model == "linear":
        last = "Ridge(alpha=1.0)" if regression else "LogisticRegression(C=1.0, max_iter=2000)"
        first = "make_pipeline(SimpleImputer(strategy='median', add_indicator=True), StandardScaler())"
        second = "OneHotEncoder(handle_unknown='ignore', min_frequency=5)"
    else:
        kind = "Regressor" if regression else "Classifier"
        last = f"HistGradientBoosting{kind}(max_iter=40, max_leaf_nodes=10, learning_rate=0.1)"
        first = "'passthrough'"
        second = "OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1, min_frequency=5)"
    return f"""from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def build():
    parts = [("numbers", {first}, {numbers!r}), ("categories", {second}, {categories!r})]
    return Pipeline([("columns", ColumnTransformer([p for p in parts if p[2]])), ("model", {last})])
"""
