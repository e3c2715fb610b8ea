"""The generated schema.py: names, limits and comments."""

import pytest
from tests.template.projects import source_of

from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


@pytest.mark.parametrize(
    ("name", "row"),
    [("customer-churn", "CustomerChurn"), ("my_Loans", "MyLoans"), ("schema", "Row"), ("field", "Row"), ("x", "X")],
)
def test_the_class_is_named_after_the_project(name: str, row: str) -> None:
    assert row_class(name) == row


def test_limits_are_round_and_above_what_was_observed() -> None:
    rows = range(60)
    source = source_of(
        money=[n * 16.9 for n in rows],
        degrees=[n - 30.0 for n in rows],
        count=[n % 7 + 3 for n in rows],
        y=[n % 2 for n in rows],
    )
    text = schema_code(examine(source, "y", Overrides(keep=("degrees",))), row="Sale", about="A sale.")
    assert "class Sale(Schema):" in text
    assert '    money: float = Field(\n        title="Money",\n        ge=0,\n        le=1300,\n' in text
    assert '        title="Degrees",\n        ge=-45,\n        le=44,\n' in text
    assert '        title="Count",\n        ge=0,\n        le=11,\n' in text


def test_comments_are_sentences_and_plain_booleans_need_none() -> None:
    rows = range(60)
    source = source_of(
        weight=[f"{n * 7 % 13} kg" for n in rows],
        ok=[["yes", "no"][n * n % 2] for n in rows],
        y=[n // 2 % 2 for n in rows],
    )
    text = schema_code(examine(source, "y"), row="Parcel", about="A parcel.")
    assert "    # Whole numbers: read with kg removed (such as '0 kg').\n    weight: int = Field(" in text
    assert "    ok: bool = Field(" in text
    assert text.count("    # ") == 1


def test_columns_that_are_left_out_are_listed_with_the_reason() -> None:
    source = source_of(a=[n * 7 % 19 for n in range(60)], same=["x"] * 60, y=[n % 2 for n in range(60)])
    text = schema_code(examine(source, "y"), row="Row", about="A row.")
    assert (
        "    # Columns of the table that the model does not use:\n    # - same: the same value in every row (x)\n"
        in text
    )
