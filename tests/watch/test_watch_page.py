"""The page: what it says first, few elements for a year, one harmless file; looked at in a browser."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.serve.browsing import ARGUMENTS, CHROMIUM, DANGLING, LOW_CONTRAST, UNNAMED, browser_test
from tests.trial.report.test_page import Reader
from tests.watch.watched import AT, DAY, finding, hostile, watched, with_figures

from seatrial.watch.alarms import AlarmBook, acknowledge, after_look
from seatrial.watch.watch_page import overview_html, to_html
from seatrial.watch.watch_records import Level, Point, Series, Watched
from seatrial.watch.watch_words import WatchLine, headline

ALARM = finding(subject="column_1")
PAGES: dict[str, Watched] = {
    "quiet": with_figures(30, 3),
    "alarm": with_figures(30, 3, ALARM),
    "one day": with_figures(1, 3),
    "empty": watched(rows=0, versions=[], since=None),
    "hostile": hostile(),
}

STOP = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
    return {tag: at.tagName, outline: `${style.outlineStyle} ${style.outlineWidth}`, top: box.top + scrollY,
            seen: box.top >= 0 && box.bottom <= innerHeight};
}"""


def reader(seen: Watched, book: AlarmBook | None = None) -> Reader:
    return Reader(to_html(seen, book))


@pytest.mark.parametrize("seen", PAGES.values(), ids=PAGES)
def test_a_page_is_one_balanced_file_that_fetches_and_runs_nothing(seen: Watched) -> None:
    page = reader(seen)
    assert page.open == []
    assert page.count("script") == page.count("img") == page.count("link") == 0
    assert all(not (at.get("href") or "#").startswith(("http", "javascript")) for _, at in page.tags)
    assert not [name for _, at in page.tags for name in at if name.startswith("on")]


def test_the_state_comes_first_then_what_changed_then_the_parts() -> None:
    text = reader(PAGES["alarm"]).text
    places = [text.index(words) for words in ("Alarm", "What changed", "drift.unit[column_1]", "The five parts")]
    assert places == sorted(places)
    assert "seatrial log --since 2026-11-22T14:00 --columns time,column_1,prediction" in text


def test_a_column_with_a_finding_is_drawn_first_and_marked_from_its_change_on() -> None:
    html = to_html(with_figures(30, 40, finding(subject="column_33")))
    drift = html[html.index('id="drift"') :]
    assert drift.index("column_33") < drift.index("column_0")
    assert "31 more figures" in html
    assert html.count('class="changed line"') == 1


def test_deployments_are_drawn_on_every_figure() -> None:
    seen = PAGES["quiet"]
    assert to_html(seen).count('class="deployed"') == len(seen.series)


def test_a_gap_is_a_gap_and_a_single_window_is_a_dot() -> None:
    values = [1.0, None, 2.0, 2.1]
    gap = Series("traffic", "Requests", [Point(AT + place * DAY, value) for place, value in enumerate(values)])
    html = to_html(watched(series=[gap]))
    [line] = re.findall(r'class="line" d="([^"]*)"', html)
    assert line.count("M") == 1
    assert html.count('class="alone"') == 1


def test_an_acknowledged_alarm_says_by_whom_and_why() -> None:
    seen = PAGES["alarm"]
    book = after_look(AlarmBook(), seen, resolve_after=2, window=DAY)
    known, _ = acknowledge(book, ALARM.id, by="Ann", reason="new tariff", at=AT, until=AT + DAY)
    parts = to_html(PAGES["alarm"], book), to_html(PAGES["alarm"], known)
    assert [each.count('<li class="blocked">') for each in parts] == [2, 0]
    text = reader(seen, known).text
    assert "Acknowledged by Ann until 25 November 2026, 14:00" in text
    assert "new tariff" in text
    assert "What changed" in text


def test_a_year_of_eighty_columns_has_few_elements() -> None:
    page = reader(with_figures(365, 80, ALARM))
    assert len(page.tags) < 2_000
    assert len(to_html(with_figures(365, 80))) < 500_000


def test_a_page_that_is_served_loads_itself_again_and_says_that_a_look_failed() -> None:
    html = to_html(PAGES["quiet"], refresh=60, problem="the log cannot be read")
    assert '<meta http-equiv="refresh" content="60">' in html
    assert "The log cannot be read." in Reader(html).text
    assert "refresh" not in to_html(PAGES["quiet"])
    assert "The last look failed" not in to_html(PAGES["quiet"])


def test_the_page_of_several_projects_has_their_lines_and_links() -> None:
    lost = WatchLine("unknown", "the log cannot be read", "Look at the destination")
    rows = [
        ("a", "0.2.0", headline(PAGES["alarm"]), "a.html"),
        ("b", "", lost, ""),
        ("<b>", "", headline(watched()), ""),
    ]
    page = Reader(overview_html(rows, AT, failed=1))
    assert page.open == []
    assert "1 project with an alarm, 1 unknown, of 3" in page.text
    assert [at["href"] for name, at in page.tags if name == "a"] == ["#main", "a.html"]
    known = WatchLine("acknowledged", "1 alarm acknowledged.")
    assert "1 with acknowledged alarms, of 1" in overview_html([("a", "0.1.0", known, "")], AT, failed=0)
    assert "All well in 1 project" in overview_html(rows[2:], AT, failed=0)


@browser_test
def test_in_a_browser_light_and_dark_wide_and_narrow(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    year = with_figures(365, 80, ALARM, finding("traffic.x", Level.noted, part="traffic"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for place, (name, seen) in enumerate({**PAGES, "year": year}.items()):
            file = tmp_path / f"{place}.html"
            file.write_text(to_html(seen), "utf-8")
            width = 1200 if place % 2 else 360
            scheme: Any = "light" if place % 3 else "dark"
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            problems: list[str] = []
            page.on("console", lambda message, problems=problems: problems.append(message.text))
            page.goto(file.as_uri())
            assert problems == [], name
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert name == "year" or page.evaluate(LOW_CONTRAST) == [], name
            assert page.evaluate(UNNAMED) == [], name
            assert page.evaluate(DANGLING) == [], name
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip"
            context.close()
        browser.close()


@browser_test
def test_in_a_browser_by_keyboard(tmp_path: Path) -> None:
    """Each stop is seen, they come in the order of the page, and folded parts open."""
    from playwright.sync_api import sync_playwright

    file = tmp_path / "page.html"
    file.write_text(to_html(PAGES["alarm"]), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(file.as_uri())
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the link that skips to the content
        stops: list[Any] = []
        while not stops or stops[-1]["tag"] != "BODY":
            page.keyboard.press("Tab")
            stops.append(page.evaluate(STOP))
        kinds = [stop["tag"] for stop in stops]
        assert kinds == [*["A"] * 5, *["SUMMARY"] * 5, "SUMMARY", "BODY"]
        assert all(stop["outline"] == "solid 3px" for stop in stops[:-1])
        assert all(stop["seen"] for stop in stops[:-1])
        assert sorted(stop["top"] for stop in stops[5:-1]) == [stop["top"] for stop in stops[5:-1]]
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.parentElement.open") is False
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open") is True
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "scroll"  # a wide table can be moved
        browser.close()
