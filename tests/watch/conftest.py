"""A trained release with its held-out rows, as the watch compares logs with them."""

from pathlib import Path

import pytest

from seatrial.trial.rows.reference import read_rows
from seatrial.watch.release_reference import ReleaseReference


@pytest.fixture(scope="session")
def reference(titanic, titanic_project: Path) -> ReleaseReference:
    folder = titanic_project / "src" / "titanic_model" / "artifacts"
    rows = read_rows((folder / "reference.csv").read_text(), titanic.columns, titanic.metadata.target, "reference.csv")
    columns, problems = titanic.checker.check(rows.columns)
    assert not problems
    return ReleaseReference(
        titanic.version, titanic.metadata, titanic.columns, columns, rows.target, titanic.score_table(columns)
    )
