"""Messages about alarms in the forms that receivers take: plain JSON, Slack, and Microsoft Teams; and their signature.

Teams' form is an Adaptive Card in an attachment, as its Workflows take it; the older connector cards are being retired.
The signature is that of Standard Webhooks: HMAC-SHA256 over the message's ID, the time and the body.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Literal
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.pages.words import percent
from seatrial.trial.report.words import clean
from seatrial.watch.alarms import AlarmMessage
from seatrial.watch.watch_words import written

WebhookForm = Literal["json", "slack", "teams"]
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret, and not one
TEAMS_HOSTS = ("logic.azure.com", "powerplatform.com", "powerautomate.com", "webhook.office.com")
MARK = {"raised": "⛔", "due again": "⛔", "acknowledged": "☑️", "resolved": "✅"}
COMMAND = "seatrial watch"


def form_of(url: str) -> WebhookForm:
    """The form that the receiver at a URL takes, by its host."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "hooks.slack.com" or host.endswith(".slack.com"):
        return "slack"
    if any(host == each or host.endswith(f".{each}") for each in TEAMS_HOSTS):
        return "teams"
    return "json"


def body_of(message: AlarmMessage, form: WebhookForm, page: str = "") -> bytes:
    """The body of a request; `page` is the URL of the watch's page, if it has one."""
    make = {"json": _plain, "slack": _slack, "teams": _teams}[form]
    return json.dumps(make(message, page), ensure_ascii=False).encode("utf-8", "replace")


def signed_headers(message_id: str, time: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers that identify a message, and sign it if there is a secret. `time` is in seconds since 1970."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(time)}
    if secret:
        content = b".".join((message_id.encode(), str(time).encode(), body))
        digest = hmac.digest(key_of(secret), content, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def key_of(secret: str) -> bytes:
    """The key of a secret: base64 after `whsec_`. Raises SeatrialError, without the secret, where it is not one."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) < 24:
        raise SeatrialError(
            "SEATRIAL_WATCH_SECRET is not a secret for signatures.",
            hint="It is whsec_ and at least 24 random bytes in base64: `echo whsec_$(openssl rand -base64 32)`.",
        )
    return key


def title_of(message: AlarmMessage) -> str:
    """One line: what happened to which alarm of which project."""
    about = f"{message.what} of {message.column}" if message.column else message.what
    version = f" {message.version}" if message.version else ""
    return clean(f"{message.project}{version}: {about}, alarm {message.change}", 300)


def lines_of(message: AlarmMessage) -> list[str]:
    """What is known about it, without any value of a row."""
    lines = [f"since {written(message.since)}"] if message.since else []
    lines += [f"{percent(message.share)} of the requests"] if message.share is not None else []
    if message.change in ("raised", "due again"):
        lines.append(
            f"{COMMAND} says what changed and what to do; {COMMAND} ack {message.alarm} --reason ... ends this"
        )
    return lines


def _plain(message: AlarmMessage, page: str) -> dict[str, Any]:
    since = message.since.isoformat().replace("+00:00", "Z") if message.since else None
    return {
        "type": f"alarm.{message.change.replace(' ', '_')}",
        "timestamp": message.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": message.id,
            "alarm": message.alarm,
            "project": message.project,
            "version": message.version,
            "name": message.what,
            "column": message.column,
            "since": since,
            "share": message.share,
            "title": title_of(message),
            **({"page": page} if page else {}),
        },
    }


def _slack(message: AlarmMessage, page: str) -> dict[str, Any]:
    def safe(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")

    title = f"{MARK[message.change]} {safe(title_of(message))}"
    lines = [*map(safe, lines_of(message)), *([f"<{page}|The watch's page>"] if page else [])]
    # In blocks, letters such as * stay what they are: plain_text for the title, and none of the names are in the rest.
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:150]}},
    ]
    if lines:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:2900]}})
    return {"text": title, "blocks": blocks}


def _teams(message: AlarmMessage, page: str) -> dict[str, Any]:
    title = f"{MARK[message.change]} {title_of(message)}"
    texts = [_text_block(_no_markdown(title), weight="Bolder", size="Medium")]
    texts += [_text_block(_no_markdown(line)) for line in lines_of(message)]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": texts,
    }
    if page:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The watch's page", "url": page}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _text_block(text: str, **more: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


def _no_markdown(text: str) -> str:
    """A text in which a card finds no link and no emphasis."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]()#" else letter for letter in text)
