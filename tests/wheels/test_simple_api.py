"""The pages of an index: read back as written, whatever the names and versions."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.core.errors import SeatrialError
from seatrial.wheels.simple_api import IndexedFile, parse_filename, project_html, read_page

VERSIONS = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(rc1|\.dev2|\+[0-9]\.h[0-9a-f]{4})?", fullmatch=True)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
FILES = st.builds(
    IndexedFile,
    filename=st.one_of(VERSIONS.map(lambda v: f"a_b-{v}-py3-none-any.whl"), VERSIONS.map(lambda v: f"a_b-{v}.tar.gz")),
    sha256=HASHES,
    size=st.integers(0, 10**12),
    uploaded=st.sampled_from(["", "2026-11-24T10:00:00Z"]),
    requires_python=st.sampled_from([None, ">=3.11", ">=3.8,<4", '!=3.9.*,>="3"']),
    core_metadata=st.one_of(st.none(), HASHES),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(FILES, max_size=5))
def test_a_page_is_read_back_as_it_was_written(tmp_path: Path, files: list[IndexedFile]) -> None:
    page = tmp_path / "index.html"
    page.write_text(project_html("a-b", files), encoding="utf-8")
    assert read_page(page) == files


@pytest.mark.parametrize(
    "link",
    [
        '<a href="a-1.0.tar.gz">no hash</a>',
        '<a href="a-1.0.tar.gz#md5=00">another hash</a>',
        f'<a href="../a-1.0.tar.gz#sha256={"0" * 64}">elsewhere</a>',
        f'<a href="%2e%2e%2fa-1.0.tar.gz#sha256={"0" * 64}">elsewhere, quoted</a>',
        f'<a href="a-1.0.exe#sha256={"0" * 64}">neither wheel nor sdist</a>',
        "<a>nothing</a>",
    ],
)
def test_a_page_with_an_untrusted_link_is_refused(tmp_path: Path, link: str) -> None:
    page = tmp_path / "index.html"
    page.write_text(f"<html><body>{link}</body></html>")
    with pytest.raises(SeatrialError):
        read_page(page)


@pytest.mark.parametrize(
    "name", ["a" * 101, "_", "..", "a\u0131", "-a"], ids=["too long", "empty", "dots", "not ASCII", "hyphen"]
)
def test_a_name_whose_page_could_not_be_read_is_refused(name: str) -> None:
    for filename in (f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.tar.gz"):
        with pytest.raises(SeatrialError, match="file name of a wheel or an sdist"):
            parse_filename(filename)
    assert parse_filename(f"{'a' * 100}-1.0-py3-none-any.whl")[0] == "a" * 100
