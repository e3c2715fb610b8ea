"""The same in a bucket of Google Cloud Storage."""

from datetime import date

import pyarrow.parquet as pq
import pytest
from tests.gcs_server import BUCKET, running_gcs
from tests.prediction_log.destinations.test_folder import tables
from tests.prediction_log.log_lines import SEGMENT, line, refusal

from seatrial.prediction_log.destinations import DeliveryError, objects
from seatrial.prediction_log.log_files import FolderLog
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.tables import DAY
from seatrial.stores import object_files


def test_a_segment_is_in_once_and_old_days_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import fs

    monkeypatch.setattr(object_files, "RETRY_SECONDS", 1)
    with running_gcs() as port:
        to = f"gs://anonymous@{BUCKET}/shop?scheme=http&endpoint_override=127.0.0.1%3A{port}"
        destination = objects.ObjectDestination(to)
        destination.expire(date(2025, 12, 1))  # nothing is there yet
        files, prefix = object_files.object_files(to)

        def names() -> list[str]:
            found = files.get_file_info(fs.FileSelector(prefix, recursive=True))
            return sorted(info.path.removeprefix(f"{prefix}/") for info in found if info.is_file)

        for _ in range(2):
            destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(1)))
        for name in ("20251130T100000000000-aa.parquet", "20251201T100000000000-bb.parquet"):
            with files.open_output_stream(f"{prefix}/labels/{name}") as stream:
                stream.write(b"x")
        place = "release=shop/version=1.0"
        late = ["labels/20251201T100000000000-bb.parquet", f"predictions/{place}/day=2025-12-01/{SEGMENT}.parquet"]
        early = [
            "labels/20251130T100000000000-aa.parquet",
            *(f"{kind}/{place}/day=2025-11-30/{SEGMENT}.parquet" for kind in ("predictions", "refused")),
        ]
        assert names() == sorted(early + late)
        table = pq.ParquetFile(files.open_input_file(f"{prefix}/{late[1]}")).read()
        assert table["request_id"].to_pylist() == [f"r{DAY}"]
        assert [file.path.rpartition("/")[2] for file in FolderLog(files, prefix, to).files(LogQuery())] == [
            f"{SEGMENT}.parquet"
        ] * 2
        listed = objects.list_folder(files, f"{prefix}/predictions/{place}")
        assert sorted(info.base_name for info in listed) == ["day=2025-11-30", "day=2025-12-01"]
        destination.expire(date(2025, 12, 1))
        assert names() == late
    with pytest.raises(DeliveryError):
        objects.ObjectDestination(to).deliver(SEGMENT, tables(line(1)))
