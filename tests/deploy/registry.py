"""A container registry on a loopback address, by the OCI distribution specification: to ask, and to push to."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Registry:
    """What a registry has, and how it answers: with a token for anyone, with the digest in a header or without."""

    port: int = 0
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # NAME:TAG or NAME@DIGEST
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    token: str = ""
    challenge: str = ""
    digest_header: str | None = None  # None: the right one
    status: int = 0  # instead of the right one
    asked: list[str] = field(default_factory=list)

    def put(self, name: str, tag: str, content: bytes, kind: str = INDEX) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests[f"{name}:{tag}"] = self.manifests[f"{name}@{digest}"] = (kind, content)
        return digest

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        registry, url = self.registry, urlsplit(self.path)
        registry.asked.append(f"{self.command} {self.path}")
        if url.path == "/token":
            return self.answer(200, json.dumps({"token": registry.token}).encode())
        if registry.token and self.headers.get("Authorization") != f"Bearer {registry.token}":
            challenge = registry.challenge or f'Bearer realm="http://{registry.host}/token",service="test",scope="pull"'
            return self.answer(401, WWW_Authenticate=challenge)
        if url.path == "/v2/":
            return self.answer(200)
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path):
            return self.manifest(found[1], found[2])
        if found := re.fullmatch(r"/v2/.+/blobs/(.+)", url.path):
            blob = registry.blobs.get(found[1])
            return self.answer(404) if blob is None else self.answer(200, blob)
        return self.answer(404)

    def manifest(self, name: str, reference: str) -> None:
        key = f"{name}@{reference}" if reference.startswith("sha256:") else f"{name}:{reference}"
        kind, content = self.registry.manifests.get(key, ("", b""))
        if self.registry.status or not kind:
            return self.answer(self.registry.status or 404)
        if kind not in self.headers.get("Accept", ""):
            return self.answer(404)  # a real one would give another kind of manifest
        digest = self.registry.digest_header
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}" if digest is None else digest
        more = {"Docker_Content_Digest": digest} if digest else {}
        return self.answer(200, content, Content_Type=kind, **more)

    def do_POST(self) -> None:
        self.body()
        upload = str(len(self.registry.uploads))
        self.registry.uploads[upload] = b""
        self.answer(202, Location=f"{urlsplit(self.path).path}{upload}", Docker_Upload_UUID=upload)

    def do_PATCH(self) -> None:
        path = urlsplit(self.path).path
        upload = path.rpartition("/")[2]
        self.registry.uploads[upload] += self.body()
        self.answer(202, Location=path, Range=f"0-{len(self.registry.uploads[upload]) - 1}")

    def do_PUT(self) -> None:
        url, content = urlsplit(self.path), self.body()
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path):
            digest = self.registry.put(found[1], found[2], content, self.headers["Content-Type"])
            return self.answer(201, Docker_Content_Digest=digest)
        (digest,) = parse_qs(url.query)["digest"]
        self.registry.blobs[digest] = self.registry.uploads.pop(url.path.rpartition("/")[2]) + content
        return self.answer(201, Docker_Content_Digest=digest)


@contextmanager
def running_registry() -> Iterator[Registry]:
    registry = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry}))
    registry.port = server.server_port
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
