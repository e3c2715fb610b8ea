"""The training report: one small file that opens anywhere and escapes everything."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Columns
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata, Task
from seatrial.model.schema import Column
from seatrial.train.evaluation import evaluate, permutation_importance
from seatrial.train.profile import fingerprint
from seatrial.train.report import render_report

PROOF = {"rows_table": 1309, "rows_generated": 100217, "largest_difference": 3.3e-16, "labels_differ": 0, "ties": 0}
COLUMNS = (
    Column("size", "number", nullable=True, required=True),
    Column("place", "category", nullable=False, required=True, categories=("here", "there")),
    Column("note", "text", nullable=True, required=True),
)


def held_out(rows: int, seed: int = 0) -> Columns:
    generator = np.random.default_rng(seed)
    return {
        "size": np.where(generator.random(rows) < 0.1, np.nan, generator.normal(50, 10, rows)),
        "place": generator.choice(np.array(["here", "there"], dtype=object), rows),
        "note": np.array([f"note {n}" for n in range(rows)], dtype=object),
    }


def report(task: Task = "binary", rows: int = 300, *, table: Columns | None = None, **changes: Any) -> SimpleNamespace:
    table = table or held_out(rows)
    rows = len(table["size"])
    generator = np.random.default_rng(1)
    size = np.nan_to_num(table["size"], nan=50.0)
    scores: Array
    if task == "regression":
        scores, classes = size * 1_000, ()
        y = scores + generator.normal(0, 3_000, rows)
    else:
        classes = changes.pop("classes", (0, 1) if task == "binary" else ("ant", "bee", "cow"))
        scores = generator.dirichlet(np.full(len(classes), 0.7), rows)
        y = np.array([classes[generator.choice(len(classes), p=row)] for row in scores])
    evaluation = evaluate(
        DecisionRule(task, classes),
        y_true=y,
        scores=scores,
        y_train=y,
        seed=1,
    )

    def score(part: Columns) -> Array:
        if task == "regression":
            return np.nan_to_num(part["size"], nan=50.0) * 1_000
        return np.tile(scores, (len(part["size"]) // rows, 1)) if len(part["size"]) % rows == 0 else scores[:1]

    facts = {
        "name": "little-model",
        "task": task,
        "target": "y",
        "engine": "onnx",
        "inputs": Inputs(("size",), ("place",)),
        "typical": {},
        "example": {},
        "classes": classes,
        "positive": classes[-1] if task == "binary" else None,
        "data": {"file": "data.csv"},
        "split": {
            "train_rows": 900,
            "test_rows": rows,
            "dropped_rows": 2,
            "seed": 5,
            "stratified": task != "regression",
        },
        "proof": PROOF,
        "environment": {"python": "3.12.1", "scikit-learn": "1.7"},
        "git": {"commit": "c0ffee", "dirty": True},
        "description": "What is it?",
        **changes,
    }
    return SimpleNamespace(
        meta=Metadata(**facts),
        version="0.3.0",
        evaluation=evaluation,
        importance=permutation_importance(evaluation, table, score, seed=1) if rows <= 5_000 else (),
        fingerprint=fingerprint("ab" * 32, table, COLUMNS, y, "y", task),
        shown=evaluation,
        held_out=table,
        columns=COLUMNS,
    )


def rendered(case: SimpleNamespace, **changes: Any) -> str:
    """The page of a case, with some of what it shows changed."""
    if "evaluation" in changes:
        changes = {"shown": changes["evaluation"], **changes}
    return render_report(**{**vars(case), **changes})


class _Page(HTMLParser):
    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def test_the_report_shows_the_coverage_of_intervals_where_it_was_measured() -> None:
    measured = {"share": 0.88, "low": 0.8, "high": 0.93, "rows": 125, "size": 1.25}
    numbers = {"rows": 250, "levels": {}, "refused": {}, "coverage": {"0.9": measured}}
    text = " ".join(_Page(rendered(report(intervals=numbers))).text.replace("\xa0", " ").split())
    assert "Prediction sets" in text
    assert "Measured on 125 of the held-out rows" in text
    assert "90 %88 %80 to 93 %1.25" in text
    assert "Prediction intervals" in _Page(rendered(report("regression", intervals=numbers))).text
    assert "Prediction sets" not in _Page(rendered(report())).text


@pytest.mark.parametrize("task", TASKS)
def test_the_report_is_one_well_formed_file_without_requests_or_scripts(task: Task) -> None:
    page = rendered(report(task))
    parsed = _Page(page)
    assert parsed.open == []
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "link", "img", "iframe", "object")]
    assert not [a for _, attributes in parsed.tags for a in attributes if a.startswith("on") or a in ("src", "srcset")]
    assert all(str(a["href"]).startswith("#") for _, a in parsed.tags if "href" in a)
    assert "url(" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("task", TASKS)
def test_every_drawing_is_well_formed_and_described_in_words(task: Task) -> None:
    drawings = re.findall(r"<svg.*?</svg>", rendered(report(task)), re.DOTALL)
    assert len(drawings) >= 8
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 10
        assert "nan" not in drawing.lower().replace("finance", "")


@pytest.mark.parametrize("task", TASKS)
def test_every_figure_has_a_caption_of_whole_sentences(task: Task) -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", rendered(report(task)), re.DOTALL)
    assert len(captions) >= 4 if task != "regression" else len(captions) >= 3
    assert all(len(caption) > 60 and caption.rstrip().endswith(".") for caption in captions)


@pytest.mark.parametrize("task", TASKS)
def test_the_same_run_gives_the_same_bytes(task: Task) -> None:
    assert rendered(report(task)) == rendered(report(task))


@pytest.mark.parametrize("task", TASKS)
def test_the_sections_are_in_the_order_of_a_decision(task: Task) -> None:
    page = rendered(report(task))
    places = [page.index(f'id="{name}"') for name in ("metrics", "performance", "errors", "data", "provenance")]
    assert places == sorted(places)
    assert page.index('class="verdict') < places[0]


def test_the_summary_compares_the_accuracy_with_the_majority_vote() -> None:
    case = report(labels={"0": "sank", "1": "swam"})
    accuracy = case.evaluation.metric("accuracy")
    assert accuracy is not None
    assert accuracy.baseline is not None
    text = _Page(rendered(case)).text.replace("\u00a0", " ")
    assert f"Correct for {accuracy.value:.0%}".replace("%", " %") in text
    assert "of 300 held-out rows (" in text
    trivial = case.meta.label(case.evaluation.trivial)
    assert f"always predicting “{trivial}” would be correct for {accuracy.baseline:.0%}".replace("%", " %") in text
    assert "clearly better" in text


def test_the_summary_of_a_regression_compares_its_mean_error_with_the_mean() -> None:
    case = report("regression")
    text = _Page(rendered(case)).text
    off = np.abs(case.evaluation.scores - case.evaluation.labels).mean()
    assert re.search(
        rf"The predicted y is off by {round(off, -1):,.0f} on average over 300 held-out rows \([\d,]+ to [\d,]+\)", text
    )
    assert "always predicting the mean" in text


def test_everything_that_comes_from_the_table_is_escaped() -> None:
    evil = '<script>alert("x")</script>&'
    table = held_out(60)
    table["note"] = np.array([evil] * 60, dtype=object)
    table["place"] = np.array([evil, "there"] * 30, dtype=object)
    columns = (*COLUMNS[:2], Column("note", "text", nullable=True, required=True))
    case = report(
        "multiclass", table=table, classes=(evil, "b", "c"), description=evil, git={"commit": evil, "dirty": False}
    )
    page = rendered(case, columns=columns)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(drawing)


@pytest.mark.parametrize("task", TASKS)
def test_a_hundred_thousand_held_out_rows_give_a_small_file(task: Task) -> None:
    assert len(rendered(report(task, 100_000)).encode()) < 500_000


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("rows", [2, 11])
def test_few_rows_can_be_reported(task: Task, rows: int) -> None:
    assert _Page(rendered(report(task, rows))).open == []


def test_held_out_rows_of_one_class_can_be_reported() -> None:
    case = report()
    same = evaluate(
        DecisionRule("binary", (0, 1)),
        y_true=np.zeros(300, dtype=int),
        scores=case.evaluation.scores,
        y_train=np.array([0, 1, 1]),
        seed=1,
    )
    page = rendered(case, evaluation=same)
    assert "ROC curve" not in page
    assert "no better than ignoring the columns" not in page


def test_a_model_that_is_no_better_than_the_baseline_should_not_be_released() -> None:
    case = report()
    upside_down = evaluate(
        DecisionRule("binary", (0, 1)),
        y_true=case.evaluation.labels,
        scores=case.evaluation.scores[:, ::-1],
        y_train=case.evaluation.labels,
        seed=1,
    )
    page = rendered(case, evaluation=upside_down)
    assert "do not release this model" in page
    assert 'class="verdict doubt"' in page


def test_a_model_without_errors_is_suspected_of_a_leak() -> None:
    case = report()
    y = case.evaluation.labels
    perfect = evaluate(
        DecisionRule("binary", (0, 1)),
        y_true=y,
        scores=np.column_stack([1.0 - y, y]).astype(float),
        y_train=y,
        seed=1,
    )
    page = rendered(case, evaluation=perfect)
    assert "does one of the columns contain the answer?" in page
    assert "Every prediction was correct." in page
    assert "Most confident errors" not in page


def test_the_most_confident_errors_are_listed_with_their_values() -> None:
    case = report()
    e = case.evaluation
    confidence = np.where(e.predicted != e.labels, e.scores.max(axis=1), 0)
    page = rendered(case)
    table = page[
        page.index("Most confident errors") : page.index(
            'id="importance"' if 'id="importance"' in page else 'id="data"'
        )
    ]
    notes = re.findall(r"note \d+", table)
    assert notes == [f"note {row}" for row in np.argsort(-confidence, kind="stable")[:10]]


def test_the_confusion_matrix_counts_every_row() -> None:
    case = report("multiclass")
    matrix = re.search(r'<table class="confusion">.*?</table>', rendered(case), re.DOTALL)
    assert matrix
    counts = [int(count) for count in re.findall(r"<b>(\d+)</b>", matrix[0])]
    expected = [
        int(((case.evaluation.labels == true) & (case.evaluation.predicted == answer)).sum())
        for true in case.evaluation.rule.classes
        for answer in case.evaluation.rule.classes
    ]
    assert counts == expected


def test_the_proof_is_reported_and_so_is_the_reason_of_a_native_release() -> None:
    assert "3.3e-16, 0 labels differ" in rendered(report())
    native = rendered(report(engine="native", proof={"reason": "KNeighborsClassifier does not compile."}))
    assert "Not compiled: KNeighborsClassifier does not compile." in native


def test_the_provenance_of_the_run_is_reported() -> None:
    text = _Page(rendered(report())).text
    for part in ("c0ffee", "uncommitted changes", "scikit-learn 1.7", "ab" * 32, "seed 5", "2 rows broke the schema"):
        assert part in text
    assert "not in a git repository" in rendered(report(git={}))


def test_free_text_appears_only_among_the_largest_errors() -> None:
    page = rendered(report())
    data = page[page.index('id="data"') :]
    assert "note 1" not in data
    assert "free text of" in data


def test_a_target_that_hardly_varies_can_be_reported() -> None:
    case = report("regression")
    y = np.full(300, 7.0)
    y[0] = 7.0 + 1e-12
    same = evaluate(DecisionRule("regression"), y_true=y, scores=y.copy(), y_train=y, seed=1)
    assert _Page(rendered(case, evaluation=same)).open == []


def test_thresholds_have_costs_where_the_project_sets_them() -> None:
    page = rendered(report())
    assert "costs = { false_positive = 1, false_negative = 5 }" in page
    assert ">cost</th>" not in page
    page = rendered(report(), costs={"false_positive": 1, "false_negative": 5})
    assert ">cost</th>" in page
    assert "lowest cost" in page
    assert 'id="thresholds"' not in rendered(report("multiclass"))


def test_a_report_without_some_classes_is_not_good() -> None:
    missed = report("multiclass", never_predicted=("cow",))
    assert "Not every class is predicted." in rendered(missed)
    assert "1 of 3 classes is never predicted" in rendered(missed)


def test_related_pages_are_linked() -> None:
    assert '<a href="../index.html">All runs</a>' in rendered(report(), pages=[("All runs", "../index.html")])
    assert "<nav" not in rendered(report())
