"""The prediction pages of other models, in a browser: hostile names, large figures, many columns."""

import datetime as dt
import itertools
from typing import Any, Literal

import pytest
from pydantic import Field, create_model
from tests.serve.browsing import browser_test, shown, until
from tests.serve.made_up_releases import NASTY, IrisRow, fake_server, release_of

from seatrial import Schema

pytestmark = pytest.mark.slow


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
    numbers = {"rows": 40, "levels": {"0.9": {"least": 0.15}}, "refused": {}}
    facts = {"task": "multiclass", "classes": (NASTY, "b", "c"), "positive": None, "description": NASTY}
    facts["intervals"] = numbers
    with fake_server(visited, release_of(IrisRow, **facts), IRIS) as page:
        assert page.title() == NASTY
        assert page.locator("h1").inner_text() == NASTY
        assert page.locator("img, b, i, form script").count() == 0
        assert page.locator(".classes li").count() == 3
        assert page.locator(".classes .chosen").inner_text().startswith(NASTY)
        assert page.locator("p.set").inner_text() == f"Probably {NASTY} or b"
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
    "intervals": {
        "rows": 400,
        "levels": {
            "0.8": {"groups": [{"above": None, "low": -1.0, "high": 1.0}, {"above": 1e6, "low": -2e9, "high": 1e8}]}
        },
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
