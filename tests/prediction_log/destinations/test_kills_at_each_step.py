"""The shipper is killed at each step of a delivery: the next one finishes it, and each row is there once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from tests.postgres_cluster import Cluster
from tests.prediction_log.log_lines import line, make_spool, refusal, write_segment
from tests.s3_server import BUCKET, Store
from tests.soak import few_of

PROGRAM = """\
import importlib, os, signal, sys
import seatrial.prediction_log.__main__ as shipper

module, place, count, before = {module!r}, {place!r}, {count}, {before}
holder = importlib.import_module(module)
*path, name = place.split(".")
for part in path:
    holder = getattr(holder, part)
function = getattr(holder, name)
calls = 0
def call(*arguments, **options):
    global calls
    calls += 1
    if calls == count and before:
        os.kill(os.getpid(), signal.SIGKILL)
    result = function(*arguments, **options)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(holder, name, call)
sys.exit(shipper.main([sys.argv[1], "--child", "--drain", "20"]))
"""
UNLINK = ("pathlib", "Path.unlink")
LOG = "seatrial.prediction_log.destinations"
STEPS = {
    "the first segment's name is entered": (f"{LOG}.postgresql", "PostgresDestination._enter", 1),
    "predictions are copied": (f"{LOG}.postgresql", "PostgresDestination._copy", 1),
    "refused ones are copied": (f"{LOG}.postgresql", "PostgresDestination._copy", 2),
    "the transaction is committed": (f"{LOG}.postgresql", "PostgresDestination.deliver", 1),
    "the second segment is committed": (f"{LOG}.postgresql", "PostgresDestination.deliver", 2),
    "the segment is deleted": (*UNLINK, 1),
    "a table is made": (f"{LOG}.postgresql", "PostgresDestination._fit", 1),
    "the schema is made": (f"{LOG}.postgresql", "PostgresDestination._prepare", 1),
}
UPLOADS = {
    "the first object is encoded": (f"{LOG}.objects", "write_parquet", 1),
    "the second object is encoded": (f"{LOG}.objects", "write_parquet", 2),
    "the segment is uploaded": (f"{LOG}.objects", "ObjectDestination.deliver", 1),
    "the segment is deleted": (*UNLINK, 1),
}


def run(spool: Path, to: str, program: str) -> int:
    command = [sys.executable, "-c", program, str(spool)] if program else [
        *(sys.executable, "-m", "seatrial.prediction_log", "--child", "--drain", "20", str(spool)),
    ]  # fmt: skip
    environment = {**os.environ, "SEATRIAL_LOG": to}
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False, timeout=60).returncode


def check(tmp_path: Path, to: str, step: tuple[str, str, int], *, before: bool, read: Callable[[], list[str]]) -> None:
    spool = make_spool(tmp_path / "spool")
    write_segment(spool, 1, [line(1), refusal(2)])
    write_segment(spool, 2, [line(3)], ".open")
    module, place, count = step
    assert run(spool, to, PROGRAM.format(module=module, place=place, count=count, before=before)) == -signal.SIGKILL
    assert list(spool.glob("*-*.*"))  # not all is done
    assert run(spool, to, "") == 0
    assert read() == ["r1", "r2", "r3"]
    assert not list(spool.glob("*-*.*"))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", few_of(STEPS, ("the transaction is committed", "the schema is made")))
def test_postgresql(tmp_path: Path, cluster: Cluster, step: str, before: bool) -> None:
    def read() -> list[str]:
        with psycopg.connect(cluster.url) as connection:
            query = "SELECT request_id FROM kills.{} ORDER BY 1"
            tables = [connection.execute(query.format(name).encode()) for name in ("predictions_shop", "refused")]
            return sorted(row[0] for table in tables for row in table)

    try:
        check(tmp_path, f"{cluster.url}&schema=kills", STEPS[step], before=before, read=read)
    finally:
        with psycopg.connect(cluster.url) as connection:
            connection.execute("DROP SCHEMA IF EXISTS kills CASCADE")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", UPLOADS)
def test_an_object_store(tmp_path: Path, store: Store, step: str, before: bool) -> None:
    prefix = f"kills-{list(UPLOADS).index(step)}-{before}"

    def read() -> list[str]:
        files = [store.files().open_input_file(f"{BUCKET}/{name}") for name in store.names(prefix)]
        return sorted(each for file in files for each in pq.ParquetFile(file).read()["request_id"].to_pylist())

    check(tmp_path, store.url(prefix), UPLOADS[step], before=before, read=read)
