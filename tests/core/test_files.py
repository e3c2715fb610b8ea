"""Files are written whole or not at all, and a copy is never more public than its source."""

import errno
import os
import stat
import subprocess
import sys
import time
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest

from seatrial.core import files
from seatrial.core.errors import SeatrialError, describe_os_error
from seatrial.core.files import disk_hint, replacing, require_writable, touch_as_newest, write_atomic


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("source", "copy"), [(0o600, 0o600), (0o640, 0o640), (0o666, 0o644), (0o400, 0o600)])
def test_a_copy_is_as_private_as_its_source(tmp_path: Path, source: int, copy: int) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a\n1\n")
    table.chmod(source)
    write_atomic(tmp_path / "copy.csv", "a\n1\n", like=table)
    assert mode(tmp_path / "copy.csv") == copy


def test_a_file_keeps_its_permissions_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    write_atomic(tmp_path / "new", "1")
    assert mode(tmp_path / "new") == 0o644
    os.umask(0o077)
    write_atomic(tmp_path / "newer", "1")
    assert mode(tmp_path / "newer") == 0o600
    (tmp_path / "new").chmod(0o755)
    write_atomic(tmp_path / "new", "2")
    assert mode(tmp_path / "new") == 0o755


def test_a_private_row_makes_a_public_table_private(tmp_path: Path) -> None:
    table, more = tmp_path / "table.csv", tmp_path / "more.csv"
    table.write_text("")
    more.write_text("")
    more.chmod(0o600)
    write_atomic(table, "a\n", like=more)
    assert mode(table) == 0o600


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with suppress(RuntimeError), replacing(path) as file:
        file.write(b"ne")
        raise RuntimeError
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(tmp_path / "file", "content")
    assert describe_os_error(caught.value) == f"{tmp_path / 'file'}: No space left on device."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("name", ["x.csv", "x/y/z.csv"])
def test_a_folder_that_takes_no_files_is_an_error_in_words(name: str) -> None:
    with pytest.raises(SeatrialError, match=f"/proc/{name}: no file can be created there") as caught:
        write_atomic(Path("/proc") / name, "content")
    assert caught.value.hint == "Name another folder."


def test_a_file_that_is_missing_for_another_reason_stays_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        (tmp_path / "other").read_text()
    assert list(tmp_path.iterdir()) == []


def test_long_work_is_not_begun_where_its_result_cannot_be_written(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory") as caught:
        require_writable(tmp_path / "file" / "below")
    assert describe_os_error(caught.value) == f"{tmp_path / 'file' / 'below'}: Not a directory."


def test_no_temporary_folder_is_not_a_bug_of_ours() -> None:
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert "set TMPDIR" in describe_os_error(error)
    assert describe_os_error(FileNotFoundError(errno.ENOENT, "No such file")) == ""


def test_a_tool_that_fails_on_a_full_disk_gets_that_as_its_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_hint(tmp_path, "Check the network.") == "Check the network."
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage(3_000_000))
    assert disk_hint(tmp_path, "Check the network.") == f"The disk of {tmp_path} has 3 MB left: free some space."
    assert disk_hint(tmp_path / "gone", "Check the network.").startswith("The disk of ")


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    left = tmp_path / f".table.csv.{child.pid}-abc123"
    left.write_text("half")
    (folder := tmp_path / f".table.csv.{child.pid}-def456").mkdir()
    living, other = tmp_path / f".table.csv.{os.getpid()}-abc123", tmp_path / f".table.csv.x.{child.pid}-abc123"
    living.write_text("being written")
    other.write_text("of another file")
    write_atomic(tmp_path / "table.csv", "whole")
    assert not left.exists()
    assert not folder.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["table.csv", living.name, other.name])


def test_the_newest_file_is_the_newest_although_the_clock_was_set_back(tmp_path: Path) -> None:
    tomorrow = time.time() + 86400
    names = ("first", "second", "third")
    for name in names:
        (tmp_path / name).write_text(name)
        if name == "first":
            os.utime(tmp_path / name, (tomorrow, tomorrow))
        touch_as_newest(tmp_path / name, tmp_path.iterdir())
    times = [(tmp_path / name).stat().st_mtime_ns for name in names]
    assert times == sorted(set(times))
    assert times[2] - times[0] < 1_000_000


def test_a_file_that_is_the_newest_keeps_its_time(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    os.utime(tmp_path / "old", (1_000, 1_000))
    (tmp_path / "new").write_text("")
    before = (tmp_path / "new").stat().st_mtime_ns
    touch_as_newest(tmp_path / "new", tmp_path.iterdir())
    assert (tmp_path / "new").stat().st_mtime_ns == before
