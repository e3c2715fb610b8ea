"""The page on other protocols works: each of its blocks is run by a real client against a real server."""

import shutil
from pathlib import Path

import pytest
from tests.docs.scenarios import DOORS
from tests.docs.walking import walk_in
from tests.serve.clients import threaded

from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.server_settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: Debian's package is nodejs"),
]


def test_every_client_of_the_page_gets_its_answer(titanic: Release, tmp_path: Path) -> None:
    app = create_app(titanic, Settings(grpc_port=0, mcp=True))
    with threaded(app) as (port, _), walk_in(tmp_path) as walk:
        assert app.grpc is not None
        walk.ports |= {"8001": str(port), "8002": str(app.grpc.port)}
        walk.page(DOORS, long=True)
    assert sum(text.startswith("curl") for text in walk.done) >= 5
    assert "node predict.mjs" in walk.done
    assert (tmp_path / "infer.json").is_file()
