"""A folder of parts in a bucket: whole or not at all, and resumed, as on a disk."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.passengers import KEY, by_id, passengers
from tests.engines.test_output_manifest import Engine
from tests.s3_server import BUCKET, Store

from seatrial.core.errors import SeatrialError
from seatrial.engines.input_files import input_files, states_of
from seatrial.engines.output_manifest import write_table


def run(release, store: Store, name: str, tables, *, policy="fail", resume=False, fails_at=-1):
    engine = Engine(release, fails_at)
    return write_table(release, store.url(name), KEY, tables, engine, on_bad_rows=policy, max_bad=None, resume=resume)


def parts_in(store: Store, names) -> pa.Table:
    return pa.concat_tables(pq.read_table(f"{BUCKET}/{name}", filesystem=store.files()) for name in names)


def test_a_job_in_a_bucket_is_whole_with_its_bad_rows(titanic, store: Store):
    done = run(titanic, store, "jobs/whole", [((), passengers(40, bad=(1, 30)))], policy="quarantine")
    names = store.names("jobs/whole")
    assert names == sorted(f"jobs/whole/{name}" for name in ("_SUCCESS", "_seatrial.json", *done.files))
    good = parts_in(store, [name for name in names if "/part-" in name and "/_bad/" not in name])
    assert set(by_id(good)) == set(range(40)) - {1, 30}
    assert sorted(parts_in(store, [name for name in names if "/_bad/" in name])[KEY].to_pylist()) == [1, 30]
    with pytest.raises(SeatrialError, match="s3://logs/jobs/whole is complete already") as refused:
        run(titanic, store, "jobs/whole", [((), passengers(4))])
    assert "secret-word" not in str(refused.value)


def test_a_job_that_fails_leaves_nothing_in_the_bucket(titanic, store: Store):
    tables = [(("a",), passengers(20)), (("b",), passengers(20))]
    with pytest.raises(KeyboardInterrupt):
        run(titanic, store, "jobs/failed", tables, fails_at=1)
    assert store.names("jobs/failed") == []


def test_a_job_in_a_bucket_goes_on_behind_what_is_done(titanic, store: Store):
    tables = [(("a",), passengers(20)), (("b",), passengers(20).slice(5))]
    with pytest.raises(KeyboardInterrupt):
        run(titanic, store, "jobs/resumed", tables, resume=True, fails_at=1)
    begun = store.names("jobs/resumed")
    assert "jobs/resumed/_SUCCESS" not in begun
    assert len([name for name in begun if "/part-" in name]) == 2
    done = run(titanic, store, "jobs/resumed", tables, resume=True)
    assert {*begun, "jobs/resumed/_SUCCESS"} < {*store.names("jobs/resumed")}
    document = json.loads(store.files().open_input_stream(f"{BUCKET}/jobs/resumed/_seatrial.json").read())
    assert (document["rows_in"], done.rows_in, len(done.files)) == (35, 35, 4)


def test_a_store_that_cannot_be_reached_is_said_in_words(titanic):
    url = "s3://user:secret-word@logs/out?scheme=http&region=us-east-1&endpoint_override=127.0.0.1%3A9"
    with pytest.raises(SeatrialError, match="s3://logs/out: the store cannot be reached") as refused:
        write_table(titanic, url, KEY, [((), passengers(4))], Engine(titanic), on_bad_rows="fail", max_bad=None)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize("read", [input_files, lambda url: states_of([url])], ids=["listed", "looked at"])
def test_input_files_in_a_store_that_cannot_be_reached_are_said_in_words(read):
    url = "s3://user:secret-word@logs/in?scheme=http&region=us-east-1&endpoint_override=127.0.0.1%3A9"
    with pytest.raises(SeatrialError, match="s3://logs/in: the store cannot be reached") as refused:
        read(url)
    assert "secret-word" not in str(refused.value)


def test_a_store_that_is_gone_in_the_middle_is_what_is_reported(titanic, monkeypatch: pytest.MonkeyPatch, tmp_path):
    def gone(*_):
        raise OSError("cannot be reached")

    class Stops(Engine):
        def __call__(self, table, target):
            monkeypatch.setattr("seatrial.engines.output_manifest._Output.keep_only", gone)
            raise SeatrialError("A task failed: the store is gone.")

    with pytest.raises(SeatrialError, match="the store is gone"):
        write_table(titanic, str(tmp_path / "o"), KEY, [((), 0)], Stops(titanic), on_bad_rows="fail", max_bad=None)
