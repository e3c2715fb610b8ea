"""The form of the prediction page and its answer, in a browser."""

import re
from typing import Any

import pytest
from tests.serve.browsing import DANGLING, LOW_CONTRAST, UNNAMED, browser_test, percent, settled, shown, until

pytestmark = pytest.mark.slow


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
def test_nothing_is_wider_than_the_screen(visit: Any, url: str) -> None:
    page = visit().open(url)
    page.get_by_role("link", name="Model card").click()
    assert page.locator("#card").is_visible()
    for width in (928, 768, 390, 360):  # what was drawn for a wide screen must fit a narrow one
        page.set_viewport_size({"width": width, "height": 800})
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


@browser_test
def test_every_control_has_a_label_and_every_reference_a_target(visit: Any, url: str) -> None:
    page = visit().open(url)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(DANGLING) == []


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
