"""Serves: a release in, HTTP out. It never trains, never installs, and never looks at a project's settings.

`create_app` gives the ASGI application, `run` the whole server. It stands on the core and on the extra `serve`, so
pandas, scikit-learn and the command line's packages are not there.
"""

from typing import TYPE_CHECKING

from seatrial.serve.server_settings import Settings

if TYPE_CHECKING:
    from seatrial.serve.asgi import create_app as create_app
    from seatrial.serve.server import run as run

__all__ = ["Settings", "create_app", "run"]

_HOMES = {"create_app": "asgi", "run": "server"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
