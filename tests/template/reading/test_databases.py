"""Queries on real databases: SQLite, and a PostgreSQL cluster on a socket."""

import socket
import sqlite3
from pathlib import Path

import pytest
from tests.postgres_cluster import Cluster

from seatrial.core.errors import SeatrialError
from seatrial.template.inference.examination import examine
from seatrial.template.reading.source import read_source

CUSTOMERS = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, size DOUBLE PRECISION, colour VARCHAR(9), joined {}, y INTEGER)"
)


def rows() -> list[tuple[object, ...]]:
    return [(n, n * 7 % 13 / 2, "red" if n % 3 else "blue", f"2024-02-{n % 28 + 1:02}", n % 2) for n in range(60)]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(CUSTOMERS.format("TEXT"))
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", rows())
    return f"sqlite:///{path}"


def error_of(url: str, query: str) -> str:
    with pytest.raises(SeatrialError) as caught:
        read_source(url, query=query)
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("query", ["customers", "SELECT * FROM customers WHERE joined <> '12:30';"])
def test_sqlite(sqlite_url: str, query: str) -> None:
    examination = examine(read_source(sqlite_url, query=query), "y")
    assert [(c.name, c.kind, c.left_out) for c in examination.columns] == [
        ("id", "integer", "an identifier, judging by its name"),
        ("size", "number", ""),
        ("colour", "category", ""),
        ("joined", "date", ""),
    ]


def test_what_is_wrong_with_a_query(sqlite_url: str, tmp_path: Path) -> None:
    assert "no such table: clients" in error_of(sqlite_url, "SELECT * FROM clients")
    assert "the query returned no rows." in error_of(sqlite_url, "SELECT * FROM customers WHERE id > 1000")
    assert "the query returns two columns `y`." in error_of(sqlite_url, "SELECT y, y FROM customers")
    assert "needs a query." in error_of(sqlite_url, "")
    assert "does not exist." in error_of(f"sqlite:///{tmp_path}/none.db", "customers")
    assert not (tmp_path / "none.db").exists()
    assert "This is not a valid database URL." in error_of("://nothing", "customers")
    assert "its driver is not installed" in error_of("oddbase://host/x", "customers")


def test_a_result_larger_than_memory_is_abandoned(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.template.reading.databases.MOST_ROWS", 50)
    monkeypatch.setattr("seatrial.stores.databases.BATCH", 20)
    assert "the query returns more than 50 rows. Take a sample, such as with LIMIT." in error_of(
        sqlite_url, "customers"
    )
    assert read_source(sqlite_url, query="SELECT * FROM customers LIMIT 50").rows == 50


def test_nothing_is_changed(sqlite_url: str) -> None:
    assert "the statement returns no rows. Use SELECT. Nothing was changed." in error_of(
        sqlite_url, "DELETE FROM customers"
    )
    assert read_source(sqlite_url, query="customers").rows == 60


@pytest.fixture
def postgres(cluster: Cluster) -> str:
    return cluster.url


def test_postgresql(postgres: str) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(CUSTOMERS.format("TIMESTAMPTZ"))
        connection.cursor().executemany("INSERT INTO customers VALUES (%s, %s, %s, %s, %s)", rows())
    query = "SELECT size::numeric(9, 1) AS size, colour, joined, y = 1 AS y FROM customers WHERE colour LIKE '%e%'"
    source = read_source(postgres, query=query)
    assert source.facts["database"] == "postgresql://owner:***@/postgres"
    examination = examine(source, "y")
    assert [(c.name, c.kind) for c in examination.columns] == [
        ("size", "number"),
        ("colour", "category"),
        ("joined", "moment"),
    ]
    assert (examination.target.task, examination.target.positive) == ("binary", "true")
    assert error_of(postgres, "SELECT * FROM clients").startswith(
        'postgresql://owner:***@/postgres: relation "clients" does'
    )


def test_an_unreachable_server_and_no_password_in_the_message() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = error_of(f"postgresql://owner:secret-word@127.0.0.1:{port}/shop", "customers")
    assert "refused" in message
    assert "secret-word" not in message
