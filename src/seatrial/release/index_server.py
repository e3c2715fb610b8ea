"""A private package index over HTTP: a folder index behind a password, for teams without a hosted one.

It reads as PEP 503, 658, 691 and 700 say, and takes uploads as twine sends them, wheel and sdist in either order.
What is uploaded is looked into before it is there, is never overwritten, and appears whole or not at all.
"""

import asyncio
import hmac
import shutil
from base64 import b64decode
from binascii import Error as Base64Error
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name, is_normalized_name
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.index_settings import LOOPBACK
from seatrial.release.folder_index import FolderIndex
from seatrial.release.index import BusyIndexError, UnwritableIndexError, VersionExistsError
from seatrial.release.listing import HTML_TYPES, JSON_TYPE
from seatrial.wheels.simple_api import (
    IndexedFile,
    parse_filename,
    project_folder,
    project_html,
    project_json,
    root_html,
    root_json,
)

UPLOADS = ".uploads"
LIMIT = 1 << 30  # bytes of one upload
UPLOAD_SECONDS = 900.0
STATUS: dict[type[SeatrialError], int] = {VersionExistsError: 409, UnwritableIndexError: 507, BusyIndexError: 503}


@dataclass(frozen=True)
class Access:
    """Who may do what. Without a password everybody may do everything, which is for this machine alone."""

    user: str
    password: str = ""
    open_reading: bool = False

    def allows(self, authorization: str) -> bool:
        """Compare user and password in a time that tells nothing of them."""
        kind, _, told = authorization.partition(" ")
        try:
            given = b64decode(told.strip(), validate=True) if kind.lower() == "basic" else b""
        except (Base64Error, ValueError):
            given = b""
        return hmac.compare_digest(given, f"{self.user}:{self.password}".encode())


def make_app(index: FolderIndex, access: Access, *, limit: int = LIMIT) -> ASGIApp:
    """Make the ASGI application that serves `index`."""
    shutil.rmtree(index.path / UPLOADS, ignore_errors=True)  # of a server that was killed
    door = _Door(index, limit)
    routes = [
        Route("/", door.upload, methods=["POST"]),
        Route("/legacy/", door.upload, methods=["POST"]),
        Route("/simple/", door.upload, methods=["POST"]),
        Route("/", lambda _: PlainTextResponse("A package index: see /simple/.\n")),
        Route("/health", lambda _: PlainTextResponse("ok\n")),
        Route("/simple", lambda _: RedirectResponse("/simple/", 308)),
        Route("/simple/", door.projects),
        Route("/simple/{project}", door.slash),
        Route("/simple/{project}/", door.project),
        Route("/simple/{project}/{filename}", door.file),
    ]
    return _Guard(Starlette(routes=routes, exception_handlers={HTTPException: _told, SeatrialError: _damaged}), access)


