"""Yanking, restoring and removing a version over HTTP: the request of a client, checked."""

import json
from dataclasses import asdict, dataclass
from typing import Any, get_args

from seatrial.core.errors import UsageError
from seatrial.wheels.simple_api import WithdrawalAction

REFUSAL = "Refused: "  # starts the text of a response, which tells it from that of another server
BODY_LIMIT = 16 * 2**10
TEXT_LIMIT = 500  # characters of a reason or a name


@dataclass(frozen=True)
class WithdrawalRequest:
    """What to do with a version, why, and who asks for it."""

    version: str
    action: WithdrawalAction
    reason: str
    who: str

    def to_json(self) -> bytes:
        """Encode it as the body of a request."""
        return json.dumps(asdict(self)).encode()


def check_words(**texts: str) -> None:
    """Raise UsageError where a reason or a name is empty, too long or not printable: it is shown on a page."""
    for what, text in texts.items():
        if not text.strip() or len(text) > TEXT_LIMIT or not text.isprintable():
            raise UsageError(
                f"The {what} must be one line of 1 to {TEXT_LIMIT} printable characters.",
                hint="It is kept on the project's page, for those who miss the version.",
            )


def read_request(body: bytes) -> WithdrawalRequest:
    """Read and check a request; raises UsageError."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    keys = {"version", "action", "reason", "who"}
    if (
        not isinstance(document, dict)
        or set(document) != keys
        or not all(isinstance(v, str) for v in document.values())
    ):
        raise UsageError(f"Not a request: a JSON object with {', '.join(sorted(keys))} is required.")
    if document["action"] not in get_args(WithdrawalAction):
        raise UsageError(f"The action must be one of {', '.join(get_args(WithdrawalAction))}.")
    check_words(version=document["version"], reason=document["reason"], who=document["who"])
    return WithdrawalRequest(**document)
