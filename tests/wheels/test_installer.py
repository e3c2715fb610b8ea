"""The installer's cache comes first where that changes nothing, and its log becomes text for people."""

import json
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.wheels import installer
from seatrial.wheels.installer import LOG_LINES, last_lines


def test_lines_of_json_become_text() -> None:
    record = {"time": "2026-11-29T11:32:20.152Z", "level": "ERROR", "message": "it cannot start"}
    log = "\n".join(
        ["starting", json.dumps(record), json.dumps({**record, "exception": "Traceback:\nKeyError: 'fare'"})]
    )
    assert last_lines(log).splitlines() == [
        "  starting",
        "  11:32:20 ERROR it cannot start",
        "  11:32:20 ERROR it cannot start",
        "  Traceback:",
        "  KeyError: 'fare'",
    ]


def test_other_lines_stay_and_only_the_last_are_shown() -> None:
    odd = ['{"detail": "Not Found"}', "{1, 2}", "{not json", '{"time": 3, "level": 1, "message": 2}']
    assert last_lines("\n".join(odd)).splitlines() == [f"  {line}" for line in odd]
    assert last_lines(b"line\n" * 50) == "\n".join(["  line"] * LOG_LINES)
    assert last_lines(None) == ""


@pytest.mark.parametrize("cached", [True, False])
def test_exact_versions_come_from_the_cache_and_only_then_from_the_network(
    cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], folder: Path) -> str:
        ran.append(command)
        if "--offline" in command and not cached:
            raise SeatrialError("not in the cache")
        return ""

    monkeypatch.setattr(installer, "_run", run)
    installer.install(tmp_path, ["popular==1.0"])
    assert ["--offline" in command for command in ran] == ([True] if cached else [True, False])
    assert all("popular==1.0" in command for command in ran)


def test_the_error_of_an_installation_is_the_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], folder: Path) -> str:
        raise SeatrialError("not in the cache" if "--offline" in command else "no such version")

    monkeypatch.setattr(installer, "_run", run)
    for step in (
        lambda: installer.install(tmp_path, ["popular==1.0"]),
        lambda: installer.resolve(tmp_path, ["popular"]),
    ):
        with pytest.raises(SeatrialError, match="no such version"):
            step()
