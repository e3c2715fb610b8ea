"""The JSON document has a schema, in docs/; the Markdown is harmless in a comment."""

import json
from pathlib import Path

import pytest
from tests.watch.watched import AT, finding, hostile, series_of, watched, with_figures

from seatrial.watch.watch_document import json_schema, to_document, to_json, to_markdown
from seatrial.watch.watch_records import Level, Watched

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "watch.schema.json"
SAMPLES = {
    "quiet": watched(),
    "alarm": with_figures(3, 2, finding(subject="column_1")),
    "hostile": hostile(),
    "nothing": watched(rows=0, versions=[], since=None),
    "no number": watched(finding(severity=float("nan"), old=float("inf"), evidence={"x": float("nan"), "at": AT})),
}


@pytest.mark.parametrize("seen", SAMPLES.values(), ids=SAMPLES)
def test_every_sample_is_of_the_schema(seen: Watched) -> None:
    document = json.loads(to_json(seen))
    schema = json_schema()
    assert set(document) == set(schema["properties"]) == set(schema["required"])
    assert document["state"] in schema["properties"]["state"]["enum"]
    for name, records in (("Finding", "findings"), ("Series", "series"), ("Deployed", "deployed")):
        for record in document[records]:
            assert set(record) == set(schema["$defs"][name]["properties"])


def test_the_schema_in_the_docs_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema(), "write docs/watch.schema.json again"


def test_a_part_without_figures_and_findings_was_not_looked_at() -> None:
    text = to_markdown(watched(finding(), series=series_of(3, 1)[:1]))
    assert "| Traffic and quality | ✅ |  |" in text
    assert "| Drift | ⛔ |" in text
    assert "| Performance with labels | not looked at |  |" in text


def test_findings_have_their_id_and_whether_they_are_acknowledged() -> None:
    one, two = finding(), finding("drift.missing")
    document = to_document(watched(one, two), {two.id})
    found = {each["id"]: each["acknowledged"] for each in document["findings"]}
    assert found == {one.id: False, two.id: True}
    assert document["findings"][0]["since"] == "2026-11-22T14:00:00Z"


def test_markdown_says_what_changed_and_folds_the_rest() -> None:
    noted = finding("traffic.refusals", Level.noted, part="traffic", subject="", summary="0.9 % are refused")
    text = to_markdown(watched(finding(), noted))
    assert text.startswith("## ⛔ Alarm: `fare` is 100 times what it was")
    assert text.index("drift.unit") < text.index("<details><summary>1 worth reading")
    assert "`seatrial log --since 2026-11-22T14:00" in text


def test_markdown_is_harmless_whatever_the_log_contains() -> None:
    text = to_markdown(hostile())
    assert "<script>" not in text
    assert "@team" not in text
    assert "\x1b" not in text
