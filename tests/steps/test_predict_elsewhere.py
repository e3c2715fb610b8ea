"""What `predict` reads and writes at URLs, against a real S3 server and SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.s3_server import Store
from tests.stores.test_remote_tables import content, put

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.progress import silent
from seatrial.steps.predict_elsewhere import inputs_here, output_here


def test_inputs_have_the_names_of_their_urls(store: Store, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("size\n1\n")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript("CREATE TABLE t (size REAL); INSERT INTO t VALUES (2.5);")
    words = [str(tmp_path / "here.csv"), put(store, "year=2026/t.csv"), f"sqlite:///{tmp_path}/shop.db"]
    with inputs_here(words, "SELECT size FROM t", silent) as found:
        assert [each.name for each in found] == [words[0], "s3://logs/year=2026/t.csv", words[2]]
        assert [each.path.suffix for each in found] == [".csv", ".csv", ".parquet"]
        assert [each.path.exists() for each in found] == [True] * 3
        assert found[1].partitions == {}
    assert [each.path.exists() for each in found] == [True, False, False]


def test_a_query_needs_a_database(store: Store) -> None:
    with pytest.raises(UsageError, match="--query is for a database"):
        inputs_here([store.url("t.csv")], "t", silent).__enter__()


def test_an_output_is_uploaded_when_all_went_well(store: Store, tmp_path: Path) -> None:
    with output_here(None, "fail", silent) as path:
        assert path is None
    with output_here(str(tmp_path / "p.csv"), "fail", silent) as path:
        assert path == tmp_path / "p.csv"
    with output_here(store.url("elsewhere/scores/p.csv"), "fail", silent) as path:
        assert path is not None
        path.write_text("prediction\n1\n")
        assert store.names("elsewhere/scores") == []
    assert content(store.url("elsewhere/scores/p.csv")) == b"prediction\n1\n"


def test_a_folder_has_its_partitions(store: Store) -> None:
    put(store, "elsewhere/days/year=2026/t.csv")
    put(store, "elsewhere/days/year=2027/t.csv")
    with inputs_here([store.url("elsewhere/days")], "", silent) as found:
        assert [each.name for each in found] == [f"s3://logs/elsewhere/days/year={year}/t.csv" for year in (2026, 2027)]
        assert [each.partitions for each in found] == [{"year": "2026"}, {"year": "2027"}]


def test_parts_and_bad_rows_go_into_a_folder(store: Store) -> None:
    with output_here(store.url("elsewhere/parts"), "quarantine", silent) as path:
        assert path is not None
        path.mkdir()
        (path / "_SUCCESS").touch()
    assert store.names("elsewhere/parts") == ["elsewhere/parts/_SUCCESS"]


def test_what_a_bucket_does_not_take(store: Store) -> None:
    for on_bad_rows, resume, said in (("quarantine", False, "has no place"), ("fail", True, "cannot be resumed")):
        with pytest.raises(SeatrialError, match=said) as caught:
            output_here(store.url("p.csv"), on_bad_rows, silent, resume=resume).__enter__()
        assert "secret-word" not in f"{caught.value.message}{caught.value.hint}"
