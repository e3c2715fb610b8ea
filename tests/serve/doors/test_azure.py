"""Azure ML's /score."""

import json
from typing import Any

import pytest
from tests.serve.clients import ask, run

from seatrial.model import Release
from seatrial.serve.asgi import AsgiApp

ROW = {"size": 2.5, "count": 3, "kind": "b", "note": "x"}
SPLIT = {"columns": list(ROW), "index": [0], "data": [list(ROW.values())]}


@pytest.mark.parametrize(
    "document",
    [
        {"input_data": SPLIT, "params": {}},
        {"input_data": [ROW]},
        {"input_data": [list(ROW.values())]},
        {"data": [ROW]},
        {"data": [list(ROW.values())]},
    ],
)
def test_the_answer_is_a_list_of_objects(app: AsgiApp, multiclass: Release, document: Any) -> None:
    reply = run(ask(app, path="/score", body=json.dumps(document).encode()))
    assert (reply.status, reply.json()) == (200, multiclass.predict([ROW]))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, 'Send {"input_data": {"columns": [...], "data": [...]}} or {"data": [...]}.'),
        ({"data": [], "input_data": []}, 'Send {"input_data"'),
        ({"data": [ROW], "params": {"k": 1}}, "this model takes no params"),
        ({"data": [ROW], "method": "predict"}, "The request has keys besides data"),
        ({"data": 7}, "Send a list of rows."),
        ({"input_data": {"columns": ["size"]}}, 'Send an object with the lists "columns" and "data".'),
        ({"data": [{**ROW, "kind": "z"}]}, "row 0, column kind: Input should be 'a', 'b' or 'c' (literal_error)"),
    ],
)
def test_what_is_wrong_is_said(app: AsgiApp, document: Any, words: str) -> None:
    reply = run(ask(app, path="/score", body=json.dumps(document).encode()))
    assert reply.status == 400
    assert words in reply.json()["error"]
