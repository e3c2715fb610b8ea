"""Small projects for the benchmark's tables, written as a user would write them, and read by the same functions."""

import csv
import datetime as dt
import keyword
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables.gathered import TUNED, read_catalogue

ROOT = Path(__file__).parent.parent.parent
MODELS = ("linear", "boosted")


@dataclass(frozen=True)
class Source:
    """A table: its name, its target, its group, its columns (none: all), how many rows at most, and its task.

    A table with a `time` has its rows in the order of time. `role` is one of the catalogue's groups, or "tests" alone.
    """

    name: str
    target: str
    role: str
    columns: tuple[str, ...] = ()
    rows: int = 2_000
    task: str = ""
    time: tuple[str, ...] = ()


AMES = (
    "area", "lot_area", "lot_frontage", "neighborhood", "bldg_type", "overall_qual", "overall_cond", "year_built",
    "year_remod_add", "exter_qual", "bsmt_qual", "total_bsmt_sf", "kitchen_qual", "garage_type", "garage_cars",
    "fireplaces", "fireplace_qu", "full_bath", "central_air", "mas_vnr_area",
)  # fmt: skip
COLUMNS = {"ames": AMES}
MADE_UP = ("synthetic", "drifting")
# The tables that are in no folder: made up, or scikit-learn's own.
SOURCES = {
    source.name: source
    for source in (
        Source("synthetic", "label", TUNED),
        Source("drifting", "label", TUNED, time=("opened",)),
        Source("wine", "target", TUNED),
        Source("diabetes", "target", "tests", task="regression"),
    )
}


def sources_in(folder: Path) -> dict[str, Source]:
    """All tables of a catalogue, and the made-up ones."""
    found = {name: SOURCES[name] for name in MADE_UP}
    for table in read_catalogue(folder).values():
        columns = COLUMNS.get(table.name, ())
        time = () if table.name == "titanic" else table.time
        used = (*columns, *time) if columns else ()
        found[table.name] = Source(table.name, table.target, table.group, used, task=table.task, time=time)
    return found


def read_source(source: Source, folder: Path | None) -> tuple[dict[str, list[str]], int]:
    """Read a table as text columns, and count its rows. `folder` has the tables that are in a catalogue.

    Of a longer table, random rows are taken; they stay in their order if that is the order of time.
    """
    path = Path(folder or ".") / f"{source.name}.csv"
    if source.name in MADE_UP:
        table = made_up_credit(drifts=source.name == "drifting")
    elif source.name == "titanic":
        table = _read(ROOT / "titanic" / "data" / "titanic.csv")
    elif source.name in ("wine", "diabetes") and not path.is_file():
        table = _scikit_learn(source.name)
    elif path.is_file():
        table = _read(path)
    else:
        raise SystemExit(f"{path} was not found. Name the folder with the tables by --data.")
    size = len(table[source.target])
    order = np.random.default_rng(7).permutation(size)[: source.rows]
    order = np.sort(order) if source.time else order
    names = source.columns or list(table)
    return {name: [table[name][k] for k in order] for name in dict.fromkeys((*names, source.target))}, len(order)


def _read(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}


def _scikit_learn(name: str) -> dict[str, list[str]]:
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    names = [re.sub(r"\W+", "_", name) for name in data.feature_names]
    table = {name: [repr(float(v)) for v in data.data[:, k]] for k, name in enumerate(names)}
    table["target"] = [str(v) for v in data.target.tolist()]
    return table


def made_up_credit(rows: int = 2_500, *, drifts: bool = False) -> dict[str, list[str]]:
    """A credit table: numbers with missing values, categories with rare ones, and labels by a rule with noise.

    One that drifts has four years of dates, in their order, incomes that rise by 4 % a year, and a region that grows.
    """
    g = np.random.default_rng(1912)
    years_on = np.sort(g.random(rows)) * 4 if drifts else np.zeros(rows)
    income = np.exp(g.normal(10.3, 0.5, rows)) * 1.04**years_on
    age = g.integers(18, 80, rows).astype(float)
    debt = income * g.beta(2, 6, rows)
    years = np.maximum(0, g.normal((age - 18) / 4, 4, rows)).round(1)
    region = g.choice(["north", "south", "east", "west", "abroad"], rows, p=[0.3, 0.3, 0.2, 0.17, 0.03])
    region = np.where(g.random(rows) < 0.05 * years_on, "east", region)
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
    if drifts:
        start = np.datetime64("2021-01-01T08:00:00")
        table["opened"] = start + (years_on * 365.25 * 24 * 3600).astype("timedelta64[s]")
    return {
        name: ["" if name in empty and empty[name][k] else _text(value) for k, value in enumerate(values.tolist())]
        for name, values in table.items()
    }


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def write_project(source: Source, model: str, table: dict[str, list[str]], folder: Path) -> Path:
    """Write a project for the table: schema, features, pipeline, data. Titanic keeps its own schema and features."""
    shutil.rmtree(folder, ignore_errors=True)
    regression = source.task == "regression"
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
            "import datetime\nfrom typing import Literal\n\nfrom seatrial import Schema\n\n\nclass Row(Schema):\n"
            + "".join(lines)
        )
        (package / "features.py").write_text("\n\n".join(["import datetime\n", *features]) + "\n")
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{source.name}-model"\nversion = "0.1.0"\n\n[tool.seatrial]\ndata = "data.csv"\n'
            f'target = "{target}"\n' + (f'task = "{source.task}"\n' if source.task else "")
        )
        data = folder / "data.csv"
    (package / "pipeline.py").write_text(_pipeline(model, regression, numbers, categories))
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
        elif kind := _date_kind(present):
            lines.append(f"    {name}: datetime.{kind}{empty}\n")
            for part in ("year", "month", "day", "hour")[: 3 if kind == "date" else 4]:
                features.append(
                    f"def {name}_{part}({name}: datetime.{kind}{empty}) -> float | None:\n"
                    f"    return None if {name} is None else float({name}.{part})\n"
                )
                numbers.append(f"{name}_{part}")
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
    plain = [name for name in numbers if name in table]
    if len(plain) > 1:
        a, b = plain[0], plain[1]
        features.append(
            f"def ratio({a}: float | None, {b}: float | None) -> float | None:\n"
            f"    return None if {a} is None or {b} is None else {a} / (abs({b}) + 1)\n"
        )
        numbers = [*numbers, "ratio"]
    return lines, features, numbers, categories


def _date_kind(texts: list[str]) -> str:
    """date or datetime, if all texts are in ISO format."""
    for kind, pattern in (("date", r"\d{4}-\d\d-\d\d"), ("datetime", r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")):
        if texts and all(re.fullmatch(pattern, text) for text in texts):
            return kind
    return ""


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
