"""`python -m seatrial.deploy.admission_server`: the webhook that a cluster asks before it creates a pod.

It has the limits of the model server: deadlines, sizes, and budgets of connections and bytes.
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import listen, url_of
from seatrial.deploy.admission import Gatekeeper
from seatrial.wheels.attestation import require_readable

PORT = 8443
SIZE_LIMIT = 4 << 20  # bytes of a request: an object of the largest size that Kubernetes stores, twice
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class AdmissionApp:
    """An ASGI application with two paths: /validate and /health."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        route = (scope["method"], scope["path"])
        if route == ("GET", "/health"):
            await _respond(send, 200, {"status": "ok"})
        elif route == ("POST", "/validate"):
            await self._validate(receive, send)
        else:
            await _respond(send, 404, {"error": "POST /validate, or GET /health"})

    async def _validate(self, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
            if len(body) > SIZE_LIMIT:
                await _respond(send, 413, {"error": f"a request has at most {SIZE_LIMIT >> 20} MiB"})
                return
        try:
            await _respond(send, 200, self._gatekeeper.review(json.loads(body)))
        except (ValueError, RecursionError) as error:
            await _respond(send, 400, {"error": str(error)[:200]})


async def _respond(send: Send, status: int, document: dict[str, Any]) -> None:
    content = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def read_keys(folder: Path) -> list[bytes]:
    """The public keys in a folder, such as a mounted ConfigMap; SeatrialError where there is none."""
    try:
        keys = [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise SeatrialError(f"{folder} cannot be read: {error.strerror}.", hint="Check --keys.") from None
    if not keys:
        raise SeatrialError(f"{folder} has no public key.", hint="Mount the team's keys there, as PEM.")
    require_readable(keys)
    return keys


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is stopped; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.deploy.admission_server", description=__doc__)
    parser.add_argument("--keys", type=Path, required=True, help="a folder with the team's public keys, as PEM")
    parser.add_argument("--certificate", type=Path, required=True, help="the TLS certificate, as PEM")
    parser.add_argument("--key", type=Path, required=True, help="its private key, as PEM")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 in a container")
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument("--allow-image", action="append", default=[], help="a sidecar's image, NAME@sha256:...")
    options = parser.parse_args(arguments)
    try:
        gatekeeper = Gatekeeper(read_keys(options.keys), frozenset(options.allow_image))
        _serve(gatekeeper, options)
    except (SeatrialError, ImportError) as error:
        message = f"{error.message} {error.hint}" if isinstance(error, SeatrialError) else str(error)
        print(f"error: {message}".rstrip(), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _serve(gatekeeper: Gatekeeper, options: argparse.Namespace) -> None:
    from seatrial.http import Limits, guarded_config
    from seatrial.http.server import GuardedServer
    from seatrial.http.tls import TlsFiles

    tls = TlsFiles(options.certificate, options.key)
    tls.context()  # an error is reported before anything listens
    with listen(options.host, options.port, hint="Choose another with --port.") as listener:
        config = guarded_config(
            AdmissionApp(gatekeeper),
            Limits(body_size=SIZE_LIMIT),
            tls=tls,
            lifespan="off",
        )
        url = url_of(options.host, listener.getsockname()[1], "https")
        print(f"The admission webhook listens on {url}/validate", flush=True)  # noqa: T201
        GuardedServer(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
