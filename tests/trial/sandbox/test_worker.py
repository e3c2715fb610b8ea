"""The parts of the worker: the jobs on a fake release, and the confinement of the process."""

import ast
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.model import Release, Schema
from seatrial.model.schema import columns_of
from seatrial.model.table_validation import TableChecker
from seatrial.trial.sandbox import confinement, jobs, worker

HERE = Path(worker.__file__).parent


class Row(Schema):
    x: float
    z: int = 3


def score_table(columns: dict[str, np.ndarray]) -> np.ndarray:
    return columns["x"] * 2 + columns["z"]


@pytest.fixture
def installed() -> SimpleNamespace:
    """A regression: twice x, and z."""
    release = SimpleNamespace(checker=TableChecker(Row), score_table=score_table)
    package = SimpleNamespace(__name__="tiny_model")
    return SimpleNamespace(release=release, package=package, columns=columns_of(Row), width=1, classes=[])


Score = Callable[..., tuple[dict[str, Any], np.ndarray]]


@pytest.fixture
def score(installed: SimpleNamespace, tmp_path: Path) -> Score:
    def it(lines: str, name: str = "rows.csv") -> tuple[dict[str, Any], np.ndarray]:
        (tmp_path / name).write_text(lines)
        result = jobs.JOBS["score"](installed, {"table": str(tmp_path / name)}, tmp_path / "0")
        return result, np.load(tmp_path / "0.npy")

    return it


def test_the_policys_threads_reach_the_engine_of_the_release(titanic: Release, monkeypatch: pytest.MonkeyPatch):
    release = Release(titanic.package)
    package = SimpleNamespace(__name__="threaded", release=release, predict=release.predict, __version__="1")
    monkeypatch.setitem(sys.modules, "threaded", package)
    monkeypatch.setattr(worker._Installed, "check_origin", lambda _: None)  # this release is not installed
    worker._Installed(jobs, "threaded", 2)
    assert release.engine._session.get_session_options().intra_op_num_threads == 2


# The jobs


def test_chunks_of_any_size_give_the_same(score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = "z,x\n" + "".join(f"{row % 5 or 'no'},{row}\n" for row in range(50))
    result, whole = score(lines)
    for size in (1, 7, 25, 50):
        monkeypatch.setattr(jobs, "CHUNK", size)
        again, parts = score(lines)
        assert again == result
        np.testing.assert_array_equal(parts, whole)
    monkeypatch.setattr(jobs, "MOST_CELLS", 21)  # of a wide table, fewer rows are read at once
    np.testing.assert_array_equal(score(lines)[1], whole)
    (tmp_path / "wide.csv").write_text(lines)
    assert [count for _, count in jobs.read_csv(tmp_path / "wide.csv", columns_of(Row))] == [10] * 5
    assert [count for _, count in jobs.read_csv(tmp_path / "wide.csv", columns_of(Row), whole=True)] == [50]
    answered = whole[:, 1] != jobs.REFUSED
    assert np.flatnonzero(~answered).tolist() == list(range(0, 50, 5))
    assert whole[answered, 0].tolist() == [2 * row + row % 5 for row in range(50) if row % 5]
    assert result["failed"] == []


def test_a_missing_column_gets_its_default(score: Score):
    _, scores = score("\ufeffx,other\n1,2\n\n2,3\n")  # with a byte order mark and an empty line
    assert scores[:, 0].tolist() == [5.0, 7.0]


def test_a_table_without_rows_has_no_scores(score: Score):
    assert score("x,z\n")[1].shape == (0, 2)


@pytest.mark.parametrize(("lines", "words"), [("x,z\n1\n", "damaged table"), ("z\n1\n", "needs a column `x`")])
def test_a_table_that_does_not_fit_is_refused(score: Score, lines: str, words: str):
    with pytest.raises(jobs.JobError, match=words):
        score(lines)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: x[:-1], "answered 1 of 2 rows"),
        (lambda x: np.stack([x, x, x], axis=1), r"shape \(2, 3\), not 1 per row"),
    ],
)
def test_scores_of_another_shape_are_refused(
    score: Score, installed: SimpleNamespace, tmp_path: Path, answer: Any, words: str
):
    installed.release.score_table = lambda columns: answer(columns["x"])
    with pytest.raises(jobs.JobError, match=words):
        score("x\n1\n2\n")
    assert not (tmp_path / "0.npy").exists()


def test_a_release_that_fails_on_every_row_is_soon_given_up(score: Score, installed: SimpleNamespace):
    calls = 0

    def fail(columns: Any) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("never")

    installed.release.score_table = fail
    with pytest.raises(jobs.JobError, match="fails on more than 100 rows: RuntimeError: never"):
        score("x\n" + "1\n" * 10_000)
    assert calls < 400


