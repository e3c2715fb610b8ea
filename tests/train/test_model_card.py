"""The model card of each task and engine."""

from collections.abc import Sequence
from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.hostile_words import WORDS

from seatrial.core.quoting import one_line
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.serve.page import read_card
from seatrial.train.model_card import model_card

MARKDOWN = MarkdownIt("commonmark").enable("table")

COLUMNS = (
    Column("size", "number", nullable=True, required=True, minimum=0, maximum=100, unit="m²", title="Size"),
    Column("kind", "category", nullable=False, required=True, categories=("a", "b"), description="One | of two"),
)
PROOF = {"rows_table": 100, "rows_generated": 900, "largest_difference": 3e-16, "labels_differ": 0, "ties": 2}


def card(columns: Sequence[Column] = COLUMNS, **changes: Any) -> str:
    facts: dict[str, Any] = {
        "name": "little-model",
        "task": "binary",
        "target": "y",
        "engine": "onnx",
        "inputs": Inputs(("size",), ("kind",)),
        "typical": {},
        "example": {},
        "classes": (0, 1),
        "labels": {"1": "yes"},
        "positive": 1,
        "threshold": 0.3,
        "metrics": {
            "f1": {"label": "F1", "value": 0.5, "low": None, "high": None, "baseline": None},
            "accuracy": {
                "label": "accuracy",
                "value": 0.8,
                "low": 0.7,
                "high": 0.9,
                "baseline": 0.6,
                "single": 0.7,
                "linear": 0.75,
            },
        },
        "data": {"file": "data.csv", "sha256": "ab" * 32},
        "split": {"train_rows": 1000, "test_rows": 250, "seed": 5, "dropped_rows": 0},
        "proof": PROOF,
        **changes,
    }
    return model_card(Metadata(**facts), columns, "0.3.0")


def test_the_prediction_is_described_with_labels_and_threshold() -> None:
    assert card().startswith("# little-model 0.3.0\n")
    assert "`y`, one of `0`, `1` (yes); `1` if its probability is at least 0.3." in card()
    assert "`y`, a number." in card(task="regression", classes=(), positive=None)


def test_a_regression_has_its_unit_and_the_range_of_its_errors() -> None:
    groups = [{"above": None, "low": -4.5, "high": 6.25}, {"above": 12_000.0, "low": -2_000.0, "high": 999.0}]
    facts = {"task": "regression", "classes": (), "positive": None, "unit": "€"}
    text = card(**facts, intervals={"rows": 250, "levels": {"0.8": {"groups": groups}}})
    assert "`y`, a number, in €." in text
    assert "For 80\xa0% of the held-out rows, the true value was so close to the prediction:" in text
    assert "| the smallest | -4.5 to 6.25 |\n| 12,000 | -2,000 to 999 |" in text.replace("\u2212", "-")
    assert "so close" not in card(**facts)


def test_coverage_is_shown_with_its_interval_and_the_size_of_intervals_or_sets() -> None:
    measured = {"share": 0.88, "low": 0.8, "high": 0.93, "rows": 125, "size": 1234.5}
    numbers = {"rows": 250, "levels": {}, "refused": {}, "coverage": {"0.9": measured}}
    facts = {"task": "regression", "classes": (), "positive": None, "unit": "€|m²"}
    text = card(**facts, intervals=numbers).replace("\xa0", " ")
    assert "A prediction interval contains the true value with a probability of at least its level" in text
    assert "Measured on 125 of the held-out rows" in text
    assert "| level | right | 95 % interval | mean width |" in text
    assert "| 90 % | 88 % | 80 to 93 % | 1,234 €\\|m² |" in text
    sets = card(intervals=numbers)
    assert "A prediction set contains the true class" in sets
    assert "mean number of classes" in sets
    assert "prediction set" not in card()


def test_metrics_have_intervals_and_baselines_where_they_are_known() -> None:
    assert "| accuracy | 0.800 | 0.700 to 0.900 | 0.600 | 0.700 | 0.750 |" in card()
    assert "| F1 | 0.500 |  |  |  |  |" in card()


def test_columns_have_their_ranges_units_and_meanings() -> None:
    assert "| `size` | number from 0 to 100, m² | yes | Size |" in card()
    assert "| `kind` | `a`, `b` | no | One \\| of two |" in card()


def test_dropped_rows_are_reported() -> None:
    split = {"train_rows": 1000, "test_rows": 250, "seed": 5}
    assert "left out" not in card()
    assert "One row broke the schema and was left out." in card(split={**split, "dropped_rows": 1})
    assert "1,200 rows broke the schema and were left out." in card(split={**split, "dropped_rows": 1200})


def test_the_engine_is_described_by_its_proof_or_its_reason() -> None:
    assert (
        "Compiled exactly: on 1,000 rows the largest difference in probability is 3.0e-16, 0 labels differ, 2 ties."
        in card()
    )
    native = card(engine="native", proof={"reason": "KNeighborsClassifier does not compile."})
    assert "Not compiled: KNeighborsClassifier does not compile." in native


def test_what_is_proven_of_a_librarys_trees_is_said() -> None:
    trees = {**PROOF, "statement": "All leaves are equal.", "paths": 12_000, "library_difference": 0.0}
    assert "2 ties. All leaves are equal. 12,000 paths through trees were compared.\n" in card(proof=trees)
    rounded = {**trees, "library_difference": 3.75e-7, "library_labels": 2}
    assert "The library's rounding is at most 3.8e-07, which decides 2 labels." in card(proof=rounded)
    assert "which decides" not in card(proof={**rounded, "library_labels": 0})


def test_classes_that_are_never_predicted_are_named() -> None:
    assert "1 of 2 classes is never predicted on the held-out rows: “yes”." in card(never_predicted=(1,))
    many = {"task": "multiclass", "classes": tuple("abcdefghijkl"), "never_predicted": tuple("abcdefghij")}
    assert "10 of 12 classes are never predicted on the held-out rows: “a”, “b”, " in card(**many)
    assert "“h” and 2 more." in card(**many)
    assert "never predicted" not in card()


@pytest.mark.parametrize("word", [word for word in WORDS if word.strip() and len(word) < 200])
def test_any_text_is_only_text(word: str) -> None:
    """A Markdown parser and the prediction page read the same words, and no other structure."""
    facts = {"description": word, "target": word, "classes": (word, "b"), "labels": {word: word}, "positive": word}
    columns = [Column("kind", "category", False, True, categories=(word,), title=word, description=word)]
    line = one_line(word)
    for changes in (facts, {**facts, "task": "regression", "unit": word, "classes": ()}):
        text = card(columns, **changes, best_column=word, doubts={"x": word}, data={"file": word, "sha256": "ab" * 32})
        tokens = [part for token in MARKDOWN.parse(text) for part in (token.children or [token])]
        assert not {part.type for part in tokens} & {
            "html_block",
            "html_inline",
            "link_open",
            "image",
            "hr",
            "list_item_open",
        }
        assert sum(part.type in ("td_open", "th_open") for part in tokens) == 18 + 8
        assert "".join(part.content for part in tokens).count(line) >= 7
        blocks = list(read_card(text))
        page = "".join(
            "".join(block.text) + "".join(t for row in block.rows for cell in row for t in cell) for block in blocks
        )
        assert page.count(line) >= 7
