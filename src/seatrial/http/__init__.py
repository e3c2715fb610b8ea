"""HTTP connections that stay up: any ASGI application in, a Uvicorn configuration with limits and deadlines out.

`guarded_config` and the `GuardedServer` that runs it are for the model server and for the package index alike. They
bound what clients make the process hold: headers, unfinished bodies, unread responses and connections. They never look
at what an application serves.
"""

from typing import TYPE_CHECKING

from seatrial.http.limits import Limits

if TYPE_CHECKING:
    from seatrial.http.config import guarded_config as guarded_config
    from seatrial.http.server import GuardedServer as GuardedServer

__all__ = ["GuardedServer", "Limits", "guarded_config"]


def __getattr__(name: str) -> object:
    if name == "GuardedServer":
        from seatrial.http.server import GuardedServer

        return GuardedServer
    if name == "guarded_config":
        from seatrial.http.config import guarded_config

        return guarded_config
    raise AttributeError(name)