def test_rows_that_the_schema_rejects_are_marked(score: Score, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "CHUNK", 3)
    result, scores = score("x\n" + "no\n" * 20)
    assert result["failed"] == []
    assert (scores[:, 1] == jobs.REFUSED).all()


def test_memory_does_not_grow_with_the_table(score: Score, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "CHUNK", 500)

    def most(rows: int) -> int:
        lines = "x,z\n" + "".join(f"{row},{row % 9}\n" for row in range(rows))
        tracemalloc.start()
        try:
            jobs_only = score(lines, f"{rows}.csv")
            del jobs_only
            return tracemalloc.get_traced_memory()[1] - rows * 16 - len(lines) * 2
        finally:
            tracemalloc.stop()

    most(500)
    assert most(20_000) < most(1_000) * 1.5


def test_out_of_memory_is_recognized_behind_other_errors():
    for error in (MemoryError(), RuntimeError("std::bad_alloc")):
        wrapped = ValueError("the feature function fails")
        wrapped.__cause__ = KeyError()
        wrapped.__cause__.__context__ = error
        with pytest.raises(MemoryError):
            jobs.stop_out_of_memory(wrapped)
    jobs.stop_out_of_memory(ValueError())


def test_changed_inputs_are_named_by_their_columns():
    rows = [{"a": 1, "b": [1]}, {"a": 2.0}]
    assert jobs._changed(rows, [{"a": 1, "b": [1, 2]}, {"a": 2, "c": 0}]) == {"a", "b", "c"}
    assert jobs._changed(rows, [{"a": 1}]) == {""}
    assert jobs._changed(rows, [{"a": 1, "b": [1]}, None]) == {""}


# The script


def test_it_needs_only_python_numpy_and_the_release():
    allowed = sys.stdlib_module_names | {"numpy"}
    for name in ("worker", "jobs", "confinement"):
        tree = ast.parse((HERE / f"{name}.py").read_text())
        scores = {
            module.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        }
        assert scores <= allowed, name


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a separate process, with the confinement module as `c`."""
    load = f"import importlib.util as u; s = u.spec_from_file_location('c', {confinement.__file__!r})"
    code = f"{load}\nc = u.module_from_spec(s); s.loader.exec_module(c)\n{code}"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("x = bytearray(600 * 2**20)", "MemoryError"),
        ("import mmap; x = mmap.mmap(-1, 6 * 2**30)", "Cannot allocate memory"),  # shared, which RLIMIT_DATA lets pass
        ("while True: pass", -signal.SIGXCPU),
        ("import resource as r; print(r.getrlimit(r.RLIMIT_CORE))", "(0, 0)"),
        ("import numpy; print(numpy.ones(2**24).sum())", "16777216.0"),
    ],
)
def test_memory_and_cpu_time_are_limited(code: str, ended: str | int):
    done = confined(f"c.limit(512, 1)\n{code}")
    assert ended in (done.stdout + done.stderr if isinstance(ended, str) else [done.returncode])


def test_an_attempt_is_refused_and_reported_once():
    code = """
guard = c.Guard()
import asyncio, socket, subprocess, os
for call in (lambda: socket.create_connection(("localhost", 1)), lambda: socket.getaddrinfo("example.org", 80),
             lambda: subprocess.run(["true"]), lambda: os.system("true"), lambda: os.fork(), lambda: os.system("true")):
    try:
        call()
    except PermissionError as error:
        print(error)
asyncio.run(asyncio.sleep(0))  # its own pair of sockets does not count as network
print(len(guard.attempts), guard.attempts)
"""
    lines = confined(code).stdout.splitlines()
    assert lines[0].startswith("A model on trial may not access the network: socket.getaddrinfo('localhost'")
    assert lines[2].startswith("A model on trial may not start a process: subprocess.Popen(")
    assert lines[-1].startswith("5 [")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("user", [0, 12345])
def test_root_and_other_users_can_leave_the_network(user: int):
    code = f"""
import ctypes, encodings.idna, os, socket
if {user}:
    os.setgroups([])
    os.setresgid({user}, {user}, {user})
    os.setresuid({user}, {user}, {user})
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # a process that changed its user must allow access to its own /proc files
if c.leave_network():
    assert os.getuid() == {user}
    try:
        socket.create_connection(("127.0.0.1", 1), timeout=1)
    except OSError as error:
        print(error.strerror)
else:
    print("not permitted")
"""
    done = confined(code)
    assert done.stdout in ("Network is unreachable\n", "not permitted\n"), done.stderr


def test_the_worker_ends_when_its_parent_is_gone(tmp_path: Path):
    (tmp_path / "request.json").write_text(
        '{"parent": 1, "memory_mb": 512, "cpu_seconds": 5, "package": "x", "jobs": []}'
    )
    done = subprocess.run([sys.executable, "-I", worker.__file__, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["request.json"]
