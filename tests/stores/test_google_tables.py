"""The same in a bucket of Google Cloud Storage, as an emulator has it."""

import pytest
from tests.gcs_server import BUCKET, running_gcs
from tests.stores.test_remote_tables import TABLE, content, refusal

from seatrial.stores import object_files
from seatrial.stores.remote_tables import current_version, fetch, open_source, open_target


def test_tables_and_folders_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_files, "RETRY_SECONDS", 1)
    with running_gcs() as port:

        def url(path: str) -> str:
            return f"gs://anonymous@{BUCKET}/{path}?scheme=http&endpoint_override=127.0.0.1%3A{port}"

        with open_target(url("out/year=2026/t.csv")) as path:
            path.write_text(TABLE)
        assert content(url("out/year=2026/t.csv")) == TABLE.encode()
        assert fetch(url("out/year=2026/t.csv")).etag == current_version(url("out/year=2026/t.csv")) != ""
        with open_source(url("out")) as folder:
            assert (folder / "year=2026" / "t.csv").read_text() == TABLE
        with open_target(url("parts/")) as folder:
            folder.mkdir()
            (folder / "_SUCCESS").touch()
        assert content(url("parts/_SUCCESS")) == b""
        assert "is not empty" in refusal(open_target(url("parts/")).__enter__)
        assert f"gs://{BUCKET}/none.csv does not exist" in refusal(fetch, url("none.csv"))
        assert "there is no nowhere" in refusal(open_target(url("t.csv").replace(BUCKET, "nowhere", 1)).__enter__)
    assert "cannot be reached" in refusal(fetch, url("t.csv"))
