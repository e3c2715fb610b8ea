"""The guides do what they say: each is walked through in its order, and each goes on where the last one ended."""

import shutil
from pathlib import Path

import pytest
from tests.docs.scenarios import DOCS, guide
from tests.docs.walking import walk_in
from tests.soak import SOAK

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who has saved the tables."""
    folder = tmp_path_factory.mktemp("reader")
    for table in ("customers.csv", "customers-july.csv"):
        shutil.copy(DOCS / table, folder)
    return folder


def test_the_guides_from_the_table_to_the_pipeline_work_as_they_are_written(reader: Path) -> None:
    with walk_in(reader) as walk:
        for name in ("start.md", "models.md", "trial.md", "deploying.md"):
            walk.page(guide(name), long=SOAK)
    assert {"seatrial train", "seatrial trial", "seatrial publish", "seatrial deploy local --stop"} <= set(walk.done)
    assert (reader / "churn" / "accepted.json").is_file()
