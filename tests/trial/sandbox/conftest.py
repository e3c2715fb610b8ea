"""The moody release in a sandbox, once for all files here that a worker of pytest-xdist runs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.projects.misbehaving import make_moody
from tests.trial.sandbox.moody import POLICY, Open

from seatrial.release import open_index, publish_toolkit
from seatrial.trial.policy import Policy
from seatrial.trial.sandbox.sandbox import Sandbox, open_sandbox


@pytest.fixture(scope="session")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = open_index(tmp_path_factory.mktemp("toolkit"))
    return index.fetch_wheel(publish_toolkit(index)).path


@pytest.fixture(scope="session")
def open_moody(tmp_path_factory: pytest.TempPathFactory, toolkit: Path) -> Open:
    """Make a wheel of the moody model and open it in a sandbox."""
    folder = tmp_path_factory.mktemp("sandboxes")

    def open_it(policy: Policy = POLICY, **how: Any) -> Sandbox:
        wheel = make_moody(Path(tempfile.mkdtemp(dir=folder)), **how)
        return open_sandbox(wheel, policy, toolkit=toolkit, cache=folder / "cache")

    return open_it


@pytest.fixture(scope="session")
def sandbox(open_moody: Open) -> Sandbox:
    return open_moody()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of sandboxes; it is empty after every test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def _from_the_cache(sandbox: Sandbox, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first environment has filled uv's cache; only `make soak` has releases that were made with other versions."""
    if request.node.get_closest_marker("soak") is None:
        monkeypatch.setenv("UV_OFFLINE", "1")
