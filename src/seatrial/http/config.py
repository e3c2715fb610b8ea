"""The configuration of a guarded server."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import uvicorn

from seatrial.core.ports import BACKLOG
from seatrial.http.budget import Budget
from seatrial.http.connection import GuardedProtocol
from seatrial.http.limits import Limits
from seatrial.http.memory import Trimmer
from seatrial.http.tls import Certificate, TlsFiles
from seatrial.http.turns import Turns


class GuardedConfig(uvicorn.Config):
    """Uvicorn's configuration with the limits that a GuardedProtocol reads."""

    def __init__(self, app: Any, limits: Limits, tls: TlsFiles | None = None, **options: Any) -> None:
        super().__init__(
            app, ssl_certfile=tls.certificate if tls else None, ssl_keyfile=tls.key if tls else None, **options
        )
        self.limits = limits
        self.tls = tls

    @cached_property
    def certificate(self) -> Certificate | None:
        """The certificate in use; None where connections are not encrypted."""
        return Certificate(self.tls) if self.tls else None

    @cached_property
    def budget(self) -> Budget:
        """What all connections of this process may hold."""
        return Budget(self.limits)

    @cached_property
    def trimmer(self) -> Trimmer:
        """What gives memory back after a peak."""
        return Trimmer(self.budget)

    @cached_property
    def turns(self) -> Turns:
        """Whose turn it is to be parsed."""
        return Turns()


def guarded_config(
    app: Any,
    limits: Limits | None = None,
    *,
    protocol: type[GuardedProtocol] = GuardedProtocol,
    headers: Sequence[tuple[str, str]] = (),
    tls: TlsFiles | None = None,
    stop_timeout: float = 3.0,
    **options: Any,
) -> GuardedConfig:
    """Configure Uvicorn to serve any ASGI application with limits and deadlines.

    `headers` go to every response, and `options` to Uvicorn; with `tls` all connections are encrypted. The application,
    if it has the methods, also logs what the connections refuse: see GuardedProtocol. Uvicorn's own access log is off
    unless `options` turn it on.
    """
    limits = limits or Limits()
    defaults: dict[str, Any] = {"ws": "none", "log_config": None, "access_log": False, "proxy_headers": False}
    return GuardedConfig(
        app,
        limits,
        tls,
        http=protocol,
        server_header=False,
        headers=list(headers),
        backlog=BACKLOG,
        timeout_graceful_shutdown=stop_timeout,
        **{**defaults, **options},
    )
