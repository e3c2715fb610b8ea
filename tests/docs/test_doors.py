"""The page on other protocols works: each of its blocks is run by a real client against a real server."""

from pathlib import Path

import pytest
from tests.docs.scenarios import DOORS
from tests.docs.walking import walk_in
from tests.serve.clients import threaded

from seatrial.model import Release
from seatrial.serve import create_app

pytestmark = pytest.mark.slow


def test_every_client_of_the_page_gets_its_answer(titanic: Release, tmp_path: Path) -> None:
    with threaded(create_app(titanic)) as (port, _), walk_in(tmp_path) as walk:
        walk.ports["8001"] = str(port)
        walk.page(DOORS, long=True)
    assert sum(text.startswith("curl") for text in walk.done) >= 5
    assert (tmp_path / "infer.json").is_file()
