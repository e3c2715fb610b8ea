"""What a service shows to everyone gives no row of the training table away."""

import csv
import json
from typing import Any

import pytest
from tests.conftest import TITANIC
from tests.serve.clients import BROWSER, mounted

from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import MODEL, Service

FREE_TEXT = ("name", "ticket", "cabin")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (TITANIC / "data" / "titanic.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shown(titanic: Release) -> dict[str, str]:
    """The page and both documents, as anyone gets them."""
    with mounted(create_fastapi(Service(titanic, Settings()))) as client:
        return {path: client.get(path, headers=BROWSER).text for path in ("/", "/openapi.json", MODEL)}


def given_away(text: str, rows: list[dict[str, str]]) -> list[str]:
    """The names, and the tickets and cabins in quotation marks, that a text contains."""
    names = [row["name"] for row in rows if row["name"] in text or row["name"].replace('"', '\\"') in text]
    quoted = {row[column] for row in rows for column in ("ticket", "cabin") if len(row[column]) > 2}
    return names + sorted(value for value in quoted if f'"{value}"' in text or f"&#34;{value}&#34;" in text)


def columns_in_common(shown: dict[str, Any], row: dict[str, str]) -> int:
    """How many values of a shown row are those of a row of the table."""
    return sum(
        str(value) == row[name] or same_number(value, row[name]) for name, value in shown.items() if value is not None
    )


def same_number(value: Any, text: str) -> bool:
    try:
        return float(value) == float(text)
    except (TypeError, ValueError):
        return False


def test_no_free_text_of_the_table_is_shown(shown: dict[str, str], rows: list[dict[str, str]]) -> None:
    assert {path: given_away(text, rows) for path, text in shown.items()} == {"/": [], "/openapi.json": [], MODEL: []}


def test_no_example_is_a_row_of_the_table(shown: dict[str, str], rows: list[dict[str, str]]) -> None:
    model = json.loads(shown[MODEL])
    for example in (model["example"], model["typical"]):
        assert all(example[name] not in {row[name] for row in rows} for name in FREE_TEXT if example[name] is not None)
        given = [name for name, value in example.items() if value is not None]
        assert max(columns_in_common(example, row) for row in rows) < len(given) - 1
    assert model["example"] != model["typical"]


def test_a_row_that_is_shown_would_be_noticed(shown: dict[str, str], rows: list[dict[str, str]]) -> None:
    row = rows[100]
    assert given_away(shown[MODEL] + json.dumps(row), rows)[0] == row["name"]
    kept = {name: value for name, value in row.items() if value and name in ("pclass", "sex", "age", "name", "fare")}
    assert max(columns_in_common(kept, other) for other in rows) == len(kept)
