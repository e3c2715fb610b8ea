"""Messages are of the form that each receiver takes, signed, and harmless whatever a column is called."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from tests.watch.watched import AT, DAY, EVIL, finding, watched

from seatrial.core.errors import SeatrialError
from seatrial.watch.alarms import AlarmBook, AlarmMessage, after_look
from seatrial.watch.webhook_forms import body_of, form_of, key_of, signed_headers, title_of

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PAGE = "https://watch.example/titanic"


def message(subject: str = "fare") -> AlarmMessage:
    seen = watched(finding(subject=subject))
    return after_look(AlarmBook(), seen, resolve_after=2, window=DAY).messages[0]


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x", "teams"),
        ("https://default1.environment.api.powerplatform.com/powerautomate/x", "teams"),
        ("https://alerts.example.com/hooks.slack.com", "json"),
        ("https://evil-slack.com/", "json"),
    ],
)
def test_the_form_follows_the_host(url: str, form: str) -> None:
    assert form_of(url) == form


@pytest.mark.parametrize("subject", ["sex = female", "age: 21 to 28", "sex is missing", "sex: literal_error"])
def test_a_group_is_sent_without_its_values(subject: str) -> None:
    assert message(subject).column in ("sex", "age")


def test_plain_json_says_what_since_when_and_for_how_many() -> None:
    document = json.loads(body_of(message(), "json", PAGE))
    assert document["type"] == "alarm.raised"
    assert document["timestamp"] == "2026-11-24T14:00:00Z"
    data = document["data"]
    assert (data["name"], data["column"], data["share"], data["page"]) == ("drift.unit", "fare", 0.12, PAGE)
    assert data["since"] == "2026-11-22T14:00:00Z"
    assert data["id"] == message().id


def test_slack_gets_a_header_and_a_section_without_mentions() -> None:
    document = json.loads(body_of(message("<!channel> @here"), "slack", PAGE))
    header, section = document["blocks"]
    assert header["text"]["type"] == "plain_text"
    assert len(header["text"]["text"]) <= 150
    assert "<!channel>" not in document["text"]
    assert f"<{PAGE}|" in section["text"]["text"]


def test_teams_gets_an_adaptive_card_in_an_attachment() -> None:
    document = json.loads(body_of(message("[a](http://x)"), "teams", PAGE))
    attachment = document["attachments"][0]
    assert document["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card: dict[str, Any] = attachment["content"]
    assert (card["type"], card["actions"][0]["url"]) == ("AdaptiveCard", PAGE)
    assert "[a](" not in card["body"][0]["text"]


@pytest.mark.parametrize("form", ["json", "slack", "teams"])
def test_hostile_names_are_cleaned_and_short(form: Any) -> None:
    body = body_of(message(EVIL * 20), form)
    json.loads(body)
    assert b"\x1b" not in body
    assert "\u202e" not in body.decode()
    assert len(body) < 6_000


def test_the_signature_is_that_of_standard_webhooks() -> None:
    headers = signed_headers("msg_1", 1_700_000_000, b'{"a":1}', SECRET)
    expected = hmac.new(bytes(range(32)), b'msg_1.1700000000.{"a":1}', hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", "1700000000")
    assert "webhook-signature" not in signed_headers("msg_1", 0, b"", "")


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all, but long enough"])
def test_a_secret_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(SeatrialError) as caught:
        key_of(secret)
    assert "SEATRIAL_WATCH_SECRET" in caught.value.message
    assert secret.removeprefix("whsec_") not in caught.value.message or secret == "whsec_"


def test_the_title_names_project_version_and_column() -> None:
    assert title_of(message()) == "titanic-model 0.2.0: drift.unit of fare, alarm raised"
    assert message().at == AT
