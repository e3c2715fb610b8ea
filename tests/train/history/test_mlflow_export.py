"""Runs are sent to an MLflow tracking server once: to one that speaks its REST protocol, to a database, to a real server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.walking import free_port
from tests.train.history.past import two_runs
from tests.train.history.tracking_server import Tracking, tracking_server

from seatrial.core.errors import SeatrialError
from seatrial.train.history.mlflow_export import export_runs, metrics_of, parameters_of
from seatrial.train.history.run_records import RunRecord


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return two_runs(tmp_path_factory.mktemp("past"), rows=80)[1]


@pytest.fixture
def tracking() -> Iterator[Tracking]:
    with tracking_server() as server:
        yield server


def test_parameters_metrics_tags_and_the_report_arrive(tracking: Tracking, run: RunRecord) -> None:
    (exported,) = export_runs([run], tracking.url, "little-model", report=True)
    assert exported.new
    sent = tracking.runs[exported.mlflow_run]
    assert sent["status"] == "FINISHED"
    assert sent["experiment_id"] == tracking.experiments["little-model"]
    assert sent["start_time"] == round(run.when.timestamp() * 1000)
    assert sent["params"]["logisticregression__C"] == "1.0"
    assert sent["params"]["columntransformer__c__handle_unknown"] == "'ignore'"
    assert sent["metrics"]["roc_auc"] == run.metadata.metrics["roc_auc"]["value"]
    assert sent["metrics"]["roc_auc_low"] < sent["metrics"]["roc_auc"] < sent["metrics"]["roc_auc_high"]
    assert sent["tags"]["seatrial.run"] == run.id
    assert sent["tags"]["seatrial.version"] == "0.3.0"
    assert sent["tags"]["seatrial.data_sha256"] == run.metadata.data["sha256"]
    (path,) = tracking.artifacts
    assert path == f"1/{exported.mlflow_run}/artifacts/report.html"
    assert tracking.artifacts[path] == (run.folder / "report.html").read_bytes()


def test_a_report_stays_here_unless_it_is_wanted(tracking: Tracking, run: RunRecord) -> None:
    assert len(list(export_runs([run], tracking.url, "x", report=False))) == 1
    assert tracking.artifacts == {}


def test_a_run_is_exported_once(tracking: Tracking, run: RunRecord) -> None:
    first = list(export_runs([run], tracking.url, "x", report=False))
    second = list(export_runs([run], tracking.url, "x", report=False))
    assert [(one.mlflow_run, one.new) for one in second] == [(first[0].mlflow_run, False)]
    assert len(tracking.runs) == 1


def test_an_export_that_is_refused_halfway_is_marked_and_done_again(tracking: Tracking, run: RunRecord) -> None:
    tracking.fails = "runs/log-batch"
    with pytest.raises(SeatrialError, match="You may not write here"):
        list(export_runs([run], tracking.url, "x", report=False))
    assert [each["status"] for each in tracking.runs.values()] == ["FAILED"]
    tracking.fails = ""
    (exported,) = export_runs([run], tracking.url, "x", report=False)
    assert exported.new
    assert [each["status"] for each in tracking.runs.values()] == ["FAILED", "FINISHED"]


def test_a_server_that_is_not_there_is_named(run: RunRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SeatrialError, match=f"MLflow at {url}: .*Max retries") as raised:
        list(export_runs([run], url, "x", report=False))
    assert "URL" in raised.value.hint


def test_mlflow_reports_nothing_to_its_makers(
    tracking: Tracking, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    exports = export_runs([run], tracking.url, "x", report=False)
    next(exports)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert list(exports) == []
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ


def test_names_and_values_are_such_as_mlflow_takes(run: RunRecord) -> None:
    assert not any("(" in name for name in parameters_of(run))
    assert "steps" not in parameters_of(run)
    assert set(metrics_of(run)) >= {"roc_auc", "roc_auc_low", "roc_auc_high", "roc_auc_baseline", "log_loss"}


@pytest.mark.soak
def test_a_database_is_a_tracking_store_too(run: RunRecord, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    (exported,) = export_runs([run], uri, "x", report=False)
    found = MlflowClient(tracking_uri=uri).get_run(exported.mlflow_run)
    assert found.data.metrics["accuracy"] == run.metadata.metrics["accuracy"]["value"]
    assert found.data.params["logisticregression__C"] == "1.0"
    assert found.data.tags["seatrial.run"] == run.id


@pytest.mark.soak
def test_a_real_server_takes_the_export(run: RunRecord, tmp_path: Path) -> None:
    """The whole of MLflow, in an environment of its own."""
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(tmp_path / "venv")], check=True)
    python, port = str(tmp_path / "venv" / "bin" / "python"), free_port()
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, "mlflow"], check=True)
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", f"sqlite:///{tmp_path / 'm.db'}", "--artifacts-destination", str(tmp_path / "a")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen([python, "-m", "mlflow", *words, *places], cwd=tmp_path, env=environment) as server:
        try:
            exported = _when_it_answers(run, f"http://127.0.0.1:{port}")
            from mlflow.tracking import MlflowClient

            client = MlflowClient(tracking_uri=f"http://127.0.0.1:{port}")
            found = client.get_run(exported)
            assert found.info.status == "FINISHED"
            assert found.data.metrics["accuracy"] == run.metadata.metrics["accuracy"]["value"]
            assert [file.path for file in client.list_artifacts(exported)] == ["report.html"]
        finally:
            server.terminate()
            server.wait(timeout=30)


def _when_it_answers(run: RunRecord, url: str, seconds: float = 120) -> str:
    until = time.monotonic() + seconds
    while True:
        try:
            (exported,) = export_runs([run], url, "little-model", report=True)
        except SeatrialError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return exported.mlflow_run
