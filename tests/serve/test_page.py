"""The prediction page, in a browser and with an HTTP client."""

import csv
import datetime as dt
import io
import itertools
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import Field, create_model

from seatrial import Schema
from seatrial.model import Release
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.model.schema import columns_of
from seatrial.serve import create_app
from seatrial.serve.page import add_page, read_card, render_page
from seatrial.serve.server_settings import Settings

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
NASTY = "<img src=x onerror=\"document.title='hacked'\"> & 'x' </form><script>document.title='hacked'</script>"
LONG = "How_satisfied_are_you_" * 8


def browser_test(test: Any) -> Any:
    return pytest.mark.browser(pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")(test))


# ---- Servers and browsers --------------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def url(titanic: Any) -> Iterator[str]:
    with serving(create_app(titanic)) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


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


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def new(**options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        context.set_default_timeout(8_000)
        contexts.append(context)
        return Visit(context.new_page())

    yield new
    for context in contexts:
        context.close()


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


# ---- What an HTTP client sees ----------------------------------------------------------------------------------------


def test_the_page_has_a_strict_content_security_policy(url: str) -> None:
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_nothing_in_the_page_is_inline(url: str) -> None:
    text = httpx.get(url).text
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


# ---- What a browser user sees -----------------------------------------------------------------------------------------


@browser_test
def test_the_page_loads_only_from_its_own_server_without_errors(visit: Any, url: str) -> None:
    visited = visit()
    page = visited.open(url)
    page.wait_for_load_state("networkidle")
    assert visited.messages == []
    assert visited.failed == []
    assert len(visited.requested) >= 5
    assert all(requested.startswith(f"{url}/") for requested in visited.requested)


@browser_test
def test_it_starts_with_the_example_and_its_prediction(visit: Any, url: str, titanic: Any) -> None:
    page = visit().open(url)
    assert page.get_by_label("Name").input_value() == "Marsh, Miss. Ada"
    assert page.get_by_label("Age", exact=True).input_value() == "8"
    assert page.get_by_label("female", exact=True).is_checked()
    prediction = titanic.predict(titanic.metadata.example)[0]
    likeliest = prediction["probabilities"][str(prediction["prediction"])]
    assert shown(page) == f"{titanic.metadata.label(prediction['prediction'])} {percent(likeliest)}"
    assert page.locator("h1").inner_text() == titanic.metadata.description
    assert "ROC AUC" in page.locator(".lead").inner_text()


@browser_test
def test_the_page_can_be_used_with_the_keyboard_alone(visit: Any, url: str) -> None:
    page = visit().open(url)
    before = shown(page)
    page.get_by_label("Class").get_by_label("2").focus()
    settled(page, lambda: page.keyboard.press("ArrowRight"))
    assert page.get_by_label("3", exact=True).is_checked()
    page.keyboard.press("Tab")  # name
    page.keyboard.press("Tab")  # sex
    settled(page, lambda: page.keyboard.press("ArrowRight"))
    assert page.get_by_label("male", exact=True).is_checked()
    page.keyboard.press("Tab")  # age
    page.keyboard.press("Control+A")
    settled(page, lambda: page.keyboard.type("40"))
    assert shown(page) != before
    assert shown(page).startswith("died")
    until(page, "document.activeElement.matches(':focus-visible')")


@browser_test
def test_a_value_out_of_range_is_reported_at_its_field_until_it_is_corrected(visit: Any, url: str) -> None:
    page = visit().open(url)
    before = shown(page)
    age = page.get_by_label("Age", exact=True)
    age.fill("-5")
    page.wait_for_selector("[aria-invalid=true]")
    described = " ".join(
        page.locator(f"#{name}").inner_text() for name in age.get_attribute("aria-describedby").split()
    )
    assert "greater than or equal to 0" in described
    assert shown(page) == before
    assert page.locator("#result").get_attribute("data-state") == "stale"
    until(page, "Number(getComputedStyle(document.getElementById('prediction')).opacity) < 0.6")
    assert "Please correct: Age." in page.locator("#trouble").inner_text()
    settled(page, lambda: age.fill("8"))
    assert page.locator("[aria-invalid=true]").count() == 0
    assert page.locator(".error:visible").count() == 0
    assert page.locator("#trouble").is_hidden()


@browser_test
def test_a_value_that_training_never_saw_is_predicted_and_named(visit: Any, url: str) -> None:
    page = visit().open(url)
    before = shown(page)
    age = page.get_by_label("Age", exact=True)
    settled(page, lambda: age.fill("99"))
    assert shown(page) != before
    assert page.locator("#unseen").inner_text() == "Never seen in training: Age. The prediction may be wrong."
    assert page.locator(".field .unseen:visible").all_inner_texts() == ["Above 80, the largest value in training."]
    settled(page, lambda: age.fill("8"))
    assert page.locator(".unseen:visible").count() == 0


@browser_test
def test_an_empty_field_means_unknown(visit: Any, url: str) -> None:
    page = visit().open(url)
    answer = settled(page, lambda: page.get_by_label("Age", exact=True).fill(""))
    (age,) = [part for part in answer["explanation"]["contributions"] if part["column"] == "age"]
    assert age["value"] is None
    settled(page, lambda: page.get_by_label("Embarked at").get_by_label("unknown").check())
    assert '"embarked":null' in page.locator("#code").inner_text()


@browser_test
def test_displayed_contributions_add_up_to_the_difference(visit: Any, url: str) -> None:
    page = visit().open(url)

    def number(text: str) -> float:
        return float(re.search(r"[+\u2212]?[\d.]+", text)[0].replace("\u2212", "-"))  # type: ignore[index]

    ends = [number(text) for text in page.locator("#why-ends strong").all_inner_texts()]
    shares = [number(text) for text in page.locator("#shares .share > .number").all_inner_texts()]
    together = number(page.locator("#shares .sum .number").inner_text())
    assert together == pytest.approx(ends[1] - ends[0], abs=0.11)
    assert sum(shares) == pytest.approx(together, abs=0.06 * len(shares))
    assert [abs(share) for share in shares] == sorted(map(abs, shares), reverse=True)
    settled(page, lambda: page.get_by_role("button", name="Typical").click())
    assert "the same as for a typical passenger" in page.locator("#why-ends").inner_text()
    assert page.locator("#shares .share").count() == 0


@browser_test
def test_an_empty_form_asks_for_the_required_fields(visit: Any, url: str) -> None:
    visited = visit()
    page = visited.open(url)
    page.get_by_role("button", name="Empty").click()
    assert "Please fill in: Class, Name, Sex." in page.locator("#trouble").inner_text()
    assert page.locator("[aria-invalid=true]").count() == 0
    page.get_by_label("1", exact=True).check()
    page.get_by_label("Name").fill("Astor, Mrs. John Jacob")
    answer = settled(page, lambda: page.get_by_label("female", exact=True).check())
    assert shown(page).endswith(percent(max(answer["probabilities"][0].values())))
    assert page.locator("#trouble").is_hidden()


@browser_test
def test_a_late_response_never_replaces_a_newer_one(visit: Any, url: str) -> None:
    page = visit().open(url)
    delayed = []

    def delay_the_first(route: Any) -> None:
        if delayed:
            route.continue_()
        else:
            delayed.append(route)

    page.route("**/explain", delay_the_first)
    page.get_by_label("Age", exact=True).fill("80")
    while not delayed:
        page.wait_for_timeout(20)
    answer = settled(page, lambda: page.get_by_label("Age", exact=True).fill("2"))
    newest = shown(page)
    delayed[0].fulfill(json={**answer, "predictions": [0], "probabilities": [{"0": 0.99, "1": 0.01}]})
    page.wait_for_timeout(300)
    assert shown(page) == newest


@browser_test
def test_the_old_prediction_is_dimmed_while_a_response_is_slow(visit: Any, url: str) -> None:
    page = visit().open(url)
    delayed: list[Any] = []
    page.route("**/explain", lambda route: delayed.append(route))  # noqa: PLW0108 - Playwright asks for its signature
    page.get_by_label("Age", exact=True).fill("80")
    page.wait_for_selector("#result[data-state=stale]")
    assert page.locator("#trouble").is_hidden()
    settled(page, delayed[0].continue_)


@browser_test
def test_an_unreachable_server_is_reported_and_retried(visit: Any, url: str) -> None:
    page = visit().open(url)
    before = shown(page)
    page.route("**/explain", lambda route: route.abort())
    page.get_by_label("Age", exact=True).fill("50")
    page.wait_for_selector("#trouble:visible")
    assert "cannot be reached" in page.locator("#trouble").inner_text()
    assert shown(page) == before
    page.unroute("**/explain")
    settled(page, lambda: page.get_by_role("button", name="Try again").click())
    assert page.locator("#trouble").is_hidden()


@browser_test
def test_the_row_is_in_the_url_fragment_and_in_no_request_url(visit: Any, url: str) -> None:
    visited = visit()
    page = visited.open(url)
    settled(page, lambda: page.get_by_label("Age", exact=True).fill("61"))
    until(page, "location.hash.includes('age=61')")
    answer = shown(page)
    other = visit()
    again = other.open(page.url)
    assert again.get_by_label("Age", exact=True).input_value() == "61"
    assert shown(again) == answer
    assert not any("61" in requested.removeprefix(url) for requested in visited.requested + other.requested)
    settled(again, lambda: again.get_by_role("button", name="Example").click())
    until(again, "location.hash === ''")


@browser_test
@pytest.mark.parametrize("damaged", ["#age=x&nothing=1", "#sex=%22other%22", "#age=%7B%7D", "#card", "#%", "#pclass="])
def test_an_invalid_url_fragment_does_no_harm(visit: Any, url: str, damaged: str) -> None:
    visited = visit()
    visited.page.goto(url + "/" + damaged)
    visited.page.wait_for_selector("#result[data-state=fresh], #trouble:visible")
    assert [message for message in visited.messages if "422" not in message] == []


@browser_test
def test_the_code_examples_contain_the_current_row(visit: Any, url: str, titanic: Any) -> None:
    visited = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visited.open(url)
    settled(page, lambda: page.get_by_label("Name").fill('O\'Brien, "Mr." T'))
    code = page.locator("#code")
    text = code.inner_text()
    assert f"curl {url}/api/v1/predict" in text
    quoted = re.search(r"-d '(.*)'$", text, re.S)[1].replace("'\\''", "'")  # type: ignore[index]
    assert json.loads(quoted)["name"] == 'O\'Brien, "Mr." T'
    page.get_by_label("Python package").check()
    assert f"pip install --no-deps --index-url URL_OF_YOUR_INDEX titanic-model=={titanic.version}" in code.inner_text()
    compile(code.inner_text(), "call", "exec")
    page.get_by_label("Python", exact=True).check()
    printed: list[Any] = []
    exec(code.inner_text(), {"print": printed.append})
    assert printed[0]["predictions"]
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("#copy:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == code.inner_text()


@browser_test
def test_without_a_clipboard_the_code_is_selected(visit: Any, url: str) -> None:
    page = visit().open(url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("#copy:text('Selected')")
    assert page.evaluate("String(getSelection())").startswith("curl ")


@browser_test
@pytest.mark.parametrize("width", [360, 390, 768, 928])
def test_nothing_is_wider_than_the_screen(visit: Any, url: str, width: int) -> None:
    page = visit(viewport={"width": width, "height": 800}).open(url)
    page.get_by_role("link", name="Model card").click()
    assert page.locator("#card").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@browser_test
def test_the_prediction_stays_visible_on_a_phone(visit: Any, url: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open(url)
    page.get_by_label("Fare").scroll_into_view_if_needed()
    settled(page, lambda: page.get_by_label("Fare").fill("300"))
    box = page.locator("#glance").bounding_box()
    assert 0 <= box["y"] < 100
    assert page.locator("#glance .word").inner_text() in shown(page)


@browser_test
def test_light_and_dark_mode_have_enough_contrast(visit: Any, url: str) -> None:
    papers = []
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme).open(url)
        papers.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(LOW_CONTRAST) == []
    assert luminance(papers[0]) > 0.8
    assert luminance(papers[1]) < 0.1


def luminance(colour: str) -> float:
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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


@browser_test
def test_every_control_has_a_label_and_every_reference_a_target(visit: Any, url: str) -> None:
    page = visit().open(url)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(DANGLING) == []


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


@browser_test
def test_a_curve_shows_other_values_of_a_number(visit: Any, url: str, titanic: Any) -> None:
    visited = visit()
    page = visited.open(url)
    assert not any("what_if" in requested or "csv" in requested for requested in visited.requested)
    page.locator("#what-if summary").press("Enter")
    page.wait_for_selector("#curve svg")
    example = titanic.metadata.example
    low, high = titanic.metadata.seen["age"]["range"]
    ends = titanic.predict([{**example, "age": low}, {**example, "age": high}])
    rows = page.locator("#curve tbody tr").all_text_contents()
    page.get_by_label("The prediction for other values of").select_option("age")
    until(page, "document.querySelector('#curve svg').textContent.includes('Age (years)')")
    rows = page.locator("#curve tbody tr").all_text_contents()
    texts = [row.replace("\xa0", " ") for row in (rows[0], rows[-1])]
    assert texts == [
        f"{low:.4g} years{percent(ends[0]['probabilities']['1'])}",
        f"80 years{percent(ends[1]['probabilities']['1'])}",
    ]
    label = page.locator("#curve svg").get_attribute("aria-label")
    assert "probability of \u201csurvived\u201d is lowest" in label
    assert "The dot is this row, at 8\xa0years." in label
    page.get_by_label("Age", exact=True).fill("40")
    until(page, "document.querySelector('#curve svg').getAttribute('aria-label').includes('at 40')")
    assert page.evaluate(LOW_CONTRAST) == []
    assert page.evaluate(UNNAMED) == []
    assert visited.messages == []


FILE = '''pclass;name;sex;age;sibsp;parch;fare;cabin;embarked;prediction;note
2;"Müller, Frau ""Änne""";female;7,5;0;2;26,25;;S;old;=1+1
9;B;male;-5;0;0;5;;S;old;"two
lines"
3;C;male;1.234;0;0;5;;S;old;-5
1;D;male;99;0;0;5;;S;old;+49 30
1;E
'''


@browser_test
def test_a_file_is_predicted_on_the_page(visit: Any, url: str, titanic: Any, tmp_path: Path) -> None:
    visited = visit()
    page = visited.open(url)
    page.locator("#file summary").press("Enter")
    page.wait_for_selector("#batch-file")
    page.set_input_files("#batch-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")})
    page.wait_for_selector("#batch a[download]")
    status = page.locator("#batch [role=status]").inner_text()
    assert status == "a.csv: 2 rows were predicted, 3 rows were refused, 1 row has values that training never saw."
    assert page.locator("#batch .causes li").all_inner_texts() == [
        "pclass: Input should be 1, 2 or 3 (1 row): line 3 (9)",
        "age: Input should be greater than or equal to 0 (1 row): line 3 (-5)",
        "age: Its point may separate thousands or decimals (1 row): line 5 (1.234)",
        "The row has 2 cells, the header has 11 (1 row): line 7",
    ]
    assert page.locator("#batch tbody tr").count() == 5
    with page.expect_download() as download:
        page.locator("#batch a[download]").click()
    assert download.value.suggested_filename == "a-predictions.csv"
    text = Path(download.value.path()).read_text("utf-8-sig")
    first, second, third, fourth, fifth = csv.DictReader(io.StringIO(text), delimiter=";")
    row = {"pclass": 2, "name": 'Müller, Frau "Änne"', "sex": "female", "age": 7.5, "sibsp": 0, "parch": 2}
    (predicted,) = titanic.predict([{**row, "ticket": None, "fare": 26.25, "cabin": None, "embarked": "S"}])
    assert (first["name"], first["input_prediction"], first["note"]) == ('Müller, Frau "Änne"', "old", "'=1+1")
    assert first["prediction"] == str(predicted["prediction"])
    assert float(first["probability_1"].replace(",", ".")) == predicted["probabilities"]["1"]
    assert (second["note"], second["prediction"]) == ("two\nlines", "")
    assert second["warnings"].startswith("refused: pclass '9': Input should be 1, 2 or 3; refused: age '-5': ")
    assert (third["note"], fourth["note"]) == ("-5", "'+49 30")
    assert fourth["warnings"] == "age: Above 80, the largest value in training"
    assert fifth["warnings"] == "refused: The row has 2 cells, the header has 11"
    wrong = {"name": "b.csv", "mimeType": "text/csv", "buffer": b"Pclass,name,sex\n1,a,female\n"}
    page.set_input_files("#batch-file", wrong)
    until(page, "document.querySelector('#batch [role=status]').textContent.includes('Rename \u201cPclass\u201d.')")
    assert page.locator("#batch table, #batch a[download]").count() == 0


@browser_test
def test_csv_is_read_and_written_as_spreadsheets_do(visit: Any, url: str) -> None:
    page = visit().open(url)
    assert page.evaluate(CSV_CASES) == {
        "sep": [["a", "b"], ["1", "x;y"]],
        "comma": [["a", "b"], ["1,5", ""]],
        "unclosed": "The quote that opens in line 2 is never closed.",
        "twice": "The file has two columns named \u201ca\u201d. Rename one of them.",
        "workbook": "This is a workbook or a zip file. Save the table as CSV, and choose that file.",
        "numbers": [1.5, 1.5, None, -1e3, None, None],
        "doubt": "Its comma may separate thousands or decimals",
        "written": '\'=1;-5;+1.5e3;\'@a;\'-1+1;"a;""b""";"\'\tx"\n',
    }


CSV_CASES = """async () => {
  const csv = await import("./assets/csv.js");
  const refused = (act) => { try { return act(); } catch (error) { return error.message; } };
  const table = (text) => csv.readTable(text, new Map([["a"], ["b"]]));
  const cells = (text) => [table(text).columns, table(text).records[0].cells];
  const read = (cell, separator, commas) => csv.readNumber(cell, separator, commas) ?? null;
  return {
    sep: cells('sep=;\\na;b\\n1;"x;y"\\n'),
    comma: cells('a;b\\r\\n1,5;\\r\\n'),
    unclosed: refused(() => cells('a,b\\n1,"x')),
    twice: refused(() => cells('a,a\\n1,2')),
    workbook: refused(() => csv.decode(new Uint8Array([0x50, 0x4b, 3, 4]))),
    numbers: [read("1,5", ";", true), read(" 1.5 ", ",", false), read("1,5", ",", false), read("-1e3", ",", false),
      read("1 000", ",", false), read("9007199254740993", ",", false)],
    doubt: refused(() => read("1,234", ";", false)),
    written: csv.writeRecord(["=1", "-5", "+1.5e3", "@a", "-1+1", 'a;"b"', "\\tx"], ";").text,
  };
}"""


@browser_test
def test_there_is_no_motion_for_readers_who_prefer_none(visit: Any, url: str) -> None:
    page = visit(reduced_motion="reduce").open(url)
    moving = "[...document.querySelectorAll('*')].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0)"
    assert page.evaluate(f"{moving}.length") == 0


@browser_test
def test_without_javascript_the_page_explains_what_to_do(visit: Any, url: str) -> None:
    page = visit(java_script_enabled=False).page
    page.goto(url)
    assert "POST /api/v1/predict" in page.locator("noscript").inner_text()


# ---- Other models ----------------------------------------------------------------------------------------------------


def release_of(schema: type[Schema], **facts: Any) -> Release:
    """A release with only a schema and metadata, which is all that the page reads."""
    columns = columns_of(schema)
    example = {column.name: column.example for column in columns}
    known = {"name": "tiny-model", "task": "binary", "target": "target", "engine": "onnx", "classes": (0, 1)}
    inputs = Inputs(tuple(example), ())
    metadata = Metadata(**{**known, "inputs": inputs, "typical": example, "example": example, "positive": 1, **facts})
    release = Release("tiny_model")
    parts = {
        "version": "1.0.0",
        "metadata": metadata,
        "card": f"# x\n\n{NASTY}\n\n| {NASTY} |\n| --- |\n| `{NASTY}` |\n",
        "schema": schema,
        "features": (),
    }
    vars(release).update(parts)  # otherwise loaded on first use
    return release


@contextmanager
def fake_server(visited: Visit, release: Any, answer: dict[str, Any]) -> Iterator[Any]:
    """Serve the page of a release without a model; the response is always the same."""
    app = FastAPI(openapi_url=None)
    add_page(app, SimpleNamespace(release=release, settings=Settings()))  # type: ignore[arg-type]
    visited.page.route("**/explain", lambda route: route.fulfill(json=answer))
    with serving(app) as url:
        yield visited.open(url)


class IrisRow(Schema):
    """Everything that could break a page."""

    elements: float = Field(title=NASTY, description=NASTY, examples=[1.5], json_schema_extra={"unit": "<b>cm</b>"})
    submit: Literal["<i>", "b'\"&"] = Field(title=LONG, examples=["b'\"&"])
    flag: bool | None = Field(None, examples=[True])
    soil: Literal["sand", "clay", "loam", "peat", "chalk", "silt"] | None = Field(None, examples=["peat"])
    tags: list[int] = Field([], examples=[[1, 2]])


IRIS = {
    "predictions": [NASTY],
    "probabilities": [{NASTY: 0.7, "b": 0.2, "c": 0.1}],
    "explanation": {
        "label": NASTY,
        "value": 0.7,
        "typical_value": 0.2,
        "contributions": [{"column": "elements", "value": 1.5, "typical": 1.0, "contribution": 0.5}],
    },
}


@browser_test
@pytest.mark.parametrize("width", [360, 1400])
def test_texts_of_a_model_are_never_interpreted_as_markup(visit: Any, width: int) -> None:
    visited = visit(viewport={"width": width, "height": 800})
    facts = {"task": "multiclass", "classes": (NASTY, "b", "c"), "positive": None, "description": NASTY}
    with fake_server(visited, release_of(IrisRow, **facts), IRIS) as page:
        assert page.title() == NASTY
        assert page.locator("h1").inner_text() == NASTY
        assert page.locator("img, b, i, form script").count() == 0
        assert page.locator(".classes li").count() == 3
        assert page.locator(".classes .chosen").inner_text().startswith(NASTY)
        assert '"submit":"b\'\\\'\'\\"&","flag":true,"soil":"peat","tags":[1,2]' in page.locator("#code").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.locator("summary", has_text="Model card").click()
        assert page.locator("#card code").inner_text() == NASTY
        page.get_by_label("Tags").fill("[1,")
        page.wait_for_selector("text=This is not valid JSON.")
        assert visited.messages == []


@browser_test
def test_a_regression_has_a_value_and_no_percent(visit: Any) -> None:
    schema = create_model("HouseSale", __base__=Schema, area=(float, Field(gt=0, examples=[120.5])))
    part = {"column": "area", "value": 120.5, "typical": 95.0, "contribution": -1250.25}
    explanation = {"label": None, "value": 250_000.4, "typical_value": 251_250.65, "contributions": [part]}
    answer = {"predictions": [250_000.4], "explanation": explanation}
    facts = {"task": "regression", "target": "sale_price", "classes": (), "positive": None}
    with fake_server(visit(), release_of(schema, **facts), answer) as page:
        assert shown(page) == "sale price 250,000"
        assert "251,251 for a typical house sale" in page.locator("#why-ends").inner_text()
        assert "\u22121,250" in page.locator("#shares .share").inner_text()
        assert "%" not in page.locator("#result").inner_text()


class Flight(Schema):
    """Open categories."""

    carrier: Literal["AA", "DL"] | str = Field(examples=["AA"])
    gate: Literal[1, 2] | int | None = Field(None, examples=[2])


@browser_test
def test_an_open_category_offers_its_values_and_takes_another(visit: Any) -> None:
    with fake_server(
        visit(),
        release_of(Flight, classes=("a", "b", "c"), task="multiclass"),
        IRIS | {"predictions": ["a"], "probabilities": [{"a": 0.5, "b": 0.3, "c": 0.2}]},
    ) as page:
        carrier, other = page.get_by_label("Carrier", exact=True), page.get_by_label("Carrier: another value")
        assert carrier.locator("option").all_inner_texts() == ["Choose…", "AA", "DL", "another value…"]
        assert other.is_hidden()
        carrier.select_option(label="another value…")
        other.fill("ZZ")
        page.get_by_label("Gate", exact=True).select_option(label="another value…")
        page.get_by_label("Gate: another value").fill("17")
        until(page, 'document.querySelector("#code").textContent.includes(`{"carrier":"ZZ","gate":17}`)')
        until(page, "location.hash.includes('ZZ') && location.hash.includes('17')")
        page.reload()
        assert (carrier.input_value(), other.input_value()) == ("other", "ZZ")
        carrier.select_option(label="DL")
        until(page, 'document.querySelector("#code").textContent.includes(`{"carrier":"DL","gate":17}`)')
        assert other.is_hidden()


LEDGER = create_model(
    "Ledger",
    __base__=Schema,
    **{
        "a_name_that_is_far_longer_than_any_form_has_room_for": (float, Field(examples=[1_234_567.89])),
        "moment": (dt.datetime, Field(examples=["2024-12-31T23:59:58"])),
        **{f"x{number}": (float, Field(examples=[1.5])) for number in range(20)},
    },
)
LEDGER_FACTS = {
    "task": "regression",
    "target": "price",
    "classes": (),
    "positive": None,
    "unit": "€/month",
    "importance": {"moment": 0.5, "x7": 0.2, "x3": 0.1},
    "error_range": {
        "share": 0.8,
        "rows": 400,
        "groups": [{"above": None, "low": -1.0, "high": 1.0}, {"above": 1e6, "low": -2e9, "high": 1e8}],
    },
    "data": {"target": {"deciles": [0.0]}},
}


@browser_test
@pytest.mark.parametrize("width", [390, 1280])
def test_large_figures_stay_inside_and_many_fields_are_folded(visit: Any, width: int) -> None:
    name = next(iter(LEDGER.model_fields))
    contributions = [
        {"column": name, "value": 1_234_567.89, "typical": -98_765_432.1, "contribution": -123_456_789_012.34},
        {"column": "moment", "value": "2024-12-31T23:59:58", "typical": None, "contribution": 1_234_567.89},
    ]
    explanation = {"label": None, "value": 1.2e9, "typical_value": 1.2e11, "contributions": contributions}
    answer = {"predictions": [1_234_567_890.12], "explanation": explanation}
    visited = visit(viewport={"width": width, "height": 900})
    with fake_server(visited, release_of(LEDGER, **LEDGER_FACTS), answer) as page:
        assert shown(page) == "price 1,234,567,890 €/month"
        assert (
            page.locator(".range-bar + p").inner_text().replace("\xa0", " ")
            == "Probably 0 €/month to 1,334,567,890 €/month"
        )
        assert page.locator("#shares .share > .number").first.inner_text().startswith("\u2212123,456,789,012")
        assert page.evaluate(TOO_WIDE) == []
        titles = page.locator("#row > .fields .name").all_inner_texts()
        assert titles[:3] == ["Moment", "X7", "X3"]
        assert len(titles) == 10
        more = page.locator("#row details.more")
        assert more.locator("summary").inner_text() == "12 more fields, which matter less to the prediction"
        assert page.get_by_label("X19").is_hidden()
        page.get_by_role("button", name="Empty").click()  # it asks for folded fields too
        page.get_by_label("X19").wait_for(state="visible")


# What sticks out of its card, and inputs and figures whose text is cut or sticks out.
TOO_WIDE = """() => [...document.querySelectorAll(".sheet *")].filter((element) => {
  const inside = element.closest(".sheet").getBoundingClientRect();
  const box = element.getBoundingClientRect();
  const holdsText = element.matches("input, .number") && element.clientWidth > 0;
  const cut = holdsText && element.scrollWidth > element.clientWidth + 1;
  const out = box.right > inside.right || box.left < inside.left;
  return element.checkVisibility() && !element.matches(".away") && (cut || out);
}).map((element) => element.outerHTML.slice(0, 200))"""


@browser_test
def test_many_columns_keep_the_explanation_short(visit: Any) -> None:
    names = [f"measurement_{number:02d}" for number in range(60)]
    columns: dict[str, Any] = {name: (float | None, Field(None, ge=-5, le=5, examples=[1.0])) for name in names}
    schema = create_model("SensorReading", __base__=Schema, **columns)
    parts = [
        {"column": name, "value": 1.0, "typical": 0.0, "contribution": share}
        for name, share in zip(names, itertools.chain([0.1, -0.08], itertools.repeat(0.004)), strict=False)
    ]
    explanation = {"label": 1, "value": 0.552, "typical_value": 0.3, "contributions": parts}
    answer = {"predictions": [1], "probabilities": [{"0": 0.448, "1": 0.552}], "explanation": explanation}
    with fake_server(visit(), release_of(schema, target="fault", threshold=0.2), answer) as page:
        assert shown(page) == "fault: 1 55 %"
        assert page.locator("#shares .share").count() == 8
        assert "52 smaller contributions" in page.locator("#rest summary").inner_text()
        assert page.locator("#answer").bounding_box()["y"] < 1000
        page.get_by_label("Measurement 40").scroll_into_view_if_needed()
        assert 0 <= page.locator("#answer").bounding_box()["y"] < 100


def test_reports_are_linked_and_served_only_where_they_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<style>p {}</style><p>R\u00b2</p>", encoding="utf-8")
    paths = {"Training report": str(tmp_path / "report.html"), "Trial": str(tmp_path / "trial.html")}

    def app() -> FastAPI:
        made = FastAPI(openapi_url=None)
        add_page(made, SimpleNamespace(release=release_of(IrisRow), settings=Settings()))  # type: ignore[arg-type]
        return made

    with serving(app()) as deployed:
        assert "reports/" not in httpx.get(deployed).text
    monkeypatch.setenv("SEATRIAL_REPORTS", json.dumps(paths))
    with serving(app()) as local:
        links = re.findall('href="(reports/.*?)">(.*?)<', httpx.get(local).text)
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
