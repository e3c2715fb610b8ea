"""The index over HTTP behaves like the folder, whatever the server and the network do."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.indexes import TOKEN, Private, answering, private_index, read_body

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import IndexSettings, index_at_url
from seatrial.release import FolderIndex, HttpIndex


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    with private_index(tmp_path_factory.mktemp("private") / "index") as running:
        yield running


@pytest.fixture
def remote(private: Private, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HttpIndex:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)
    return HttpIndex(private.settings(), cache=tmp_path / "cache")


def test_a_release_is_uploaded_and_fetched_back(remote: HttpIndex, private: Private, tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path, "up-model"), make_sdist(tmp_path, "up-model")
    assert remote.releases("up-model") == []
    messages: list[str] = []
    published = remote.publish([wheel, sdist], messages.append)
    assert (published.name, published.version, published.already) == ("up-model", "0.1.0", False)
    assert [line for line in messages if line.startswith("uploading")] == [
        f"uploading {sdist.name}",
        f"uploading {wheel.name}",
    ]
    (release,) = remote.releases("Up_Model")
    (same,) = FolderIndex(private.folder).releases("up-model")
    assert release == same
    assert (release.requirement, release.sha256) == ("up-model==0.1.0", digest(wheel))
    assert remote.fetch(release).read_bytes() == wheel.read_bytes()
    assert remote.fetch(release, sdist=True).read_bytes() == sdist.read_bytes()
    assert remote.publish([wheel, sdist]).already
    assert "up-model" in remote.names()


def test_an_interrupted_publication_is_completed_and_different_content_is_refused(
    remote: HttpIndex, tmp_path: Path
) -> None:
    wheel, sdist = make_wheel(tmp_path, "half-model"), make_sdist(tmp_path, "half-model")
    assert not remote.publish([wheel]).already
    assert not remote.publish([wheel, sdist]).already
    assert remote.publish([wheel, sdist]).already
    changed = make_wheel(tmp_path / "b", "half-model", content="x = 1")
    with pytest.raises(SeatrialError, match="never overwritten"):
        remote.publish([changed, sdist])
    # An index that only finds out when the file arrives: the server's own 409.
    remote._version = lambda _of: []  # type: ignore[method-assign]
    with pytest.raises(SeatrialError, match="never overwritten"):
        remote.publish([changed])


@pytest.mark.parametrize("token", ["wrong", None])
def test_without_the_right_token_nothing_is_read_or_written(
    remote: HttpIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("TEAM_TOKEN", token)
    else:
        monkeypatch.delenv("TEAM_TOKEN")
    message = "rejects the token in TEAM_TOKEN" if token else "requires a token, but none is set"
    for act in (remote.names, lambda: remote.find("x"), lambda: remote.publish([make_wheel(tmp_path, "no-model")])):
        with pytest.raises(SeatrialError, match=message) as error:
            act()
        assert "TEAM_TOKEN" in error.value.hint


def test_a_variable_named_in_the_settings_must_be_set(private: Private, tmp_path: Path) -> None:
    index = HttpIndex(private.settings(token_required=True), cache=tmp_path)
    with pytest.raises(SeatrialError, match="TEAM_TOKEN is not set"):
        index.find("x")


def test_an_index_that_does_not_run_is_reported_in_one_line(tmp_path: Path) -> None:
    with answering(lambda _: None) as url:
        pass
    slept: list[float] = []
    index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path, sleep=slept.append)
    with pytest.raises(SeatrialError, match=r"cannot be read: connection refused") as error:
        index.publish([make_wheel(tmp_path)])
    assert "network" in error.value.hint
    assert len(slept) == 3


PROXY = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form><input></form></body></html>"
HTML = {"Content-Type": "text/html"}
EMPTY = (200, {"Content-Type": "application/vnd.pypi.simple.v1+json"}, b'{"meta": {"api-version": "1.0"}, "files": []}')


class Upload:
    """An index that lists nothing and responds to uploads as given, or that accepts them and then fails to confirm it."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes] | None, keeps: Path | None = None) -> None:
        self.answers, self.keeps, self.seen = list(answers), keeps, 0

    def __call__(self, request):
        if request.command == "GET":
            if self.keeps and self.seen:
                return page(self.keeps)
            return EMPTY
        body = read_body(request)
        assert b"file_upload" in body
        self.seen += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def page(*files: Path):
    links = "".join(f'<a href="../../files/{f.name}#sha256={digest(f)}">{f.name}</a>' for f in files)
    return 200, HTML, f"<html><title>Links for it</title>{links}</html>".encode()


