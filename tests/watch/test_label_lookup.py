"""Labels of logged rows are found by their request and row, whatever the release's classes are."""

import pyarrow as pa
import pytest

from seatrial.model.decision import DecisionRule
from seatrial.watch.label_lookup import LabelLookup


def labels(*rows: tuple[str, int, str]) -> pa.Table:
    requests, numbers, texts = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "request_id": pa.array(requests, pa.string()),
            "row": pa.array(numbers, pa.int32()),
            "label": pa.array(texts, pa.string()),
        }
    )


def batch(*rows: tuple[str, int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"request_id": [each for each, _ in rows], "row": [each for _, each in rows]})


def test_rows_of_a_request_have_labels_of_their_own() -> None:
    lookup = LabelLookup(labels(("b", 1, '"yes"'), ("a", 0, '"no"'), ("b", 0, '"no"')))
    found = lookup.positions(batch(("a", 0), ("b", 0), ("b", 1), ("b", 2), ("c", 0)))
    assert found.tolist().count(-1) == 2
    assert lookup.rows(found[:3]).tolist() == [1, 2, 0]
    assert lookup.truth(DecisionRule("binary", ("no", "yes")))[found[:3]].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        (DecisionRule("binary", (0, 1)), "1", 1),
        (DecisionRule("binary", (False, True)), "true", 1),
        (DecisionRule("multiclass", ("a", "b", "c")), '"c"', 2),
        (DecisionRule("binary", ("no", "yes")), '"maybe"', -1),
        (DecisionRule("regression"), "12.5", 12.5),
    ],
)
def test_labels_are_read_as_the_release_answers(rule: DecisionRule, text: str, value: float) -> None:
    assert LabelLookup(labels(("a", 0, text))).truth(rule).tolist() == [value]


def test_a_text_is_no_number_of_a_regression() -> None:
    (value,) = LabelLookup(labels(("a", 0, '"dear"'))).truth(DecisionRule("regression"))
    assert value != value  # noqa: PLR0124 - NaN


def test_without_labels_nothing_is_found() -> None:
    assert LabelLookup(labels()).positions(batch(("a", 0))).tolist() == [-1]
