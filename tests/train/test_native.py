"""What a native release contains: the same bytes for the same pipeline, and nothing that a release does not trust."""

import io
import json
import uuid
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seatrial.core.errors import SeatrialError
from seatrial.model.trusted_types import TRUSTED_TYPES
from seatrial.train.native import dump_native, store_native

generator = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": generator.normal(size=80), "z": generator.normal(size=80)})
LABELS = np.where(FRAME["x"] > 0, 1, 0)


class Constant(ClassifierMixin, BaseEstimator):
    """An estimator of a project's own."""

    def fit(self, rows: Any, labels: Any) -> "Constant":
        """Learn nothing."""
        self.classes_ = np.unique(labels)
        return self

    def predict_proba(self, rows: Any) -> Any:
        """Half and half."""
        return np.full((len(rows), 2), 0.5)


def fitted(**options: Any) -> Any:
    model = KNeighborsClassifier(3, algorithm="ball_tree")
    model.options_ = options
    return model.fit(FRAME, LABELS)


def schema_of(stored: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zipfile.ZipFile(io.BytesIO(stored)).read("schema.json"))
    return document


def test_the_same_pipeline_gives_the_same_bytes_whatever_names_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """skops names bytes by chance; a name that begins with digits was taken for an address."""
    drawn = iter([uuid.UUID(int=1 << 120), uuid.UUID(int=0xAB << 120), uuid.UUID(int=99 << 100)])
    monkeypatch.setattr("uuid.uuid4", lambda: next(drawn))
    stored = [dump_native(fitted(raw=b"some bytes")) for _ in range(3)]
    assert stored[0] == stored[1] == stored[2]
    assert any(name.endswith(".bin") for name in zipfile.ZipFile(io.BytesIO(stored[0])).namelist())


def test_texts_that_look_like_parts_of_the_file_stay_as_they_are() -> None:
    from skops.io import loads

    text = '"file": "12.npy", "__id__": 140'
    again = loads(dump_native(fitted(text=text, file="7.npy")), trusted=list(TRUSTED_TYPES))
    assert again.options_ == {"text": text, "file": "7.npy"}


def test_what_is_stored_scores_as_before() -> None:
    pipeline = make_pipeline(FunctionTransformer(np.cbrt), fitted())
    stored = store_native(pipeline.fit(FRAME, LABELS), FRAME, "it is a neighbour")
    assert schema_of(stored)["__class__"] == "Pipeline"


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (Constant(), "it contains tests.train.test_native.Constant"),
        (make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression()), "it contains .*lambda"),
    ],
    ids=["class", "function"],
)
def test_what_a_release_must_not_contain_is_named(pipeline: Any, words: str) -> None:
    with pytest.raises(SeatrialError, match=rf"compiled \(a reason\) nor stored safely: {words}"):
        store_native(pipeline.fit(FRAME, LABELS), FRAME, "a reason")


def test_a_pipeline_that_does_not_survive_being_stored_is_refused() -> None:
    class Forgetful(KNeighborsClassifier):
        def __getstate__(self) -> Any:
            return {**super().__getstate__(), "n_neighbors": 1}

    model = KNeighborsClassifier(30).fit(FRAME, LABELS)
    model.__class__ = Forgetful
    Forgetful.__module__, Forgetful.__qualname__ = KNeighborsClassifier.__module__, "KNeighborsClassifier"
    Forgetful.__name__ = "KNeighborsClassifier"
    with pytest.raises(SeatrialError, match="scores differently after it was stored"):
        store_native(model, FRAME, "a reason")
