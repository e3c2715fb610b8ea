"""Requests to the REST APIs of GitHub and GitLab; only the documented ones, with the token that a job is given."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError

TIMEOUT = 30.0
HINTS = {
    401: "The token is invalid or expired. Give the job a valid one.",
    404: "The pull request was not found, or the token may not read it. Check the URL and the token's permissions.",
}


class NotAllowedError(SeatrialError):
    """The token is valid but may not write, as in a job for a pull request from a fork."""


def github_headers(token: str) -> dict[str, str]:
    """What GitHub wants in each request."""
    accepted = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return {"Authorization": f"Bearer {token}", **accepted}


def request_json(verb: str, url: str, headers: Mapping[str, str], document: dict[str, str] | None = None) -> Any:
    """Send a document, or nothing, and return the one that comes back; SeatrialError where there is none."""
    if urlsplit(url).scheme not in ("https", "http"):
        raise SeatrialError(f"{url} is not the URL of an API.")
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(  # noqa: S310 - its scheme is checked above
        url, data, {**headers, "Content-Type": "application/json", "User-Agent": "seatrial"}, method=verb
    )
    where = f"{urlsplit(url).netloc}{urlsplit(url).path}"
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as error:
        reason = _reason(error.read(2000).decode(errors="replace"))
        kind = NotAllowedError if error.code == 403 else SeatrialError
        raise kind(f"{verb} {where} returned {error.code}: {reason}", hint=HINTS.get(error.code, "")) from None
    except (OSError, ValueError) as error:
        raise SeatrialError(f"{verb} {where} failed: {error}") from None


def _reason(body: str) -> str:
    """The reason that a service gives, in one line."""
    try:
        document = json.loads(body)
    except ValueError:
        document = body
    message = document.get("message", body) if isinstance(document, dict) else body
    return re.sub(r"\s+", " ", str(message))[:200]
