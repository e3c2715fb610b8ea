"""The same in a real PostgreSQL: each segment in one transaction, tables that grow with releases."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.postgres_cluster import Cluster
from tests.prediction_log.destinations.test_folder import tables
from tests.prediction_log.log_lines import FACTS, SEGMENT, line, refusal
from tests.prediction_log.test_tables import ODD

from seatrial.prediction_log.destinations import DeliveryError
from seatrial.prediction_log.destinations.postgresql import (
    PostgresDestination,
    connection_url,
    fitted_name,
    table_name,
)
from seatrial.prediction_log.tables import DAY


@pytest.fixture
def url(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A schema of the test's own."""
    schema = f"log {abs(hash(request.node.name)) % 10**8} %s"
    yield f"{cluster.url}&schema={schema.replace(' ', '%20').replace('%s', '%25s')}"
    with psycopg.connect(cluster.url) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    to, schema = connection_url(url)
    with psycopg.connect(to) as connection:
        connection.execute(f'SET search_path TO "{schema}"'.encode())
        return connection.execute(query.encode()).fetchall()


def columns(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "hashed": False} for name, kind in pairs]


def test_a_segment_is_in_once(url: str) -> None:
    for _ in range(2):
        destination = PostgresDestination(url)
        for _ in range(2):
            destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(2)))
        destination.close()
    assert rows(
        url, "SELECT request_id, version, day, prediction, probability_yes FROM predictions_shop ORDER BY 1"
    ) == [
        ("r1", "1.0", dt.date(2025, 11, 30), "yes", 0.75),
        (f"r{DAY}", "1.0", dt.date(2025, 12, 1), "yes", 0.75),
    ]
    assert rows(url, 'SELECT request_id, release, status, "column", rule FROM refused') == [
        ("r2", "shop", 422, "size", "float_type")
    ]
    assert rows(url, "SELECT name, rows FROM segments") == [(SEGMENT, 3)]


def test_every_type_comes_back_as_it_was(url: str) -> None:
    pairs = [(n, n) for n in ("integer", "float", "boolean", "string", "date", "datetime", "time", "duration", "json")]
    moment = "2024-02-29T01:02:03.000004"
    values = [2**63 - 1, 0.1, True, "x", "2024-02-29", moment, "01:02:03", "P1D", {"a": 1}]
    odd = [[None] * 3 + [text] + [None] * 5 for text in ODD]
    records = [line(1, [values, [None] * 9, [2**64, 5e-324, False, "", *[None] * 5], *odd])]
    PostgresDestination(url).deliver(SEGMENT, tables(*records, columns=columns(*pairs)))
    inputs = ", ".join(f"input_{name}" for name, _ in pairs)
    found = rows(url, f'SELECT {inputs}, other_values FROM predictions_shop ORDER BY "row"')
    when = dt.datetime.fromisoformat(moment)
    assert found[0] == (*values[:4], when.date(), when, dt.time(1, 2, 3), "P1D", '{"a": 1}', None)
    assert found[1] == (None,) * 10
    assert found[2][:4] == (None, 5e-324, False, "")
    assert json.loads(found[2][9]) == {"integer": 2**64}
    assert [row[3] for row in found[3:]] == [text.replace("\0", "\ufffd") for text in ODD]


def test_columns_that_are_added_or_change_their_type(url: str) -> None:
    destination = PostgresDestination(url)
    for number, pairs in enumerate(
        [[("a", "float")], [("a", "float"), ("b", "date")], [("a", "string")], [("b", "date")], [("a", "integer")]]
    ):
        values: dict[str, Any] = {"float": 0.5, "date": "2024-01-01", "string": "x", "integer": 7}
        record = line(number, [[values[kind] for _, kind in pairs]])
        destination.deliver(f"s{number}", tables(record, version=f"{number}.0", columns=columns(*pairs)))
    query = "SELECT version, input_a, input_b, input_a_text, input_a_bigint FROM predictions_shop ORDER BY 1"
    day = dt.date(2024, 1, 1)
    assert rows(url, query) == [
        ("0.0", 0.5, None, None, None),
        ("1.0", 0.5, day, None, None),
        ("2.0", None, None, "x", None),
        ("3.0", None, day, None, None),
        ("4.0", None, None, None, 7),
    ]


