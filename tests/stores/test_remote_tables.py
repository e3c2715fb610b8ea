"""Tables by URL, against a real S3 server: whole or not at all, and no secret in a message."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.s3_server import BUCKET, Store

from seatrial.core.errors import SeatrialError
from seatrial.steps.new import read_table
from seatrial.stores import object_files, object_transfers
from seatrial.stores.object_transfers import upload
from seatrial.stores.remote_tables import fetch, is_url, open_source, open_target

TABLE = "size,kind\n1,a\n2,b\n"


def put(store: Store, key: str, content: str = TABLE) -> str:
    with store.files().open_output_stream(f"{BUCKET}/{key}") as stream:
        stream.write(content.encode())
    return store.url(key)


def content(url: str) -> bytes:
    with open_source(url) as path:
        return path.read_bytes()


def refusal(call: Any, *args: Any) -> str:
    with pytest.raises(SeatrialError) as caught:
        call(*args)
    text = f"{caught.value.message} {caught.value.hint}"
    assert "secret-word" not in text
    assert "\n" not in text
    return text


def test_which_words_are_urls_of_files() -> None:
    urls = ("s3://b/t.csv", "gs://b/t.csv", "az://c/t.csv", "abfss://c@a/t", "hdfs://n/t", "https://h/t", "HTTP://h/t")
    assert all(map(is_url, urls))
    assert not any(map(is_url, ("t.csv", "sqlite:///t.db", "postgresql://h/d", "sklearn:iris", Path("s3://b/t"), 1)))


def test_a_table_is_read_from_a_bucket_and_its_download_is_deleted(store: Store) -> None:
    url = put(store, "in/t.csv")
    source = read_table(url)
    assert source.columns == ("size", "kind")
    assert (source.name, source.facts["from"]) == ("t.csv", f"s3://{BUCKET}/in/t.csv")
    path = source.path
    assert path is not None
    assert path.read_text() == TABLE
    del source
    assert not path.parent.exists()
    with open_source(url) as opened:
        assert opened.read_text() == TABLE
    assert not opened.parent.exists()


def test_a_download_knows_its_version(store: Store) -> None:
    first = fetch(put(store, "in/v.csv"))
    again, other = fetch(store.url("in/v.csv")), fetch(put(store, "in/v.csv", TABLE + "3,c\n"))
    assert first.etag == again.etag != other.etag
    assert first.sha256 == again.sha256 != other.sha256


def test_what_changes_while_it_is_read_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.stores.object_transfers.PIECE", 8)
    url = put(store, "in/changing.csv")
    told = []

    def overwrite(text: str) -> None:
        told.append(text)
        if len(told) == 2:  # the first piece is here
            put(store, "in/changing.csv", TABLE.upper())

    assert "changed while it was being read" in refusal(fetch, url, overwrite)


def test_what_is_written_is_one_object_at_the_end(store: Store) -> None:
    with open_target(store.url("out/p.csv")) as path:
        path.write_text(TABLE)
        assert store.names("out") == []
    assert store.names("out") == ["out/p.csv"]
    assert not path.exists()
    assert content(store.url("out/p.csv")) == TABLE.encode()


def test_a_large_file_in_several_parts(store: Store) -> None:
    with open_target(store.url("out/large.bin")) as path:
        path.write_bytes(bytes(12_000_000))
    assert len(content(store.url("out/large.bin"))) == 12_000_000


def test_a_folder_is_read_without_what_engines_keep_there(store: Store) -> None:
    for key in ("days/year=2026/a.csv", "days/year=2027/b.csv", "days/_SUCCESS", "days/_bad/a.csv", "days/.hidden.csv"):
        put(store, f"many/{key}")
    with open_source(store.url("many/days/")) as folder:
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
        assert found == ["year=2026/a.csv", "year=2027/b.csv"]
        first = (folder / "year=2026" / "a.csv").stat().st_mtime_ns
    with open_source(store.url("many/days")) as folder:
        assert (folder / "year=2026" / "a.csv").stat().st_mtime_ns == first
    assert not folder.exists()


def test_a_folder_is_complete_with_its_last_file(store: Store) -> None:
    uploaded = []

    def note(text: str) -> None:
        uploaded.append(store.names("parts"))

    with open_target(store.url("parts/july/"), note) as folder:
        (folder / "_bad").mkdir(parents=True)
        for name in ("_SUCCESS", "part-1.csv", "_bad/part-1.csv"):
            (folder / name).write_text(TABLE)
    last = [f"parts/july/{name}" for name in ("_SUCCESS", "_bad/part-1.csv", "part-1.csv")]
    assert uploaded[-2:] == [last[1:], last]
    assert "is not empty. Name another folder" in refusal(open_target(store.url("parts/july/")).__enter__)


def test_an_error_leaves_what_was_there(store: Store) -> None:
    put(store, "kept/p.csv", "before")

    def fail_midway() -> None:
        with open_target(store.url("kept/p.csv")) as path:
            path.write_text(TABLE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert content(store.url("kept/p.csv")) == b"before"


def test_ctrl_c_while_it_is_uploaded_leaves_nothing_or_all(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(40_000_000))
    program = (
        "import sys, threading, _thread; from pathlib import Path; from seatrial.stores import object_transfers as t\n"
        "t.require_writable_place(sys.argv[1], folder=False)\n"
        "threading.Timer(0.05, _thread.interrupt_main).start()\n"
        "t.upload(Path(sys.argv[2]), sys.argv[1])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, store.url("stopped/p.bin"), large], stderr=subprocess.PIPE
    )
    assert b"KeyboardInterrupt" in process.communicate()[1]
    found = store.files().get_file_info(f"{BUCKET}/stopped/p.bin")
    assert found.size in (None, 40_000_000)


def test_a_kill_while_it_is_uploaded_leaves_nothing(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(400_000_000)
    program = (
        "import sys; from pathlib import Path; from seatrial.stores import object_transfers as t\n"
        "t.require_writable_place(sys.argv[1], folder=False); print('go', flush=True)\n"
        "t.upload(Path(sys.argv[2]), sys.argv[1])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, store.url("killed/p.bin"), large], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "go\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.names("killed") == []


def test_what_a_store_refuses_says_what_to_do(store: Store, tmp_path: Path) -> None:
    missing = refusal(fetch, store.url("in/none.csv"))
    assert missing.startswith(f"s3://{BUCKET}/in/none.csv does not exist. Correct the bucket or the path")
    put(store, "folder/t.csv")
    assert "is a folder. Name a file in it." in refusal(fetch, store.url("folder"))
    elsewhere = store.url("p.csv").replace(BUCKET, "nowhere", 1)
    assert "there is no nowhere" in refusal(open_target(elsewhere).__enter__)
    assert "names no file" in refusal(fetch, "s3://user:secret-word@/")
    assert "names no bucket" in refusal(fetch, "s3:///t.csv")
    assert "a parameter that is not known" in refusal(fetch, "s3://bucket/t.csv?region=x&secret_kex=secret-word")
    local = tmp_path / "t"
    local.write_text(TABLE)
    assert "no such bucket" in refusal(upload, local, elsewhere)


def test_a_store_that_cannot_be_reached(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_files, "CONNECT_SECONDS", 0.2)
    url = store.url("in/t.csv", port=9)
    assert refusal(fetch, url).startswith(f"s3://{BUCKET}/in/t.csv: the store cannot be reached")
    assert "cannot be reached" in refusal(open_target(url).__enter__)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("AWS Error ACCESS_DENIED during GetObject", "denies access"),
        ("AWS Error UNKNOWN (HTTP status 403) during HeadObject", "denies access"),
        ("AWS Error INVALID_ACCESS_KEY_ID during GetObject", "does not accept the credentials"),
        ("AWS Error SIGNATURE_DOES_NOT_MATCH during PutObject", "does not accept the credentials"),
        ("AWS Error UNKNOWN (HTTP status 301) during HeadObject: PermanentRedirect", "is in another region"),
        ("AWS Error NETWORK_CONNECTION: curlCode: 28, Timeout was reached", "cannot be reached"),
        ("Bucket 'b' not found", "has no such bucket"),
        ("Unable to locate credentials", "needs credentials"),
    ],
)
def test_refusals_that_no_server_here_makes(said: str, meant: str) -> None:
    error = object_files.explained(OSError(said), "s3://me:secret-word@b/t.csv")
    assert error.message.startswith(f"s3://b/t.csv: the store {meant} (")
    assert error.hint


def test_credentials_come_from_the_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "in/env.csv")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-word")
    assert content(f"s3://{BUCKET}/in/env.csv") == TABLE.encode()


def test_azure_needs_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    assert "names no storage account" in refusal(fetch, "az://container/t.csv")


def test_a_web_server_takes_no_files() -> None:
    assert "a web server takes no files" in refusal(open_target("https://host/t.csv").__enter__)


def test_an_upload_that_is_interrupted_is_not_completed_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sending, go_on = threading.Event(), threading.Event()

    class SlowStream:
        def __init__(self, stream: Any) -> None:
            self.close = stream.close
            self._stream = stream

        def write(self, content: Any) -> None:
            sending.set()
            go_on.wait(10)
            self._stream.write(content)

    class SlowFiles:
        def __init__(self, files: Any) -> None:
            self._files = files

        def __getattr__(self, name: str) -> Any:
            return getattr(self._files, name)

        def open_output_stream(self, path: str) -> SlowStream:
            return SlowStream(self._files.open_output_stream(path))

    class Interrupted(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            sending.wait(10)
            raise KeyboardInterrupt

    files, path = object_files.object_files(store.url("left/t.csv"))
    monkeypatch.setattr(object_transfers, "object_files", lambda _: (SlowFiles(files), path))
    with monkeypatch.context() as patch:
        patch.setattr(object_transfers.threading, "Thread", Interrupted)
        with pytest.raises(KeyboardInterrupt), open_target(store.url("left/t.csv")) as local:
            local.write_text(TABLE)
    go_on.set()
    time.sleep(0.3)
    assert store.names("left") == []
    with open_target(store.url("left/t.csv")) as local:  # and the next one is
        local.write_text(TABLE)
    assert store.names("left") == ["left/t.csv"]
