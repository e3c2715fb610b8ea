"""Tiny projects to train, written into a folder."""

import random
from pathlib import Path
from typing import Any

from seatrial.core.errors import CompileError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.model.engines import Compiled, Proof

SCHEMA = '''
from typing import Literal

from pydantic import Field

from seatrial import Schema


class Row(Schema):
    """A row."""

    size: float = Field(ge=0, le=100)
    colour: Literal["red", "blue"]
    note: str | None = None
'''
FEATURES = '''
def half(size: float) -> float:
    """Half of it."""
    return size / 2
'''
PIPELINE = """
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def build():
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["half"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])]
    )
    return make_pipeline(columns, LogisticRegression())
"""
REGRESSION = PIPELINE.replace("LogisticRegression", "Ridge")
NATIVE = PIPELINE.replace("linear_model import LogisticRegression", "neighbors import KNeighborsClassifier").replace(
    "LogisticRegression()", "KNeighborsClassifier(5)"
)

XGBOOST = """
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier


def build():
    columns = ColumnTransformer(
        [("n", "passthrough", ["half"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])]
    )
    return make_pipeline(columns, XGBClassifier(n_estimators=40, n_jobs=1))
"""


def table(labels: Any, *, rows: int = 80, seed: int = 0) -> str:
    """CSV of rows whose label `labels(size, colour, random)` gives."""
    generator = random.Random(seed)
    lines = ["size,colour,note,y"]
    for number in range(rows):
        size, colour = round(generator.uniform(0, 100), 1), generator.choice(["red", "blue"])
        lines.append(f"{size},{colour},Person {number},{labels(size, colour, generator)}")
    return "\n".join(lines) + "\n"


def two(size: float, colour: str, generator: random.Random) -> int:
    """A noisy yes or no."""
    return int(size + (20 if colour == "red" else 0) + generator.gauss(0, 15) > 55)


def three(size: float, colour: str, generator: random.Random) -> str:
    """One of three names."""
    return ("low", "middle", "high")[min(int((size + generator.gauss(0, 8)) // 34) % 3, 2)]


def number(size: float, colour: str, generator: random.Random) -> str:
    """A quantity."""
    return f"{3 * size + (50 if colour == 'red' else 0) + generator.gauss(0, 10):.3f}"


def write_project(
    root: Path, data: str, *, pipeline: str = PIPELINE, schema: str = SCHEMA, settings: str = ""
) -> ProjectSettings:
    """Write a project and read it."""
    package = root / "src" / "little_model"
    package.mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "little-model"\ndescription = "A little model"\n'
        f'[tool.seatrial]\ndata = "data.csv"\ntarget = "y"\n{settings}\n'
    )
    (root / "data.csv").write_text(data)
    (package / "__init__.py").write_text('"""Little."""\n\n__version__ = "0.3.0"\n')
    for name, content in (("schema", schema), ("features", FEATURES), ("pipeline", pipeline)):
        (package / f"{name}.py").write_text(content)
    return find_project(root)


PROOF = Proof(80, 920, largest_difference=2.5e-16, labels_differ=0, ties=0, holds=True)


def compiles(pipeline: Any, **facts: Any) -> Compiled:
    """A compiler that proves nothing, in no time."""
    from seatrial.compile.converter import compile_pipeline

    return Compiled(compile_pipeline(pipeline, facts["inputs"]), PROOF)


def refuses(pipeline: Any, **facts: Any) -> Compiled:
    """A compiler that refuses every pipeline."""
    raise CompileError("The step KNeighborsClassifier does not compile.")
