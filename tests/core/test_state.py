"""Where the state of a machine is kept, also for a user without a home."""

import os
from pathlib import Path

import pytest

from seatrial.core import state
from seatrial.core.errors import SeatrialError


def test_a_user_without_a_writable_home_has_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEATRIAL_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert state.state_home() == tmp_path / ".local/state/seatrial"
    assert state.tool_cache("uv") is None
    monkeypatch.setattr(state.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(state.os, "access", lambda *_: False)
    private = tmp_path / f"seatrial-{os.getuid()}"
    assert state.state_home().parent == state.cache_home().parent == private
    assert private.stat().st_mode & 0o777 == 0o700
    assert state.tool_cache("uv") == state.cache_home() / "uv"  # which could not create its own
    private.rmdir()
    private.symlink_to(tmp_path)
    with pytest.raises(SeatrialError, match="belongs to somebody else"):
        state.state_home()
