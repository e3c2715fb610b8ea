"""Small releases of every kind, trained in a second: binary, multiclass, regression, and one that runs scikit-learn."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.compile import compile_release
from seatrial.model import Release
from seatrial.model.decision import DecisionRule
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.train.fitting import Framer, scores_of
from seatrial.train.interval_calibration import found_numbers
from seatrial.train.native import dump_native

SCHEMA = '''
from typing import Literal

from pydantic import Field

from seatrial import Schema


class Answer(Schema):
    """A row."""

    size: float = Field(ge=0, le=10)
    count: int = Field(1, ge=0, le=100)
    kind: Literal["a", "b", "c"]
    note: str | None = Field(None, max_length=40)
'''
FEATURES = """
def length(note: str | None) -> int:
    if note and note.startswith("boom"):
        raise ValueError(f"cannot read {note!r}")
    return len(note or "")
"""
INPUTS = Inputs(("size", "count", "length"), ("kind",))
CLASSES: dict[str, tuple[Any, ...]] = {
    "binary": ("no", "yes"),
    "multiclass": ('the "first"', "50 %s", "c\\d"),  # labels with special characters
    "regression": (),
}
EXAMPLE = {"size": 2.5, "count": 3, "kind": "b", "note": None}


def make_release(root: Path, package: str, task: Any, *, native: bool = False) -> Release:
    """Write a package with a trained model into `root`, and return its release."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    folder = root / package
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Small."""\n\n__version__ = "1.2.3"\n')
    (folder / "schema.py").write_text(SCHEMA)
    (folder / "features.py").write_text(FEATURES)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    release = Release(package)

    generator = np.random.default_rng(3)
    rows = 120
    notes = [None, "x", "a longer note"]
    table: dict[str, Any] = {
        "size": generator.uniform(0, 10, rows),
        "count": generator.integers(0, 20, rows).astype(float),
        "kind": np.array(["a", "b", "c"], dtype=object)[generator.integers(3, size=rows)],
        "note": np.array([notes[i] for i in generator.integers(3, size=rows)], dtype=object),
    }
    signal = table["size"] + (table["kind"] == "b") * 3 + generator.normal(size=rows)
    classes = CLASSES[task]
    target = np.digitize(signal, np.quantile(signal, [0.3, 0.7][: len(classes) - 1])) if classes else signal
    from seatrial.model.features import features_in

    features = features_in(__import__(f"{package}.features", fromlist=["features"]), release.columns)
    framer = Framer(release.columns, features, INPUTS)
    model: Any = LogisticRegression() if classes else LinearRegression()
    columns = [("numbers", StandardScaler(), ["size", "count", "length"]), ("kind", OneHotEncoder(), ["kind"])]
    pipeline = make_pipeline(ColumnTransformer(columns), KNeighborsClassifier() if native else model)
    pipeline.fit(framer(table), target)
    if native:
        (artifacts / "model.skops").write_bytes(dump_native(pipeline))
    else:
        compiled = compile_release(
            pipeline,
            inputs=INPUTS,
            table=table,
            columns=release.columns,
            to_frame=framer,
            allowed=lambda drawn: np.array([not str(note).startswith("boom") for note in drawn["note"]]),
            rule=DecisionRule(task, classes),
            rows=200,
        )
        (artifacts / "model.onnx").write_bytes(compiled.graph)
    metadata = Metadata(
        name=package.replace("_", "-"),
        task=task,
        target="y",
        engine="native" if native else "onnx",
        inputs=INPUTS,
        typical={"size": 5.0, "count": 2, "kind": "a", "note": "x"},
        example=EXAMPLE,
        classes=classes,
        positive="yes" if task == "binary" else None,
        intervals={}
        if native
        else found_numbers(DecisionRule(task, classes), target, scores_of(pipeline, framer(table))),
    )
    (artifacts / "release.json").write_text(metadata.to_json())
    return release
