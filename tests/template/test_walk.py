"""The whole way for a few tables, as `python -m benchmarks.tables` runs for all: in `make soak`."""

import shutil
from pathlib import Path

import pytest
from benchmarks.tables.catalogue import TABLES, Table
from benchmarks.tables.lifecycle import Lifecycle

FEW = [pytest.param(table, id=table.name) for table in TABLES if table.name in ("few", "european", "orders")]


@pytest.mark.soak
@pytest.mark.skipif(
    not shutil.which("chromium"), reason="the page is filled in by Debian's Chromium, which is not here"
)
@pytest.mark.browser
@pytest.mark.parametrize("table", FEW)
def test_from_new_to_its_page_by_the_command_line(table: Table, tmp_path: Path) -> None:
    location = table.location(tmp_path, None)
    course = Lifecycle(table.name, tmp_path / "projects", tmp_path / "home").run(
        location, table.target, table.options, grows=table.grows
    )
    assert course.failed == ""
    assert course.engine == "onnx"
    assert {"new", "lint", "doctor", "train", "tests", "build", "trial", "publish", "serve", "page"} <= set(
        course.steps
    )
    assert bool(course.second) is table.grows
