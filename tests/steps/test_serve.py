"""What a server is started from, what is reported if it does not start, and that it ends with its command."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json, write_atomic
from seatrial.core.project import find_project
from seatrial.steps.serve import Servable, prepare_checkout, reports_about, serve, served_variables, wait_until_ready

PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has no handler
from pathlib import Path
from seatrial.steps import serve as module
module.STOP_SECONDS = 0.5
with module.serve(module.Servable(Path(sys.argv[1]), "tiny_model"), host="127.0.0.1", port=1) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


def test_a_checkout_is_served_by_this_interpreter_from_its_source(tmp_path: Path):
    project = find_project(make_project(tmp_path / "tiny"))
    servable = prepare_checkout(project)
    assert (servable.python, servable.package) == (Path(sys.executable), "tiny_model")
    assert servable.variables == {"PYTHONPATH": str(project.root / "src")}


def test_the_reports_about_a_release_are_those_of_its_own_training_and_newest_trial(tmp_path: Path):
    project = find_project(make_project(tmp_path / "tiny"))
    metadata = {"name": "tiny-model", "metrics": {"f1": 0.5}}
    for run, other in (("a", {}), ("b", {"metrics": {}})):
        write_atomic(project.runs / run / "run.json", to_json({"id": run, "version": "1", **metadata, **other}))
        write_atomic(project.runs / run / "report.html", run)
    trial = project.root / ".seatrial" / "trials" / f"{'c' * 16}-first"
    write_atomic(trial / "verdict.json", "{}")
    report = {"Training report": project.runs / "a" / "report.html"}
    assert reports_about(project, metadata) == report
    assert reports_about(project, metadata, "c" * 64) == report  # without its page
    write_atomic(trial / "trial.html", "Passed")
    assert reports_about(project, metadata, "c" * 64) == {**report, "Trial": trial / "trial.html"}
    assert reports_about(project, {"name": "another"}, "d" * 64) == {}


def test_a_server_gets_no_token_unless_the_project_lists_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("SEATRIAL_TEAM_TOKEN", "GEMFURY_PULL_TOKEN", "AWS_SECRET_ACCESS_KEY", "PIP_INDEX_URL", "MODEL_REGION"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "UTC")
    root = make_project(tmp_path / "tiny")
    with (root / "pyproject.toml").open("a") as file:
        file.write('[tool.seatrial.deploy.local]\nenvironment = ["MODEL_REGION"]\n')
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\nenv > "$0.env"\n')
    interpreter.chmod(0o755)
    servable = Servable(interpreter, "tiny_model", passed_on=served_variables(find_project(root)))
    with serve(servable, host="127.0.0.1", port=1) as server:
        server.wait(10)
    lines = (tmp_path / "python.env").read_text().splitlines()
    assert "TZ=UTC" in lines
    assert [line for line in lines if line.endswith("=secret")] == ["MODEL_REGION=secret"]


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_reports_stay_on_this_machine(tmp_path: Path, host: str, shown: bool):
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\necho "$SEATRIAL_REPORTS" > "$0.reports"\n')
    interpreter.chmod(0o755)
    servable = Servable(interpreter, "tiny_model", reports={"Trial": tmp_path / "trial.html"})
    with serve(servable, host=host, port=1) as server:
        server.wait(10)
    assert ("trial.html" in (tmp_path / "python.reports").read_text()) is shown


def test_a_server_that_ends_at_once_is_reported(tmp_path: Path):
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\necho "$@" > "$0.arguments"\nexit 3\n')
    interpreter.chmod(0o755)
    with (
        serve(Servable(interpreter, "tiny_model"), host="127.0.0.1", port=1, options=("--workers", "2")) as server,
        pytest.raises(SeatrialError, match=r"^The server exited before it was ready\.$"),
    ):
        wait_until_ready(server, "127.0.0.1", 1)
    arguments = (tmp_path / "python.arguments").read_text().split()
    assert arguments == ["-m", "seatrial.serve", "tiny_model", "--host", "127.0.0.1", "--port", "1", "--workers", "2"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_server_ends_with_its_command(tmp_path: Path, number: signal.Signals, stubborn: bool) -> None:
    interpreter = tmp_path / "python"  # starts a server that takes long to load
    interpreter.write_text(f"#!/bin/sh\n{'trap : TERM INT; ' if stubborn else ''}while true; do sleep 0.1; done\n")
    interpreter.chmod(0o755)
    command = [sys.executable, "-c", PARENT, str(interpreter)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout
        server = int(running.stdout.readline())
        time.sleep(0.2)
        running.send_signal(number)
        try:
            running.wait(30)
        finally:
            running.kill()
    assert running.returncode in (128 + number, 1, -number)
    assert not psutil.pid_exists(server)
