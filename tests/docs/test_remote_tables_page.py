"""The page on tables in buckets and databases works as written, against a real S3 server and SQLite."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
from tests.docs.markdown import blocks_of
from tests.docs.scenarios import DOCS, REMOTE_TABLES
from tests.docs.walking import walk_in
from tests.s3_server import Store


def fill(database: Path) -> None:
    """Put July's customers into a database, as numbers and texts."""
    table = pa.csv.read_csv(DOCS / "customers-july.csv")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE customers ({', '.join(table.column_names)})")
        rows = [
            tuple(None if v is None else str(v) if isinstance(v, date) else v for v in r.values())
            for r in table.to_pylist()
        ]
        connection.executemany(f"INSERT INTO customers VALUES ({', '.join('?' * table.num_columns)})", rows)
        connection.commit()


@pytest.mark.soak
def test_the_page_works_as_written(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "secret-word",
    }.items():
        monkeypatch.setenv(name, value)
    files = store.files()
    files.create_dir("company")
    for name in ("customers.csv", "customers-july.csv"):
        with files.open_output_stream(f"company/exports/{name}") as stream:
            stream.write((DOCS / name).read_bytes())
    with walk_in(tmp_path) as walk:
        for block in blocks_of(REMOTE_TABLES.path, REMOTE_TABLES.name):
            if "sqlite" in block.text:
                fill(walk.folder / "shop.db")
            walk.block(block)
    for key in ("july.parquet", "all/part-00000.parquet", "all/part-00001.parquet", "all/_SUCCESS"):
        assert files.get_file_info(f"company/scores/{key}").is_file
    with closing(sqlite3.connect(tmp_path / "churn" / "shop.db")) as connection:
        found = connection.execute("SELECT count(DISTINCT customer_id), count(prediction) FROM scores").fetchone()
    assert found == (720, 720)
    assert "seatrial train" in walk.done
