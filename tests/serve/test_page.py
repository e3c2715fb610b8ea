"""The prediction page as an HTTP client sees it."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from tests.serve.browsing import serving
from tests.serve.clients import BROWSER
from tests.serve.made_up_releases import IrisRow, release_of

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model.inputs import Inputs
from seatrial.serve.page import add_page, read_card, render_page
from seatrial.serve.server_settings import Settings


def test_the_page_has_a_strict_content_security_policy(url: str) -> None:
    answer = httpx.get(url, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_other_clients_get_a_health_check_instead_of_the_page(url: str) -> None:
    for headers in ({}, {"accept": "application/json"}):
        answer = httpx.get(url, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert httpx.get(url, headers=BROWSER).headers["vary"] == "Accept"


def test_nothing_in_the_page_is_inline(url: str) -> None:
    text = httpx.get(url, headers=BROWSER).text
    assert "<style" not in text
    assert not re.search(r"<[^>]*\s(style|on\w+)\s*=", re.sub(r"data-model='[^']*'", "", text))
    assert re.findall(r"<script([^>]*)>(.*?)</script>", text, re.S) == [(' type="module" src="assets/try.js"', "")]
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("look.css", "text/css; charset=utf-8"),
        ("try.css", "text/css; charset=utf-8"),
        ("try.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_assets_can_be_cached_by_browsers(url: str, name: str, kind: str) -> None:
    first = httpx.get(f"{url}/assets/{name}")
    assert (first.status_code, first.headers["content-type"]) == (200, kind)
    again = httpx.get(f"{url}/assets/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(f"{url}/assets/{name}").status_code == 200


@pytest.mark.parametrize("name", ["charts.css", "nothing.js", "..%2Ftemplates%2Ftry.html", "../page.py"])
def test_other_files_are_not_served_as_assets(url: str, name: str) -> None:
    assert httpx.get(f"{url}/assets/{name}").status_code == 404


def test_the_page_is_not_in_the_openapi_document(url: str) -> None:
    assert not {"/", "/assets/{name}"} & set(httpx.get(f"{url}/openapi.json").json()["paths"])


def test_a_model_card_is_parsed_into_blocks() -> None:
    card = "# name\n\nOne\ntwo `a|b`.\n\n## Values\n\n| x | y |\n| --- | --- |\n| `1` | a \\| b |\n"
    paragraph, heading, table = read_card(card)
    assert (paragraph.kind, paragraph.text) == ("paragraph", ("One two ", "a|b", "."))
    assert (heading.kind, heading.text) == ("heading", ("Values",))
    assert table.rows == ((("x",), ("y",)), (("", "1", ""), ("a | b",)))


def test_reports_are_linked_and_served_only_where_they_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<style>p {}</style><p>R\u00b2</p>", encoding="utf-8")
    paths = {"Training report": str(tmp_path / "report.html"), "Trial": str(tmp_path / "trial.html")}

    def app(keys: str = "") -> FastAPI:
        made = FastAPI(openapi_url=None)
        service = SimpleNamespace(release=release_of(IrisRow), settings=Settings(keys_text=keys))
        add_page(made, service)  # type: ignore[arg-type]
        return made

    with serving(app()) as deployed:
        assert "reports/" not in httpx.get(deployed, headers=BROWSER).text
    monkeypatch.setenv("SEATRIAL_REPORTS", json.dumps(paths))
    with serving(app(render_keys([make_key("web", ["predict"])[0]]))) as locked:  # a link carries no key
        assert "reports/" not in httpx.get(locked).text
    with serving(app()) as local:
        links = re.findall('href="(reports/.*?)">(.*?)<', httpx.get(local, headers=BROWSER).text)
        assert links == [("reports/training-report", "Training report")]
        report = httpx.get(f"{local}/reports/training-report")
        others = [httpx.get(f"{local}/reports/{name}").status_code for name in ("trial", "report.html", "..%2Fx")]
    assert "R\u00b2" in report.text
    assert report.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert others == [404] * 3


def test_columns_that_the_model_does_not_use_come_last() -> None:
    release = release_of(IrisRow, inputs=Inputs(("elements", "submit", "soil", "tags"), ()))
    text = render_page(release, Settings())
    assert text.index("but not used by this model") < text.index(">Flag<")
    assert text.index(">Tags<") < text.index("but not used by this model")
