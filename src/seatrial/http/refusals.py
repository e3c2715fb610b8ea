"""What a connection answers and logs when it refuses a request, or when handling it failed."""

import logging
from typing import Any

from seatrial.http.limits import Limits
from seatrial.http.messages import RETRY, EncodedResponse, refusal, request_id, send_response

NO_ROOM = "The server holds too many unfinished requests. Try again."


def response(status: int, limits: Limits, *, in_head: bool, too_many: bool) -> EncodedResponse:
    """The response to a request that is refused: while its header arrives, or because it has too many lines."""
    seconds = limits.header_seconds if in_head else limits.body_seconds
    long_header = f"The request header is larger than {limits.header_size:,} bytes."
    details = {
        400: "The request is not valid HTTP.",
        408: f"The request did not arrive within {seconds:g} s.",
        431: f"The request has more than {limits.header_count} header lines." if too_many else long_header,
        500: "The connection failed.",
        503: NO_ROOM,
    }
    return refusal(status, details[status], RETRY if status == 503 else ())


def log_request(app: Any, scope: Any, began: float, status: int, identity: str) -> None:
    """Let the application log a request that was refused, if it logs requests."""
    if log := getattr(app, "log_request", None):
        log(began, scope.get("method", "-"), scope.get("path", "-"), status, identity)


def log_fault(app: Any, error: BaseException) -> None:
    """Let the application log an error in handling a connection."""
    if log := getattr(app, "log_fault", None):
        log("The connection failed", error, "-")
    else:
        logging.getLogger(__name__).error("The connection failed", exc_info=error)


class NoRoom:
    """An ASGI application that answers 503, in place of one that has no room for a large body."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer 503, and let the application log it."""
        identity = request_id(scope["headers"])
        await send_response(send, refusal(503, NO_ROOM, RETRY), identity)
        log_request(self._app, scope, scope["state"]["began"], 503, identity)
