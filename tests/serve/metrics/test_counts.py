"""What is counted of an exchange, and that no label is a caller's text."""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from seatrial.model import Release
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics import counts
from seatrial.serve.metrics.counts import Counts
from seatrial.serve.metrics.families import DURATION, PREDICTIONS, REFUSALS, REQUESTS, ROWS, SECONDS, SHED
from seatrial.serve.metrics.tally import Tally

PREDICT = "/api/v1/predict"
SOURCE = Path(counts.__file__).parents[2]


def exchange(status: int = 200, *, took: float = 0.002, **options: Any) -> Exchange:
    made = Exchange("id", began=5.0, **{"route": PREDICT, **options})
    made.ended, made.status = 5.0 + took, status
    return made


def refused(*errors: tuple[Sequence[Any], str]) -> Exchange:
    made = exchange(422)
    made.errors = [{"loc": loc, "type": rule, "msg": ""} for loc, rule in errors]
    return made


def counted(release: Release | None, *exchanges: Exchange) -> Tally:
    made, numbers = Counts(), Tally()
    if release:
        made.know(release)
    made(exchanges)
    made.add_to(numbers)
    return numbers


def test_requests_by_route_method_and_status() -> None:
    numbers = counted(None, exchange(), exchange(), exchange(422), exchange(200, method="GET", route="/health"))
    assert numbers.totals[REQUESTS.name] == {
        (PREDICT, "POST", "200"): 2,
        (PREDICT, "POST", "422"): 1,
        ("/health", "GET", "200"): 1,
    }


def test_a_callers_words_are_no_labels() -> None:
    numbers = counted(None, *[exchange(404, method=f"M{i}", path=f"/{i}", route="", key=f"k{i}") for i in range(50)])
    assert numbers.totals[REQUESTS.name] == {("other", "other", "404"): 50}
    assert list(numbers.histograms[DURATION.name]) == [("other",)]


def test_durations_are_put_into_buckets() -> None:
    numbers = counted(None, *[exchange(took=took) for took in (0.00005, 0.003, 0.003, 60.0)])
    *buckets, total = numbers.histograms[DURATION.name][PREDICT,]
    assert len(buckets) == len(SECONDS) + 1
    assert (buckets[0], buckets[SECONDS.index(0.005)], buckets[-1]) == (1, 2, 1)
    assert total == pytest.approx(60.00605)


def test_rows_and_predictions_by_label(multiclass: Release) -> None:
    one, many = exchange(), exchange()
    one.scored = [(2, (0.0, 0.0, 1.0))]
    many.scored = [(0, ()), (2, ()), (2, ())]
    numbers = counted(multiclass, one, many)
    assert numbers.totals[ROWS.name] == {(PREDICT,): 4}
    assert numbers.totals[PREDICTIONS.name] == {('the "first"',): 1, ("50 %s",): 0, ("c\\d",): 3}


def test_a_regression_has_rows_and_no_labels(regression: Release) -> None:
    made = exchange()
    made.scored = [(17.5, ()), (18.5, ())]
    numbers = counted(regression, made)
    assert numbers.totals[ROWS.name] == {(PREDICT,): 2}
    assert numbers.totals[PREDICTIONS.name] == {}


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_a_long_table_is_counted_by_its_classes(kind: str, request: pytest.FixtureRequest) -> None:
    class Long(Exchange):
        decided: Any

    made = Long("id", route=PREDICT)
    made.status, made.decided = 200, Counter({0: 5, 2: 2} if kind == "multiclass" else {None: 7})
    numbers = counted(request.getfixturevalue(kind), made)
    assert numbers.totals[ROWS.name] == {(PREDICT,): 7}
    assert list(numbers.totals[PREDICTIONS.name].values()) == ([5, 0, 2] if kind == "multiclass" else [])


def test_there_is_a_bound_on_labels(multiclass: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_CLASSES", 1)
    made = exchange()
    made.scored = [(0, ()), (1, ()), (2, ())]
    assert counted(multiclass, made).totals[PREDICTIONS.name] == {('the "first"',): 1, ("other",): 2}


def test_refusals_by_column_and_rule(binary: Release) -> None:
    numbers = counted(
        binary,
        refused((("body", 0, "size"), "greater_than_equal"), (("body", 9, "size"), "greater_than_equal")),
        refused((("body", "inputs", 3, "kind"), "literal_error"), (("body",), "json_invalid")),
    )
    assert numbers.totals[REFUSALS.name] == {
        ("size", "greater_than_equal"): 1,  # once for a request
        ("kind", "literal_error"): 1,
        ("", "json_invalid"): 1,
    }


def test_neither_unknown_columns_nor_rules_of_others_are_labels(binary: Release) -> None:
    numbers = counted(binary, refused((("body", "Mrs Secret"), "extra_forbidden"), (("body", "size"), "Mrs Secret")))
    assert numbers.totals[REFUSALS.name] == {("", "extra_forbidden"): 1, ("size", "other"): 1}


def test_there_is_a_bound_on_refusals(binary: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_REFUSALS", 2)
    rules = ("missing", "greater_than", "less_than", "json_invalid")
    numbers = counted(binary, *[refused((("body", "size"), rule)) for rule in (*rules, "missing")])
    assert numbers.totals[REFUSALS.name] == {("size", "missing"): 2, ("size", "greater_than"): 1, ("other", "other"): 2}


def test_what_is_shed_is_counted() -> None:
    exchanges = exchange(503), exchange(504), exchange(500), exchange(), exchange(503, method="GET", route="/ready")
    assert counted(None, *exchanges).totals[SHED.name] == {(): 2}


def rules_in(path: Path) -> Iterator[str]:
    """The rules that a module of ours names where it makes an error."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("problem", "_error"):
            place = 1 if node.func.id == "problem" else 0
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield node.args[place].value  # type: ignore[attr-defined]
        if isinstance(node, ast.Dict):
            pairs = {k.value: v for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)}
            if {"type", "loc"} <= set(pairs) and isinstance(pairs["type"], ast.Constant):
                yield pairs["type"].value  # type: ignore[misc]


def test_all_rules_of_our_own_are_known() -> None:
    found = {rule for part in ("model", "serve") for path in (SOURCE / part).rglob("*.py") for rule in rules_in(path)}
    assert {"one_row", "wrong_length", "tensor"} <= found
    assert found <= Counts()._rules
