"""`seatrial runs`: the list, the comparison and the export, for people and for scripts."""

import json
from pathlib import Path

import pytest
from tests.commands import run_here
from tests.train.history.past import two_runs
from tests.train.history.tracking_server import tracking_server


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    root = tmp_path_factory.mktemp("past")
    _, one, other = two_runs(root, rows=200)
    return root, one.id, other.id


def test_the_name_alone_lists_the_runs(past: tuple[Path, str, str]) -> None:
    root, one, other = past
    done = run_here("runs", cwd=root)
    assert done.returncode == 0, done.stderr
    assert one in done.stdout
    assert other in done.stdout
    assert "ROC AUC" in done.stdout
    assert "C=1e-06" in done.stdout
    assert "max_iter" not in done.stdout


def test_help_names_the_other_commands() -> None:
    printed = run_here("runs", "--help", cwd=Path.cwd()).stdout
    assert "compare" in printed
    assert "export" in printed


def test_as_json_a_run_has_its_metrics_parameters_and_data(past: tuple[Path, str, str]) -> None:
    root, one, other = past
    listed = {run["run"]: run for run in json.loads(run_here("runs", "--json", cwd=root).stdout)}
    assert set(listed) == {one, other}
    assert listed[other]["parameters"]["logisticregression__C"] == "1e-06"
    assert listed[one]["metrics"]["roc_auc"]["value"] > listed[other]["metrics"]["roc_auc"]["value"]
    assert listed[one]["data"]["rows"] == 200


def test_two_runs_are_compared_by_the_beginnings_of_their_ids(past: tuple[Path, str, str]) -> None:
    root, one, other = past
    done = run_here("runs", "compare", one[:6], other[:6], cwd=root)
    assert done.returncode == 0, done.stderr
    assert "On 50 rows that neither run was fitted to" in done.stdout
    assert "worse" in done.stdout
    assert "logisticregression__C" in done.stdout
    page = root / ".seatrial" / "comparisons" / f"{one}..{other}.html"
    assert "Pictures" in page.read_text()
    assert f"{one} → {other}" in (root / "runs" / "index.html").read_text()
    document = json.loads(run_here("runs", "compare", one, other, "--json", cwd=root).stdout)
    assert document["metrics"][0]["meaning"] == "worse"
    assert document["rows"] == 50


def test_without_names_the_two_newest_are_compared(past: tuple[Path, str, str]) -> None:
    root, one, other = past
    document = json.loads(run_here("runs", "compare", "--json", cwd=root).stdout)
    assert {document["old"], document["new"]} == {one, other}


def test_a_run_is_not_compared_with_itself_nor_without_a_second_one(
    past: tuple[Path, str, str], tmp_path: Path
) -> None:
    root, one, _ = past
    done = run_here("runs", "compare", one, one, cwd=root)
    assert done.returncode == 2
    assert f"Both are the run {one}" in done.stderr
    project, *_ = two_runs(tmp_path, rows=60)
    for folder in list(project.runs.glob("*/run.json"))[:1]:
        folder.unlink()
    assert "no two runs to compare" in run_here("runs", "compare", cwd=tmp_path).stderr


def test_runs_are_exported_once_and_without_the_report_where_releases_carry_no_rows(
    past: tuple[Path, str, str],
) -> None:
    root, one, _ = past
    with tracking_server() as server:
        done = run_here("runs", "export", "--mlflow", server.url, cwd=root)
        assert "2 runs exported to the experiment little-model" in done.stdout, done.stderr
        assert len(server.artifacts) == 2
        again = run_here("runs", "export", one, "--mlflow", server.url, cwd=root)
        assert "0 runs exported" in again.stdout
        assert "1 were there already" in again.stdout
    settings = root / "pyproject.toml"
    before = settings.read_text()
    settings.write_text(f'{before}\n[tool.seatrial.release]\nreference = "none"\n')
    try:
        with tracking_server() as server:
            assert run_here("runs", "export", one, "--mlflow", server.url, cwd=root).returncode == 0
            assert server.artifacts == {}
            words = ("--mlflow", server.url, "--experiment", "other", "--report", "--json")
            (exported,) = json.loads(run_here("runs", "export", one, *words, cwd=root).stdout)
            assert exported["new"] is True
            assert len(server.artifacts) == 1
    finally:
        settings.write_text(before)


def test_an_export_needs_a_server(past: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    done = run_here("runs", "export", cwd=past[0])
    assert done.returncode == 2
