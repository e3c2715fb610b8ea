"""How many rows a release is proven on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from tests.compile import cases

from seatrial.compile import compilation


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
    frame = pd.DataFrame({"x": np.arange(1000)})
    first, again, other = (compilation._at_most(10, frame, seed)["x"].tolist() for seed in (1, 1, 2))
    assert first == again == sorted(set(first))
    assert first != other
    assert len(first) == 10
    assert max(first) > 500
