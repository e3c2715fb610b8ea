"""Uploads are inspected in a process of their own, which may die without harm to the server."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from tests.projects.tiny import make_wheel

from seatrial.release import FolderIndex
from seatrial.release import index_upload as module
from seatrial.release.index_upload import Uploads, _Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the worker forks for each file")


def test_a_worker_that_was_killed_is_started_again_and_never_knows_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_INDEX_PASSWORD", "s3cret-of-the-index")
    wheels = [make_wheel(tmp_path / str(n), version=f"0.{n}.0") for n in (1, 2)]

    async def upload() -> list[tuple[int, str]]:
        worker = _Worker(tmp_path / "index")
        results = [await worker.add(wheels[0])]
        assert worker._process
        known = Path(f"/proc/{worker._process.pid}/environ")
        if known.exists():
            assert b"PATH=" in known.read_bytes()
            assert b"s3cret" not in known.read_bytes()
        os.kill(worker._process.pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        results += [await worker.add(wheels[0]), await worker.add(wheels[1])]
        await worker.stop()
        return results

    results = asyncio.run(upload())
    assert [status for status, _ in results[:2]] in ([200, 200], [200, 503])
    assert results[2] == (200, "tiny_model-0.2.0-py3-none-any.whl is published.")
    assert [release.version for release in FolderIndex(tmp_path / "index").releases()] == ["0.1.0", "0.2.0"]


def test_what_takes_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that never answers stands for one that the limits of processor time or memory have ended."""
    monkeypatch.setattr(module, "VETTING_SECONDS", 0.5)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nsleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))

    async def upload() -> tuple[int, str]:
        worker = _Worker(tmp_path / "index")
        return await worker.add(make_wheel(tmp_path))

    status, text = asyncio.run(upload())
    assert status == 400
    assert "takes too much time or memory" in text
    assert not (tmp_path / "index").exists()


def test_the_limits_of_the_worker_end_what_does_not_end(tmp_path: Path) -> None:
    from seatrial.release import index_worker

    wheel = make_wheel(tmp_path)
    original, index_worker._add = index_worker._add, lambda *_: str(len(b"x" * (3 << 30)))  # more than it may have
    try:
        assert index_worker._in_a_fork(str(tmp_path / "index"), str(wheel)) == ""
    finally:
        index_worker._add = original
    assert '"status": 200' in index_worker._in_a_fork(str(tmp_path / "index"), str(wheel))


def test_uploads_beyond_the_queue_are_asked_to_wait(tmp_path: Path) -> None:
    async def fill() -> int:
        uploads = Uploads(tmp_path / "index")
        uploads._waiting = module.WAITING
        with pytest.raises(HTTPException) as error:
            async with uploads._turn():
                pass
        assert (error.value.headers or {})["Retry-After"] == "5"
        began = time.monotonic()
        uploads._waiting = 0
        async with uploads._turn():
            assert time.monotonic() - began < 1
        return error.value.status_code

    assert asyncio.run(fill()) == 503