def digest(path: Path) -> str:
    from seatrial.core.files import sha256

    return sha256(path)


FAILURES = {
    "401": ((401, {}, b"no"), "requires a token|rejects the token", 1),
    "403": ((403, {}, b"no"), "requires a token|rejects the token", 1),
    "400": ((400, {}, b"Invalid\r\nclassifier"), "refuses .* Invalid classifier", 1),
    "404": ((404, HTML, b"<h1>Not Found</h1>"), "refuses .* Not Found", 1),
    "409 of what is not there": ((409, {}, b"conflict"), "never overwritten", 1),
    "400 of what exists": ((400, {}, b"File already exists."), "never overwritten", 1),
    "413": ((413, {}, b"Too big"), "too large", 1),
    "500": ((500, {}, b"oops"), "returned 500: oops; .* does not list", 3),
    "503": ((503, {}, b"later"), "returned 503: later; .* does not list", 3),
    "cut": (None, "was interrupted.*does not list", 3),
    "a proxy's page": ((200, HTML, PROXY), "returned 200, but .* does not list .*: 'Sign in'", 1),
    "a redirect": ((301, {"Location": "https://elsewhere.example/"}, b""), "redirects uploads .301.", 1),
    "an echo of the token": ((422, {}, f"bad {TOKEN}".encode()), r"refuses .*: bad \*\*\*$", 1),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_failed_upload_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    answer, message, uploads = FAILURES[case]
    monkeypatch.setenv("SEATRIAL_INDEX_TOKEN", TOKEN)
    behaving = Upload(answer)
    with answering(behaving) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c", sleep=lambda _: None, read_back=0.01)
        monkeypatch.setattr("seatrial.release.http_index.time.monotonic", Clock())
        with pytest.raises(SeatrialError, match=message) as error:
            index.publish([make_wheel(tmp_path)])
    assert behaving.seen == uploads
    assert TOKEN not in f"{error.value.message} {error.value.hint}"


class Clock:
    """A clock that advances only when it is read, so that no test waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


@pytest.mark.parametrize("answer", [None, (502, {}, b"bad gateway"), (504, {}, b"")])
def test_an_upload_that_arrived_without_a_response_is_a_success(tmp_path: Path, answer) -> None:
    wheel = make_wheel(tmp_path)
    behaving = Upload(answer, keeps=wheel)
    with answering(behaving) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c", sleep=lambda _: None)
        assert not index.publish([wheel]).already
    assert behaving.seen == 1


def test_an_upload_that_arrived_with_different_content_is_a_failure(tmp_path: Path) -> None:
    wheel, other = make_wheel(tmp_path), make_wheel(tmp_path / "b", content="x = 1")
    with (
        answering(Upload((200, {}, b"OK"), keeps=other)) as url,
        pytest.raises(SeatrialError, match="with different content"),
    ):
        HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c").publish([wheel])


def test_a_temporary_failure_of_an_upload_is_retried(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    behaving = Upload((503, {}, b"later"), (200, {}, b"OK"))
    listed: list[int] = []

    def answer(request):
        if request.command == "GET" and behaving.seen == 2:
            listed.append(1)
            return page(wheel)
        return behaving(request)

    with answering(answer) as url:
        HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c", sleep=time.sleep).publish([wheel])
    assert behaving.seen == 2
    assert listed


READS = {
    "a log-in page": ((200, HTML, PROXY), "not one of a package index"),
    "an empty page": ((200, HTML, b""), "not one of a package index"),
    "a page with other links": ((200, HTML, b'<a href="/help">Help</a>'), "not one of a package index"),
    "plain text": ((200, {"Content-Type": "text/plain"}, b"hello"), "not one of a package index"),
    "damaged JSON": ((200, EMPTY[1], b'{"files": ['), "returned invalid JSON"),
    "other JSON": ((200, EMPTY[1], b'{"error": "no"}'), "not a page of a package index"),
    "a later format": (
        (200, EMPTY[1], b'{"meta": {"api-version": "2.0"}, "files": []}'),
        "not a page of a package index",
    ),
    "500": ((500, {}, b"oops"), "returned 500: oops"),
    "418": ((418, {}, b"teapot"), "returned 418: teapot"),
    "cut": (None, "cannot be read"),
    "a loop": ((302, {"Location": "/simple/tiny-model/"}, b""), "redirects"),
}


@pytest.mark.parametrize("case", READS)
def test_a_page_that_is_not_of_an_index_is_an_error_and_not_an_empty_index(tmp_path: Path, case: str) -> None:
    answer, message = READS[case]
    with answering(lambda _: answer) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c", sleep=lambda _: None)
        for act in (lambda: index.releases("tiny-model"), lambda: index.publish([make_wheel(tmp_path)])):
            with pytest.raises(SeatrialError, match=message):
                act()


def test_a_redirect_to_another_host_gets_no_token_and_is_not_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_INDEX_TOKEN", TOKEN)
    wheel = make_wheel(tmp_path)
    got: list[str | None] = []

    def elsewhere(request):
        got.append(request.headers.get("Authorization"))
        return 200, {}, wheel.read_bytes()

    def here(request):
        assert request.headers.get("Authorization", "").startswith("Basic ")
        if request.path.startswith("/files/"):
            return 302, {"Location": f"{other}{request.path}"}, b""
        return (302, {"Location": f"{other}{request.path}"}, b"") if "other" in request.path else page(wheel)

    with answering(elsewhere) as other, answering(here) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c")
        assert index.files("other-model") == []
        assert got == []
        assert index.fetch(index.find("tiny-model")).read_bytes() == wheel.read_bytes()
    assert got == [None]


@pytest.mark.parametrize("form", ["html", "json", "no hash", "md5"])
def test_pages_of_all_kinds_are_read(tmp_path: Path, form: str) -> None:
    import hashlib

    wheel = make_wheel(tmp_path)
    fragment = {"html": f"#sha256={digest(wheel)}", "md5": f"#md5={hashlib.md5(wheel.read_bytes()).hexdigest()}"}
    entry = {
        "filename": wheel.name,
        "url": f"../../f/{wheel.name}",
        "hashes": {"sha256": digest(wheel)},
        "yanked": "bad",
    }
    pages = {
        "json": (200, EMPTY[1], json.dumps({"meta": {"api-version": "1.3"}, "files": [entry]}).encode()),
    }
    html = f'<a href="../../f/{wheel.name}{fragment.get(form, "")}">x</a><a href="x.egg">x.egg</a>'.encode()

    def answer(request):
        if request.path.startswith("/f/"):
            return 200, {}, wheel.read_bytes()
        return pages.get(form, (200, HTML, html))

    with answering(answer) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c")
        (release,) = index.releases("tiny-model")
        assert release.sha256 == digest(wheel)
        assert release.metadata is not None
        if form == "json":
            with pytest.raises(SeatrialError, match="no release of tiny-model"):
                index.find("tiny-model")
        assert index.find("tiny-model==0.1.0") == release


def test_a_file_that_differs_from_the_listed_hash_is_never_used(tmp_path: Path) -> None:
    wheel, other = make_wheel(tmp_path), make_wheel(tmp_path / "b", content="x = 1")
    sent = [other.read_bytes()]

    def answer(request):
        return (200, {}, sent[0]) if request.path.startswith("/files/") else page(wheel)

    with answering(answer) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c")
        release = index.find("tiny-model")
        for look in (index.fetch, lambda release: release.metadata):
            with pytest.raises(SeatrialError, match="does not have the sha256 that the index lists"):
                look(release)
        assert [p for p in (tmp_path / "c").rglob("*") if p.is_file()] == []
        sent[0] = wheel.read_bytes()
        path = index.fetch(index.find("tiny-model"))
        path.write_bytes(b"changed in the cache")
        assert index.fetch(index.find("tiny-model")).read_bytes() == wheel.read_bytes()


class Gemfury:
    """A stand-in for the one host that cannot be run here: the token is the user, the file is the field `package`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, request):
        import base64
        import re

        user = base64.b64decode(request.headers.get("Authorization", "Basic ")[6:]).decode()
        if request.command == "POST":
            if user != "push-token:" or request.path != "/acme/":
                return 401, {}, b"Unauthorized"
            body = read_body(request)
            assert b"file_upload" not in body
            name = re.search(rb'name="package"; filename="([^"]+)"', body)
            assert name
            content = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
            (self.folder / name[1].decode()).write_bytes(content)
            return 200, {}, b"Uploading... ok\n"
        if user != "pull-token:":
            return 401, {}, b"Unauthorized"
        if request.path.startswith("/files/"):
            return 200, {}, (self.folder / request.path.rpartition("/")[2]).read_bytes()
        return page(*sorted(self.folder.iterdir())) if any(self.folder.iterdir()) else (404, {}, b"")


