"""An index in a real S3 server's bucket: all or nothing without a lock, and pip installs from its web URL."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3  # before a fork needs it
import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.test_killed import in_child, needs_fork
from tests.s3_server import BUCKET, Store
from tests.soak import SOAK

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import IndexSettings, index_at_url
from seatrial.release import open_index
from seatrial.release.bucket_index import BucketIndex
from seatrial.release.index import VersionExistsError
from seatrial.stores.bucket import Bucket, ConflictError

assert boto3
LEAST_CALLS = 20  # that a publication makes


def settings(store: Store, name: str) -> IndexSettings:
    place = f"127.0.0.1%3A{store.port}"
    return index_at_url(f"s3://{BUCKET}/{name}?scheme=http&region=us-east-1&endpoint_override={place}")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-word")


def release(folder: Path, version: str, name: str = "tiny-model") -> list[Path]:
    return [make_wheel(folder, name, version), make_sdist(folder, name, version)]


def versions(index: BucketIndex, name: str = "tiny-model") -> list[str]:
    return [each.version for each in index.releases(name)]


def check_pages(index: BucketIndex) -> None:
    """Every page repeats the decisive ones, and every file that a page names is there with its hash."""
    bucket, names = index._bucket, index.names()
    for name in names:
        decisive, repeated = bucket.read(f"simple/{name}/index.html"), bucket.read(f"simple/{name}/")
        assert decisive
        assert repeated
        assert decisive.content == repeated.content
        for file in index.files(name):
            assert index.local(name, file).stat().st_size == file.size
    root = bucket.read("simple/")
    assert root
    assert [name for name in names if f">{name}</a>".encode() in root.content] == names


def test_a_release_is_published_once_found_and_withdrawn(store: Store, tmp_path: Path) -> None:
    opened = open_index(settings(store, "whole"))
    assert isinstance(opened, BucketIndex)
    index = BucketIndex(settings(store, "whole"), cache=tmp_path / "cache")
    assert index.where == f"s3://{BUCKET}/whole"
    assert index.releases() == []
    first = release(tmp_path, "0.1.0")
    assert not index.publish(first).already
    assert index.publish(first).already
    (found,) = index.releases()
    assert index.fetch(found).read_bytes() == first[0].read_bytes()
    assert found.metadata
    assert found.metadata["name"] == "tiny-model"
    assert index.location("tiny-model", found.wheel)[0].endswith(f"/{found.sha256}/{first[0].name}")
    with pytest.raises(VersionExistsError):
        index.publish([make_wheel(tmp_path / "other", content="# another")])
    index.publish(release(tmp_path, "0.2.0"))
    assert index.withdraw("tiny-model", "0.2.0", "yank", reason="slow", who="me")
    assert not index.withdraw("tiny-model", "0.2.0", "yank", reason="slow", who="me")
    assert index.find("tiny-model").version == "0.1.0"
    assert index.withdraw("tiny-model", "0.2.0", "remove", reason="rows of a person", who="me")
    assert versions(index) == ["0.1.0"]
    assert not [name for name in store.names("whole") if "0.2.0" in name]
    with pytest.raises(SeatrialError, match=r"0\.2\.0 was removed by me"):
        index.publish(release(tmp_path, "0.2.0"))
    check_pages(index)


def test_a_damaged_file_is_noticed_and_publishing_again_repairs_it(store: Store, tmp_path: Path) -> None:
    index = BucketIndex(settings(store, "damaged"), cache=tmp_path / "cache")
    files = release(tmp_path, "0.1.0")
    index.publish(files)
    (file,) = (each for each in index.files("tiny-model") if each.is_wheel)
    key = f"{BUCKET}/damaged/simple/tiny-model/{file.sha256}/{file.filename}"
    with store.files().open_output_stream(key) as stream:
        stream.write(b"half")
    with pytest.raises(SeatrialError, match="is not what was published"):
        index.local("tiny-model", file)
    index.publish(files)
    check_pages(index)


def test_publications_at_the_same_time_lose_nothing(store: Store, tmp_path: Path) -> None:
    wanted = [("tiny-model", f"0.{n}.0") for n in range(1, 5)] + [("other-model", "1.0"), ("third-model", "1.0")]
    files = [release(tmp_path, version, name) for name, version in wanted]

    def publish(each: list[Path]) -> None:
        BucketIndex(settings(store, "crowded"), cache=tmp_path / "cache").publish(each)

    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(publish, files))
    index = BucketIndex(settings(store, "crowded"), cache=tmp_path / "cache")
    assert [(each.name, each.version) for each in index.releases()] == sorted(wanted)
    check_pages(index)


def test_of_two_builds_of_one_version_one_wins_and_is_whole(store: Store, tmp_path: Path) -> None:
    builds = [make_wheel(tmp_path / str(n), content=f"# {n}") for n in range(4)]
    won = []

    def publish(wheel: Path) -> None:
        with suppress(VersionExistsError):
            BucketIndex(settings(store, "one"), cache=tmp_path / "cache").publish([wheel])
            won.append(wheel)

    with ThreadPoolExecutor(len(builds)) as pool:
        list(pool.map(publish, builds))
    index = BucketIndex(settings(store, "one"), cache=tmp_path / "cache")
    (wheel,) = won
    (found,) = index.releases()
    assert index.fetch(found).read_bytes() == wheel.read_bytes()
    check_pages(index)


@needs_fork
@pytest.mark.parametrize("call", range(1, 30) if SOAK else (6, 8, 9))
def test_a_kill_before_any_call_leaves_the_old_or_the_new_state(store: Store, tmp_path: Path, call: int) -> None:
    name = f"killed-{call}"
    index = BucketIndex(settings(store, name), cache=tmp_path / "cache")
    index.publish(release(tmp_path, "0.1.0"))
    files = release(tmp_path, "0.2.0")

    def publish() -> None:
        calls = 0
        usual = Bucket._call

        def counted(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return usual(*args, **options)  # type: ignore[arg-type]

        Bucket._call = counted  # type: ignore[method-assign,assignment]
        BucketIndex(settings(store, name), cache=tmp_path / "other").publish(files)

    ended = in_child(publish)
    assert ended == -signal.SIGKILL or (ended == 0 and call > LEAST_CALLS)
    after = versions(index)
    assert after == (["0.1.0"] if call <= 8 else ["0.1.0", "0.2.0"])
    for file in index.files("tiny-model"):
        assert index.local("tiny-model", file).stat().st_size == file.size
    index.publish(files)
    assert versions(index) == ["0.1.0", "0.2.0"]
    check_pages(index)


def test_pip_installs_from_the_web_url(store: Store, tmp_path: Path, pip_home: Path) -> None:
    index = BucketIndex(settings(store, "web"), cache=tmp_path / "cache")
    index.publish(release(tmp_path, "0.1.0"))
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/web/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    index._bucket._client.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    target = tmp_path / "target"
    options = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--target", str(target)]
    command = [pip_home, "-m", "pip", "install", "--index-url", index.url, *options, "tiny-model"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (target / "tiny_model" / "__init__.py").is_file()


def test_a_store_that_ignores_conditions_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Bucket._call

    def careless(self: Bucket, name: str, key: str | None, **options: object) -> object:
        return usual(self, name, key, **{k: v for k, v in options.items() if not k.startswith("If")})  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "_call", careless)
    with pytest.raises(SeatrialError, match="the store ignores conditional writes"):
        BucketIndex(settings(store, "careless"), cache=tmp_path).publish(release(tmp_path, "0.1.0"))
    assert store.names("careless/simple") == []


def test_a_write_that_was_retried_meets_itself(store: Store) -> None:
    bucket = Bucket(settings(store, "retried").url)
    bucket.write("page", b"new")
    bucket.write("page", b"new")
    with pytest.raises(ConflictError):
        bucket.write("page", b"other")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gs://bucket/index", "only s3:// is supported"),
        ("s3://me:secret-word@bucket/index", "a password"),
        ("s3://bucket/index?secret_key=secret-word", "an unknown parameter"),
        ("s3:///index", "has no bucket"),
    ],
)
def test_which_urls_are_refused(url: str, said: str) -> None:
    with pytest.raises(SeatrialError, match=said) as caught:
        index_at_url(url)
    assert "secret-word" not in f"{caught.value.message}{caught.value.hint}"


def test_a_missing_library_is_named(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SeatrialError, match="needs boto3") as caught:
        BucketIndex(settings(store, "x"), cache=tmp_path).releases()
    assert caught.value.hint == "pip install 'seatrial[s3]'"


def test_a_bucket_that_does_not_exist(store: Store, tmp_path: Path) -> None:
    elsewhere = settings(store, "x").url.replace(BUCKET, "nowhere")
    with pytest.raises(SeatrialError, match="s3://nowhere/x: the store has no such bucket"):
        BucketIndex(IndexSettings("index", url=elsewhere), cache=tmp_path).publish(release(tmp_path, "0.1.0"))


def test_an_object_that_breaks_off_is_an_error_in_words() -> None:
    class Half(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Half) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        place = f"127.0.0.1%3A{server.server_port}"
        with pytest.raises(SeatrialError, match="Connection broken") as caught:
            Bucket(f"s3://b/x?scheme=http&region=us-east-1&endpoint_override={place}").read("key")
        server.shutdown()
    assert "Check the network" in caught.value.hint
