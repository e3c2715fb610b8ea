"""The code of the page about engines runs as it is there, and each way gives the same answers.

That for Spark and Ray needs a cluster: tests/engines has tests of their own.
"""

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from tests.conftest import TITANIC
from tests.docs.markdown import blocks_of
from tests.docs.scenarios import DOCS


def test_every_block_of_the_page_runs_and_the_answers_agree(titanic, tmp_path: Path, monkeypatch):
    frame = pd.read_csv(TITANIC / "data" / "titanic.csv").assign(id=range(1309))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, tmp_path / "passengers.parquet")
    monkeypatch.chdir(tmp_path)
    names: dict = {"table": table}

    blocks = [block for block in blocks_of(DOCS / "engines.md") if block.language == "python"]
    assert {"Spark", "Ray"} < {block.heading for block in blocks}
    code = [block.text for block in blocks if block.heading not in ("Spark", "Ray")]
    exec(code[0], names)
    expected = names["predicted"].select(["id", "prediction", "probability_1"])
    assert expected.num_rows == 1309
    for part in code[1:]:
        exec(part, names)

    assert (names["some"].num_rows, names["bad"].rows) == (1309, 0)
    likely = pl.read_parquet("likely.parquet")["id"].to_list()
    assert likely == pl.DataFrame(expected).filter(pl.col("probability_1") > 0.9)["id"].to_list()
    by_dask = pq.read_table("predicted").select(expected.column_names).sort_by("id")
    assert by_dask.equals(expected)
    names["answers"].close()
    with duckdb.connect("answers.duckdb") as answers:
        by_duckdb = answers.sql("SELECT id, prediction, probability_1 FROM predictions").to_arrow_table()
    assert by_duckdb.equals(expected)
