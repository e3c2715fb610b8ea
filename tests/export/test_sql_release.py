"""The reference project as one SELECT: equal in DuckDB and PostgreSQL, and bad rows have no prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project, importable
from seatrial.export.expressions import Expressions
from seatrial.export.sql import Output, select
from seatrial.export.sql_proof import KEY, TABLE, arrow_rows, duckdb_database, prove_sql
from seatrial.export.sql_release import _known, release_as_sql
from seatrial.model.release import Release
from seatrial.model.word_counts import METADATA_KEY
from seatrial.steps.export_release import proof_rows


@pytest.mark.parametrize(
    ("dialect", "rows"),
    [("duckdb", 5_000), ("postgres", 5_000), *(pytest.param(each, 100_000, marks=pytest.mark.soak) for each in ("duckdb", "postgres"))],
)  # fmt: skip
def test_the_select_answers_as_the_release(titanic_project: Path, dialect: Any, rows: int, request: Any) -> None:
    database = duckdb_database if dialect == "duckdb" else request.getfixturevalue("postgres")
    project = find_project(titanic_project)
    with importable(project):
        release = Release(project.package)
        proof = prove_sql(release, proof_rows(project, release, rows), dialect=dialect, database=database)
    assert proof.rows > rows
    assert proof.largest_difference <= 1e-9
    assert proof.labels_differ == 0


def test_a_wrong_answer_is_an_error(titanic_project: Path) -> None:
    project = find_project(titanic_project)

    def shifted(text: str, rows: Any) -> Any:
        answer = dict(duckdb_database(text, rows))
        return {**answer, "probability_1": [value + 1e-6 for value in answer["probability_1"]]}

    with importable(project):
        release = Release(project.package)
        rows = proof_rows(project, release, 10)
        with pytest.raises(SeatrialError, match="rows differently in duckdb"):
            prove_sql(release, rows, dialect="duckdb", database=shifted)


def test_a_graph_of_words_is_refused(titanic_project: Path, tmp_path: Path) -> None:
    import onnx

    with importable(find_project(titanic_project)):
        release = Release("titanic_model")
        assert release.metadata.engine == "onnx"
        graph = onnx.load(release.artifacts / "model.onnx")
        graph.metadata_props.add(key=METADATA_KEY, value="[]")
        release.artifacts = tmp_path
        onnx.save(graph, tmp_path / "model.onnx")
        with pytest.raises(SeatrialError, match="counts the words of texts in Python"):
            release_as_sql(release, table="t", keep=[], dialect="duckdb")


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_rows_that_break_the_schema_have_no_prediction(titanic_project: Path, dialect: Any, request: Any) -> None:
    database = duckdb_database if dialect == "duckdb" else request.getfixturevalue("postgres")
    project = find_project(titanic_project)
    with importable(project):
        release = Release(project.package)
        rows = {name: np.repeat(values[:1], 6) for name, values in proof_rows(project, release, 10).items()}
        rows["age"] = np.array([131.0, -1, 30, 30, 30, 30])
        rows["pclass"] = np.array([1.0, 1, 4, 1, 1, 1])
        rows["name"] = np.array(["a", "a", "a", None, "x" * 121, "a"], dtype=object)
        text = release_as_sql(release, table=TABLE, keep=[KEY], dialect=dialect).text
        answer = database(text, arrow_rows(release.columns, rows))
    assert answer["bad_column"] == ["age", "age", "pclass", "name", "name", None]
    assert [each is None for each in answer["prediction"]] == [True] * 5 + [False]
    assert [each is None for each in answer["probability_0"]] == [True] * 5 + [False]


def test_a_score_that_is_missing_has_no_label(titanic_project: Path) -> None:
    project, pool = find_project(titanic_project), Expressions()
    a, b = (pool.column(name, "number", nullable=False) for name in "ab")
    score = pool.divide(a, b)
    with importable(project):
        label = _known(Release(project.package), [pool.arithmetic("-", pool.number(1), score), score], pool)
    text = select([Output("label", label)], table=TABLE, keep=[KEY], dialect="duckdb")
    answer = duckdb_database(text, pa.table({KEY: [0, 1, 2], "a": [0.9, 0.1, 0.9], "b": [1.0, 1.0, 0.0]}))
    assert answer["label"] == [1, 0, None]


@pytest.mark.parametrize("keep", [["name", "Name"], ["prediction"], ["name", "PROBABILITY_1"], ["bad_column"]])
def test_a_kept_column_has_a_name_of_its_own(titanic_project: Path, keep: list[str]) -> None:
    project = find_project(titanic_project)
    with importable(project), pytest.raises(SeatrialError, match=f"would be called {keep[-1]}"):
        release_as_sql(Release(project.package), table=TABLE, keep=keep, dialect="duckdb")
