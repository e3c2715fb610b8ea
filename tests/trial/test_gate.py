"""Acceptances and results that were damaged are named, with what to do; they never pass for fewer than there are."""

import json
import os
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.trial import gate

ACCEPTANCE = {
    "candidate": "a" * 64,
    "baseline": "",
    "checks": ["metrics.trivial"],
    "reason": "right",
    "by": "me",
    "on": "2026-11-29",
    "until": "2026-12-29",
}


def test_acceptances_are_read_back(tmp_path: Path) -> None:
    assert gate.read_acceptances(tmp_path) == []
    (tmp_path / gate.ACCEPTED).write_text(json.dumps([ACCEPTANCE]))
    assert [each.checks for each in gate.read_acceptances(tmp_path)] == [("metrics.trivial",)]


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"0": ACCEPTANCE},
        "text",
        None,
        [None],
        [[ACCEPTANCE]],
        [{}],
        [ACCEPTANCE | {"until": "31.12.2026"}],
        [ACCEPTANCE | {"until": 5}],
        [ACCEPTANCE | {"checks": "metrics.trivial"}],
        [ACCEPTANCE | {"checks": [1]}],
        [ACCEPTANCE | {"reason": None}],
        [ACCEPTANCE | {"format": 2}],
    ],
    ids=str,
)
def test_a_damaged_list_of_acceptances_is_an_error(tmp_path: Path, damaged: object) -> None:
    (tmp_path / gate.ACCEPTED).write_text(json.dumps(damaged))
    with pytest.raises(SeatrialError, match="not a list of acceptances") as caught:
        gate.read_acceptances(tmp_path)
    assert "git" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"[{", b"\xff\xfe", b"[" * 100_000, "folder", "pipe"], ids=lambda c: str(c)[:9]
)
def test_acceptances_that_cannot_be_read_are_an_error(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / gate.ACCEPTED
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(content)  # type: ignore[arg-type]
    with pytest.raises(SeatrialError, match="cannot be read as JSON") as caught:
        gate.read_acceptances(tmp_path)
    assert "git" in caught.value.hint


def test_a_result_that_cannot_be_read_asks_for_another_trial(tmp_path: Path) -> None:
    (tmp_path / gate.DOCUMENT).write_bytes(b"{")
    with pytest.raises(SeatrialError, match=r"verdict\.json cannot be read") as caught:
        gate.read_result(tmp_path)
    assert caught.value.hint == "Run the trial again."
