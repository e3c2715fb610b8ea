"""The page of a served release, used in Chromium with the keyboard, as a person would."""

import re
import shutil
from typing import Any

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
MOST_FIELDS = 40  # to type into; the rest of a page with 300 fields is left out


class StepFailedError(Exception):
    """A step of the benchmark that did not do its work."""


def try_page(url: str) -> str:
    """Empty the form, fill it in again with the keyboard alone, and give the answer that the page shows.

    Raises StepFailedError if it does not work: no answer, a message on the console, or a request to another host.
    """
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser_path is None:
        return "not tried: Chromium is not installed"
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(15_000)
            messages: list[str] = []
            requested: list[str] = []
            page.on("console", lambda message: messages.append(message.text))
            page.on("pageerror", lambda error: messages.append(str(error)))
            page.on("requestfailed", lambda request: messages.append(f"failed: {request.url}"))
            page.on("request", lambda request: requested.append(request.url))
            page.goto(url)
            page.wait_for_selector("#result[data-state=fresh]")
            shown = _filled_in(page)
        except Error as error:
            raise StepFailedError(f"page: {str(error).splitlines()[0]}") from None
        finally:
            browser.close()
    foreign = [each for each in requested if not each.startswith(f"{url}/")]
    if messages or foreign:
        raise StepFailedError(f"page: {'; '.join([*messages, *foreign])[:400]}")
    return shown


def _filled_in(page: Any) -> str:
    """Fill in the first fields by Tab, arrows and typing, with the example's values, so that the answer is known."""
    before = _headline(page)
    fields = page.locator("#row .field").all()
    values = [_value_of(field) for field in fields]
    page.get_by_role("button", name="Empty").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#trouble:visible, #result[data-state=fresh]")
    page.locator("#row details").evaluate_all("folded => folded.forEach((each) => (each.open = true))")
    for field, value in list(zip(fields, values, strict=True))[:MOST_FIELDS]:
        _type(page, field, value)
    if len(fields) > MOST_FIELDS:
        page.get_by_role("button", name="Example").focus()
        page.keyboard.press("Enter")
    page.wait_for_selector("#result[data-state=fresh]")
    page.wait_for_load_state("networkidle")
    after = _headline(page)
    if not re.search(r"\d", after) or after != before:
        raise StepFailedError(f"page: the typed-in example gives {after!r}, the loaded one gave {before!r}")
    return after


def _value_of(field: Any) -> tuple[str, str]:
    """The type of a field's control, and its value."""
    if field.locator("input[type=radio]").count():
        checked = field.locator("input[type=radio]:checked")
        return "segments", checked.first.get_attribute("value") if checked.count() else ""
    control = field.locator("input, select, textarea").first
    kind = control.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
    return kind, control.input_value()


def _type(page: Any, field: Any, content: tuple[str, str]) -> None:
    kind, value = content
    if kind == "segments":
        options = field.locator("input[type=radio]")
        options.first.focus()
        for _ in range(options.count() + 1):
            page.keyboard.press("ArrowRight")
            checked = field.locator("input[type=radio]:checked")
            if checked.count() and checked.first.get_attribute("value") == value:
                return
        return
    control = field.locator("input, select, textarea").first
    control.focus()
    if kind == "select":
        label = control.evaluate("(e, v) => [...e.options].find(o => o.value === v)?.text ?? ''", value)
        page.keyboard.type(label)
        if control.input_value() != value:  # options that begin alike: go on with the arrow keys
            for _ in range(control.locator("option").count()):
                page.keyboard.press("ArrowUp")
            for _ in range(control.locator("option").count()):
                if control.input_value() == value:
                    break
                page.keyboard.press("ArrowDown")
    elif kind in ("date", "datetime-local", "time"):
        control.fill(value)  # the keys depend on the country that the browser is set to
    else:
        page.keyboard.press("Control+A")
        page.keyboard.type(value)


def _headline(page: Any) -> str:
    parts = page.locator("#prediction .headline span").all_inner_texts()
    return " ".join(parts).replace("\xa0", " ").strip()
