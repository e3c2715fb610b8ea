"""The page on tuning works: its commands are run in the project that it continues with."""

import shutil
from pathlib import Path

import pytest
from tests.docs.scenarios import DOCS, TUNING
from tests.docs.walking import walk_in


@pytest.mark.soak
def test_the_page_works_as_written(tmp_path: Path) -> None:
    shutil.copy(DOCS / "customers.csv", tmp_path)
    with walk_in(tmp_path) as walk:
        assert walk.shell.run("seatrial new churn --data customers.csv --target churned --yes")[0] == 0
        walk.shell.run("cd churn")
        walk.page(TUNING, long=True)
    assert {"seatrial tune --trials 4", "seatrial runs compare"} <= set(walk.done)
    assert len(list((tmp_path / "churn" / "runs" / "tune").glob("*/study.db"))) == 2
