"""Errors of destinations are told without the secrets in their URLs."""

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations import open_destination, require_libraries
from seatrial.stores.shown_urls import LONGEST, cleaned, shown_url


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("postgresql://me:pass@host:1/db?password=x", "postgresql://host:1/db"),
        ("postgresql://me:pass@h1:1,h2:2/db", "postgresql://h1:1,h2:2/db"),
        ("s3://key:secret@bucket/a/b?region=x", "s3://bucket/a/b"),
        ("logs/here", "logs/here"),
    ],
)
def test_a_url_is_shown_without_its_user(to: str, shown: str) -> None:
    assert shown_url(to) == shown


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("postgresql://me:p%40ss@host/db", "no: p@ss"),
        ("postgresql://me:p%40ss@host/db", "no: p%40ss"),
        ("postgresql://me@host/db?password=p%2Fss", "no: p/ss"),
        ("postgresql://me@host/db?sslpassword=word1", "no: word1"),
        ("s3://key:secret@bucket/a", "no: key:secret and secret"),
        ("s3://bucket/a?secret_key=abc", "no: abc"),
    ],
)
def test_secrets_never_reach_a_message(to: str, said: str) -> None:
    for text in (said, f"{to} is wrong", said + "\nmore " + said):
        found = cleaned(OSError(text), to)
        assert found.startswith(("no: ***", "*** is wrong"))
        assert not {"p@ss", "p%40ss", "p/ss", "word1", "secret", "abc"} & set(found.replace(":", " ").split())


def test_a_message_is_one_short_line() -> None:
    assert cleaned(OSError("a\nb"), "x") == "a"
    assert cleaned(OSError(), "x") == "OSError"
    assert len(cleaned(OSError("a" * 1000), "x")) == LONGEST


def test_what_is_wrong_with_a_url() -> None:
    with pytest.raises(SeatrialError, match="names no bucket"):
        open_destination("s3:///path")
    with pytest.raises(SeatrialError, match="too long a name"):
        open_destination(f"postgresql://host/db?schema={'x' * 64}")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "psycopg" else object())
    require_libraries("folder")
    with pytest.raises(SeatrialError, match="needs psycopg") as caught:
        open_destination("postgresql://host/db")
    assert caught.value.hint == "pip install 'seatrial[log]'"
