"""The site builds without a warning, loads nothing from other hosts, and works in a browser, small or large, dark or light."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.docs.scenarios import DOCS, ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Hosts that the theme's script would load from if a page used the feature; ours do not, as the browser test shows:
# a ResizeObserver polyfill, image zoom, diagrams, a Python editor, a repository's statistics.
DORMANT = {"unpkg.com", "cdn.jsdelivr.net", "api.github.com"}
NAMESPACES = {"www.w3.org"}  # never loaded
LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site in a copy that contains nothing else."""
    shutil.copytree(DOCS, folder / "docs", dirs_exist_ok=True)
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [Path(sys.executable).parent / "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    return folder / "site"


def test_every_page_is_built_and_in_the_navigation(site: Path):
    pages = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")}
    there = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert there == pages | {"404.html"}
    index = (site / "index.html").read_text("utf-8")
    assert {page for page in pages if f'href="./{page}"' not in index and f'href="{page}"' not in index} == set()


def test_a_broken_link_fails_the_build(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    done = built(tmp_path)
    assert done.returncode == 0
    (tmp_path / "docs" / "start.md").write_text("# Start\n\nTo [nowhere](nowhere.md).\n")
    command = [Path(sys.executable).parent / "zensical", "build", "--clean", "--strict"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


class Loads(HTMLParser):
    """Collects what a page makes a browser load by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "link" and not {"prev", "next", "canonical"} & set((attributes.get("rel") or "").split()):
            self.found.append(attributes.get("href") or "")
        if tag in LOADING:
            self.found.append(attributes.get(LOADING[tag]) or "")


def loads(path: Path) -> list[str]:
    """Return the URLs on other hosts that a built file makes a browser load; for a script, any host that it names."""
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        parser = Loads()
        parser.feed(text)
        named = [*parser.found, *re.findall(r"@import\s+[\"']([^\"']+)", text), *re.findall(r"url\(([^)]+)\)", text)]
    elif path.suffix == ".css":
        named = [*re.findall(r"@import\s+(?:url\()?[\"']?([^\"')]+)", text), *re.findall(r"url\(([^)]+)\)", text)]
    else:
        hosts = re.findall(r"(?:https?|wss?)://([a-z0-9][a-z0-9.-]+\.[a-z]+)", text)
        return sorted(set(hosts) - DORMANT - NAMESPACES)
    return [address for address in named if re.match(r"[\"']?(?:[a-z]+:)?//", address)]


def test_nothing_is_loaded_from_another_host(site: Path):
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js")]
    assert len(files) > 12
    assert {path.name: found for path in files if (found := loads(path))} == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>'),
        ("b.html", '<link rel="stylesheet" href="//fonts.example/css">'),
        ("c.html", '<p><img alt="" src="http://pictures.example/x.png"></p>'),
        ("d.css", '@import url("https://fonts.example/css");'),
        ("e.css", "body { background: url(https://pictures.example/x.png) }"),
        ("f.js", 'fetch("https://count.example/")'),
    ],
)
def test_a_load_from_another_host_is_found(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    assert loads(tmp_path / name)


# ---- In a browser ----------------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.soak
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_site_is_usable_in_a_browser_without_a_network(site: Path, address: str):
    from playwright.sync_api import sync_playwright

    pages = [path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html"]
    requested: list[str] = []
    errors: list[str] = []
    colours = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for scheme, width in (("light", 1280), ("dark", 390)):
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            page.on("request", lambda request: requested.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
            for name in pages if width < 1280 else pages[:5]:  # what fits a phone fits
                page.goto(f"{address}/{name}")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    errors.append(f"{name} is wider than {width} px")
            colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.keyboard.press("Control+k")
        page.wait_for_function("document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'")
        page.keyboard.type("rollback", delay=20)
        page.locator("a:visible", has_text=re.compile(r"rollback\s+TARGET")).first.wait_for(timeout=10_000)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/reference/(commands|python)\.html\?.*rollback"))
        page.goto(f"{address}/start.html")
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent.trim()")
        browser.close()
    assert [url for url in requested if not url.startswith(address)] == []
    assert errors == []
    assert first == "Skip to content"
    light, dark = (sum(map(float, re.findall(r"[\d.]+", colours[scheme])[:3])) for scheme in ("light", "dark"))
    assert light > 700
    assert dark < 200
