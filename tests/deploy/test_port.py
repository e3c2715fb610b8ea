"""PORT counts for the target local, as it does for `seatrial serve`."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.deploy.local import Local


def test_port_of_the_environment_counts_before_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = find_project(make_project(tmp_path / "tiny"))
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path))
    monkeypatch.delenv("PORT", raising=False)
    assert Local(project, {"port": 8005}).port == 8005
    monkeypatch.setenv("PORT", "8007")
    assert Local(project, {"port": 8005}).port == 8007
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SeatrialError, match="port"):
        Local(project, {})
