"""Answers as bytes: what JSON readers read back is what the model said."""

import json
from typing import Any

import numpy as np
import pytest
from tests.serve.releases import CLASSES, EXAMPLE

from seatrial.model import Release
from seatrial.serve import responses
from seatrial.serve.responses import PredictionWriter

ID = "one-id"


def read(answer: responses.Answer) -> Any:
    assert answer.status == 200
    return json.loads(answer.body)


def test_a_prediction_reads_back_as_the_release_gave_it(titanic: Release) -> None:
    rows = [titanic.metadata.example, titanic.metadata.typical]
    writer = PredictionWriter(titanic)
    scores = titanic.score([titanic.encode(row) for row in titanic.parse(json.dumps(rows).encode())])
    document = read(writer.answer(writer.pieces(scores), ID))
    expected = titanic.predict(rows)
    assert document == {
        "predictions": [row["prediction"] for row in expected],
        "probabilities": [row["probabilities"] for row in expected],
        "release": "titanic-model",
        "version": titanic.version,
        "request_id": ID,
    }


def test_labels_that_are_hard_to_write(multiclass: Release) -> None:
    writer = PredictionWriter(multiclass)
    scores = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 5e-324]])
    document = read(writer.answer(writer.pieces(scores), ID))
    labels = CLASSES["multiclass"]
    assert document["predictions"] == [labels[2], labels[0]]
    assert document["probabilities"] == [dict(zip(labels, row, strict=True)) for row in scores.tolist()]


def test_a_regression_has_no_probabilities(regression: Release) -> None:
    writer = PredictionWriter(regression)
    document = read(writer.answer(writer.pieces(np.array([1.5, -2e300])), ID))
    assert document["predictions"] == [1.5, -2e300]
    assert "probabilities" not in document
    assert document["release"] == "small-regression"


def test_no_rows_no_predictions(titanic: Release) -> None:
    document = read(PredictionWriter(titanic).answer((), ID))
    assert document["predictions"] == document["probabilities"] == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_answer(titanic: Release, regression: Release, bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or an infinity"):
        PredictionWriter(titanic).pieces(np.array([[0.5, 0.5], [bad, 0.5]]))
    with pytest.raises(ValueError, match="NaN or an infinity"):
        PredictionWriter(regression).pieces(np.array([1.0, bad]))


@pytest.mark.parametrize("name", ['a"b', "a\\b", 'x\\"', "plain-1.2_3"])
def test_a_request_id_cannot_leave_its_string(titanic: Release, name: str) -> None:
    assert read(PredictionWriter(titanic).answer((), name))["request_id"] == name


def test_more_is_told_before_the_frame(multiclass: Release) -> None:
    writer = PredictionWriter(multiclass)
    pieces = writer.pieces(np.array([[1.0, 0.0, 0.0]]))
    document = read(writer.answer(pieces, ID, {"explanation": {"row": EXAMPLE}}))
    assert list(document) == ["predictions", "probabilities", "explanation", "release", "version", "request_id"]
    assert document["explanation"] == {"row": EXAMPLE}


def test_refusals_say_what_is_the_matter() -> None:
    assert json.loads(responses.too_large(1024).body) == {"detail": "The body is larger than 1,024 bytes."}
    assert responses.too_large(1).status == 413
    assert responses.busy().status == responses.starting().status == 503
    assert (b"retry-after", b"1") in responses.busy().headers
    failed = json.loads(responses.failed("abc").body)
    assert failed["request_id"] == "abc"
