"""A private index: a folder served over HTTP with a user name and a password."""

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class PrivateIndex:
    """Its port, and the files that it has served."""

    port: int
    token: str
    served: list[str] = field(default_factory=list)

    def url(self, user: str) -> str:
        """Its URL, with the token as the user name or the password."""
        return f"http://{user}@127.0.0.1:{self.port}/simple/"


@contextmanager
def private_index(folder: Path, token: str) -> Iterator[PrivateIndex]:
    """Serve `folder` to callers with the token as user name or password."""
    allowed = {"Basic " + base64.b64encode(pair.encode()).decode() for pair in (f"{token}:", f"ci:{token}")}

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") not in allowed:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            index.served.append(self.path)
            super().do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    index = PrivateIndex(server.server_port, token)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
