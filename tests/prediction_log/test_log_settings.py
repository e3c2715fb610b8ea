"""The settings of the prediction log, in pyproject.toml and in the variable."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.log_settings import parse_log_settings, read_log_settings, spool_folder


def test_a_destination_alone_or_json() -> None:
    assert parse_log_settings(" /logs ").to == "/logs"
    found = parse_log_settings('{"to": "s3://bucket/logs", "share": 1, "hashed": ["name"]}')
    assert (found.to, found.share, found.hashed, found.local) == ("s3://bucket/logs", 1.0, ["name"], False)
    assert parse_log_settings(found.text()) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"to": "x", "shares": 1}', "unknown key `shares`"),
        ('{"to": "x", "share": 1.5}', "less than or equal to 1"),
        ('{"to": "x", "days": "7"}', "valid integer"),
        ('{"to"', "not valid JSON"),
        ("ftp://host/x", "no such destination"),
    ],
)
def test_a_wrong_setting_is_named(text: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        parse_log_settings(text)


def test_a_password_is_not_in_an_error() -> None:
    with pytest.raises(SeatrialError) as caught:
        parse_log_settings("mysql://me:secret@host/x")
    assert "secret" not in caught.value.message + caught.value.hint


def test_folders_are_relative_to_the_project(tmp_path: Path) -> None:
    found = read_log_settings({"to": "logs", "spool": "spool"}, "here", tmp_path)
    assert (found.to, found.spool) == (str(tmp_path / "logs"), str(tmp_path / "spool"))
    assert read_log_settings({"to": "s3://b/x"}, "here", tmp_path).to == "s3://b/x"
    assert spool_folder(found, "m") == tmp_path / "spool"
    assert spool_folder(read_log_settings({"to": "logs"}, "here", tmp_path), "m") == tmp_path / "logs" / ".spool"
