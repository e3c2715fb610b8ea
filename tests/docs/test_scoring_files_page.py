"""The page on predicting files works: its commands write what the page says."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.docs.scenarios import SCORING
from tests.docs.walking import walk_in


@pytest.mark.soak
def test_the_page_works_as_written(titanic_project: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(titanic_project, tmp_path / "titanic"))
    table = pd.read_csv(project / "data" / "titanic.csv").drop(columns=["survived", "boat", "body", "home_dest"])
    table["id"] = range(len(table))
    table.to_parquet(project / "passengers.parquet", index=False)
    for number in range(3):
        folder = project / "exports" / "country=DE" / f"day=2026-07-0{number + 1}"
        folder.mkdir(parents=True)
        table.iloc[number * 400 : number * 400 + 400].to_parquet(folder / "rows.parquet", index=False)
    with walk_in(project) as walk:
        walk.page(SCORING, long=True)
    assert len(pq.read_table(project / "predictions.parquet")) == len(table)
    assert pq.read_table(project / "checked.parquet")["id"].to_pylist() == list(range(1200))
    assert len(pq.read_table(project / "checked.bad.parquet")) == 0
    manifest = json.loads((project / "predictions" / "_seatrial.json").read_text())
    assert (manifest["rows_in"], manifest["bad"], len(manifest["parts"])) == (1200, 0, 3)
    assert (project / "predictions" / "_SUCCESS").exists()
