"""Only the known bytes of onnxruntime-web are unpacked, and the message says what to do without npm."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.export.onnxruntime_web import PACKAGE, VERSION, fetch_onnxruntime_web, unpack


def test_other_bytes_are_not_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / f"{PACKAGE}-{VERSION}.tgz"
    archive.write_bytes(b"another archive")
    with pytest.raises(SeatrialError, match="does not have the bytes"):
        unpack(archive, tmp_path)
    assert not (tmp_path / "dist").exists()


def test_without_npm_the_hint_names_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SeatrialError, match="npm, which is not installed") as refused:
        fetch_onnxruntime_web(tmp_path)
    assert "--onnxruntime-web" in refused.value.hint


def test_an_npm_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SeatrialError, match="could not fetch onnxruntime-web"):
        fetch_onnxruntime_web(tmp_path)
