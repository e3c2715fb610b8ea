"""The private index works with twine, pip and uv, and hostile requests get a 4xx."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.indexes import TOKEN, Private, private_index

from seatrial.release import FolderIndex
from seatrial.wheels.installer import find_uv

AUTH = ("__token__", TOKEN)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    root = tmp_path_factory.mktemp("served")
    with private_index(root / "index", log=root / "log.txt") as running:
        running.log = root / "log.txt"  # type: ignore[attr-defined]
        yield running


def twine(url: str, *files: Path, password: str = TOKEN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"]
    environment = {
        **os.environ,
        "TWINE_USERNAME": "__token__",
        "TWINE_PASSWORD": password,
        "TWINE_REPOSITORY_URL": f"{url}/",
    }
    return subprocess.run([*command, *map(str, files)], env=environment, capture_output=True, text=True, check=False)


def send(private: Private, path: Path, **more: object) -> httpx.Response:
    fields = {":action": "file_upload", "protocol_version": "1", **more}
    with path.open("rb") as file:
        return httpx.post(f"{private.url}/", data=fields, files={"content": (path.name, file)}, auth=AUTH)


def test_twine_uploads_and_gets_an_error_for_different_content(private: Private, tmp_path: Path) -> None:
    files = [make_wheel(tmp_path, "twine-model"), make_sdist(tmp_path, "twine-model")]
    done = twine(private.url, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    (release,) = FolderIndex(private.folder).releases("twine-model")
    assert release.sdist is not None
    assert twine(private.url, *files).returncode == 0
    changed = make_wheel(tmp_path / "b", "twine-model", content="x = 1")
    refused = twine(private.url, changed)
    assert refused.returncode == 1
    assert "409" in refused.stdout + refused.stderr
    assert "401" in (wrong := twine(private.url, *files, password="wrong")).stdout + wrong.stderr


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_pip_and_uv_install_from_it(private: Private, tmp_path: Path, installer: str, pip_home: Path) -> None:
    name = f"{installer}-model"
    FolderIndex(private.folder).publish([make_wheel(tmp_path, name)])
    target = tmp_path / "target"
    if installer == "pip":
        command = [str(pip_home), "-m", "pip", "install", "--no-cache-dir", "--quiet"]
    else:
        command = [str(find_uv()), "pip", "install", "--no-cache", "--no-config", "--python", sys.executable]
    for url, works in ((private.simple, False), (private.with_token, True)):
        done = subprocess.run(
            [*command, "--no-deps", "--target", str(target), "--index-url", url, name],
            env={k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))} | {"PIP_NO_INPUT": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is works, done.stderr
        assert (target / f"{installer}_model" / "__init__.py").is_file() is works


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+json"),
        ("application/vnd.pypi.simple.latest+json, text/html;q=0.1", "application/vnd.pypi.simple.v1+json"),
        ("application/vnd.pypi.simple.v1+json;q=0.1, text/html", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
        ("image/png", "text/plain; charset=utf-8"),
    ],
)
def test_pages_come_in_the_requested_format(private: Private, tmp_path: Path, accept: str, kind: str) -> None:
    FolderIndex(private.folder).publish([make_wheel(tmp_path, "page-model")])
    for path in ("", "page-model/"):
        answer = httpx.get(private.simple + path, headers={"Accept": accept}, auth=AUTH)
        assert answer.status_code == (406 if "image" in accept else 200)
        assert answer.headers["content-type"] == kind
        if kind.endswith("json"):
            assert json.loads(answer.text)["meta"]["api-version"] == "1.1"
    moved = httpx.get(private.simple + "Page_Model", auth=AUTH)
    assert (moved.status_code, moved.headers["location"]) == (308, "/simple/page-model/")


def test_a_file_has_its_hash_as_its_etag(private: Private, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "etag-model")
    FolderIndex(private.folder).publish([wheel])
    url = f"{private.simple}etag-model/{wheel.name}"
    first = httpx.get(url, auth=AUTH)
    assert first.content == wheel.read_bytes()
    again = httpx.get(url, auth=AUTH, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert b"Name: etag-model" in httpx.get(f"{url}.metadata", auth=AUTH).content


def test_no_route_is_open_without_the_password(private: Private) -> None:
    client = httpx.Client()
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        for path in ("/", "/simple", "/simple/", "/simple/x/", "/simple/x/y.whl", "/legacy/", "/nothing", "//simple/"):
            assert client.request(method, private.url + path).status_code == 401, (method, path)
    wrong = [httpx.BasicAuth(*pair) for pair in (("__token__", "wrong"), ("wrong", TOKEN), ("", ""))]
    headers = [
        {"Authorization": each} for each in ("Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 5000, "basic Og==")
    ]
    guesses = [{"auth": each} for each in wrong] + [{"headers": each} for each in headers]
    with ThreadPoolExecutor(len(guesses)) as pool:  # each waits for its answer, as a brake on guessing
        answers = list(pool.map(lambda guess: client.get(private.simple, **guess), guesses))
    assert [answer.status_code for answer in answers] == [401] * 8
    assert httpx.get(f"{private.url}/health").text == "ok\n"


def test_hostile_uploads_get_a_4xx_and_leave_nothing(private: Private, tmp_path: Path) -> None:
    good = make_wheel(tmp_path, "evil-model")
    (tmp_path / "zip").mkdir()
    (tmp_path / "zip" / good.name).write_bytes(b"not a zip")
    pickled = make_wheel(tmp_path / "p", "evil-model", more={"evil_model/m.pkl": b"x"})
    answers = {
        "not a zip file": (send(private, tmp_path / "zip" / good.name), 400, "not a zip file"),
        "a pickle": (send(private, pickled), 400, "is a pickle"),
        "another hash": (send(private, good, sha256_digest="0" * 64), 400, "SHA-256"),
        "another name": (send(private, good, name="numpy"), 400, "not a file of numpy"),
        "another version": (send(private, good, version="9"), 400, "not a file of evil-model 9"),
        "another action": (send(private, good, **{":action": "remove"}), 400, "Not an upload"),
    }
    post = lambda **more: httpx.post(f"{private.url}/", auth=AUTH, **more)  # noqa: E731
    for filename in ("../evil_model-0.1.0-py3-none-any.whl", "x/../../a.whl", ".hidden", "", "a.exe", "..", "a\\b.whl"):
        answers[filename] = (post(files={"content": (filename, b"x")}), 400, "")
    answers["no file"] = (post(data={":action": "file_upload"}), 400, "Not an upload")
    answers["two files"] = (
        post(files=[("content", ("a.whl", b"")), ("content", ("b.whl", b""))]),
        400,
        "Too many files",
    )
    answers["no form"] = (post(content=b"{}", headers={"Content-Type": "application/json"}), 400, "")
    answers["a broken form"] = (
        post(content=b"x", headers={"Content-Type": "multipart/form-data; boundary=a"}),
        400,
        "",
    )
    answers["from a page"] = (
        httpx.post(f"{private.url}/", auth=AUTH, headers={"Origin": "https://evil.example"}, files={"content": b"x"}),
        403,
        "web pages",
    )
    answers["a path"] = (httpx.get(f"{private.url}/simple/..%2f..%2fetc/passwd", auth=AUTH), 404, "")
    answers["a hidden file"] = (httpx.get(f"{private.simple}%2e%2e/.lock", auth=AUTH), 404, "")
    for case, (answer, status, text) in answers.items():
        assert answer.status_code == status, (case, answer.text)
        assert text in answer.text, case
        assert str(private.folder) not in answer.text, case
    assert FolderIndex(private.folder).releases("evil-model") == []
    assert list((private.folder / ".uploads").iterdir()) == []


def test_only_one_of_several_uploads_with_the_same_version_is_accepted(private: Private, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / str(n), "race-model", content=f"n = {n}") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        codes = [answer.status_code for answer in pool.map(lambda wheel: send(private, wheel), wheels)]
    assert sorted(codes) == [200, 409, 409, 409, 409, 409]


def test_no_log_contains_the_password(private: Private) -> None:
    httpx.get(private.with_token)
    text = private.log.read_text()  # type: ignore[attr-defined]
    assert "/simple/" in text
    assert TOKEN not in text


def test_reading_can_be_open_while_uploading_needs_the_password(tmp_path: Path) -> None:
    with private_index(tmp_path / "index", "--open-reading") as running:
        assert httpx.get(running.simple).status_code == 200
        assert httpx.post(f"{running.url}/").status_code == 401


def test_without_a_password_only_this_machine_is_served(tmp_path: Path) -> None:
    with private_index(tmp_path / "index", token="") as running:
        assert httpx.get(running.simple).status_code == 200
        assert httpx.get(running.simple, headers={"Host": "evil.example"}).status_code == 421
        assert httpx.get(running.simple, headers={"Host": "[::1"}).status_code == 400
        for own in ("[::1]", "[::1]:8003", "LOCALHOST:80", "127.0.0.1"):
            assert httpx.get(running.simple, headers={"Host": own}).status_code == 200
        for path in ("a%00b/", "..%2f..%2fetc/", "a%00b/c.whl"):
            assert httpx.get(f"{running.simple}{path}").status_code == 404
        port = running.url.rpartition(":")[2]
        refusals = {
            ("--host", "0.0.0.0"): "SEATRIAL_INDEX_PASSWORD does not contain a password",
            ("--port", port): f"Port {port} on 127.0.0.1 cannot be used: Address already in use",
            ("--port", "0"): "Another process is already serving",
        }
        for options, message in refusals.items():
            command = [sys.executable, "-m", "seatrial", "index", "serve", "--folder", str(running.folder)]
            environment = {**os.environ, "COLUMNS": "200", "SEATRIAL_INDEX_PASSWORD": ""}
            done = subprocess.run([*command, *options], capture_output=True, text=True, env=environment, check=False)
            assert done.returncode == 1
            assert message in done.stderr
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize("length", ["Content-Length: 1099511627776", "Transfer-Encoding: chunked"])
def test_uploads_are_limited_whether_they_declare_their_length_or_not(tmp_path: Path, length: str) -> None:
    import asyncio

    from seatrial.release.index_server import Access, make_app

    app = make_app(FolderIndex(tmp_path / "index"), Access("u"), limit=1000)
    head = b'--a\r\nContent-Disposition: form-data; name="content"; filename="a.whl"\r\n\r\n'
    key, value = (part.strip().lower().encode() for part in length.split(":"))
    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=a"), (key, value)]
    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    scope |= {"http_version": "1.1", "scheme": "http", "server": ("localhost", 1), "client": ("x", 1), "root_path": ""}
    sent: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": head + b"x" * 600, "more_body": True}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("status", 0))  # type: ignore[arg-type]

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0] == 413
