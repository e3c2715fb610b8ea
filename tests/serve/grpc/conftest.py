"""A server with a port for gRPC, and a way to call it."""

from collections.abc import Iterator

import grpc
import pytest
from tests.serve.clients import threaded

from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.server_settings import Settings


@pytest.fixture(scope="module")
def grpc_port(titanic: Release) -> Iterator[int]:
    """The port on which the Titanic model is served over gRPC."""
    with threaded(create_app(titanic, Settings(grpc_port=0))) as (_, server):
        yield server.config.app.grpc.port


@pytest.fixture
def channel(grpc_port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        yield channel
