"""A real private index, as `seatrial index serve` runs it, and small servers that misbehave."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.core.index_settings import IndexSettings, index_at_url

TOKEN = "s3cret-Token_of.the/index"
WAITED = 30.0


class Private:
    """A running index with a password."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder
        self.simple = f"{url}/simple/"
        host = url.removeprefix("http://")
        self.with_token = f"http://__token__:{TOKEN.replace('/', '%2F')}@{host}/simple/"

    def settings(self, **more: object) -> IndexSettings:
        return index_at_url(self.simple, **({"pull_token": "TEAM_TOKEN", "push_token": "TEAM_TOKEN"} | more))  # type: ignore[arg-type]


@contextmanager
def private_index(folder: Path, *options: str, token: str = TOKEN, log: Path | None = None) -> Iterator[Private]:
    command = [sys.executable, "-m", "seatrial", "index", "serve", "--folder", str(folder), "--port", "0", *options]
    environment = {**os.environ, "COLUMNS": "200", "SEATRIAL_INDEX_PASSWORD": token}
    with (log or Path(os.devnull)).open("a") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder.parent
        )
        assert process.stderr
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "startup complete" in line:
                break
        url = next(
            (w for line in lines if "is on http" in line for w in line.split() if w.startswith("http")), ""
        ).removesuffix("/simple/")
        assert url, "".join(lines)

        def drain() -> None:
            for line in process.stderr or ():
                lines.append(line)
                with (log or Path(os.devnull)).open("a") as more:
                    more.write(line)

        reader = threading.Thread(target=drain, daemon=True)
        reader.start()
        try:
            yield Private(process, url, folder)
        finally:
            process.terminate()
            process.wait(15)
            reader.join(5)
            process.stderr.close()


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], Answer | None]) -> Iterator[str]:
    """A server that responds as `answer` says; None cuts the connection."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            response = answer(self)
            if response is None:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, body = response
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_POST = _any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def read_body(request: http.server.BaseHTTPRequestHandler) -> bytes:
    return request.rfile.read(int(request.headers.get("Content-Length") or 0))
