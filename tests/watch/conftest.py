"""A trained release with its held-out rows, as the watch compares logs with them."""

from pathlib import Path

import pytest
from tests.watch.made_logs import held_out_rows

from seatrial.watch.release_reference import ReleaseReference


@pytest.fixture(scope="session")
def reference(titanic, titanic_project: Path) -> ReleaseReference:
    return held_out_rows(titanic, titanic_project)
