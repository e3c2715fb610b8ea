"""Golden rows at turning points: they reveal float32, and a smooth model has none."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import Field
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from seatrial.model.features import Columns
from seatrial.model.schema import Schema, columns_of
from seatrial.train.golden_rows import TURNING_ROWS, turning_rows


class Fish(Schema):
    """A fish."""

    length: float
    weight: float | None = None
    rings: int
    kind: str = "cod"


COLUMNS = columns_of(Fish)
RANDOM = np.random.default_rng(3)
TABLE: Columns = {
    "length": RANDOM.normal(300, 50, 200),
    "weight": np.where(RANDOM.random(200) < 0.1, np.nan, RANDOM.normal(0.7, 0.2, 200)),
    "rings": RANDOM.integers(0, 9, 200).astype(float),
    "kind": np.array(["cod", "eel"] * 100, dtype=object),
}


def matrix(table: Columns) -> np.ndarray:
    return np.column_stack([np.nan_to_num(np.asarray(table[n], float)) for n in ("length", "weight", "rings")])


def stepped(table: Columns) -> np.ndarray:
    """Answers by thresholds in double precision, as the compiled trees do."""
    x = matrix(table)
    return np.floor(x[:, 0] / 7.3) + 10 * np.floor(x[:, 1] * 31.7)


def single(answers: Callable[[Columns], np.ndarray]) -> Callable[[Columns], np.ndarray]:
    """The same model behind a conversion to float32."""
    return lambda table: answers(
        {n: v if v.dtype == object else np.asarray(v, np.float32).astype(float) for n, v in table.items()}
    )


def columns_from(rows: list[dict]) -> Columns:
    return {
        name: np.array(
            [np.nan if row[name] is None else row[name] for row in rows], object if name == "kind" else float
        )
        for name in TABLE
    }


def test_single_precision_scores_one_row_of_each_pair_wrongly() -> None:
    rows = turning_rows(COLUMNS, Fish, TABLE, stepped)
    assert 16 <= len(rows) <= TURNING_ROWS
    table = columns_from(rows)
    scores = stepped(table)
    half = len(rows) // 2
    assert (scores[:half] != scores[half:]).all()
    for name in ("length", "weight"):
        distance = np.abs(table[name][:half] - table[name][half:])
        assert ((distance == 0) | (distance <= 1.01e-8 * np.abs(table[name][:half]))).all() | np.isnan(distance).any()
    assert (single(stepped)(table) != scores).mean() > 0.3
    real = {**TABLE}
    assert (single(stepped)(real) == stepped(real)).all()  # no row of the table shows the difference


def test_a_smooth_model_has_no_turning_points() -> None:
    model = LinearRegression().fit(matrix(TABLE), TABLE["length"] * 2)
    assert turning_rows(COLUMNS, Fish, TABLE, lambda table: model.predict(matrix(table))) == []


def test_turning_points_of_trees_are_reproducible() -> None:
    model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(matrix(TABLE), TABLE["length"] ** 2)

    def scores(table: Columns) -> np.ndarray:
        return model.predict(matrix(table))

    rows = turning_rows(COLUMNS, Fish, TABLE, scores, seed=1)
    assert len(rows) > 8
    assert rows == turning_rows(COLUMNS, Fish, TABLE, scores, seed=1)
    assert all(json.loads(json.dumps(row)) == row for row in rows)


class Coarse(Schema):
    """A fish whose length is in whole tenths, which no value next to a turning point is."""

    length: float = Field(multiple_of=0.5)
    weight: float | None = None
    rings: int
    kind: str = "cod"


@pytest.mark.parametrize(
    "table",
    [
        {**TABLE, "length": np.zeros(200), "weight": np.full(200, np.nan)},
        {name: values[:0] for name, values in TABLE.items()},
        {**TABLE, "length": np.where(np.arange(200) % 2, -1e308, 1e308), "weight": np.full(200, 5e-324)},
    ],
    ids=["constant", "no rows", "extremes"],
)
def test_unusual_tables_have_no_turning_points(table: Columns) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        assert turning_rows(COLUMNS, Fish, table, stepped) == []


def test_rows_that_the_schema_rejects_are_left_out() -> None:
    rows = turning_rows(columns_of(Coarse), Coarse, {**TABLE, "weight": np.full(200, np.nan)}, stepped)
    assert rows == []
