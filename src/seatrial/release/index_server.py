"""A private package index over HTTP: a folder index behind a password, for teams without a hosted one.

It serves PEP 503, 658, 691 and 700, and accepts uploads in twine's form, wheel and sdist in either order. An upload is
inspected before it appears, is never overwritten, and appears whole or not at all.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name, is_normalized_name
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.release.folder_index import FolderIndex
from seatrial.release.index import BusyIndexError, UnwritableIndexError, VersionExistsError
from seatrial.release.index_access import Access, Caller, Gate, IndexRoute
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

__all__ = ["Access", "make_app"]

UPLOADS = ".uploads"
UPLOAD_PATHS = ("/", "/legacy/", "/simple/")
LIMIT = 1 << 30  # bytes of one upload
UPLOAD_SECONDS = 900.0
STATUS: dict[type[SeatrialError], int] = {VersionExistsError: 409, UnwritableIndexError: 507, BusyIndexError: 503}


def make_app(index: FolderIndex, access: Access, *, limit: int = LIMIT) -> Starlette:
    """Make the ASGI application that serves `index`."""
    shutil.rmtree(index.path / UPLOADS, ignore_errors=True)  # left by a server that was killed
    handlers = _Handlers(index, limit)
    gate = Gate(access)
    routes = [
        IndexRoute("GET", "/health", _health, Caller.ANYONE, gate),
        IndexRoute("GET", "/", _greeting, Caller.READER, gate),
        IndexRoute("GET", "/simple", _to_projects, Caller.READER, gate),
        IndexRoute("GET", "/simple/", handlers.projects, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}", handlers.slash, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}/", handlers.project, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}/{filename}", handlers.file, Caller.READER, gate),
        *(IndexRoute("POST", path, handlers.upload, Caller.WRITER, gate) for path in UPLOAD_PATHS),
    ]
    app = Starlette(routes=routes, exception_handlers={SeatrialError: _damaged})
    app.router.default = gate.not_found
    app.router.redirect_slashes = False
    return app


def _health(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _greeting(_request: Request) -> Response:
    return PlainTextResponse("A package index: see /simple/.\n")


def _to_projects(_request: Request) -> Response:
    return RedirectResponse("/simple/", 308)


class _Handlers:
    """The request handlers; each reads the folder again, since others may publish to it too."""

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
            raise HTTPException(404, f"No project {name} found.")
        return _page(request, lambda: project_html(name, files), lambda: project_json(name, files))

    def file(self, request: Request) -> Response:
        """Send a file that the page lists, or its metadata, with its hash as the ETag."""
        name, filename = canonicalize_name(request.path_params["project"]), request.path_params["filename"]
        listed: dict[str, tuple[IndexedFile, str]] = {}
        for file in self._files(name):
            listed[file.filename] = (file, file.sha256)
            if file.core_metadata:
                listed[f"{file.filename}.metadata"] = (file, file.core_metadata)
        if filename not in listed:
            raise HTTPException(404, f"No file {filename} of {name} found.")
        etag = f'"{listed[filename][1]}"'
        headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        path = project_folder(self.index.path, name) / filename
        return FileResponse(path, headers=headers, media_type="application/octet-stream")

    async def upload(self, request: Request) -> Response:
        """Accept one file in twine's form: 200, also for the same bytes again; 409 for different content; else 4xx."""
        if request.headers.get("origin"):
            raise HTTPException(403, "Uploads from web pages are not allowed.")
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
        upload = form.get("content") or form.get("package")
        if fields.get(":action", "file_upload") != "file_upload" or not isinstance(upload, UploadFile):
            raise HTTPException(400, "Not an upload: a file `content` and :action=file_upload are required.")
        filename = upload.filename or ""
        if Path(filename).name != filename or "\\" in filename or filename.startswith("."):
            raise HTTPException(400, "The file name is not valid.")
        home = self.index.path / UPLOADS
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=home) as folder:
            path = Path(folder) / filename
            try:
                name, version = parse_filename(filename)
                with path.open("wb") as stored:
                    shutil.copyfileobj(upload.file, stored)
                if fields.get("sha256_digest", "").lower() not in ("", sha256(path)):
                    raise HTTPException(400, "The file does not have the SHA-256 that was sent with it.")
                declared = fields.get("name", name), fields.get("version", str(version))
                if (canonicalize_name(declared[0]), declared[1]) != (name, str(version)):
                    raise HTTPException(400, f"{filename} is not a file of {declared[0]} {declared[1]}.")
                published = self.index.add(path)
            except SeatrialError as error:
                message = f"{error.message} {error.hint}".strip().replace(f"{folder}/", "")
                status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
                raise HTTPException(status, message.replace(str(self.index.path), "the index")) from None
        return PlainTextResponse(f"{filename} {'was already published' if published.already else 'is published'}.\n")


def _page(request: Request, html: Any, json: Any) -> Response:
    """Respond in the format that the client prefers (PEP 691)."""
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
        raise HTTPException(406, f"Available: {', '.join(offered)}.")
    return best[1]


def _bounded(receive: Receive, limit: int) -> Receive:
    """Limit a body whose length is not declared."""
    seen = 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, f"An upload is at most {limit >> 20} MiB.")
        return message

    return counted


def _damaged(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The index is damaged; its administrator must check it.\n", 500)
