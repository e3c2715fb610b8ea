"""The command line that a model wheel installs."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def titanic_model(titanic_project):
    """Run the wheel's own command, from the trained checkout."""

    def run(*words, **more):
        code = "import sys; from titanic_model import main; sys.argv[0] = 'titanic-model'; sys.exit(main())"
        environment = {**os.environ, "PYTHONPATH": str(titanic_project / "src")}
        command = [sys.executable, "-c", code, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **more)

    return run


def test_a_file_in_and_predictions_out(titanic_model, titanic_project):
    done = titanic_model("predict", titanic_project / "data" / "titanic.csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert done.returncode == 0
    assert len(rows) == 1309
    assert rows[0]["prediction"] == "1"
    assert float(rows[0]["probability_1"]) > 0.9


def test_predictions_can_be_printed_as_json(titanic_model, titanic_project):
    done = titanic_model("predict", titanic_project / "data" / "titanic.csv", "--json")
    assert len(json.loads(done.stdout)) == 1309


def test_card_and_schema_and_version(titanic_model):
    assert titanic_model("card").stdout.startswith("# titanic-model 0.1.0")
    assert "pclass" in json.loads(titanic_model("schema").stdout)["properties"]
    assert titanic_model("--version").stdout == "titanic-model 0.1.0\n"


def test_errors_are_printed_without_a_traceback(titanic_model, tmp_path):
    (tmp_path / "bad.csv").write_text("pclass,name,sex\n99,Nobody,male\n")
    for words, message in (
        (("predict", tmp_path / "none.csv"), "does not exist"),
        (("predict", tmp_path), "is a folder"),
        (("predict", tmp_path / "bad.csv"), "line 2, column pclass: '99'"),
    ):
        done = titanic_model(*words)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert titanic_model().returncode == 2


def test_a_closed_pipe_is_not_an_error(titanic_model, titanic_project):
    code = "import sys; from titanic_model import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(titanic_project / "src")}
    command = f'"{sys.executable}" -c "{code}" predict "{titanic_project}/data/titanic.csv" | head -n 1; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines() == ["prediction,probability_0,probability_1,warnings", "0"]
    assert done.stderr == ""
