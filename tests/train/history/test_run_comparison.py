"""Two runs are compared on the rows that both held out, with intervals of the difference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.train.history.past import WEAK, trained, two_runs
from tests.train.projects import PIPELINE, REGRESSION, number, table, three, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.pages.words import DASH
from seatrial.train.history.held_out import HELD_OUT_FILE, read_held_out
from seatrial.train.history.run_comparison import compare_runs
from seatrial.train.history.run_page import evaluation_of, render_runs


def test_a_worse_model_is_worse_on_the_same_rows_and_the_parameters_say_why(tmp_path: Path) -> None:
    _, good, weak = two_runs(tmp_path)
    made = compare_runs(good, weak)
    auc = made.metrics[0]
    assert made.rows == 100
    assert auc.name == "roc_auc"
    assert auc.meaning == "worse"
    assert auc.low is not None
    assert auc.high is not None
    assert auc.low <= auc.new - auc.old <= auc.high < 0
    assert compare_runs(weak, good).metrics[0].meaning == "better"
    log_loss = next(metric for metric in compare_runs(weak, good).metrics if metric.name == "log_loss")
    assert log_loss.new < log_loss.old
    assert log_loss.meaning == "better"
    changes = {(change.group, change.what): (change.old, change.new) for change in made.changes}
    assert changes["parameters", "logisticregression__C"] == ("1.0", "1e-06")
    assert changes["inputs", "half"] == ("number", DASH)


def test_the_values_are_those_of_the_reports(tmp_path: Path) -> None:
    _, good, weak = two_runs(tmp_path)
    for metric in compare_runs(good, weak).metrics:
        assert metric.old == pytest.approx(good.metadata.metrics[metric.name]["value"], abs=1e-12)
        assert metric.new == pytest.approx(weak.metadata.metrics[metric.name]["value"], abs=1e-12)


def test_a_paired_interval_is_narrower_than_two_separate_ones(tmp_path: Path) -> None:
    _, one, other = two_runs(tmp_path, PIPELINE.replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
    paired = compare_runs(one, other).metrics[0]
    alone = one.headline
    assert paired.low is not None
    assert paired.high is not None
    assert paired.high - paired.low < (alone["high"] - alone["low"]) / 5


def test_the_same_model_is_the_same(tmp_path: Path) -> None:
    _, one, other = two_runs(tmp_path, PIPELINE + "\n")
    made = compare_runs(one, replace(other, id="another"))
    assert {metric.meaning for metric in made.metrics} == {"the same"}
    assert made.changes == ()


@pytest.mark.parametrize(("labels", "pipeline"), [(three, PIPELINE), (number, REGRESSION)])
def test_other_tasks_are_paired_too_and_drawn(tmp_path: Path, labels: object, pipeline: str) -> None:
    weaker = pipeline.replace('["half"]', "[]")
    _, one, other = two_runs(tmp_path, weaker, labels=labels, first=pipeline)  # type: ignore[arg-type]
    made = compare_runs(one, other)
    assert made.metrics[0].meaning == "worse"
    page = render_runs(made)
    assert page.count("<figure") >= 4
    assert f": {one.id}</h3>" in page
    assert f": {other.id}</h3>" in page


def test_only_rows_that_both_held_out_are_compared_when_the_split_differs(tmp_path: Path) -> None:
    project, one, _ = two_runs(tmp_path)
    other = trained(replace(project, seed=5))
    made = compare_runs(one, other)
    both = [read_held_out(run.folder) for run in (one, other)]
    shared = set(both[0].positions.tolist()) & set(both[1].positions.tolist())  # type: ignore[union-attr]
    assert made.rows == len(shared)
    assert 0 < made.rows < 100


def test_rows_are_found_again_in_a_table_that_has_grown_and_is_in_another_order(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two, rows=400))
    one = trained(project)
    head, *lines = (tmp_path / "data.csv").read_text().splitlines()
    more = table(two, rows=80, seed=9).splitlines()[1:]
    (tmp_path / "data.csv").write_text("\n".join([head, *more, *reversed(lines)]) + "\n")
    other = trained(project)
    made = compare_runs(one, other)
    assert made.rows > 80
    before, after = (read_held_out(run.folder) for run in (one, other))
    assert before is not None
    assert after is not None
    assert made.rows == len(set(before.hashes.tolist()) & set(after.hashes.tolist()))


def test_runs_of_another_target_and_of_an_earlier_version_are_not_paired(tmp_path: Path) -> None:
    _, one, other = two_runs(tmp_path)
    renamed = replace(other, metadata=replace(other.metadata, target="z"))
    assert "different things" in compare_runs(one, renamed).reason
    (other.folder / HELD_OUT_FILE).unlink()
    made = compare_runs(one, other)
    assert made.metrics == ()
    assert f"The run {other.id} is from a version" in made.reason
    assert made.reason.split(",")[0] in render_runs(made)


def test_a_damaged_file_of_held_out_rows_is_named(tmp_path: Path) -> None:
    _, one, other = two_runs(tmp_path)
    file = other.folder / HELD_OUT_FILE
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(SeatrialError, match=r"held_out\.npz is damaged"):
        compare_runs(one, other)


def test_what_training_measured_is_read_again_from_the_folder(tmp_path: Path) -> None:
    _, one, _ = two_runs(tmp_path)
    evaluation = evaluation_of(one)
    assert evaluation is not None
    assert float(np.mean(evaluation.predicted == evaluation.labels)) == one.metadata.metrics["accuracy"]["value"]


def test_the_held_out_file_has_no_value_of_a_row_and_is_as_private_as_the_table(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=WEAK)
    project.data.chmod(0o600)
    run = trained(project)
    file = run.folder / HELD_OUT_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"Person" not in file.read_bytes()
