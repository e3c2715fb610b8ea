"""The HTTP server: serves one installed release. It never trains, never installs, and never reads a project's settings.

`create_app` makes the ASGI application; `run` runs the whole server. It needs the core and the extra `serve`; pandas,
scikit-learn and the packages of the command line are not installed there.
"""

TYPE_CHECKING = False  # not from typing, which takes time to load

if TYPE_CHECKING:
    from seatrial.serve.asgi import create_app as create_app
    from seatrial.serve.server import run as run
    from seatrial.serve.server_settings import Settings as Settings

__all__ = ["Settings", "create_app", "run"]

_MODULES = {"Settings": "server_settings", "create_app": "asgi", "run": "server"}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