def test_gemfury_has_one_token_for_uploads_and_another_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from seatrial.core.index_settings import read_index_settings

    (place,) = read_index_settings({"gemfury": "acme"}, tmp_path, "pyproject.toml")
    assert (place.url, place.upload) == ("https://pypi.fury.io/acme/", "https://push.fury.io/acme/")
    (tmp_path / "fury").mkdir()
    files = [make_wheel(tmp_path), make_sdist(tmp_path)]
    with answering(Gemfury(tmp_path / "fury")) as url:
        here: IndexSettings = replace(place, url=f"{url}/acme/", upload=f"{url}/acme/")
        index = HttpIndex(here, cache=tmp_path / "c")
        with pytest.raises(SeatrialError, match="GEMFURY_PUSH_TOKEN is not set"):
            index.publish(files)
        monkeypatch.setenv("GEMFURY_PUSH_TOKEN", "push-token")
        with pytest.raises(SeatrialError, match="GEMFURY_PULL_TOKEN is not set"):
            index.publish(files)
        monkeypatch.setenv("GEMFURY_PULL_TOKEN", "pull-token")
        assert not index.publish(files).already
        assert index.publish(files).already
        assert index.fetch(index.find("tiny-model")).read_bytes() == files[0].read_bytes()
        monkeypatch.setenv("GEMFURY_PUSH_TOKEN", "other")
        with pytest.raises(SeatrialError, match="GEMFURY_PUSH_TOKEN"):
            index.publish([make_wheel(tmp_path, version="0.2.0")])


