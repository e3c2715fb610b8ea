"""The page of a trial: what it says first, what it draws, and that it stays one harmless file."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.trial.samples import SAMPLES, pictures

from seatrial.trial.records import Verdict
from seatrial.trial.report.page import to_html

CHROMIUM = shutil.which("chromium")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """The texts, the tags with their attributes, and whether the tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def count(self, tag: str, kind: str = "") -> int:
        return sum(name == tag and kind in (at.get("class") or "") for name, at in self.tags)


@pytest.fixture(params=SAMPLES, name="verdict")
def _verdict(request: pytest.FixtureRequest) -> Verdict:
    return SAMPLES[request.param]()


def page_of(sample: str, **changes: Any) -> Reader:
    return Reader(to_html(replace(SAMPLES[sample](), **changes)))


def test_it_is_one_file_that_fetches_nothing_and_runs_nothing(verdict: Verdict) -> None:
    page = to_html(verdict)
    read = Reader(page)
    assert not read.open
    assert "default-src 'none'" in page
    assert not {name for name, _ in read.tags} & {"script", "link", "img", "iframe", "object", "form", "a"} - {"a"}
    for _, attributes in read.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "action"):
                assert (value or "").startswith("#")
    assert not re.search(r"url\(|@import", page)
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_same_verdict_gives_the_same_bytes(verdict: Verdict) -> None:
    assert to_html(verdict) == to_html(verdict)


@pytest.mark.parametrize(
    ("sample", "state", "word", "cause"),
    [
        ("passed", "passed", "Passed", "All 36 checks passed."),
        ("ignored_feature", "blocked", "Blocked", "The candidate ignores sex (shuffling it moved predictions"),
        ("redesign", "waiting", "Waiting for acceptance", "The candidate differs from the baseline on 812"),
        ("no_sdist", "inconclusive", "Inconclusive", "The candidate's code could not be trained"),
        ("nothing", "inconclusive", "Inconclusive", "The trial contains no checks."),
    ],
)
def test_verdict_and_cause_come_first_as_word_and_colour(sample: str, state: str, word: str, cause: str) -> None:
    page = to_html(SAMPLES[sample]())
    read = Reader(page)
    heading = Reader(page[page.index("<h1>") : page.index("</h1>") + 5]).text
    assert heading.startswith(f"{word} {cause}")
    assert f'<section class="finding {state}"' in page
    assert page.index("<h1>") < page.index('id="suites"')
    assert read.count("h1") == 1


def test_sections_come_in_the_order_in_which_they_are_read() -> None:
    text = page_of("ignored_feature").text
    order = [
        "The suites of checks", "What keeps it from passing", "How much changed", "How far the predictions moved", "Predicted labels, before and now",
        "Better or worse", "Groups of rows", "Use of each column", "The data, before and now", "Size and time",
        "The rows that changed most", "All checks", "The policy", "How to run it again",
    ]  # fmt: skip
    places = [text.index(title) for title in order]
    assert places == sorted(places)


def folds(sample: str, **changes: Any) -> dict[str, bool]:
    """Whether each part of the page that folds is open, by its id."""
    page = to_html(replace(SAMPLES[sample](), **changes))
    return {
        name: bool(state)
        for state, name in re.findall(r'<details class="fold"( open)?>\s*<summary><h2 id="([\w-]+)"', page)
    }


def test_what_holds_is_folded_and_what_needs_a_person_is_open() -> None:
    assert not any(folds("passed").values())
    opened = folds("ignored_feature")
    assert opened["section-1"]
    assert opened["worst"]
    assert not opened["checks"]
    assert "all checks hold" in page_of("passed").text
    assert re.search(r"\d+ of \d+ checks? do(es)? not hold", page_of("ignored_feature").text)


def test_the_code_that_changed_is_named_before_the_suites() -> None:
    text = page_of("passed", changed_code=("pipeline.py", "features.py")).text
    assert "Code changed since 0.1.0: pipeline.py , features.py ." in text
    assert text.index("Code changed") < text.index("The suites of checks")
    assert "No code changed since 0.1.0." in page_of("passed", changed_code=()).text
    assert "changed since" not in page_of("passed", changed_code=None).text


