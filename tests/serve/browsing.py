"""What the tests of pages in a real browser share."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


def browser_test(test: Any) -> Any:
    return pytest.mark.browser(pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")(test))


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Run an application on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


class Visit:
    """A page in its own browser context, with its console messages, failed requests and all requests."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.messages: list[str] = []
        self.failed: list[str] = []
        self.requested: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("requestfailed", lambda request: self.failed.append(request.url))
        page.on("request", lambda request: self.requested.append(request.url))

    def open(self, url: str) -> Any:
        self.page.goto(url)
        self.page.wait_for_selector("#result[data-state=fresh]")
        return self.page


def settled(page: Any, change: Callable[[], Any]) -> dict[str, Any]:
    """Make a change that calls the server, wait until the response is shown, and return it."""
    with page.expect_response(lambda response: response.url.endswith("/explain")) as caught:
        change()
    answer: dict[str, Any] = caught.value.json()
    page.wait_for_selector("#result[data-state=fresh]")
    return answer


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true. Playwright's own function needs eval, which the page's policy forbids."""
    deadline = time.monotonic() + 8
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


def shown(page: Any) -> str:
    """The headline of the prediction: "survived 93 %"."""
    return " ".join(page.locator("#prediction .headline span").all_inner_texts()).replace("\xa0", " ")


def percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"


# Texts with a contrast below WCAG's 4.5 (3 where large) against the first opaque background behind them.
LOW_CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return parts(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || !element.checkVisibility() || element.tagName === "OPTION") continue;
    const [a, b] = [light(style.color), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) low.push([element.textContent, ratio]);
  }
  return low;
}"""


UNNAMED = """() => [...document.querySelectorAll("input, select, textarea, button, a, summary, [role=radiogroup]")]
  .filter((element) => {
    const labelled = (element.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
    const texts = [element.textContent, element.getAttribute("aria-label"),
      ...[...(element.labels ?? [])].map((label) => label.textContent),
      ...labelled.map((id) => document.getElementById(id)?.textContent)];
    return element.checkVisibility() && !texts.some((text) => text?.trim());
  }).map((element) => element.outerHTML)"""


DANGLING = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  const refer = [...document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for], a[href^='#']")]
    .flatMap((element) => ["aria-describedby", "aria-labelledby", "for", "href"]
      .flatMap((name) => (element.getAttribute(name) ?? "").split(" "))
      .filter((id, i) => id && !id.includes("docs")).map((id) => id.replace("#", "")));
  return [...twice, ...refer.filter((id) => !ids.includes(id))];
}"""
