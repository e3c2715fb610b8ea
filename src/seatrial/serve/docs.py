"""Swagger UI at /docs and ReDoc at /redoc, with the files of fastapi-offline, so that they work without a network.

Both have a link back to the prediction page. Swagger UI is dark where the reader prefers it.
"""

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi_offline import FastAPIOffline

FILES = "/static-offline-docs"
REDOC = "/redoc.js"
# Relative, since a proxy may serve everything below a path of its own. The assets are those of page.py.
STYLE = '<link rel="stylesheet" href="assets/docs.css">'
DARK = '<script src="assets/docs.js"></script>'
BACK = '<nav class="back"><a href="./">\u2190 Prediction page</a></nav>'
LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"  # ReDoc loads it, and works without it


def create_app_with_docs(**options: Any) -> FastAPI:
    """Make a FastAPI application with both pages; `options` are FastAPI's own."""
    app: FastAPI = FastAPIOffline(static_url=FILES, docs_url=None, redoc_url=None, **options)

    async def swagger(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return _with_way_back(
            get_swagger_ui_html(
                openapi_url=f"{root}{app.openapi_url}",
                title=f"{escape(app.title)} - Swagger UI",
                swagger_js_url=f"{root}{FILES}/swagger-ui-bundle.js",
                swagger_css_url=f"{root}{FILES}/swagger-ui.css",
                swagger_favicon_url=f"{root}{FILES}/favicon.png",
            ),
            DARK,
        )

    async def redoc(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return _with_way_back(
            get_redoc_html(
                openapi_url=f"{root}{app.openapi_url}",
                title=f"{escape(app.title)} - ReDoc",
                redoc_js_url=f"{root}{REDOC}",
                redoc_favicon_url=f"{root}{FILES}/favicon.png",
                with_google_fonts=False,
            )
        )

    async def script() -> Response:
        return Response(_redoc_script(), media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    app.add_api_route("/docs", swagger, include_in_schema=False)
    app.add_api_route("/redoc", redoc, include_in_schema=False)
    app.add_api_route(REDOC, script, include_in_schema=False)
    return app


@cache
def _redoc_script() -> bytes:
    """ReDoc's script: a megabyte that many clients share while they read it."""
    file = Path(str(fastapi_offline.__file__)).parent / "static" / "redoc.standalone.js"
    return file.read_bytes().replace(LOGO, b"data:,")


def _with_way_back(page: Response, head: str = "") -> Response:
    """Add the link to FastAPI's own HTML, and `head` to its head."""
    html = bytes(page.body).decode().replace("<html>", '<html lang="en">', 1)
    html = html.replace("</head>", f"{STYLE}{head}</head>", 1).replace("<body>", f"<body>{BACK}", 1)
    return Response(html, media_type="text/html")
