"""The supervisor's control socket is made whatever lies in its place."""

import socket
import stat
from pathlib import Path

import pytest

from seatrial.deploy.control_socket import bind_control


@pytest.mark.parametrize("before", ["nothing", "a file", "a link to nowhere", "a folder", "a socket"])
def test_a_socket_is_made_whatever_is_in_its_place(tmp_path: Path, before: str) -> None:
    path = tmp_path / "state" / "control"
    if before != "nothing":
        path.parent.mkdir()
    if before == "a file":
        path.write_text("")
    elif before == "a link to nowhere":
        path.symlink_to(tmp_path / "nowhere")
    elif before == "a folder":
        path.mkdir()
        (path / "notes.txt").write_text("somebody's own")
    elif before == "a socket":
        bind_control(path).close()
    with bind_control(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert len(list(path.parent.glob("*/notes.txt"))) == (before == "a folder")  # it is not ours to delete
