"""Feature functions answer the same in Python, DuckDB and PostgreSQL, or are refused by name and line."""

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.export.expressions import Expressions, Untranslatable
from seatrial.export.function_expressions import feature_expressions
from seatrial.export.sql import Output, select
from seatrial.export.sql_proof import KEY, TABLE, Database, arrow_rows, duckdb_database
from seatrial.export.sql_release import column_value
from seatrial.model.features import Columns, add_features, features_in
from seatrial.model.schema import Column

COLUMNS = (
    Column("fare", "number", nullable=True, required=False),
    Column("size", "integer", nullable=False, required=True),
    Column("vip", "boolean", nullable=True, required=False),
    Column("name", "text", nullable=False, required=True),
    Column("cabin", "text", nullable=True, required=False),
)
FUNCTIONS = '''
import math
import re

LIMIT = 3
RATES = {"A": 1, "B": 2.5, "o'c": 4}
NAMES = {1: "one", 2: "two"}
SMALL = frozenset({1, 2})
TITLE = re.compile(r",\\s*(?:the\\s+)?([A-Za-z]+)")
CODE = re.compile(r"([A-Z])(\\d{1,3})")


def _doubled(x: float) -> float:
    return x * 2


def share(fare: float | None, size: int) -> float | None:
    return None if fare is None else fare / size

def chained(fare: float | None, size: int) -> int:
    """A docstring."""
    if fare is None:
        return -1
    total = fare + size
    total -= 1
    if 0 <= total < 10:
        return 1
    elif total != 20 and not size == LIMIT:
        return 2
    return 3

def helper(fare: float | None) -> float | None:
    return _doubled(fare) if fare is not None else 0.5

def whole(size: int) -> float:
    return (size + 7) // 3 + (size - 5) % 4 + size ** 2 - abs(-size)

def rounded(fare: float | None) -> float | None:
    return None if fare is None else round(fare) + int(fare / 3) + math.floor(fare) + math.ceil(fare / 7)

def logged(fare: float | None) -> float | None:
    return math.log(fare) if fare is not None and fare > 0 else 0.0

def least(fare: float | None, size: int) -> float:
    return min(fare or 0.0, size, 5) + max(size, 2)

def flagged(vip: bool | None, size: int) -> bool:
    return vip is True if False else (bool(vip) and size > 1)

def deck(cabin: str | None) -> str | None:
    return cabin.strip()[:1].upper() or None if cabin else None

def title(name: str) -> str:
    match = TITLE.search(name)
    return match.group(1).lower() if match else "rare"

def code(cabin: str | None) -> str | None:
    return m.group(2) if cabin and (m := CODE.fullmatch(cabin)) else None

def rate(cabin: str | None) -> float:
    return RATES.get(cabin, 0.25) if cabin is not None else -1

def spelled(size: int) -> str | None:
    return NAMES.get(size)

def known(size: int, cabin: str | None) -> bool:
    return size in SMALL or cabin not in ("A", "B", None)

def begins(name: str) -> int:
    return name.startswith(("A", "% ")) + name.endswith("x") * 2 + ("'" in name) * 4

def joined(name: str, cabin: str | None) -> str:
    return f"{name}-{cabin or 'none'}".replace("-", "_") + name[-2:]

def length(name: str) -> int:
    return len(name.lstrip()) - len(name.rstrip("x"))

def differs(cabin: str | None, name: str) -> int:
    return (cabin != name) + 2 * (cabin == None)  # noqa: E711

def first(name: str) -> str | None:
    return name[0] if name else None
'''
TEXTS = ["A", "B", "", "o'c", "% x", " the x ", "Ax", "Doe, the  Rev. X", "Doe,\u2003Miss", "C12", "C1234", "née", "a\nb", "日本, 語a", "x\\y"]  # fmt: skip


