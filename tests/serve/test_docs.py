"""The API documentation works without a network, also in a real browser."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from tests.serve.browsing import browser_test
from tests.serve.clients import BROWSER, threaded

from seatrial.model import Release
from seatrial.serve import create_app


@pytest.fixture(scope="module")
def url(titanic: Release) -> Iterator[str]:
    with threaded(create_app(titanic)) as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/"])
def test_pages_link_only_to_files_of_the_same_server(url: str, path: str) -> None:
    page = httpx.get(url + path, headers=BROWSER)
    assert page.status_code == 200
    links = re.findall(r"""(?:href|src|url|spec-url)\s*[=:]\s*["']([^"'#]+)["']""", page.text)
    assert len(links) >= 2
    for link in links:
        target = urljoin(url + path, link)
        assert target.startswith(url + "/"), link
        assert httpx.get(target).status_code == 200, link
    assert not re.search(r"https?://(?!www\.w3\.org)", page.text)


@browser_test
@pytest.mark.parametrize(
    ("path", "selector"), [("/docs", ".opblock-summary-path"), ("/redoc", "[data-section-id*=operation]")]
)
def test_the_documentation_works_in_a_browser(visit: Any, url: str, path: str, selector: str) -> None:
    problems: list[str] = []
    page = visit().page
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("request", lambda sent: None if sent.url.startswith((url, "data:", "blob:")) else problems.append(sent.url))
    page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 else None)
    page.emulate_media(color_scheme="dark")
    page.goto(url + path)
    page.wait_for_selector(selector)
    assert page.get_by_role("link", name="Prediction page").evaluate("link => link.href") == f"{url}/"
    page.wait_for_load_state("networkidle")
    content = page.inner_text("body")
    if path == "/docs":
        background = "getComputedStyle(document.documentElement).backgroundColor"
        assert sum(map(int, re.findall(r"\d+", page.evaluate(background))[:3])) < 150
        page.emulate_media(color_scheme="light")
        page.wait_for_selector("html:not(.dark-mode)")
        for operation in ("/api/v1/predict", "/api/v1/explain", "/api/v1/model", "/health", "/ready"):
            assert operation in content
        page.click(".opblock-summary-path[data-path='/api/v1/predict']")
        page.click("text=Try it out")
        page.click("text=Execute")
        page.wait_for_selector(".live-responses-table tbody .response-col_status")
        assert "200" in page.inner_text(".live-responses-table tbody .response-col_status")
        assert "titanic-model" in page.inner_text(".live-responses-table")
    assert "titanic-model" in content
    assert problems == []
