"""Workers see the numbers of one another, and no counter falls when one of them ends."""

import os
from pathlib import Path

import pytest
from loguru import logger

from seatrial.serve.metrics import worker_files
from seatrial.serve.metrics.families import DEATHS
from seatrial.serve.metrics.tally import Tally
from seatrial.serve.metrics.worker_files import BEGAN, ENDED, PREFIX, WorkerFile, add_ended, worker_folder


def numbers(total: float) -> Tally:
    return Tally({"t": {(): total}}, {"l": {(): 1}}, {"h": {(): [total, total]}})


def ended(total: float, deaths: int = 0) -> Tally:
    """What remains of ended workers."""
    left = numbers(total).ended()
    left.totals[DEATHS.name] = {(): deaths}
    return left


@pytest.fixture
def files(tmp_path: Path) -> tuple[WorkerFile, WorkerFile]:
    first, second = WorkerFile(tmp_path), WorkerFile(tmp_path)
    first.write(numbers(1))
    second.write(numbers(10))
    return first, second


def test_each_worker_sees_the_others(files: tuple[WorkerFile, WorkerFile]) -> None:
    first, second = files
    assert first.others() == numbers(10)
    assert second.others() == numbers(1)


def test_the_totals_of_ended_workers_stay(files: tuple[WorkerFile, WorkerFile], tmp_path: Path) -> None:
    first, _ = files
    add_ended(tmp_path, {os.getpid()})
    assert first.others().totals == {"t": {(): 10}}  # both run, as far as their process is concerned
    add_ended(tmp_path, ())
    assert [path.name for path in tmp_path.iterdir()] == [ENDED]
    assert first.others() == ended(11)
    WorkerFile(tmp_path).write(numbers(100))
    add_ended(tmp_path, ())
    assert first.others() == ended(111)


def test_a_file_that_is_read_while_it_is_added_counts_once(
    files: tuple[WorkerFile, WorkerFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = files
    read = worker_files._read_ended

    def late(folder: Path) -> tuple[Tally, list[str]]:
        monkeypatch.setattr(worker_files, "_read_ended", read)
        add_ended(folder, ())
        return read(folder)

    monkeypatch.setattr(worker_files, "_read_ended", late)
    assert first.others().totals["t"] == {(): 11}


def test_a_parent_that_was_stopped_between_its_steps_counts_nothing_twice(
    files: tuple[WorkerFile, WorkerFile], tmp_path: Path
) -> None:
    first, _ = files
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    add_ended(tmp_path, ())
    for path, content in before.items():  # as if they had not been removed
        path.write_bytes(content)
    assert WorkerFile(tmp_path).others().totals["t"] == {(): 11}
    add_ended(tmp_path, ())
    assert first.others() == ended(11)
    assert [path.name for path in tmp_path.iterdir()] == [ENDED]


def test_deaths_are_counted_though_a_worker_has_left_nothing(tmp_path: Path) -> None:
    add_ended(tmp_path, (), deaths=1)
    add_ended(tmp_path, (), deaths=2)
    add_ended(tmp_path, ())
    assert WorkerFile(tmp_path).others().totals == {DEATHS.name: {(): 3}}


def test_what_is_not_numbers_is_passed_over(files: tuple[WorkerFile, WorkerFile], tmp_path: Path) -> None:
    (tmp_path / "1-00.json").write_text('{"half')
    assert files[0].others() == numbers(10)


def test_a_server_goes_on_without_its_folder(tmp_path: Path) -> None:
    file = WorkerFile(tmp_path / "gone")
    file.write(numbers(1))
    assert file.others() == Tally()
    add_ended(tmp_path / "gone", ())


def test_the_folder_is_the_servers_own_and_ends_with_it() -> None:
    with worker_folder() as folder:
        assert folder
        assert folder.stat().st_mode & 0o077 == 0
        assert WorkerFile(folder).began() > 1.7e9
    assert not folder.exists()


def test_a_server_starts_where_no_folder_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_files, "PARENTS", (str(tmp_path / "missing"), str(tmp_path)))
    with worker_folder() as folder:
        assert folder
        assert folder.parent == tmp_path  # the second choice
    monkeypatch.setattr(worker_files, "PARENTS", (str(tmp_path / "missing"),))
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    with worker_folder() as folder:
        assert folder is None
    logger.remove(sink)
    assert "No temporary folder can be written" in "".join(lines)


def test_the_folders_of_killed_servers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_files, "PARENTS", (str(tmp_path),))
    ended = 2**22 + 1  # no process of Linux has such a number
    left, fresh, running = (tmp_path / f"{PREFIX}{pid}-x" for pid in (ended, ended + 1, os.getpid()))
    for folder in (left, fresh, running):
        folder.mkdir()
        (folder / BEGAN).touch()
    for folder in (left, running):
        os.utime(folder, (0, 0))
    with worker_folder() as own:
        assert sorted(tmp_path.iterdir()) == sorted([fresh, running, own or tmp_path])
