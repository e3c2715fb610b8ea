"""The rows of one file, shared among processes: the same bytes, counts and errors as of one process."""

import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project, importable
from seatrial.model.release import Release
from seatrial.steps import predict_workers
from seatrial.steps.predict import predict


@pytest.fixture(scope="module")
def project(titanic_project: Path) -> ProjectSettings:
    return find_project(titanic_project)


@pytest.fixture
def table(project: ProjectSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Several chunks; one has only bad rows."""
    monkeypatch.setattr("seatrial.steps.export_streams.CHUNK", 100)
    passengers = pd.read_csv(project.data).drop(columns=["survived", "boat", "body", "home_dest"])
    passengers.loc[[45, 50, *range(200, 300), len(passengers) - 1], "age"] = -1.0
    passengers.assign(id=range(len(passengers))).to_parquet(tmp_path / "rows.parquet", index=False)
    return tmp_path / "rows.parquet"


class PoolHere:
    """A pool whose functions run at once; what goes to another process and back is pickled."""

    sent = 0

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        PoolHere.sent += 1
        done: Future[Any] = Future()
        done.set_result(pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(arguments))))))
        return done


@pytest.fixture
def pool_here(project: ProjectSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    @contextmanager
    def processes(*_: object) -> Iterator[PoolHere]:
        yield PoolHere()

    monkeypatch.setattr(predict_workers, "predicting_processes", processes)
    with importable(project):
        monkeypatch.setattr(predict_workers, "_release", [Release(project.package)])
        yield


@pytest.mark.usefixtures("pool_here")
@pytest.mark.parametrize("policy", ["drop", "keep", "quarantine"])
@pytest.mark.parametrize("keep", [False, True])
def test_shared_rows_have_the_same_bytes_and_counts(
    project: ProjectSettings, table: Path, tmp_path: Path, policy: Any, keep: bool
) -> None:
    results = []
    for processes in (1, 2):
        output = tmp_path / str(processes) / "out.parquet"
        output.parent.mkdir()
        PoolHere.sent = 0
        done = predict(project, table, output, key=["id"], on_bad_rows=policy, keep=keep, processes=processes)
        assert PoolHere.sent == (0 if processes == 1 else 14)
        written = {file.name: file.read_bytes() for file in output.parent.iterdir()}
        results.append((written, done.rows, done.rows_in, done.bad_rows, done.warned, done.notes(policy)))
    assert results[0] == results[1]
    assert results[0][3] == 103


@pytest.mark.usefixtures("pool_here")
@pytest.mark.parametrize("options", [{}, {"on_bad_rows": "drop", "max_bad": "1%"}, {"key": ["none"]}])
def test_shared_rows_fail_with_the_same_words_and_leave_nothing(
    project: ProjectSettings, table: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    said = []
    for processes in (1, 2):
        with pytest.raises(SeatrialError) as caught:
            predict(project, table, tmp_path / "out.parquet", processes=processes, **options)
        said.append((caught.value.message, caught.value.hint))
    assert said[0] == said[1]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_real_processes_give_the_bytes_of_one(project: ProjectSettings, table: Path, tmp_path: Path) -> None:
    for processes in (1, 2):
        predict(project, table, tmp_path / f"{processes}.csv", on_bad_rows="drop", processes=processes)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def _killed(*_: object) -> None:
    os._exit(9)


def test_a_killed_process_ends_in_words(
    project: ProjectSettings, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_workers, "_predicted", _killed)
    unloaded = replace(project, package="json")  # which loads at once
    with predict_workers.predicting_processes(unloaded, 1) as pool:
        shared = predict_workers.SharedChunks(pool, 1)
        chunk = predict_workers.RawChunk({"age": [1.0]}, 1)
        policy = predict_workers.RowPolicy()
        with pytest.raises(predict_workers.KilledProcessError, match="was killed"):
            list(shared([chunk], table, policy))


@pytest.mark.parametrize("processes", [0, 65])
def test_a_strange_number_is_refused(project: ProjectSettings, table: Path, tmp_path: Path, processes: int) -> None:
    with pytest.raises(SeatrialError, match="processes are not possible"):
        predict(project, table, tmp_path / "out.csv", processes=processes)
