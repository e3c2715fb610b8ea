"""The pages of an index at a URL, parsed."""

import json

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.release.listing import JSON_TYPE, read_files, read_names

URL = "https://index.example/simple/a-b/"
WHEEL = "a_b-1.0-py3-none-any.whl"
SHA256 = "0123456789abcdef" * 4


def as_json(**entry: object) -> str:
    return json.dumps({"meta": {"api-version": "1.1"}, "files": [{"filename": WHEEL, "url": WHEEL, **entry}]})


def test_a_json_page_is_read_with_everything_that_it_reports() -> None:
    text = as_json(
        hashes={"sha256": SHA256.upper(), "md5": "no hash"},
        size=7,
        yanked="broken",
        **{"requires-python": ">=3.11", "upload-time": "2026-11-24T10:00:00Z", "core-metadata": {"sha256": "ab"}},
    )
    (listed,) = read_files(text, f"{JSON_TYPE}; charset=utf-8", URL, "a-b")
    assert listed.url == URL + WHEEL
    assert listed.hashes == (("sha256", SHA256),)
    file = listed.file
    assert (file.filename, file.sha256, file.size, file.yanked) == (WHEEL, SHA256, 7, True)
    assert (file.requires_python, file.uploaded, file.core_metadata) == (">=3.11", "2026-11-24T10:00:00Z", "ab")


def test_an_html_page_is_read_with_its_base_and_attributes() -> None:
    text = f"""<html><head><title>Links for a-b</title><base href="/files/"></head><body>
    <a href="{WHEEL}#sha256={SHA256}" data-requires-python="&gt;=3.11" data-size="7" data-yanked
       data-core-metadata="sha256=ab">{WHEEL}</a>
    <a href="a_b-1.0.exe">an installer</a> <a href="other-1.0.tar.gz">another project</a></body></html>"""
    (listed,) = read_files(text, "text/html", URL, "a-b")
    assert listed.url == f"https://index.example/files/{WHEEL}"
    file = listed.file
    assert (file.sha256, file.size, file.yanked, file.requires_python) == (SHA256, 7, True, ">=3.11")
    assert file.core_metadata == "ab"


@pytest.mark.parametrize("digest", ["", "sha256=xyz", "sha256=abcd"])
def test_a_file_without_a_valid_sha256_is_listed_without_one(digest: str) -> None:
    (listed,) = read_files(f'<title>Links for a-b</title><a href="{WHEEL}#{digest}">x</a>', "text/html", URL, "a-b")
    assert listed.file.sha256 == ""


def test_the_list_of_projects_is_read_from_json_and_html() -> None:
    text = json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": "B_c"}, {"name": "a"}, 3]})
    assert read_names(text, JSON_TYPE, URL) == ["a", "b-c"]
    assert read_names('<title>Simple index</title><a href="b_c/">B_c</a><a href="a/"></a>', "text/html", URL) == [
        "a",
        "b-c",
    ]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ('{"files": [', JSON_TYPE, "returned invalid JSON"),
        ('{"meta": {"api-version": "2.0"}, "files": []}', JSON_TYPE, "not a page of a package index"),
        ("[]", JSON_TYPE, "not a page of a package index"),
        ("<form></form><a href='x'>x</a>", "text/html", "not one of a package index"),
        (f'<title>Links for a-b</title><a href="{WHEEL}">x</a>', "text/plain", "not one of a package index"),
    ],
)
def test_other_pages_are_an_error(text: str, kind: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        read_files(text, kind, URL, "a-b")
