"""The limit: an ASGI application that reads the body and answers the bytes in $ANSWER, and does nothing else."""

import os

ANSWER = os.environ.get("ANSWER", "{}").encode()
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(ANSWER)).encode()),
    (b"x-request-id", b"0" * 32),
]


async def app(scope, receive, send):
    """Answer every request with the same bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
