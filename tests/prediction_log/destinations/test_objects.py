"""The same in a bucket of a real S3 server."""

from datetime import date

import pyarrow.parquet as pq
import pytest
from tests.prediction_log.destinations.test_folder import tables
from tests.prediction_log.log_lines import SEGMENT, line, refusal
from tests.s3_server import BUCKET, Store

from seatrial.prediction_log.destinations import DeliveryError, open_destination
from seatrial.prediction_log.tables import DAY


def test_the_layout(store: Store) -> None:
    destination = open_destination(store.url("layout"))
    for _ in range(2):
        destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(2), version="1.0+x"))
        assert store.names("layout") == [
            f"layout/predictions/release=shop/version=1.0%2Bx/day=2025-11-30/{SEGMENT}.parquet",
            f"layout/predictions/release=shop/version=1.0%2Bx/day=2025-12-01/{SEGMENT}.parquet",
            f"layout/refused/release=shop/version=1.0%2Bx/day=2025-11-30/{SEGMENT}.parquet",
        ]
    table = pq.ParquetFile(store.files().open_input_file(f"{BUCKET}/{store.names('layout')[0]}")).read()
    assert table["request_id"].to_pylist() == ["r1"]


def test_the_bucket_itself_and_settings_from_the_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word")
    open_destination(f"s3://{BUCKET}?region=us-east-1").deliver(SEGMENT, tables(line(1), version="env"))
    assert f"predictions/release=shop/version=env/day=2025-11-30/{SEGMENT}.parquet" in store.names("predictions")


def test_a_large_segment_is_complete(store: Store) -> None:
    import secrets

    rows = [[1.5, 2, secrets.token_hex(16)] for _ in range(400_000)]  # more than one part of an upload
    destination = open_destination(store.url("large"))
    destination.deliver(SEGMENT, tables(line(1, rows)))
    (name,) = store.names("large")
    file = pq.ParquetFile(store.files().open_input_file(f"{BUCKET}/{name}"))
    assert file.metadata.num_rows == 400_000
    assert file.metadata.row_group(0).num_rows == 100_000


def test_a_missing_bucket_and_an_unreachable_server_are_errors_without_secrets(store: Store) -> None:
    for to in (store.url("x").replace(BUCKET, "no-such-bucket"), store.url("x", port=1)):
        destination = open_destination(to)
        with pytest.raises(DeliveryError) as caught:
            destination.deliver(SEGMENT, tables(line(1)))
        assert "secret-word" not in str(caught.value)
        assert "secret-word" not in destination.shown
        assert len(str(caught.value)) > 10


def test_old_days_are_deleted(store: Store) -> None:
    destination = open_destination(store.url("old"))
    destination.expire(date(2025, 12, 1))  # nothing is there yet
    destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(1), refusal(DAY)))
    for name in ("20251130T100000000000-aa.parquet", "20251201T100000000000-bb.parquet"):
        with store.files().open_output_stream(f"{BUCKET}/old/labels/{name}") as stream:
            stream.write(b"x")
    destination.expire(date(2025, 12, 1))
    assert store.names("old") == [
        "old/labels/20251201T100000000000-bb.parquet",
        f"old/predictions/release=shop/version=1.0/day=2025-12-01/{SEGMENT}.parquet",
        f"old/refused/release=shop/version=1.0/day=2025-12-01/{SEGMENT}.parquet",
    ]
