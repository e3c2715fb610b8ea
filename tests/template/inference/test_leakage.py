"""Columns that a model must not use."""

import random
from pathlib import Path

import numpy as np
import pytest
from tests.template.projects import examined, source_of
from tests.template.tables import WriteFile, check_project, column, decisions, table

from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


def test_constant_and_empty_columns_are_left_out(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,same,none,y", same=lambda n: "x", none=lambda n: "")), "y")
    assert column(examination, "same").left_out == "the same value in every row"
    assert column(examination, "none").left_out == "no row has a value"
    check_project(examination, tmp_path)


@pytest.mark.parametrize(
    ("name", "used"),
    [
        *((name, True) for name in ("amount_paid", "bid", "grid", "valid", "humid", "Paid")),
        *((name, False) for name in ("id", "ID", "CUSTOMER_ID", "customerid", "PassengerId", "orderID", "row id")),
    ],
)
def test_whole_numbers_are_an_identifier_by_their_name(write_file: WriteFile, name: str, used: bool) -> None:
    examination = examined(write_file(table(f"size,{name},y", **{name: lambda n: n * 37 % 41 * 9})), "y")
    assert examination.columns[1].used is used
    assert used or examination.columns[1].left_out == "an identifier, judging by its name"


def test_copies_are_left_out_and_different_measures_are_not(write_file: WriteFile) -> None:
    generator = random.Random(1)
    sizes = [generator.gauss(0, 1) for _ in range(60)]
    path = write_file(
        table(
            "a,b,double,colour,farbe,y",
            rows=60,
            a=lambda n: sizes[n],
            b=lambda n: sizes[-n],
            double=lambda n: 2 * sizes[n] + 1,
            colour=lambda n: ["red", "blue", "green"][n % 3],
            farbe=lambda n: ["rot", "blau", "gruen"][n % 3],
            y=lambda n: n // 2 % 2,
        )
    )
    examination = examined(path, "y")
    assert {c.name: c.left_out for c in examination.unused} == {
        "double": "nearly the same as `a`",
        "farbe": "a copy of `colour`",
    }
    assert "double: left out: nearly the same as `a` (correlation 1.0000)" in decisions(examination)


def test_leaks_are_reported_with_evidence(write_file: WriteFile) -> None:
    path = write_file(
        table(
            "size,outcome,refunded,weak,y",
            rows=400,
            outcome=lambda n: (n % 2) * 5 + n % 3,
            refunded=lambda n: n if n % 4 == 1 else "",
            weak=lambda n: n % 2 + n // 7 % 3,
            y=lambda n: n % 2,
        )
    )
    examination = examined(path, "y")
    assert "outcome: left out: it reveals the target (held-out AUC 1.0000 from this column alone)" in decisions(
        examination
    )
    assert (
        "refunded: left out: whether it has a value reveals the target (a value in 100 rows, all with y = 1)"
        in decisions(examination)
    )
    assert [c.name for c in examination.used] == ["size", "weak"]
    kept = examined(path, "y", Overrides(keep=("outcome",)))
    assert "outcome" in [c.name for c in kept.used]
    assert "outcome: kept, as requested: it reveals the target" in decisions(kept)


def test_what_is_known_only_after_the_outcome_is_left_out(tmp_path: Path) -> None:
    """Like the lifeboat and the number of the body in the full passenger list."""
    draw = np.random.default_rng(5)
    survived = draw.random(600) < 0.4
    boat = np.where(survived & (draw.random(600) < 0.97), draw.choice(["1", "2", "A", "B"], 600), None)
    body = [int(n) if not alive and n % 3 == 0 else None for n, alive in enumerate(survived)]
    examination = examine(
        source_of(fare=draw.normal(30, 9, 600), boat=boat.tolist(), body=body, survived=survived), "survived"
    )
    evidence = {d.column: d.evidence for d in examination.decisions if d.about == "leave out"}
    assert evidence["boat"].endswith("of held-out rows predicted correctly from this column alone")
    assert evidence["body"].endswith("all with survived = false")
    assert [c.name for c in examination.used] == ["fare"]


def test_copies_of_a_quantity_are_leaks_whatever_their_scale() -> None:
    draw = np.random.default_rng(2)
    price = np.exp(draw.normal(12, 2, 500))
    columns = {
        "log": np.log(price),
        "rounded": (price / 1.19).round(0),
        "strong": np.log(price) + draw.normal(0, 0.5, 500),
    }
    examination = examine(source_of(**columns, price=price), "price")
    assert {c.name: c.left_out for c in examination.columns} == {
        "log": "it reveals the target",
        "rounded": "it reveals the target",
        "strong": "",
    }


def test_strong_columns_are_not_leaks() -> None:
    assert not [c.name for c in examined("sklearn:breast_cancer").columns if "knows" in c.left_out]
    assert not [c.name for c in examined("sklearn:iris").columns if c.left_out]
