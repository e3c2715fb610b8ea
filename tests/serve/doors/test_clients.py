"""Triton's own client and requests, against the real server; docs/doors.md shows more, and its test runs it."""

from typing import Any

import numpy as np
import pytest
import requests
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from seatrial.model import Release

ROWS = [
    {"pclass": 2, "name": "Marsh, Miss. Ada", "sex": "female", "age": 8.0, "cabin": ""},
    {"pclass": 3, "name": "Olsén, Mr. Karl", "sex": "male", "age": float("nan"), "cabin": "C85"},
]


@pytest.fixture
def client(titanic_port: int) -> Any:
    return triton.InferenceServerClient(f"127.0.0.1:{titanic_port}")


def inputs(*, binary: bool, **changed: Any) -> list[Any]:
    columns = {name: np.array([row[name] for row in ROWS]) for name in ROWS[0]} | changed
    made = []
    for name, values in columns.items():
        kind = {"i": "INT64", "f": "FP64", "U": "BYTES"}[values.dtype.kind]
        made.append(triton.InferInput(name, list(values.shape), kind))
        made[-1].set_data_from_numpy(values.astype(object) if kind == "BYTES" else values, binary_data=binary)
    return made


def test_tritonclient_sees_a_server_and_a_model(client: Any, titanic: Release) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("titanic-model")
    assert client.is_model_ready("titanic-model", titanic.version)
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert {each["name"] for each in client.get_model_metadata("titanic-model")["inputs"]} >= set(ROWS[0])


@pytest.mark.parametrize("version", ["", "own"])
def test_tritonclient_gets_the_scores_of_the_release(client: Any, titanic: Release, version: str) -> None:
    rows = [{**ROWS[0], "cabin": None}, {**ROWS[1], "age": None}]
    expected = titanic.predict(rows)
    outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in ("probabilities", "prediction")]
    for wanted in (None, outputs):
        answer = client.infer(
            "titanic-model",
            inputs(binary=True),
            outputs=wanted,
            request_id="mine",
            model_version=titanic.version if version else "",
        )
        assert answer.get_response()["id"] == "mine"
        assert answer.as_numpy("prediction").tolist() == [row["prediction"] for row in expected]
        shares = [list(row["probabilities"].values()) for row in expected]
        assert answer.as_numpy("probabilities").tolist() == shares


def test_tritonclient_without_binary_data_sends_bare_nan(client: Any) -> None:
    columns = {"cabin": np.array(["C85", "C85"])}
    plain = client.infer("titanic-model", inputs(binary=False, **columns))
    binary = client.infer("titanic-model", inputs(binary=True, **columns))
    assert plain.as_numpy("probabilities").tolist() == binary.as_numpy("probabilities").tolist()


def test_tritonclient_shows_what_is_wrong(client: Any) -> None:
    with pytest.raises(InferenceServerException, match=r"row 1, column pclass: Input should be 1, 2 or 3"):
        client.infer("titanic-model", inputs(binary=True, pclass=np.array([1, 4])))
    with pytest.raises(InferenceServerException, match="Unknown model 'other'"):
        client.infer("other", inputs(binary=True))
    with pytest.raises(InferenceServerException, match="Not Found"):
        client.get_inference_statistics("titanic-model")
    assert client.is_server_live()


def test_one_session_of_requests_goes_through_all_doors(titanic_port: int, titanic: Release) -> None:
    row = titanic.metadata.example
    [expected] = titanic.predict(row)
    url = f"http://127.0.0.1:{titanic_port}"
    with requests.Session() as session:
        for path, body in (
            ("/v1/models/titanic-model:predict", {"instances": [row]}),
            ("/invocations", {"dataframe_records": [row]}),
            ("/api/v1/predict", [row]),
        ):
            answer = session.post(url + path, json=body, timeout=10).json()
            assert answer["predictions"] == [expected["prediction"]]
            assert answer["probabilities"] == [expected["probabilities"]]
        assert session.post(url + "/score", json={"data": [row]}, timeout=10).json() == [expected]
        assert session.get(url, timeout=10).json() == {"status": "alive"}
