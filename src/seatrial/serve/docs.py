"""Swagger UI at /docs and ReDoc at /redoc, with the files of fastapi-offline, so that they work without a network."""

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_redoc_html
from fastapi_offline import FastAPIOffline

FILES = "/static-offline-docs"
REDOC = "/redoc.js"
LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"  # ReDoc loads it, and works without it


def create_app_with_docs(**options: Any) -> FastAPI:
    """Make a FastAPI application with both pages; `options` are FastAPI's own."""
    app: FastAPI = FastAPIOffline(static_url=FILES, redoc_url=None, **options)

    def redoc(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_redoc_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - ReDoc",
            redoc_js_url=f"{root}{REDOC}",
            redoc_favicon_url=f"{root}{FILES}/favicon.png",
            with_google_fonts=False,
        )

    def script() -> Response:
        file = Path(str(fastapi_offline.__file__)).parent / "static" / "redoc.standalone.js"
        content = file.read_bytes().replace(LOGO, b"data:,")
        return Response(content, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    app.add_api_route("/redoc", redoc, include_in_schema=False)
    app.add_api_route(REDOC, script, include_in_schema=False)
    return app
