"""Shared fixtures: a release of every kind, each made once per session."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from tests.serve.small_releases import make_release

from seatrial.model import Release
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
