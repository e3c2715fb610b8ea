"""Runs the gRPC server of one process, in the event loop of its HTTP server, so that both share batches."""

import asyncio
import socket
from time import perf_counter
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from loguru import logger

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import check_port, url_of
from seatrial.http.tls import LOOK_SECONDS, TlsFiles
from seatrial.serve.exchanges import Exchanges
from seatrial.serve.grpc.grpc_calls import InferenceCalls
from seatrial.serve.grpc.infer_messages import POOL, SERVICE
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
IDENTITY = 1  # the bit of "not compressed" in a set of compression algorithms
IDLE_SECONDS = 300  # after which an unused connection is closed; clients open it again when they need it
STREAMS = 256  # calls at a time on one connection
QUIET_SECONDS = 0.1  # without a call, after which a server stops
HINT = "Choose another with --grpc-port."


class GrpcServer:
    """The gRPC server of one process. `start` and `stop` belong into its event loop."""

    def __init__(self, service: Service, exchanges: Exchanges) -> None:
        self._service = service
        self._calls = InferenceCalls(service, exchanges)
        self._server: Any = None
        self.port = 0  # the one that it listens on

    async def start(self) -> None:
        """Listen. Raises SeatrialError where the port cannot be used."""
        settings = self._service.settings
        self._server = server = grpc.aio.server(options=_options(settings))
        self._health = health.aio.HealthServicer()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        server.add_generic_rpc_handlers((self._calls.handler(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((SERVICE, HEALTH, reflection.SERVICE_NAME), server, POOL)
        host, port = settings.bound or settings.host, settings.grpc_port or 0
        try:
            address = url_of(host, port, "").removeprefix("://")
            if settings.tls:
                self.port = server.add_secure_port(address, _credentials(settings.tls))
            else:
                self.port = server.add_insecure_port(address)
        except RuntimeError:
            check_port(host, port, hint=HINT)  # says which server has it
            raise SeatrialError(f"Port {port} on {host} cannot be used.", hint=HINT) from None
        await server.start()
        logger.info("the Open Inference Protocol is on {}:{} over gRPC", host, self.port)

    async def stop(self) -> None:
        """Accept no more calls, and let those in progress end."""
        if self._server:
            await self._health.enter_graceful_shutdown()
            # gRPC cancels calls that have come in and were not taken yet, which clients do not repeat. So they are
            # refused, which clients do repeat, until no more come in.
            calls, timeout = self._calls, self._service.settings.stop_timeout
            calls.stopping = True
            patience = perf_counter() + timeout / 2
            while perf_counter() < min(patience, calls.last + QUIET_SECONDS) or (
                calls.active and perf_counter() < patience
            ):
                await asyncio.sleep(QUIET_SECONDS / 10)
            await self._server.stop(timeout / 2)


def _credentials(tls: TlsFiles) -> Any:
    """The certificate of HTTP, which may be renewed as there: the last pair that can be used stays in use."""
    seen, looked = tls.state(), perf_counter()

    def renewed() -> Any:
        """What gRPC asks for at each connection: another pair, or None."""
        nonlocal seen, looked
        now, state = perf_counter(), seen
        if now - looked >= LOOK_SECONDS:
            looked, state = now, tls.state()
        if state == seen:
            return None
        try:
            pair = _pair(tls)
        except (SeatrialError, OSError):  # half a renewal
            return None
        seen = state
        return pair

    return grpc.dynamic_ssl_server_credentials(_pair(tls), renewed)


def _pair(tls: TlsFiles) -> Any:
    """A certificate and its key. Raises SeatrialError where they cannot be used."""
    tls.context()
    return grpc.ssl_server_certificate_configuration([(tls.key.read_bytes(), tls.certificate.read_bytes())])


def _options(settings: Settings) -> list[tuple[str, Any]]:
    """The limits of HTTP, as far as gRPC has them. Messages are not compressed: their size would be known too late."""
    return [
        ("grpc.max_receive_message_length", settings.body_limit),
        ("grpc.max_metadata_size", settings.header_limit),
        ("grpc.absolute_max_metadata_size", settings.header_limit),
        ("grpc.max_concurrent_streams", STREAMS),
        ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
        ("grpc.server_handshake_timeout_ms", int(settings.receive_timeout * 1000)),
        ("grpc.compression_enabled_algorithms_bitset", IDENTITY),
        ("grpc.so_reuseport", int(shares_port(settings))),
    ]


def shares_port(settings: Settings) -> bool:
    """Whether other processes listen on the same port: further workers, or the server that this one replaces."""
    return settings.workers > 1 or settings.fd is not None or bool(settings.lent_socket or settings.borrowed_socket)


def reserve_port(settings: Settings) -> socket.socket:
    """For several workers: hold the port that all of them listen on, and find a free one for port 0.

    Raises SeatrialError where the port cannot be used.
    """
    host, port = settings.bound or settings.host, settings.grpc_port or 0
    if port:
        check_port(host, port, hint=HINT)
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((host, port))
    return holder
