"""Past runs as the Python API gives them."""

from pathlib import Path

import pytest
from tests.train.history.past import two_runs

from seatrial.core.errors import SeatrialError
from seatrial.steps.project import Project
from seatrial.steps.runs import compare_runs, export_runs


def test_runs_are_rows_of_a_table_in_a_notebook(tmp_path: Path) -> None:
    import pandas as pd

    _, one, other = two_runs(tmp_path, rows=80)
    listed = Project(tmp_path, progress=False).runs()
    frame = pd.DataFrame(listed.rows).set_index("run")
    assert repr(listed) == "<2 runs>"
    assert frame.loc[one.id, "roc_auc"] > frame.loc[other.id, "roc_auc"]
    assert frame.loc[other.id, "logisticregression__C"] == "1e-06"


def test_the_page_of_a_comparison_is_as_private_as_the_table(tmp_path: Path) -> None:
    project, one, other = two_runs(tmp_path, rows=80)
    project.data.chmod(0o600)
    compared = compare_runs(project, one.id, other.id)
    assert compared.page.stat().st_mode & 0o777 == 0o600


def test_a_missing_client_of_mlflow_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, *_ = two_runs(tmp_path, rows=80)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SeatrialError, match="needs MLflow's client") as raised:
        export_runs(project, "http://127.0.0.1:1")
    assert "seatrial[mlflow]" in raised.value.hint
