"""A small table with everything that is hard in it, and one call that compiles and proves a pipeline on it."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from seatrial.compile import compile_release
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import Compiled, to_frame
from seatrial.model.features import Columns
from seatrial.model.inputs import Inputs, stack_columns
from seatrial.model.schema import Column

NUMBERS = ["age", "fare", "size", "grade", "pclass"]
STRINGS = ["sex", "port", "deck"]
INPUTS = Inputs(tuple(NUMBERS), tuple(STRINGS))
COLUMNS = (
    Column("age", "number", nullable=True, required=False, minimum=0, maximum=80),
    Column("fare", "number", nullable=False, required=True, minimum=0, exclusive_minimum=True),
    Column("size", "integer", nullable=False, required=True, minimum=1, maximum=12),
    Column("grade", "integer", nullable=True, required=False, minimum=0, maximum=9),
    Column("pclass", "category", nullable=False, required=True, categories=(1, 2, 3)),
    Column("sex", "category", nullable=False, required=True, categories=("female", "male")),
    Column("port", "category", nullable=True, required=False, categories=("C", "Q", "S", "X")),
    Column("deck", "text", nullable=True, required=False, max_length=12),
)
ROWS = 400


def _with_missing(generator: np.random.Generator, values: Any, missing: Any) -> Any:
    values[generator.random(len(values)) < 0.2] = missing
    return values


def _table() -> Columns:
    generator = np.random.default_rng(7)
    texts = np.array([*"ABCDEFGH", "naïve", "A"], dtype=object)
    ports = np.array(["C", "Q", "S"], dtype=object)
    return {
        "age": _with_missing(generator, generator.uniform(0, 80, ROWS).round(2), np.nan),
        "fare": np.exp(generator.normal(3, 1, ROWS)),
        "size": generator.integers(1, 8, ROWS).astype(np.float64),
        "grade": _with_missing(generator, generator.integers(0, 6, ROWS).astype(np.float64), np.nan),
        "pclass": generator.integers(1, 4, ROWS).astype(np.float64),
        "sex": np.array(["female", "male"], dtype=object)[generator.integers(2, size=ROWS)],
        "port": _with_missing(generator, ports[generator.integers(3, size=ROWS)], None),
        "deck": _with_missing(generator, texts[np.minimum(generator.geometric(0.3, ROWS) - 1, 9)], None),
    }


TABLE = _table()


def framed(table: Columns) -> Any:
    """The DataFrame that a pipeline sees."""
    return to_frame(INPUTS, *stack_columns(INPUTS, table))


FRAME = framed(TABLE)
_SIGNAL = (
    np.nan_to_num(TABLE["age"], nan=30) / 20
    - np.log(TABLE["fare"])
    + 2 * (TABLE["sex"] == "female")
    + TABLE["pclass"] * (TABLE["deck"] == "B")
    + np.random.default_rng(8).normal(size=ROWS)
)
BINARY = np.where(np.median(_SIGNAL) < _SIGNAL, "yes", "no")
MULTICLASS = np.digitize(_SIGNAL, np.quantile(_SIGNAL, [0.3, 0.7]))
VALUES = np.exp(_SIGNAL / 2) * 10
TARGETS = {"binary": BINARY, "multiclass": MULTICLASS, "regression": VALUES}

RULES = {
    "binary": DecisionRule("binary", ("no", "yes")),
    "multiclass": DecisionRule("multiclass", (0, 1, 2)),
    "regression": DecisionRule("regression"),
}


def numeric(*steps: Any) -> Any:
    """The numbers, with missing ones imputed, through these steps."""
    return ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), *steps), NUMBERS)])


def scaled() -> Any:
    """All columns, as a smooth model takes them."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("strings", strings, STRINGS)])


def compile_case(pipeline: Any, task: Any = "binary", *, fitted: bool = False, rows: int = 3000) -> Compiled:
    """Fit on the table, compile, and prove on a few thousand rows; raises CompileError as training would see it."""
    if not fitted:
        pipeline.fit(FRAME, TARGETS[task])
    assert is_classifier(pipeline) == (task != "regression")
    compiled = compile_release(
        pipeline,
        inputs=INPUTS,
        table=TABLE,
        columns=COLUMNS,
        to_frame=framed,
        allowed=lambda drawn: np.ones(len(drawn["age"]), dtype=bool),
        rule=RULES[task],
        seed=3,
        rows=rows,
    )
    assert compiled.proof.holds
    assert compiled.proof.rows_table == ROWS
    assert compiled.proof.rows_generated >= rows
    assert compiled.proof.largest_difference <= 1e-9
    assert compiled.proof.labels_differ == 0
    return compiled
