"""A private package index over HTTP: a folder index behind a password, for teams without a hosted one.

It serves PEP 503, 658, 691 and 700, and accepts uploads in twine's form, wheel and sdist in either order. An upload is
inspected before it appears, is never overwritten, and appears whole or not at all.
"""

from contextlib import suppress
from typing import Any

from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from seatrial.core.errors import SeatrialError
from seatrial.release.folder_index import FolderIndex
from seatrial.release.index_access import Access, Caller, Gate, IndexRoute
from seatrial.release.index_brake import Brake
from seatrial.release.index_upload import LIMIT, Uploads
from seatrial.release.index_withdrawals import BODY_LIMIT, REFUSAL, read_request
from seatrial.release.index_worker import status_of
from seatrial.release.listing import HTML_TYPES, JSON_TYPE
from seatrial.wheels.simple_api import (
    NAME,
    IndexedFile,
    project_folder,
    project_html,
    project_json,
    root_html,
    root_json,
)

__all__ = ["Access", "make_app"]

UPLOAD_PATHS = ("/", "/legacy/", "/simple/")


def make_app(index: FolderIndex, access: Access, *, limit: int = LIMIT, brake: Brake | None = None) -> Starlette:
    """Make the ASGI application that serves `index`."""
    handlers = _Handlers(index)
    uploads = Uploads(index.path, limit)
    gate = Gate(access, brake)
    routes = [
        IndexRoute("GET", "/health", _health, Caller.ANYONE, gate),
        IndexRoute("GET", "/", _greeting, Caller.READER, gate),
        IndexRoute("GET", "/simple", _to_projects, Caller.READER, gate),
        IndexRoute("GET", "/simple/", handlers.projects, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}", handlers.slash, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}/", handlers.project, Caller.READER, gate),
        IndexRoute("GET", "/simple/{project}/{filename}", handlers.file, Caller.READER, gate),
        IndexRoute("POST", "/simple/{project}/withdrawals", handlers.withdraw, Caller.WRITER, gate),
        *(IndexRoute("POST", path, uploads.take, Caller.WRITER, gate) for path in UPLOAD_PATHS),
    ]
    app = Starlette(routes=routes, exception_handlers={SeatrialError: _damaged})
    app.router.default = gate.not_found
    app.router.redirect_slashes = False
    return app


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _greeting(_request: Request) -> Response:
    return PlainTextResponse("A package index: see /simple/.\n")


async def _to_projects(_request: Request) -> Response:
    return RedirectResponse("/simple/", 308)


class _Handlers:
    """The request handlers; each reads the folder again, since others may publish to it too."""

    def __init__(self, index: FolderIndex) -> None:
        self.index = index

    def projects(self, request: Request) -> Response:
        names = self.index.names()
        return _page(request, lambda: root_html(names), lambda: root_json(names))

    def _files(self, name: str) -> list[IndexedFile]:
        return self.index.files(name) if NAME.fullmatch(name) else []

    def slash(self, request: Request) -> Response:
        name = canonicalize_name(request.path_params["project"])
        if not NAME.fullmatch(name):
            raise HTTPException(404, "No such project.")
        return RedirectResponse(f"/simple/{name}/", 308)

    def project(self, request: Request) -> Response:
        name = request.path_params["project"]
        if canonicalize_name(name) != name:
            return self.slash(request)
        files = self._files(name)
        records = self.index.withdrawals(name) if NAME.fullmatch(name) else []
        if not files and not records:
            raise HTTPException(404, "No such project.")
        return _page(request, lambda: project_html(name, files, records), lambda: project_json(name, files, records))

    def file(self, request: Request) -> Response:
        """Send a file that the page lists, or its metadata, with its hash as the ETag."""
        name, filename = canonicalize_name(request.path_params["project"]), request.path_params["filename"]
        listed: dict[str, tuple[IndexedFile, str]] = {}
        for file in self._files(name):
            listed[file.filename] = (file, file.sha256)
            if file.core_metadata:
                listed[f"{file.filename}.metadata"] = (file, file.core_metadata)
        if filename not in listed:
            raise HTTPException(404, "No such file.")
        etag = f'"{listed[filename][1]}"'
        headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        path = project_folder(self.index.path, name) / filename
        return FileResponse(path, headers=headers, media_type="application/octet-stream")

    async def withdraw(self, request: Request) -> Response:
        """Yank, restore or remove a version of a project, as the JSON document of the request says."""
        if request.headers.get("origin"):
            raise HTTPException(403, "Requests from web pages are not allowed.")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise HTTPException(413, f"A request is at most {BODY_LIMIT >> 10} KiB.")
        name = request.path_params["project"]
        if not NAME.fullmatch(name):
            raise HTTPException(404, "No such project.")
        try:
            wanted = read_request(body)
            details = {"reason": wanted.reason, "who": wanted.who}
            changed = await run_in_threadpool(
                lambda: self.index.withdraw(name, wanted.version, wanted.action, **details)
            )
        except SeatrialError as error:
            message = f"{REFUSAL}{error.message} {error.hint}".strip().replace(str(self.index.path), "the index")
            return PlainTextResponse(f"{message}\n", status_of(error))
        return JSONResponse({"changed": changed})


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


def _damaged(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The index is damaged; its administrator must check it.\n", 500)
