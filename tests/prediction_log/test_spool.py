"""A segment holds whole records or none, is locked while its writer lives, and is sealed by size, age and on request."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.spool import SEAL_REQUEST, Spool


class Facts:
    """What a spool needs of the records."""

    wheel = "w"
    facts = {"name": "m"}  # noqa: RUF012


def make(folder: Path, **settings: Any) -> Spool:
    return Spool(folder, Facts(), LogSettings(to=str(folder), **settings))  # type: ignore[arg-type]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = make(tmp_path)
    yield spool
    spool.close()


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.is_file())


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*-*.*")))


def test_a_segment_is_locked_until_it_is_sealed(spool: Spool, tmp_path: Path) -> None:
    assert spool.write(b"a\n", 1)
    (path,) = tmp_path.glob("*.open")
    with path.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        spool.close()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert names(tmp_path) == [".jsonl"]
    assert content(tmp_path) == b"a\n"


def test_an_empty_segment_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    spool.close()
    assert names(tmp_path) == []
    assert not spool.write(b"a\n", 1)
    assert spool.dropped == 1


def test_a_segment_is_sealed_by_its_size(tmp_path: Path) -> None:
    spool = make(tmp_path, segment_megabytes=1)
    for _ in range(5):
        assert spool.write(b"x" * 600_000 + b"\n", 1)
    spool.close()
    assert names(tmp_path) == [".jsonl"] * 3
    assert len(content(tmp_path)) == 5 * 600_001


def test_a_segment_is_sealed_by_its_age_and_on_request(tmp_path: Path) -> None:
    spool = make(tmp_path, segment_seconds=1e-9)
    spool.look()
    assert names(tmp_path) == [".open"]  # an empty one stays
    spool.write(b"a\n", 1)
    spool.look()
    assert names(tmp_path) == [".jsonl", ".open"]
    spool.close()
    spool = make(tmp_path)
    spool.write(b"b\n", 1)
    (tmp_path / SEAL_REQUEST).touch()
    spool.look()
    assert names(tmp_path) == ["", ".jsonl", ".jsonl", ".open"]
    spool.write(b"c\n", 1)
    spool.look()  # the request was met
    assert names(tmp_path) == ["", ".jsonl", ".jsonl", ".open"]
    spool.close()


def test_a_disk_that_fills_up_leaves_no_half_record(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    assert spool.write(b"first\n", 1)
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
    assert not spool.write(b"second\n", 1)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not spool.write(b"third\n", 2)
    monkeypatch.setattr(os, "write", write)
    assert spool.write(b"fourth\n", 1)
    assert content(tmp_path) == b"first\nfourth\n"
    assert spool.dropped == 3


def test_a_full_spool_takes_records_again_when_segments_are_delivered(tmp_path: Path) -> None:
    spool = make(tmp_path, spool_megabytes=1)
    old = tmp_path / "20260101T000000000000-0.jsonl"
    old.write_bytes(b"x" * 2**20)
    spool.look()
    assert not spool.write(b"a\n", 1)
    assert spool.full
    old.unlink()
    spool.look()
    assert not spool.full
    assert spool.write(b"a\n", 1)
    spool.close()


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SeatrialError, match="cannot be written to"):
        make(tmp_path / "file" / "spool")


def test_the_columns_stand_in_a_file_of_their_own(spool: Spool, tmp_path: Path) -> None:
    assert json.loads((tmp_path / "schemas" / "w.json").read_text()) == {"name": "m"}
