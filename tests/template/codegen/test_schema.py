"""The generated schema.py: names, limits and comments."""

import json
import random
from typing import Any

import pytest
from tests.template.projects import source_of

from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.schema import columns_of, schema_in
from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.command import run_text
from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


@pytest.mark.parametrize(
    ("name", "row"),
    [("customer-churn", "CustomerChurn"), ("my_Loans", "MyLoans"), ("schema", "Row"), ("field", "Row"), ("x", "X")],
)
def test_the_class_is_named_after_the_project(name: str, row: str) -> None:
    assert row_class(name) == row


def test_limits_mean_something_or_there_are_none() -> None:
    rows = range(60)
    source = source_of(
        money=[n * 16.9 for n in rows],
        degrees=[n - 30.0 for n in rows],
        count=[n % 7 + 3 for n in rows],
        share_percent=[n * 37 % 61 * 1.5 for n in rows],
        y=[n % 2 for n in rows],
    )
    text = schema_code(examine(source, "y", Overrides(keep=("degrees",))), row="Sale", about="A sale.")
    assert "class Sale(Schema):" in text
    assert '    money: float = Field(\n        title="Money",\n        ge=0,\n        examples=' in text
    assert '        title="Degrees",\n        examples=' in text
    assert '        title="Count",\n        ge=0,\n        examples=' in text
    percentage = '    # Bounds: a percentage.\n    share_percent: float = Field(\n        title="Share percent",\n'
    assert percentage + "        ge=0,\n        le=100,\n" in text


def test_a_category_is_open_or_closed_by_one_word() -> None:
    rows = range(60)
    source = source_of(
        carrier=[["AA", "DL"][n * 7 % 19 % 2] for n in rows],
        weekday=[["Mon", "Tue", "Thu"][n * 5 % 23 % 3] for n in rows],
        state=[["CA", "NY", "TX"][n * 11 % 29 % 3] for n in rows],
        y=[n % 2 for n in rows],
    )
    text = schema_code(examine(source, "y"), row="Trip", about="A trip.")
    assert '    carrier: Literal["AA", "DL"] | str = Field(' in text
    assert 'weekday: Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] = Field(' in text
    assert "    state: world.UsState = Field(" in text
    assert "from seatrial.model import world\n" in text
    assert (
        "    # Open: other values are predicted as unknown, with a warning. Without `| str` they are rejected.\n"
        in text
    )
    columns = {c.name: c for c in columns_of(schema_in(run_text("schema", text, "schema.py")))}
    assert [(c.open, len(c.categories)) for c in columns.values()] == [(True, 2), (False, 7), (False, 56)]
    opened = text.replace("world.UsState =", "world.UsState | str =").replace("] | str =", "] =")
    columns = {c.name: c for c in columns_of(schema_in(run_text("schema", opened, "schema.py")))}
    assert [c.open for c in columns.values()] == [False, False, True]


def test_a_list_of_categories_is_not_named_like_a_field() -> None:
    towns = [f"a town with a long name, number {n:02d}" for n in range(12)]
    source = source_of(Town=[towns[n * 7 % 12] for n in range(96)], y=[n * n // 5 % 2 for n in range(96)])
    text = schema_code(examine(source, "y"), row="Sale", about="A sale.")
    assert "    Town: Town_ | str = Field(" in text
    (column,) = columns_of(schema_in(run_text("schema", text, "schema.py")))
    assert (column.open, len(column.categories)) == (True, 12)


def test_comments_are_sentences_and_plain_booleans_need_none() -> None:
    rows = range(60)
    source = source_of(
        weight=[f"{n * 7 % 13} kg" for n in rows],
        ok=[["yes", "no"][n * n % 2] for n in rows],
        y=[n // 2 % 2 for n in rows],
    )
    text = schema_code(examine(source, "y"), row="Parcel", about="A parcel.")
    assert "    # Whole numbers: read with kg removed (such as '0 kg').\n    # Bounds: never below zero.\n" in text
    assert "    # Bounds: never below zero.\n    weight: int = Field(" in text
    assert "    ok: bool = Field(" in text
    assert text.count("    # ") == 2


def test_columns_that_are_left_out_are_listed_with_the_reason() -> None:
    source = source_of(a=[n * 7 % 19 for n in range(60)], same=["x"] * 60, y=[n % 2 for n in range(60)])
    text = schema_code(examine(source, "y"), row="Row", about="A row.")
    assert (
        "    # Columns of the table that the model does not use:\n    # - same: the same value in every row (x)\n"
        in text
    )


# Of each column: values in the table, one that next month's rows may have, and one that none can have.
COLUMNS: dict[str, tuple[list[Any], Any, Any]] = {
    "Wochentag": (["Montag", "Dienstag"], "Sonntag", "Caturday"),
    "Monat": ([1, 2], 3, 13),
    "KW": ([1, 5, 9], 52, 54),
    "quarter_name": (["Q1", "Q2"], "Q4", "Q5"),
    "Alter": ([20, 33, 60], 88, -1),
    "Geschlecht": (["m", "w"], "w", "zz"),
    "us_state": (["WA", "OR"], "NY", "QQ"),
    "anteil_prozent": ([5.5, 60.0, 31.0], 99.0, 130.0),
    "Temperatur": ([3.5, 25.0, 11.0], -12.0, 1e200),
    "Umsatz": ([10.5, 99.0, 40.0], 5e5, 1e200),
    "Kinder": ([0, 1, 2], 7, -1),
    "origin_country": (["US", "CA", "MX"], "CL", "ZZ"),
    "ccy": (["EUR", "USD"], "CHF", "EURO"),
    "start_hour": ([8, 12, 17], 23, 25),
    "Baujahr": ([1990, 2001, 2009], 2025, 20250),
    "wind_dir": ([10, 80, 190], 359, 720),
    "tenure_months": ([1, 9, 24], 300, -2),
    "product": (["p1", "p2"], "p9", 9),
    "gps_lat": ([48.1, 48.5, 48.9], -33.0, 91.0),
    "gps_lon": ([11.1, 11.5, 11.9], 151.0, 361.0),
    "period": (["Jan-2018", "Feb-2018"], "2018-03-01", "Mar-2018"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_next_months_value_is_accepted_and_an_impossible_one_is_not(name: str) -> None:
    values, possible, impossible = COLUMNS[name]
    draw = random.Random(name)
    source = source_of(
        **{name: draw.choices(values, k=80), "sex": draw.choices(["female", "male"], k=80), "y": [0, 1] * 40}
    )
    text = schema_code(examine(source, "y", Overrides(keep=(name, "sex"))), row="Row", about="A row.")
    parser = RowParser(schema_in(run_text("schema", text, "schema.py")))
    assert parser.parse(json.dumps({name: possible, "sex": "male"}).encode())
    with pytest.raises(RowError, match=name):
        parser.parse(json.dumps({name: impossible, "sex": "male"}).encode())
