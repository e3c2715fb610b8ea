"""Complete trainings of tiny projects: reproducible bytes, all or nothing written, and clear error messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.train.projects import (
    NATIVE,
    PIPELINE,
    REGRESSION,
    compiles,
    number,
    refuses,
    table,
    three,
    two,
    write_project,
)

from seatrial.compile import compile_release
from seatrial.core.errors import DataError, SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, importable
from seatrial.model import Release
from seatrial.train.run import _keep_table, train


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_table_gives_the_same_artifacts_and_report_byte_for_byte(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    first = train(project, compile_release)
    artifacts, pages = contents(project.artifacts), contents(first.folder)
    second = train(project, compile_release)
    assert second.id == first.id
    assert contents(project.artifacts) == artifacts
    assert contents(second.folder) == pages
    rows = {"golden.json", "reference.csv"}
    assert set(artifacts) == {"model.onnx", "release.json", "card.md", "schema.json", "sbom.cdx.json", *rows}


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    first = train(project, compiles)
    second = train(ProjectSettings(**{**vars(project), "seed": 5}), compiles)
    assert first.id != second.id
    assert {path.name for path in project.runs.iterdir()} == {first.id, second.id}


def test_the_release_scores_its_golden_rows_as_training_did(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    train(project, compile_release)
    golden = json.loads((project.artifacts / "golden.json").read_bytes())
    with importable(project):
        answers = Release("little_model").load().predict(golden["rows"])
    scores_now = [list(answer["probabilities"].values()) for answer in answers]
    for row, scores in zip(scores_now, golden["scores"], strict=True):
        assert row == pytest.approx(scores, abs=1e-12)


def test_metrics_and_data_are_in_the_release_as_strict_json(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two, rows=400), settings='labels = { 0 = "no", 1 = "yes" }')
    run = train(project, compiles)

    def refuse(value: str) -> None:
        raise AssertionError(value)

    document = json.loads((project.artifacts / "release.json").read_bytes(), parse_constant=refuse)
    assert document["headline"] == "roc_auc"
    accuracy = document["metrics"]["accuracy"]
    assert accuracy["baseline"] < accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert document["inputs"] == {"numbers": ["half"], "strings": ["colour"]}
    assert document["data"]["rows"] == 400
    assert [column["name"] for column in document["data"]["columns"]] == ["size", "colour", "note"]
    assert document["split"]["train_rows"] + document["split"]["test_rows"] == 400
    assert "Person" not in json.dumps(document["data"])
    assert run.metadata.metrics["accuracy"] == accuracy
    page = run.report.read_text()
    assert "“yes”" in page
    assert "the largest difference in probability is 2.5e-16" in page


def test_classes_by_name_train_through_to_predictions(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(three, rows=150))
    run = train(project, compile_release)
    assert run.metadata.task == "multiclass"
    assert run.metadata.classes == ("high", "low", "middle")
    assert run.metadata.headline == "accuracy"
    with importable(project):
        (answer,) = Release("little_model").load().predict({"size": 2.0, "colour": "red"})
    assert answer["prediction"] == "low"
    assert "one against the rest" in run.report.read_text()


def test_a_regression_trains_through_to_predictions(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(number), pipeline=REGRESSION)
    run = train(project, compile_release)
    assert run.metadata.task == "regression"
    assert run.metadata.metrics["r2"]["value"] > 0.8
    with importable(project):
        (answer,) = Release("little_model").load().predict({"size": 50.0, "colour": "red"})
    assert answer["prediction"] == pytest.approx(200, abs=25)
    assert "Predicted and true values" in run.report.read_text()


def test_a_pipeline_that_does_not_compile_is_stored_natively_with_the_reason(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=NATIVE)
    run = train(project, compile_release)
    assert run.metadata.engine == "native"
    assert "KNeighbors" in run.native_reason
    assert run.metadata.proof == {"reason": run.native_reason}
    assert {"model.skops", "release.json"} <= set(contents(project.artifacts))
    assert "model.onnx" not in contents(project.artifacts)
    assert "Not compiled" in run.report.read_text()
    again = contents(project.artifacts)
    train(project, compile_release)
    assert contents(project.artifacts) == again
    with importable(project):
        (answer,) = Release("little_model").load().predict({"size": 95.0, "colour": "red"})
    assert answer["prediction"] == 1


def test_a_custom_estimator_that_does_not_compile_is_refused(tmp_path: Path) -> None:
    own = PIPELINE.replace("LogisticRegression()", "Own()") + "\n\nclass Own(LogisticRegression):\n    pass\n"
    project = write_project(tmp_path, table(two), pipeline=own)
    with pytest.raises(SeatrialError, match=r"can neither be compiled .* nor stored safely: it contains .*Own"):
        train(project, refuses)
    assert not project.artifacts.exists()


def test_bad_rows_stop_the_training_and_nothing_is_written(tmp_path: Path) -> None:
    lines = table(two).splitlines()
    lines[4] = "500,green,,1"
    project = write_project(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"data\.csv: 1 of 80 rows break the schema") as caught:
        train(project, compiles)
    assert "line 5, column size: '500': Input should be less than or equal to 100" in caught.value.message
    assert "line 5, column colour: 'green'" in caught.value.message
    assert not project.artifacts.exists()
    assert not project.runs.exists()


def test_bad_rows_may_be_dropped_and_are_reported_everywhere(tmp_path: Path) -> None:
    lines = table(two).splitlines()
    lines[4] = "500,green,,1"
    project = write_project(tmp_path, "\n".join(lines) + "\n")
    run = train(project, compiles, drop_bad_rows=True)
    assert run.rows_read == 80
    assert {problem.line for problem in run.dropped} == {5}
    assert run.metadata.split["dropped_rows"] == 1
    assert "1 row broke the schema and was left out" in " ".join(run.report.read_text().split())
    assert "One row broke the schema and was left out" in (project.artifacts / "card.md").read_text()


def test_artifacts_of_an_earlier_training_stay_when_a_later_one_fails(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    train(project, compiles)
    before = contents(project.artifacts)

    def crash(pipeline: Any, **facts: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, crash)
    assert contents(project.artifacts) == before
    assert not [path for path in project.artifacts.parent.iterdir() if path.name.startswith(".artifacts")]


def test_a_table_that_changes_while_it_is_trained_on_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two))
    train(project, compiles)
    before, kept = contents(project.artifacts), sorted(project.kept_table("x").parent.iterdir())

    def change(pipeline: Any, **facts: Any) -> Any:
        project.data.write_text(project.data.read_text() + project.data.read_text().splitlines()[-1] + "\n")
        return compiles(pipeline, **facts)

    with pytest.raises(SeatrialError, match="was changed while the model was trained on it"):
        train(project, change)
    assert contents(project.artifacts) == before
    assert sorted(project.kept_table("x").parent.iterdir()) == kept


def test_artifacts_are_replaced_as_a_whole(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=NATIVE)
    train(project, refuses)
    (project.source / "little_model" / "pipeline.py").write_text(PIPELINE)
    train(project, compiles)
    assert "model.skops" not in contents(project.artifacts)
    assert "model.onnx" in contents(project.artifacts)


def test_a_positive_label_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), settings="positive = 7")
    with pytest.raises(SeatrialError, match="positive = 7 is not a label of `y`") as caught:
        train(project, compiles)
    assert "0, 1" in caught.value.hint


def test_the_positive_label_and_the_threshold_come_from_the_project(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), settings="positive = 0\nthreshold = 0.9")
    run = train(project, compile_release)
    scores = run.evaluation.scores[:, 0]
    assert run.evaluation.predicted.tolist() == [0 if score >= 0.9 else 1 for score in scores]


def test_a_regressor_for_classes_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=REGRESSION)
    with pytest.raises(SeatrialError, match="predicts one number per row"):
        train(project, compiles)


def test_progress_is_reported_in_steps(tmp_path: Path) -> None:
    steps: list[str] = []
    train(write_project(tmp_path, table(two)), compiles, progress=steps.append)
    assert [step.split()[0] for step in steps] == [
        "read", "fitting", "comparing", "evaluating", "fitting", "compiling", "measuring", "writing",
    ]  # fmt: skip


def test_the_reference_project_is_clearly_better_than_the_majority_vote(titanic: Any) -> None:
    accuracy = titanic.metadata.metrics["accuracy"]
    assert accuracy["low"] > accuracy["baseline"] + 0.05
    report = next((titanic.artifacts.parents[2] / "runs").glob("*/report.html"))
    page = report.read_text()
    assert "always predicting “died”" in page
    assert len(page.encode()) < 200_000


def test_the_kept_table_is_as_private_as_the_table_now_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(three, rows=10))
    digest = sha256(project.data)
    kept = project.kept_table(digest)
    _keep_table(project, digest)
    assert kept.read_bytes() == project.data.read_bytes()
    kept.write_bytes(b"damaged")
    kept.chmod(0o644)
    project.data.chmod(0o600)
    _keep_table(project, digest)
    assert kept.read_bytes() == project.data.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
