"""A query in, a table out, in SQLite and in a real PostgreSQL: typed, streamed, in one transaction."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.postgres_cluster import Cluster
from tests.stores.test_remote_tables import refusal

from seatrial.core.errors import SeatrialError
from seatrial.stores.remote_tables import open_source, open_target

ROWS = pa.table({"id": [1, 2, 3], "score": [0.5, None, 0.25], "kind": ["a", None, 'b"c']})


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (id INTEGER, size, name TEXT);"
            "INSERT INTO t VALUES (1, 1, NULL), (2, 2, NULL), (3, 2.5, 'c'), (4, NULL, 'd'), (5, 'big', 'e');"
        )
        connection.commit()
    return f"sqlite:///{path}"


@pytest.fixture(params=["arrow", "rows"])
def postgres(cluster: Cluster, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database, with the driver of the extra `adbc` and without it."""
    if request.param == "rows":
        monkeypatch.setattr("seatrial.stores.sql_tables.speaks_arrow", lambda database: False)
    return cluster.url


def read(url: str, query: str) -> dict[str, list[Any]]:
    with open_source(url, query=query) as path:
        return pq.read_table(path).to_pydict()  # type: ignore[no-any-return]


def write(to: str, table: pa.Table = ROWS) -> None:
    with open_target(to) as path:
        pq.write_table(table, path)


