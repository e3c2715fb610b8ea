"""The generated schema.py: names, limits and comments."""

import pytest
from tests.template.projects import source_of

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
