"""The page on production works: from the first logged request over an alarm to the next release and its canary."""

import shutil
from pathlib import Path

import pytest
from tests.docs.scenarios import AFTER_RELEASE, DOCS
from tests.docs.walking import walk_in


@pytest.mark.soak
def test_the_page_works_as_written(tmp_path: Path) -> None:
    for table in ("customers.csv", "customers-july.csv"):
        shutil.copy(DOCS / table, tmp_path)
    with walk_in(tmp_path) as walk:
        walk.page(AFTER_RELEASE, long=True)
    assert {"seatrial watch", "seatrial refresh --from-log", "seatrial deploy local --promote"} <= set(walk.done)
    history = (tmp_path / "churn" / "deploy" / "local" / "history.jsonl").read_text()
    assert "canary" in history