def test_a_column_has_the_type_of_all_its_values(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.stores.databases.BATCH", 2)
    whole = read(shop, "t")
    assert whole == {
        "id": [1, 2, 3, 4, 5],
        "size": ["1", "2", "2.5", None, "big"],
        "name": [None, None, "c", "d", "e"],
    }
    assert read(shop, "SELECT size FROM t WHERE id < 5") == {"size": [1.0, 2.0, 2.5, None]}
    long = "SELECT 9007199254740993 AS key UNION ALL SELECT 2 UNION ALL SELECT 2.5"  # no double has the first one
    assert read(shop, long) == {"key": ["9007199254740993", "2", "2.5"]}


def test_keys_that_no_double_has_stay_what_they_are(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.stores.databases.BATCH", 2)
    keys = "(1, 3), (2, NULL), (3, 12345678901234567891), (4, 12345678901234567892)"
    found = read(postgres, f"SELECT key::numeric AS key FROM (VALUES {keys}) AS t (n, key) ORDER BY n")
    assert found == {"key": ["3", None, "12345678901234567891", "12345678901234567892"]}
    (nothing,) = read(postgres, "SELECT 'NaN'::numeric AS key")["key"]
    assert math.isnan(nothing)


def test_a_query_reaches_the_database_as_it_is_written(shop: str, postgres: str) -> None:
    query = r"""SELECT '12:30:45' AS a, 'x\:y' AS b, ':z' AS c, '50%' AS d, '%s %(e)s' AS "%(e)s" """.strip()
    found = {"a": ["12:30:45"], "b": [r"x\:y"], "c": [":z"], "d": ["50%"], "%(e)s": ["%s %(e)s"]}
    assert read(shop, query) == read(postgres, query) == found


def test_what_postgresql_has_beside_numbers_and_texts(postgres: str) -> None:
    query = """SELECT 1.50::numeric AS price, 2::smallint AS n, true AS yes, DATE '2026-11-30' AS day,
        TIMESTAMP '2026-11-30 12:00' AS moment, '{"a": 1}'::jsonb AS more, ARRAY[1, 2] AS list,
        '8b5c8b5e-0000-4000-8000-000000000000'::uuid AS key, 12::numeric ^ 30 AS large"""
    found = {name: values[0] for name, values in read(postgres, query).items()}
    assert (found["price"], found["n"], found["yes"]) == (1.5, 2, True)
    assert (str(found["day"]), str(found["moment"])) == ("2026-11-30", "2026-11-30 12:00:00")
    assert (found["more"], found["list"]) == ("{'a': 1}", "[1, 2]")
    assert found["key"] == "8b5c8b5e-0000-4000-8000-000000000000"
    assert found["large"] == float(Decimal(12) ** 30)


def test_a_table_is_created_appended_to_and_replaced(shop: str, postgres: str) -> None:
    for url in (f"{shop}?table=scores", f"{postgres}&table=public.scores"):
        source = url.replace("?table=scores", "").replace("&table=public.scores", "")
        write(f"{url}&mode=replace")
        assert read(source, "SELECT * FROM scores ORDER BY id") == ROWS.to_pydict()
        assert "exists already. Add &mode=append or &mode=replace" in refusal(write, url)
        write(f"{url}&mode=append")
        assert read(source, "SELECT count(*) AS n FROM scores") == {"n": [6]}
        write(f"{url}&mode=replace", ROWS.slice(1).select(["id"]))
        assert read(source, "scores") == {"id": [2, 3]}


def broken_batches(self: pq.ParquetFile, *_: object) -> Iterator[pa.RecordBatch]:
    yield self.read_row_group(0).to_batches()[0].slice(0, 1)
    raise OSError("the disk is broken")


def test_an_error_changes_nothing(shop: str, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (shop, postgres):
        to = f"{url}{'&' if '?' in url else '?'}table=kept"
        write(f"{to}&mode=replace", pa.table({"id": [1]}))
        assert "in the database itself" in refusal(write, f"{to}&mode=append")  # it has other columns
        with monkeypatch.context() as patch:
            patch.setattr(pq.ParquetFile, "iter_batches", broken_batches)
            with pytest.raises((OSError, SeatrialError)):
                write(f"{to}&mode=replace")
        assert read(url, "kept") == {"id": [1]}


def test_a_kill_within_the_transaction_leaves_no_table(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import os, signal, sys; import pyarrow as pa, pyarrow.parquet as pq\n"
        "from seatrial.stores.remote_tables import open_target\n"
        "def killing(self, size):\n"
        "    yield self.read().to_batches()[0]\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pq.ParquetFile.iter_batches = killing\n"
        "with open_target(sys.argv[1]) as path: pq.write_table(pa.table({'id': [1, 2]}), path)"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program, f"{cluster.url}&table=killed"], check=False, env=env)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) != []  # the rows that were to be written, until the next process needs a folder
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_source(cluster.url, query="SELECT 1 AS n"):
        assert [path.name.split("-")[2] for path in tmp_path.iterdir()] == [str(os.getpid())]
    assert read(cluster.url, "SELECT count(*) AS n FROM pg_tables WHERE tablename = 'killed'") == {"n": [0]}


def test_both_drivers_read_the_same(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    query = """SELECT n::smallint AS small, n::bigint AS n, n / 3.0 AS third, (n / 3.0)::float8 AS double, n % 2 = 0 AS even,
        NULLIF(n, 5)::text AS text, n::char(3) AS padded, DATE '2026-11-30' + n AS day, NULL AS none,
        TIMESTAMPTZ '2026-11-30 12:00+02' + n * INTERVAL '1 hour' AS moment FROM generate_series(0, 9) AS n"""
    by_arrow = read(cluster.url, query)
    monkeypatch.setattr("seatrial.stores.sql_tables.speaks_arrow", lambda database: False)
    assert read(cluster.url, query) == by_arrow
    assert by_arrow["third"][1] == 1 / 3


def test_what_is_refused_before_anything_is_predicted(shop: str, tmp_path: Path) -> None:
    def opened(to: str) -> None:
        open_target(to).__enter__()

    assert "does not name a table to write to. Example: postgresql://" in refusal(opened, shop)
    assert "does not name a table" in refusal(opened, f"{shop}?table=a;b")
    assert "'upsert' is not a way to write a table" in refusal(opened, f"{shop}?table=x&mode=upsert")
    assert "does not exist. Without &mode=append" in refusal(opened, f"{shop}?table=x&mode=append")
    assert "cannot create and fill a table in one transaction" in refusal(opened, "mysql://h/d?table=x")
    unreachable = refusal(opened, "postgresql://me:secret-word@127.0.0.1:9/d?table=x")
    assert "Is the database running" in unreachable
    assert "is not a database, so it cannot be queried" in refusal(read, str(tmp_path / "t.csv"), "t")
    assert "no rows" in refusal(read, shop, "SELECT * FROM t WHERE id > 9")