def test_names_that_sql_would_not_take(url: str) -> None:
    labels = ['the "first"', "50 %s", "x" * 80, "x" * 81, "é" * 40, "$1"]
    name = "shop-" + "n" * 70 + "%"
    scores = [[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]]
    record = line(1, scores=scores, decided=[5])
    destination = PostgresDestination(url)
    destination.deliver(SEGMENT, tables(record, name=name, task="multiclass", classes=labels))
    destination.expire(dt.date(2000, 1, 1))
    wanted = ", ".join('"' + fitted_name(f"probability_{label}").replace('"', '""') + '"' for label in labels)
    assert len(table_name(name).encode()) <= 63
    assert rows(url, f'SELECT {wanted}, prediction FROM "{table_name(name)}"') == [(*scores[0], "$1")]


def test_a_delivery_that_fails_in_its_middle_leaves_nothing(url: str) -> None:
    destination = PostgresDestination(url)
    destination.deliver("first", tables(line(1), refusal(1)))
    to, schema = connection_url(url)
    with psycopg.connect(to) as connection:
        connection.execute(f"ALTER TABLE \"{schema}\".refused ADD CHECK (request_id <> 'r2')".encode())
    for _ in range(2):
        with pytest.raises(DeliveryError, match="refuses the rows, with the code 23514"):
            destination.deliver("second", tables(line(2), refusal(2)))
    destination.deliver("third", tables(line(3)))
    assert rows(url, "SELECT name FROM segments ORDER BY 1") == [("first",), ("third",)]
    assert rows(url, "SELECT request_id FROM predictions_shop ORDER BY 1") == [("r1",), ("r3",)]


def test_several_shippers_at_once_make_the_tables_once(url: str) -> None:
    failures: list[BaseException] = []

    def deliver(number: int) -> None:
        try:
            destination = PostgresDestination(url)
            for part in range(5):
                more = columns(*[(f"c{n}", "float") for n in range(part + 1)])
                destination.deliver(
                    f"s{number}-{part}", tables(line(1, [[0.5] * (part + 1)]), refusal(1), columns=more)
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(url, "SELECT count(*), count(input_c4) FROM predictions_shop") == [(30, 6)]


def test_old_days_are_deleted(url: str) -> None:
    destination = PostgresDestination(url)
    destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(1), refusal(DAY)))
    to, schema = connection_url(url)
    with psycopg.connect(to) as connection:
        connection.execute(f'CREATE TABLE "{schema}".labels (time timestamptz, request_id text)'.encode())
        connection.execute(
            f"""INSERT INTO "{schema}".labels VALUES ('2025-11-30Z', 'a'), ('2025-12-01Z', 'b')""".encode()
        )
    destination.expire(dt.date(2025, 12, 1))
    assert rows(url, "SELECT request_id FROM predictions_shop") == [(f"r{DAY}",)]
    assert rows(url, "SELECT request_id FROM refused") == [(f"r{DAY}",)]
    assert rows(url, "SELECT request_id FROM labels") == [("b",)]


def test_a_connection_that_was_lost_is_opened_again(url: str, cluster: Cluster) -> None:
    destination = PostgresDestination(url)
    destination.deliver("first", tables(line(1)))
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seatrial'")
    with pytest.raises(DeliveryError):
        destination.deliver("second", tables(line(2)))
    destination.deliver("second", tables(line(2)))
    assert rows(url, "SELECT name FROM segments ORDER BY 1") == [("first",), ("second",)]


def test_errors_have_no_password(cluster: Cluster) -> None:
    for to in (
        "postgresql://owner:secret-word@127.0.0.1:1/x",
        f"{cluster.url}&nonsense=secret-word",
        cluster.url.replace("/postgres?", "/nowhere?"),
        "postgresql://owner:secret-word%zz@127.0.0.1:1/x",
    ):
        with pytest.raises(DeliveryError) as caught:
            PostgresDestination(to).deliver(SEGMENT, tables(line(1)))
        assert "secret-word" not in str(caught.value)


def test_the_schema_is_not_passed_to_the_database() -> None:
    to, schema = connection_url("postgresql://me@h1:1,h2:2/db?schema=mine&sslmode=require&connect_timeout=3")
    assert schema == "mine"
    assert "schema" not in to
    assert "sslmode=require" in to
    assert "connect_timeout=3&" in f"{to}&"
    assert to.startswith("postgresql://me@h1:1,h2:2/db?application_name=seatrial")
    assert connection_url("postgresql://host/db")[1] == "seatrial_log"


def test_long_names_are_cut_at_a_character_and_stay_apart() -> None:
    assert fitted_name("é" * 31) == "é" * 31
    cut = {fitted_name("é" * 32), fitted_name("é" * 33), fitted_name("é" * 32 + "x")}
    assert len(cut) == 3
    assert all(len(name.encode()) <= 63 for name in cut)
    assert FACTS["name"] in table_name("shop")
