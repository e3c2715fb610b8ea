"""Shared fixtures: a release of every kind, each made once per session."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from tests.serve.browsing import ARGUMENTS, CHROMIUM, Visit, serving
from tests.serve.small_releases import make_release

from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("small")


@pytest.fixture(scope="session")
def binary(small_root: Path) -> Release:
    return make_release(small_root, "small_binary", "binary")


@pytest.fixture(scope="session")
def multiclass(small_root: Path) -> Release:
    return make_release(small_root, "small_multiclass", "multiclass")


@pytest.fixture(scope="session")
def regression(small_root: Path) -> Release:
    return make_release(small_root, "small_regression", "regression")


@pytest.fixture(scope="session")
def native(small_root: Path) -> Release:
    return make_release(small_root, "small_native", "multiclass", native=True)


@pytest.fixture
def service(titanic: Any) -> Iterator[Service]:
    """The Titanic model, loaded."""
    service = Service(titanic, Settings())
    service.load()
    yield service
    service.stop()


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Restore the process's logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    logger.remove()
    logger.add(sys.stderr)


@pytest.fixture(scope="module")
def url(titanic: Any) -> Iterator[str]:
    """The address of the Titanic model's server."""
    with serving(create_app(titanic)) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for one file: Playwright's event loop would disturb other tests of asyncio."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def new(**options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        context.set_default_timeout(8_000)
        contexts.append(context)
        return Visit(context.new_page())

    yield new
    for context in contexts:
        context.close()
