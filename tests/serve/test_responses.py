"""Encoded responses: JSON readers read back exactly what the model predicted."""

import json
from typing import Any

import numpy as np
import pytest
from tests.serve.small_releases import CLASSES, EXAMPLE

from seatrial.http.messages import EncodedResponse
from seatrial.model import Release
from seatrial.serve import responses
from seatrial.serve.responses import PredictionWriter, scored_rows

ID = "one-id"


def read(response: EncodedResponse) -> Any:
    assert response.status == 200
    return json.loads(response.body)


def test_a_response_reads_back_as_the_releases_own_prediction(titanic: Release) -> None:
    rows = [titanic.metadata.example, titanic.metadata.typical]
    writer = PredictionWriter(titanic)
    scores = titanic.score([titanic.encode(row) for row in titanic.parse(json.dumps(rows).encode())])
    document = read(writer.respond(scored_rows(titanic, scores), ID))
    expected = titanic.predict(rows)
    assert document == {
        "predictions": [row["prediction"] for row in expected],
        "probabilities": [row["probabilities"] for row in expected],
        "release": "titanic-model",
        "version": titanic.version,
        "request_id": ID,
    }


def test_labels_with_special_characters_are_escaped(multiclass: Release) -> None:
    writer = PredictionWriter(multiclass)
    scores = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 5e-324]])
    document = read(writer.respond(scored_rows(multiclass, scores), ID))
    labels = CLASSES["multiclass"]
    assert document["predictions"] == [labels[2], labels[0]]
    assert document["probabilities"] == [dict(zip(labels, row, strict=True)) for row in scores.tolist()]


def test_a_regression_has_no_probabilities(regression: Release) -> None:
    writer = PredictionWriter(regression)
    document = read(writer.respond(scored_rows(regression, np.array([1.5, -2e300])), ID))
    assert document["predictions"] == [1.5, -2e300]
    assert "probabilities" not in document
    assert document["release"] == "small-regression"


def test_no_rows_give_no_predictions(titanic: Release) -> None:
    document = read(PredictionWriter(titanic).respond((), ID))
    assert document["predictions"] == document["probabilities"] == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinities_are_never_returned(titanic: Release, regression: Release, bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or an infinity"):
        scored_rows(titanic, np.array([[0.5, 0.5], [bad, 0.5]]))
    with pytest.raises(ValueError, match="NaN or an infinity"):
        scored_rows(regression, np.array([1.0, bad]))


@pytest.mark.parametrize("name", ['a"b', "a\\b", 'x\\"', "plain-1.2_3"])
def test_request_ids_are_escaped(titanic: Release, name: str) -> None:
    assert read(PredictionWriter(titanic).respond((), name))["request_id"] == name


def test_further_keys_come_before_the_common_ones(multiclass: Release) -> None:
    writer = PredictionWriter(multiclass)
    rows = scored_rows(multiclass, np.array([[1.0, 0.0, 0.0]]))
    document = read(writer.respond(rows, ID, {"explanation": {"row": EXAMPLE}}))
    assert list(document) == ["predictions", "probabilities", "explanation", "release", "version", "request_id"]
    assert document["explanation"] == {"row": EXAMPLE}


def test_error_responses_have_their_status_and_detail() -> None:
    assert json.loads(responses.too_large(1024).body) == {"detail": "The body is larger than 1,024 bytes."}
    assert responses.too_large(1).status == 413
    assert responses.busy().status == responses.not_ready().status == 503
    assert (b"retry-after", b"1") in responses.busy().headers
    failed = json.loads(responses.internal_error("abc").body)
    assert failed["request_id"] == "abc"
