"""How many rows a release is proven on."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.compile import cases

from seatrial.compile import compilation
from seatrial.compile.proof_rows import table_parts
from seatrial.model.categorical import categorical


def test_a_large_table_is_compared_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "TABLE_ROWS", 100)
    pipeline = cases.make_pipeline(cases.scaled(), LogisticRegression()).fit(cases.FRAME, cases.TARGETS["binary"])
    compiled = compilation.compile_release(
        pipeline,
        inputs=cases.INPUTS,
        table=cases.TABLE,
        columns=cases.COLUMNS,
        to_frame=cases.framed,
        allowed=lambda drawn: np.ones(len(drawn["age"]), dtype=bool),
        rule=cases.RULES["binary"],
        rows=500,
    )
    assert compiled.proof.holds
    assert compiled.proof.rows_table == 100
    assert compiled.proof.rows_generated >= 500


def test_the_rows_of_a_large_table_are_drawn_by_the_seed() -> None:
    table = {"x": np.arange(1000.0)}
    first, again, other = (table_parts(table, 10, seed)[0]["x"].tolist() for seed in (1, 1, 2))
    assert first == again == sorted(set(first))
    assert first != other
    assert len(first) == 10
    assert max(first) > 500


def test_rows_are_drawn_from_the_ends_and_all_texts_of_a_large_table() -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=1000)
    numbers[[3, 700, 800]] = -50, 50, np.nan
    codes = generator.integers(5, size=1000)
    codes[437] = 5
    texts = categorical(np.array(["a", "b", "c", "d", None, "once"], dtype=object), codes)
    part, source = table_parts({"x": numbers, "text": texts}, 10, 1)
    assert len(part["x"]) == 10
    assert 50 not in part["x"]
    assert {-50, 50} < set(source["x"].tolist())
    assert set(source["text"].tolist()) == {"a", "b", "c", "d", None, "once"}
    assert len(source["x"]) <= 18