def test_of_many_releases_only_the_requested_one_is_fetched(
    remote: HttpIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        remote.publish([make_wheel(tmp_path, "many-model", f"0.{number}.0")])
    fetched: list[str] = []
    download = remote._session.download
    monkeypatch.setattr(remote._session, "download", lambda url, into: (fetched.append(url), download(url, into)))
    assert [release.version for release in remote.releases("many-model")] == [f"0.{n}.0" for n in range(4)]
    assert fetched == []
    release = remote.find("many-model==0.2.0")
    assert release.metadata
    remote.fetch(release)
    assert [url.rpartition("/")[2] for url in fetched] == ["many_model-0.2.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("link", "answer"),
    [
        ("/files/{name}?X-Amz-Signature=TOPSECRET#sha256={digest}", (404, {}, b"no")),
        ("/files/{name}?X-Amz-Signature=TOPSECRET#sha256={digest}", None),
        ("/files/{name}?X-Amz-Signature=TOPSECRET#sha256={digest}", (503, {}, b"later")),
        ("//ada:TOPSECRET@{host}/files/{name}#sha256={digest}", (404, {}, b"no")),
        ("/files/{name}?X-Amz-Signature=TOPSECRET#sha256={digest}", (200, {"Content-Length": "9"}, b"short")),
    ],
)
def test_no_message_contains_a_signed_url_or_a_password(tmp_path: Path, link: str, answer) -> None:
    wheel = make_wheel(tmp_path)

    def act(request):
        if "/files/" in request.path:
            return answer
        there = link.format(name=wheel.name, digest=digest(wheel), host=request.headers["Host"])
        return 200, HTML, f'<html><title>Links for it</title><a href="{there}">{wheel.name}</a></html>'.encode()

    with answering(act) as url:
        index = HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "cache", sleep=lambda _: None)
        with pytest.raises(SeatrialError) as error:
            index.fetch(index.find("tiny-model"))
    assert "TOPSECRET" not in f"{error.value.message} {error.value.hint}"
    assert "/files/" in error.value.message


def test_an_upload_that_is_refused_although_it_arrived_is_a_success(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    with answering(Upload((403, {}, b"no"), keeps=wheel)) as url:
        assert HttpIndex(index_at_url(f"{url}/simple/"), cache=tmp_path / "c").publish([wheel]).version == "0.1.0"