class _Door:
    """The handlers; each reads the folder anew, so that it may be published to from elsewhere as well."""

    def __init__(self, index: FolderIndex, limit: int) -> None:
        self.index = index
        self.limit = limit

    def projects(self, request: Request) -> Response:
        names = self.index.names()
        return _page(request, lambda: root_html(names), lambda: root_json(names))

    def _files(self, name: str) -> list[IndexedFile]:
        return self.index.files(name) if is_normalized_name(name) else []

    def slash(self, request: Request) -> Response:
        return RedirectResponse(f"/simple/{canonicalize_name(request.path_params['project'])}/", 308)

    def project(self, request: Request) -> Response:
        name = request.path_params["project"]
        if canonicalize_name(name) != name:
            return self.slash(request)
        files = self._files(name)
        if not files:
            raise HTTPException(404, f"There is no {name} here.")
        return _page(request, lambda: project_html(name, files), lambda: project_json(name, files))

    def file(self, request: Request) -> Response:
        """Send a file that the page lists, or the metadata of one, with its hash as its ETag."""
        name, filename = canonicalize_name(request.path_params["project"]), request.path_params["filename"]
        listed: dict[str, tuple[IndexedFile, str]] = {}
        for file in self._files(name):
            listed[file.filename] = (file, file.sha256)
            if file.core_metadata:
                listed[f"{file.filename}.metadata"] = (file, file.core_metadata)
        if filename not in listed:
            raise HTTPException(404, f"There is no {filename} of {name} here.")
        etag = f'"{listed[filename][1]}"'
        headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        path = project_folder(self.index.path, name) / filename
        return FileResponse(path, headers=headers, media_type="application/octet-stream")

    async def upload(self, request: Request) -> Response:
        """Take one file as twine sends it: 200, also for the same bytes again; 409 for others; 4xx with the reason."""
        if request.headers.get("origin"):
            raise HTTPException(403, "Uploads do not come from web pages.")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.limit:
            raise HTTPException(413, f"An upload is at most {self.limit >> 20} MiB.")
        try:
            async with (
                asyncio.timeout(UPLOAD_SECONDS),
                Request(request.scope, _bounded(request.receive, self.limit)).form(
                    max_files=1, max_fields=500, max_part_size=4 * 2**20
                ) as form,
            ):
                return await run_in_threadpool(self._take, {k: v for k, v in form.items() if isinstance(v, str)}, form)
        except MultiPartException as error:
            raise HTTPException(400, f"The form cannot be read: {error.message}") from None
        except TimeoutError:
            raise HTTPException(408, "The upload took too long.") from None
        except ClientDisconnect:
            return Response(status_code=400)
        except OSError as error:
            raise HTTPException(507, f"The upload cannot be stored: {error.strerror}.") from None

    def _take(self, fields: dict[str, str], form: Any) -> Response:
        sent = form.get("content") or form.get("package")
        if fields.get(":action", "file_upload") != "file_upload" or not isinstance(sent, UploadFile):
            raise HTTPException(400, "Not an upload: it has no file `content` and :action=file_upload.")
        filename = sent.filename or ""
        if Path(filename).name != filename or "\\" in filename or filename.startswith("."):
            raise HTTPException(400, "The file name is none.")
        home = self.index.path / UPLOADS
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=home) as folder:
            path = Path(folder) / filename
            try:
                name, version = parse_filename(filename)
                with path.open("wb") as stored:
                    shutil.copyfileobj(sent.file, stored)
                if fields.get("sha256_digest", "").lower() not in ("", sha256(path)):
                    raise HTTPException(400, "The file does not have the SHA-256 that was sent with it.")
                told = fields.get("name", name), fields.get("version", str(version))
                if (canonicalize_name(told[0]), told[1]) != (name, str(version)):
                    raise HTTPException(400, f"{filename} is not of {told[0]} {told[1]}.")
                published = self.index.add(path)
            except SeatrialError as error:
                said = f"{error.message} {error.hint}".strip().replace(f"{folder}/", "")
                status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
                raise HTTPException(status, said.replace(str(self.index.path), "the index")) from None
        already = "is here already, with these bytes" if published.already else "is here"
        return PlainTextResponse(f"{filename} {already}.\n")


class _Guard:
    """Stands before everything, so that no route can be forgotten: who is not allowed gets no further."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = self._refusal(Request(scope))
            if refused:
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if not self.access.password:
            # A web page that has this address in its own name must not read or write here.
            own = _hostname(request.headers.get("host", "")) in LOOPBACK
            return None if own else PlainTextResponse("Wrong host.\n", 421)
        reading = request.method in ("GET", "HEAD")
        if request.url.path == "/health" or (reading and self.access.open_reading):
            return None
        if self.access.allows(request.headers.get("authorization", "")):
            return None
        return PlainTextResponse("User or password is wrong.\n", 401, {"WWW-Authenticate": 'Basic realm="index"'})


def _page(request: Request, html: Any, json: Any) -> Response:
    """Answer in the form that the client likes best (PEP 691)."""
    kind = _negotiated(request.headers.get("accept", "*/*"))
    headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
    if kind == JSON_TYPE:
        return Response(json(), media_type=JSON_TYPE, headers=headers)
    return HTMLResponse(html(), media_type=kind, headers=headers)


def _negotiated(accept: str) -> str:
    offered = ("text/html", HTML_TYPES[0], JSON_TYPE)
    best: tuple[float, str] = (0.0, "")
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        with suppress(ValueError):
            quality = next((float(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        kind = {"*/*": "text/html", "text/*": "text/html", JSON_TYPE.replace("v1", "latest"): JSON_TYPE}.get(kind, kind)
        if kind in offered and quality > best[0]:
            best = (quality, kind)
    if not best[1]:
        raise HTTPException(406, f"There is {', '.join(offered)}.")
    return best[1]


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count a body that does not say its length beforehand."""
    seen = 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, f"An upload is at most {limit >> 20} MiB.")
        return message

    return counted


def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=dict(error.headers or {}))


def _damaged(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The index is damaged; its keeper has to look at it.\n", 500)


def _hostname(host: str) -> str:
    """The name in a Host header; none where it cannot be read."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
