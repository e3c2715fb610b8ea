"""The page of a search: what was tried, gained and mattered, with pictures, and nothing of the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.train.metrics import RMSE, ROC_AUC
from seatrial.train.search.search_report import counted, gained, render_search
from seatrial.train.search.study import SearchResult, TriedValues


def trial(number: int, *scores: float, state: str = "complete", **values: object) -> TriedValues:
    return TriedValues(number, state, {f"model__{n}": v for n, v in values.items()}, scores, dict(values))  # type: ignore[arg-type]


TRIALS = (
    trial(0, 0.70, 0.72, C=0.01, kind="l1"),
    trial(1, 0.80, 0.84, C=10.0, kind="<l2>"),
    trial(2, 0.50, state="stopped early", C=0.001, kind="l1"),
    replace(trial(3, state="failed", C=5.0), note="It cannot be <fitted>"),
)
SEARCH = SearchResult(
    id="abc",
    folder=Path(),
    measure=ROC_AUC,
    folds=2,
    rows=1234,
    current=trial(-1, 0.75, 0.85, C=1.0, kind="l1"),
    trials=TRIALS,
    best=TRIALS[1],
    importance={"C": 0.9, "kind": 0.1},
    logarithmic=frozenset({"C"}),
    interrupted=False,
)


def test_it_says_what_was_tried_and_what_that_gained() -> None:
    assert "4 trials of the study abc (2 complete, 1 stopped early, 1 failed or interrupted)" in counted(SEARCH)
    assert "1,234 training rows" in counted(SEARCH)
    assert SEARCH.gains == pytest.approx((0.05, -0.01))
    assert gained(SEARCH) == (
        "The best mean ROC AUC is 0.820; pipeline.py as it is has 0.800. The gain is 0.020 with a standard error of "
        "0.030; 1 of 2 folds gain."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"current": trial(-1, 0.9, 0.9, C=1.0)}, "No trial is better than pipeline.py as it is"),
        ({"current": replace(SEARCH.current, values=TRIALS[1].values)}, "pipeline.py has the best values"),
        ({"best": None}, "No trial is complete"),
    ],
)
def test_it_says_that_nothing_was_gained(changes: dict[str, object], sentence: str) -> None:
    assert gained(replace(SEARCH, **changes)).startswith(sentence)  # type: ignore[arg-type]


def test_where_lower_is_better_a_gain_is_a_lower_score() -> None:
    search = replace(SEARCH, measure=RMSE, best=TRIALS[0])
    assert search.gains == pytest.approx((0.05, 0.13))
    assert search.better
    assert "Lower is better" in render_search(search, "x==1")


def test_the_page_has_the_course_the_importance_and_a_picture_of_each_parameter() -> None:
    page = render_search(SEARCH, "little-model==0.3.0", [("All", "../index.html")])
    assert page.count("<figure") == 4
    assert "Importance of the parameters" in page
    assert ">0.01</text>" in page  # a logarithmic axis
    assert "&lt;l2&gt;" in page
    assert "<l2>" not in page
    assert "It cannot be &lt;fitted&gt;" in page
    assert "<script" not in page
    assert page == render_search(SEARCH, "little-model==0.3.0", [("All", "../index.html")])


def test_a_search_without_a_complete_trial_has_a_page_too() -> None:
    empty = replace(SEARCH, trials=(), best=None, importance={})
    page = render_search(empty, "x==1")
    assert "<figure" not in page
    assert "No trial is complete" in page
