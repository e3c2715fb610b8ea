"""The prediction page of a server that answers only callers with a key, in a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.serve.browsing import DANGLING, LOW_CONTRAST, UNNAMED, Visit, browser_test, serving, shown, until

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.server_settings import Settings

pytestmark = pytest.mark.browser

KEY, SECRET = make_key("page", ["predict", "explain"])
PREDICT_KEY, PREDICT_SECRET = make_key("program", ["predict"])
SLOW_KEY, SLOW_SECRET = make_key("slow", ["explain"], rate="1/s")


@pytest.fixture(scope="module")
def locked_url(titanic: Release) -> Iterator[str]:
    with serving(create_app(titanic, Settings(keys_text=render_keys([KEY, PREDICT_KEY, SLOW_KEY])))) as url:
        yield url


def asked(visit: Callable[..., Visit], url: str, **options: Any) -> Any:
    """Open the page in a new context; returns it when it has asked for a key."""
    page = visit(**options).page
    page.goto(url)
    page.wait_for_selector("#key-form:not([hidden])")
    return page


def enter(page: Any, key: str) -> None:
    page.fill("#key", key)
    page.click("#key-form button")


@browser_test
def test_the_page_asks_for_a_key_and_keeps_it_in_the_tab(visit: Callable[..., Visit], locked_url: str) -> None:
    page = asked(visit, locked_url)
    assert "only callers with a key" in page.inner_text("#trouble")
    assert page.is_hidden("#key-kept")
    enter(page, f"  {SECRET} ")
    page.wait_for_selector("#result[data-state=fresh]")
    assert "%" in shown(page)
    assert page.is_hidden("#key-form")
    assert page.is_visible("#key-kept")
    assert page.input_value("#key") == ""
    assert page.evaluate("Object.values(sessionStorage)") == [SECRET]
    assert page.evaluate("Object.values(localStorage)") == []
    assert page.context.cookies() == []
    assert SECRET not in page.url
    assert SECRET not in page.content()
    assert '-H "Authorization: Bearer $KEY"' in page.inner_text("#code")
    page.reload()
    page.wait_for_selector("#result[data-state=fresh]")
    other = page.context.new_page()
    other.goto(locked_url)
    other.wait_for_selector("#key-form:not([hidden])")
    page.click("#forget")
    page.wait_for_selector("#key-form:not([hidden])")
    assert page.evaluate("sessionStorage.length") == 0
    assert page.is_hidden("#key-kept")


@browser_test
def test_a_key_that_does_not_do_is_explained(visit: Callable[..., Visit], locked_url: str) -> None:
    page = asked(visit, locked_url)
    enter(page, "st_wrong")
    until(page, 'document.getElementById("trouble").textContent.includes("does not accept this key")')
    enter(page, PREDICT_SECRET)
    until(page, 'document.getElementById("trouble").textContent.includes("does not have the scope explain")')
    assert page.is_visible("#key-form")
    enter(page, SECRET)
    page.wait_for_selector("#result[data-state=fresh]")


@browser_test
def test_a_rate_that_is_used_up_is_waited_for(visit: Callable[..., Visit], locked_url: str) -> None:
    page = asked(visit, locked_url)
    enter(page, SLOW_SECRET)
    page.wait_for_selector("#result[data-state=fresh]")
    page.click("[data-start=typical]")
    until(page, 'document.getElementById("trouble").textContent.includes("Try again in 1")')
    page.wait_for_selector("#result[data-state=fresh]")


@browser_test
def test_a_file_is_predicted_with_the_key(visit: Callable[..., Visit], locked_url: str, titanic: Release) -> None:
    example = titanic.metadata.example
    text = ",".join(example) + "\n" + ",".join(f'"{value}"' for value in example.values()) + "\n"
    file = {"name": "rows.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page = asked(visit, locked_url)
    page.click("#file summary")
    page.set_input_files("#batch-file", file)
    until(page, 'document.getElementById("batch").textContent.includes("This needs a key")')
    enter(page, SECRET)
    page.wait_for_selector("#result[data-state=fresh]")
    page.set_input_files("#batch-file", file)
    until(page, 'document.getElementById("batch").textContent.includes("1 row was predicted")')


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_the_question_can_be_read_and_operated(
    visit: Callable[..., Visit], locked_url: str, scheme: str, width: int
) -> None:
    page = asked(visit, locked_url, color_scheme=scheme, viewport={"width": width, "height": 900})
    assert page.evaluate(LOW_CONTRAST) == []
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(DANGLING) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.focus("#key")
    page.keyboard.insert_text(SECRET)
    page.keyboard.press("Enter")
    page.wait_for_selector("#result[data-state=fresh]")
