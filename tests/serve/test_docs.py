"""The documentation works without a network, in a real browser too."""

import re
import shutil
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest
from tests.serve.serving import threaded

from seatrial.model import Release
from seatrial.serve import create_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


@pytest.fixture(scope="module")
def url(titanic: Release) -> Iterator[str]:
    with threaded(create_app(titanic)) as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/"])
def test_pages_name_nothing_outside_and_all_they_name_is_there(url: str, path: str) -> None:
    page = httpx.get(url + path)
    assert page.status_code == 200
    named = re.findall(r"""(?:href|src|url|spec-url)\s*[=:]\s*["']([^"'#]+)["']""", page.text)
    assert len(named) >= 2
    for name in named:
        whole = urljoin(url + path, name)
        assert whole.startswith(url + "/"), name
        assert httpx.get(whole).status_code == 200, name
    assert not re.search(r"https?://(?!www\.w3\.org)", page.text)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(
    ("path", "there"), [("/docs", ".opblock-summary-path"), ("/redoc", "[data-section-id*=operation]")]
)
def test_the_documentation_in_a_browser(url: str, path: str, there: str) -> None:
    from playwright.sync_api import sync_playwright

    told: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("requestfailed", lambda request: told.append(f"failed: {request.url}"))
        page.on(
            "request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else told.append(asked.url)
        )
        page.on("response", lambda answer: told.append(answer.url) if answer.status >= 400 else None)
        page.goto(url + path)
        page.wait_for_selector(there)
        page.wait_for_load_state("networkidle")
        content = page.inner_text("body")
        if path == "/docs":
            for operation in ("/api/v1/predict", "/api/v1/explain", "/api/v1/model", "/health", "/ready"):
                assert operation in content
            page.click(".opblock-summary-path[data-path='/api/v1/predict']")
            page.click("text=Try it out")
            page.click("text=Execute")
            page.wait_for_selector(".live-responses-table tbody .response-col_status")
            assert "200" in page.inner_text(".live-responses-table tbody .response-col_status")
            assert "titanic-model" in page.inner_text(".live-responses-table")
        assert "titanic-model" in content
        browser.close()
    assert told == []