def test_related_pages_are_linked() -> None:
    page = to_html(SAMPLES["passed"](), pages=[("All runs", "../../../runs/index.html")])
    assert '<a href="../../../runs/index.html">All runs</a>' in page
    assert "<nav" not in to_html(SAMPLES["passed"]())


def test_every_suite_is_shown_even_if_it_was_not_run() -> None:
    read = page_of("first_release")
    text = read.text
    assert text.count("Not run") == 6
    assert "None yet" in text
    assert "can be published as 0.1.1" in text


def test_what_failed_is_shown_with_hint_and_values() -> None:
    text = page_of("ignored_feature").text
    assert "Look at the pipeline's columns and at features.py." in text
    assert "total.sensitivity[sex] 0.31 → 0, 14.2 times the limit" in text
    assert "2 more" in text


def test_it_shows_which_releases_were_compared() -> None:
    read = page_of("passed")
    assert "titanic-model 0.1.1 against 0.1.0" in read.text
    assert "24 November 2026, 22:02 UTC" in read.text
    assert "numpy 2.3.4 → 2.3.5" in read.text
    verdict = SAMPLES["passed"]()
    assert verdict.candidate.sha256 in read.text


def test_the_page_shows_the_callers_command() -> None:
    assert "seatrial trial --baseline 0.1.0" in to_html(SAMPLES["passed"](), "seatrial trial --baseline 0.1.0")


@pytest.mark.parametrize("key", sorted(pictures()))
def test_a_missing_chart_is_left_out(key: str) -> None:
    given = pictures()
    whole = page_of("passed", pictures=given)
    without = page_of("passed", pictures={name: value for name, value in given.items() if name != key})
    assert without.count("figure") == whole.count("figure") - (key != "slices_label")


@pytest.mark.parametrize(
    "wrong", [7, "text", [], {}, [{}], {"edges": [1], "shares": [1]}, [[1]], {"classes": ["a"], "counts": [[1, 2]]}]
)
def test_data_that_does_not_fit_is_left_out(wrong: Any) -> None:
    given = dict.fromkeys(pictures(), wrong)
    read = page_of("first_release", pictures=given)
    assert read.count("svg", "chart") <= 1  # the costs', which its checks give


def test_the_column_to_blame_stands_out() -> None:
    page = to_html(SAMPLES["ignored_feature"]())
    drawing = page[page.index("Use of each column") :]
    drawing = drawing[: drawing.index("</svg>")]
    assert re.search(r'class="label s9"[^>]*>0.31 → 0<', drawing)
    assert len(re.findall(r"label s9", drawing)) == 1


def test_rows_show_how_the_prediction_moved_and_what_drives_it() -> None:
    read = page_of("golden_rows")
    moves = [at["style"] for tag, at in read.tags if at.get("class") == "move"]
    assert moves[0] == "--a: 0.310; --b: 0.720"
    assert read.count("td", "driver") == 2
    assert not [1 for tag, at in page_of("regression").tags if at.get("class") == "move"]


def test_ten_rows_are_enough() -> None:
    verdict = SAMPLES["ignored_feature"]()
    read = page_of("ignored_feature", worst_rows=verdict.worst_rows * 4)
    assert sum(at.get("class") == "move" for _, at in read.tags) == 10


def test_hostile_names_stay_text() -> None:
    page = to_html(SAMPLES["hostile"]())
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not set(page) & set("\x00\x1b\u202e\ud800")
    page.encode()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_it_fits_a_phone_and_fetches_nothing_in_a_browser(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        for sample in ("ignored_feature", "hostile", "first_release", "regression"):
            path = tmp_path / f"{sample}.html"
            path.write_text(to_html(SAMPLES[sample]()))
            for width in (390, 1180):
                page = browser.new_page(viewport={"width": width, "height": 900})
                asked: list[str] = []
                said: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                page.on("console", lambda message, said=said: said.append(message.text))
                page.goto(path.as_uri())
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (sample, width)
                assert asked == [path.as_uri()]
                assert said == []
                assert page.locator("h1").is_visible()
                page.close()
        browser.close()
