"""A server of a small release, without a socket and with one."""

from collections.abc import Iterator

import pytest
from tests.serve.clients import threaded

from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service


@pytest.fixture(scope="module")
def app(multiclass: Release) -> Iterator[AsgiApp]:
    """The application, loaded; it answers `tests.serve.clients.ask`."""
    service = Service(multiclass, Settings())
    service.load()
    yield AsgiApp(service)
    service.stop()


@pytest.fixture(scope="module")
def titanic_port(titanic: Release) -> Iterator[int]:
    """The port on which the Titanic model is served by our own protocol."""
    with threaded(create_app(titanic)) as (port, _):
        yield port
