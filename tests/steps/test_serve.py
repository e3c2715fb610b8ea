"""What a server is started from, and what is reported if it does not start."""

import sys
from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.steps.serve import Servable, prepare_checkout, serve, wait_until_ready


def test_a_checkout_is_served_by_this_interpreter_from_its_source(tmp_path: Path):
    project = find_project(make_project(tmp_path / "tiny"))
    servable = prepare_checkout(project)
    assert (servable.python, servable.package) == (Path(sys.executable), "tiny_model")
    assert servable.variables == {"PYTHONPATH": str(project.root / "src")}


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
