"""Leaks of several columns, siblings of a leak, names and gaps that give the outcome away, and repeated identifiers."""

from typing import Any

import numpy as np
import pytest
import sklearn.datasets
from tests.template.projects import source_of

from seatrial.template.inference.examination import examine
from seatrial.template.records import DOUBT, Examination, Overrides

ROWS = 400


def draw() -> np.random.Generator:
    return np.random.default_rng(7)


def noise(count: int = 3) -> dict[str, Any]:
    return {f"n{number}": np.random.default_rng(number).normal(0, 1, ROWS) for number in range(count)}


def left_out(examination: Examination) -> dict[str, str]:
    return {column.name: column.left_out for column in examination.unused}


def doubted(examination: Examination) -> dict[str, str]:
    return {d.column: d.reason for d in examination.decisions if d.what == DOUBT}


def formulas() -> dict[str, tuple[dict[str, Any], Any]]:
    a, b, c = draw().normal(5000, 900, ROWS), draw().normal(5, 1, ROWS)[::-1], draw().gamma(2, 300, ROWS).round(2)
    parts = {"y1": (c[::-1] / 2).round(2), "y2": np.roll(c, 7)}
    return {
        "difference": ({"a": a, "b": b}, a - 1000 * b > 300),
        "product": ({"a": a - 5000, "b": b - 5}, (a - 5000) * (b - 5) > 0),
        "ratio": ({"a": a, "b": b}, (a / b).round(2)),
        "part of a total": ({**parts, "total": (c + parts["y1"] + parts["y2"]).round(2)}, c),
    }


@pytest.mark.parametrize("name", formulas())
def test_a_target_that_is_calculated_from_columns_loses_one_of_them_and_doubts_the_others(name: str) -> None:
    columns, target = formulas()[name]
    examination = examine(source_of(**noise(), **columns, target=target), "target")
    dropped = left_out(examination)
    assert set(dropped.values()) == {"the target can be calculated from it"}
    assert set(dropped) < set(columns)
    assert set(columns) - set(dropped) <= set(doubted(examination))
    assert not set(noise()) & set(doubted(examination))


def test_other_columns_stay_where_the_user_keeps_a_leak() -> None:
    mark = draw().normal(50, 12, ROWS)
    source = source_of(**noise(), mark=mark, passed=mark > 55)
    assert set(left_out(examine(source, "passed"))) == {"mark"}
    assert left_out(examine(source, "passed", Overrides(keep=("mark",)))) == {}


def test_a_near_copy_of_a_leak_is_left_out_and_what_goes_with_it_is_doubtful() -> None:
    mark = draw().normal(50, 12, ROWS)
    columns = {"mark": mark, "rounded": mark.round(0), "half": mark + np.random.default_rng(21).normal(0, 4, ROWS)}
    examination = examine(source_of(**noise(), **columns, passed=mark > 55), "passed")
    assert set(left_out(examination)) == {"mark", "rounded"}
    assert "`mark`, which was left out because it reveals the target" in doubted(examination)["half"]


def test_names_and_gaps_that_give_the_outcome_away_are_doubtful() -> None:
    left = draw().random(ROWS) < 0.3
    reason = [f"r{n % 4}" if gone and n % 5 else None for n, gone in enumerate(left)]
    reason[1] = "r1"
    fee = np.where(
        left & (np.random.default_rng(24).random(ROWS) < 0.8), np.random.default_rng(23).gamma(2, 30, ROWS), 0
    )
    columns = {"exit_note": reason, "fee": fee, "churn_score": left + np.random.default_rng(22).normal(0, 2, ROWS)}
    doubts = doubted(examine(source_of(**noise(), **columns, churned=left), "churned"))
    assert "filled in only after the outcome" in doubts["exit_note"]
    assert "both have the word “churn”" in doubts["churn_score"]
    assert "another value than 0 in" in doubts["fee"]
    assert set(doubts) == set(columns)


@pytest.mark.parametrize("name", ["patient", "PatientID", "customer_id", "Kundennummer"])
def test_an_identifier_that_repeats_is_a_group_to_split_by(name: str) -> None:
    source = source_of(**noise(), **{name: np.arange(ROWS) // 2 * 17 % 1009}, y=draw().random(ROWS) < 0.5)
    examination = examine(source, "y")
    assert list(left_out(examination).values()) == ["an identifier that repeats: a group of rows"]
    (decision,) = (d for d in examination.decisions if d.about == "group")
    assert decision.evidence.startswith("200 distinct values in 400 rows; split by it")


def test_numbers_that_name_a_few_things_are_categories_and_counts_are_not() -> None:
    columns = {"store_id": draw().integers(1, 13, ROWS), "orders": draw().integers(1, 13, ROWS)}
    columns |= {"paid": draw().integers(1, 13, ROWS), "card": draw().integers(1, 5, ROWS)}
    kinds = {c.name: c.kind for c in examine(source_of(**columns, y=draw().random(ROWS) < 0.5), "y").columns}
    assert kinds == {"store_id": "category", "orders": "integer", "paid": "integer", "card": "integer"}


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_honest_tables_lose_no_column_and_have_no_doubt(name: str) -> None:
    frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
    examination = examine(source_of(**{column: frame[column].to_numpy() for column in frame}), "target")
    assert (left_out(examination), doubted(examination)) == ({}, {})
