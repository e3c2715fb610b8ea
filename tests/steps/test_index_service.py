"""The index under floods of clients without a password: health and the right password are always answered."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from benchmarks.index_floods import FLOODS, GROUPS, measure

from seatrial.core.ports import listen
from seatrial.release import FolderIndex
from seatrial.release.index_server import Access, make_app
from seatrial.steps import index_service
from seatrial.steps.index_service import server_config


def test_the_index_has_limits_that_uploads_fit_in(tmp_path: Path) -> None:
    config = server_config(make_app(FolderIndex(tmp_path), Access("u", "p")))
    limits = config.limits  # type: ignore[attr-defined]
    assert limits.header_size <= 16 * 2**10
    assert limits.body_size > 2**30
    assert limits.body_in_memory() <= 2**20
    assert limits.header_seconds <= 10
    assert config.limit_concurrency is None


def test_a_log_that_nobody_reads_does_not_stop_the_index(tmp_path: Path) -> None:
    """A pipe holds 64 KiB; a server that writes to it directly would wait for its reader after that."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, index_service._logged_to(stream), listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(make_app(FolderIndex(tmp_path), Access("u", "p"))))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        began = time.monotonic()
        for name in ("uvicorn.error", "python_multipart.multipart", "asyncio"):
            logging.getLogger(name).warning("x" * 100_000)
        assert time.monotonic() - began < 1
        server.should_exit = True
        thread.join(5)
        assert not thread.is_alive()
        os.close(reading)


def test_a_flood_of_refusals_is_counted_and_not_written_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    refusals = index_service.RefusalFilter()

    def written(created: float, status: int) -> bool:
        arguments = ("1.2.3.4:5", "GET", "/simple/", "1.1", status)
        record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "%s %s %s %s %d", arguments, None)
        record.created = created
        return refusals.filter(record)

    assert sum(written(1000.0, 401) for _ in range(500)) == index_service.REFUSALS_LOGGED
    assert all(written(1000.5, 200) for _ in range(500))
    with caplog.at_level(logging.WARNING, "uvicorn.error"):
        assert written(1001.5, 401)
    assert "480 more requests were refused" in caplog.text


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(
    not GROUPS.is_dir() or os.geteuid() != 0, reason="limiting the memory takes root and control groups of version 1"
)
@pytest.mark.parametrize("flood", FLOODS)
def test_health_and_the_right_password_are_answered_in_a_flood(flood: str) -> None:
    result = measure(flood, seconds=5, clients=100)
    assert result.limited
    assert result.alive
    assert result.lost == 0
    assert result.p99 < 250
    assert result.memory_mb < 256