def module(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "functions.py"
    file.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location("functions", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def table() -> Columns:
    generator = np.random.default_rng(3)
    rows = 600
    fares = np.array([0.0, -1.5, 0.5, 1.5, 2.5, -0.5, 7.0, 10.25, 1e15, -7.0, 19.0, np.nan])
    texts = np.array([*TEXTS, None], dtype=object)
    return {
        "fare": generator.choice(fares, rows),
        "size": generator.integers(1, 9, rows).astype(np.float64),
        "vip": generator.choice(np.array([0.0, 1.0, np.nan]), rows),
        "name": texts[generator.integers(len(TEXTS), size=rows)],
        "cabin": texts[generator.integers(len(texts), size=rows)],
    }


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_functions_answer_as_in_python(tmp_path: Path, dialect: Any, request: pytest.FixtureRequest) -> None:
    database: Database = duckdb_database if dialect == "duckdb" else request.getfixturevalue("postgres")
    features, rows, pool = features_in(module(tmp_path, FUNCTIONS), COLUMNS), table(), Expressions()
    values = feature_expressions(features, {column.name: column_value(column, pool) for column in COLUMNS}, pool)
    outputs = [Output(name, value.expression) for name, value in values.items()]
    answer = database(select(outputs, table=TABLE, keep=[KEY], dialect=dialect), arrow_rows(COLUMNS, rows))
    expected = add_features(rows, features, COLUMNS)
    assert len(features) == 19
    for feature in features:
        wanted = [
            None if isinstance(value, float) and math.isnan(value) else value
            for value in expected[feature.name].tolist()
        ]
        found = [float(value) if feature.numeric and value is not None else value for value in answer[feature.name]]
        same = [
            a == b or (feature.numeric and None not in (a, b) and math.isclose(a, b, rel_tol=1e-15))
            for a, b in zip(found, wanted, strict=True)
        ]
        assert all(same), (feature.name, found[same.index(False)], wanted[same.index(False)], same.index(False))


REFUSED = {
    "for each in name:\n        pass\n    return 1": "line 2: a loop has no translation",
    "return sum(len(word) for word in name)": "line 2: a comprehension has no translation",
    "return name < 'm'": "line 2: the order of texts, which depends on the database's collation, has no translation",
    "return size % 2.5": "line 2: `//` or `%` of numbers that are not all integers has no translation",
    "return 2 ** size": "line 2: a power other than 2 and 3 has no translation",
    "return hash(name)": "line 2: the function `hash` with 1 arguments has no translation",
    "return round(size, 1)": "line 2: the function `round` with 2 arguments has no translation",
    "return len(name.split())": "line 2: the method `split` of a text has no translation",
    "return 1 if size else 'a'": "line 2: a value that is sometimes a text and sometimes a number has no translation",
    "try:\n        return 1\n    except ValueError:\n        return 2": "line 2: `try` has no translation",
    "x: float\n    return x": "line 2: this (AnnAssign) has no translation",
    "import math\n    return math.pi": "line 2: an import has no translation",
    "return (lambda: 1)()": "line 2: this call has no translation",
    "return unknown": "line 2: `unknown`, which may not be set, has no translation",
    "return name[size]": "line 2: a position that is not a constant has no translation",
    "return name + 1": "line 2: a text made of anything but texts has no translation",
}


@pytest.mark.parametrize(("body", "message"), REFUSED.items())
def test_what_has_no_translation_is_refused_by_name_and_line(tmp_path: Path, body: str, message: str) -> None:
    pool = Expressions()
    made = module(tmp_path, f"def feature(name: str, size: int) -> float:\n    {body}\n")
    features = features_in(made, COLUMNS)
    with pytest.raises(Untranslatable, match="feature, line 2") as refused:
        feature_expressions(features, {column.name: column_value(column, pool) for column in COLUMNS}, pool)
    assert str(refused.value) == f"feature, {message}"


def test_a_function_with_too_many_paths_is_refused(tmp_path: Path) -> None:
    body = "".join(f"    if size > {n}:\n        x = x + {n}\n" for n in range(30))
    made = module(tmp_path, f"def feature(size: int) -> float:\n    x = 0\n{body}    return x\n")
    pool = Expressions()
    with pytest.raises(Untranslatable, match="more than 400 statements"):
        feature_expressions(features_in(made, COLUMNS), {"size": column_value(COLUMNS[1], pool)}, pool)


def test_a_date_is_refused_by_its_column(tmp_path: Path) -> None:
    made = module(tmp_path, "from datetime import date\n\ndef year(day: date) -> int:\n    return day.year\n")
    columns = (Column("day", "other", nullable=False, required=True),)
    with pytest.raises(Untranslatable, match="year: `day` is of a type that has no translation"):
        feature_expressions(features_in(made, columns), {}, Expressions())
