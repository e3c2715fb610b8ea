"""MLflow's scoring protocol and SageMaker's use of it: forms of a table, types of content, and refusals."""

import json
from typing import Any

import pytest
from tests.serve.clients import Reply, ask, run

from seatrial import __version__
from seatrial.model import Release
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.doors.mlflow import FORMATS, JSON_TYPE
from seatrial.serve.requests import accepted
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

ROWS = [{"size": 2.5, "count": 3, "kind": "b", "note": None}, {"size": 3.5, "count": 4, "kind": "a", "note": "x"}]
HEADER = "size,count,kind,note\n"
CSV = "2.5,3,b,\n3.5,4,a,x\n"


def invoke(app: AsgiApp, body: Any, kind: str = "application/json", accept: str = "") -> Reply:
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [(k, v) for k, v in (("content-type", kind), ("accept", accept)) if v]
    return run(ask(app, path="/invocations", body=body, headers=headers))


def message(reply: Reply, status: int = 400) -> str:
    assert reply.status == status
    document = reply.json()
    assert set(document) == {"error_code", "message"}
    return str(document["message"])


def test_ping_and_version(app: AsgiApp, multiclass: Release) -> None:
    assert run(ask(app, "GET", "/ping")).json() == {"status": "ready"}
    reply = run(ask(app, "GET", "/version"))
    assert (reply.body.decode(), reply.headers["content-type"]) == (__version__, "text/plain; charset=utf-8")
    starting = AsgiApp(Service(multiclass, Settings()))
    reply = run(ask(starting, "GET", "/ping"))
    assert reply.json() == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The model is not ready."}
    assert reply.status == 503


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"dataframe_records": ROWS}, "application/json"),
        ({"instances": ROWS, "params": {}}, "application/json; charset=utf-8"),
        ({"inputs": ROWS}, ""),
        ({"inputs": {key: [row[key] for row in ROWS] for key in ROWS[0]}}, "application/json"),
        ({"instances": [list(row.values()) for row in ROWS]}, "application/json"),
        ({"dataframe_split": {"data": [list(row.values()) for row in ROWS]}}, "application/json"),
        ({"dataframe_split": {"columns": ["kind", "size", "count"], "index": [7, 9], "data": [["b", 2.5, 3], ["a", 3.5, 4]]}}, ""),
        (HEADER + CSV, "text/csv"),
        (CSV, "text/csv"),
        ("\ufeff" + HEADER + CSV.replace("\n", "\r\n"), "text/csv; charset=UTF-8"),
        ("\n".join(map(json.dumps, ROWS)), "application/jsonlines"),
        ("\n\n".join(json.dumps(list(row.values())) for row in ROWS) + "\n", "application/x-ndjson"),
    ],
)  # fmt: skip
def test_a_table_can_be_sent_in_every_form(app: AsgiApp, multiclass: Release, body: Any, kind: str) -> None:
    reply = invoke(app, body, kind)
    assert reply.status == 200, reply.body
    expected = multiclass.predict(ROWS)
    assert reply.json()["predictions"] == [row["prediction"] for row in expected]
    if "kind" not in str(body) or "note" in str(body):  # one form leaves the notes out
        assert reply.json()["probabilities"] == [row["probabilities"] for row in expected]


def test_one_value_for_each_column_is_one_row(app: AsgiApp, multiclass: Release) -> None:
    assert invoke(app, {"inputs": ROWS[1]}).json()["predictions"] == [multiclass.predict(ROWS[1])[0]["prediction"]]


def test_nan_is_a_missing_value_as_mlflows_own_client_sends_it(app: AsgiApp) -> None:
    rows = [{**ROWS[0], "note": float("nan")}]
    columns = {"columns": list(ROWS[0]), "data": [list(rows[0].values())]}
    plain = invoke(app, {"dataframe_records": ROWS[:1]}).json()
    assert invoke(app, {"dataframe_records": rows}).json() == plain
    assert invoke(app, {"dataframe_split": columns}).json() == plain
    assert run(ask(app, body=json.dumps(rows).encode())).status == 422


def test_the_answer_has_the_format_that_the_caller_accepts(app: AsgiApp, multiclass: Release) -> None:
    expected = multiclass.predict(ROWS)
    body = {"instances": ROWS}
    for accept in ("", "*/*", "application/json", "text/csv;q=0.5, application/json", "text/html, */*;q=0.1"):
        assert invoke(app, body, accept=accept).json()["predictions"] == [row["prediction"] for row in expected]
    reply = invoke(app, body, accept="text/csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.body.decode().splitlines()[0].endswith(",".join(map(repr, expected[0]["probabilities"].values())))
    reply = invoke(app, body, accept="application/jsonlines")
    assert reply.headers["content-type"] == "application/jsonlines"
    assert [json.loads(line) for line in reply.body.splitlines()] == expected


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0", "image/*"])
def test_another_format_is_406(app: AsgiApp, accept: str) -> None:
    text = message(invoke(app, {"instances": ROWS}, accept=accept), 406)
    assert text == "The answer can be application/json, text/csv or application/jsonlines."


def test_the_weights_of_an_accept_header_count() -> None:
    assert accepted("application/json;q=0.1,text/csv;q=0.9", FORMATS, JSON_TYPE) == "text/csv"
    assert accepted("text/*", FORMATS, JSON_TYPE) == "text/csv"
    assert accepted("text/csv; header=present ; q=1, */*", FORMATS, JSON_TYPE) == "text/csv"
    assert accepted("application/json;q=x", FORMATS, JSON_TYPE) == "application/json"
    assert accepted(",;,", FORMATS, JSON_TYPE) is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("text/plain", "Not text/plain."),
        ("application/x-npy", "Not application/x-npy."),
        ("text/csv; header=absent", "Not the parameter header."),
        ("application/json; format=pandas-split", "Not the parameter format."),
        ("text/csv; charset=utf-16", "UTF-8, not in utf-16"),
    ],
)
def test_other_types_and_parameters_are_415(app: AsgiApp, kind: str, words: str) -> None:
    assert words in message(invoke(app, CSV, kind), 415)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Send exactly one of dataframe_split, dataframe_records, instances, inputs."),
        ({"inputs": ROWS, "instances": ROWS}, "Send exactly one of"),
        ({"inputs": ROWS, "params": {"threshold": 1}}, "this model takes no params"),
        ({"inputs": ROWS, "more": 1}, "The request has keys besides inputs"),
        ([ROWS], "Send a JSON object."),
        (b"{", "Invalid JSON"),
        (b"", "Invalid JSON"),
        ({"dataframe_records": ROWS[0]}, "Send a list of rows."),
        ({"dataframe_records": [*ROWS, 7]}, "row 2: Input should be an object"),
        ({"dataframe_split": ROWS}, 'Send an object with the lists "columns" and "data".'),
        ({"dataframe_split": {"columns": "ab", "data": []}}, '"columns" must be a list of names.'),
        ({"dataframe_split": {"columns": ["size"], "data": [[1], [1, 2]]}}, "row 1: The row has 2 values; there are 1 columns."),
        ({"dataframe_split": {"columns": ["size", "size"], "data": [[1, 2]]}}, "column size: The column is there twice."),
        ({"dataframe_split": {"columns": ["size"], "data": [1]}}, "row 0: The row has no list of values"),
        ({"dataframe_split": {"columns": ["size"], "data": [[1]], "dtype": 1}}, "Unknown key 'dtype'"),
        ({"instances": [[1, 2]]}, "row 0: The row has 2 values; there are 4 columns: size, count, kind, note."),
        ({"inputs": {"size": [1, 2], "count": [1]}}, "column count: The columns of inputs are not of the same length."),
        ({"inputs": {"size": [1, 2], "count": 1}}, "column count: The columns of inputs are not of the same length."),
        ({"instances": [{**ROWS[0], "size": -1}]}, "row 0, column size: Input should be greater than or equal to 0 (greater_than_equal)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said(app: AsgiApp, body: Any, words: str) -> None:
    assert words in message(invoke(app, body))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("2.5,3,b\n", "row 0: The line has 3 cells; there are 4 columns: size, count, kind, note."),
        (HEADER + "2.5,3,b,\nlarge,3,b,\n", "row 1, column size: Input should be a valid number"),
        (HEADER + "1_000,3,b,\n", "row 0, column size: Input should be a valid number"),
        ("size,count,kind,notes\n2.5,3,b,\n", "column notes: Extra inputs are not permitted: did you mean `note`?"),
        ("size,count,kind,kind\n2.5,3,b,b\n", "column kind: The column is there twice."),
        ('2.5,3,"b,\n', "The body is not CSV"),
        (b"\xff\xfe\xff", "The body is encoded in UTF-16."),
        (b"2.5,3,b,\xe9\n", "The body is not text in UTF-8."),
        ("1,2,a,x\n" * 10_001, "List should have at most 10000 items after validation, not 10001"),
    ],
)
def test_what_is_wrong_with_csv_is_said(app: AsgiApp, body: Any, words: str) -> None:
    assert words in message(invoke(app, body, "text/csv"), 415 if "UTF-16" in words else 400)


def test_cells_are_read_as_in_a_file(app: AsgiApp) -> None:
    """A number may be written in every way that a table may have, and an empty cell is a missing value."""
    for cells in ("2.50,3.0,b,", " 2.5 ,3,b,", "25e-1,+3,b,"):
        assert invoke(app, cells + "\n", "text/csv").body == invoke(app, CSV[: CSV.index("\n") + 1], "text/csv").body


def test_a_line_that_is_not_json_is_named(app: AsgiApp) -> None:
    lines = json.dumps(ROWS[0]) + "\n{\n"
    assert "row 1: Invalid JSON" in message(invoke(app, lines, "application/jsonlines"))


def test_a_value_of_thousands_of_parts_is_refused_at_once(app: AsgiApp) -> None:
    parts: list[Any] = [[]] * 10_001
    for each in (parts, [parts], {"a": {"b": parts}}, [[[1] * 101] * 101]):
        assert "row 0: A value has more than 10,000 parts." in message(invoke(app, {"instances": [{"note": each}]}))
    assert "row 0: A value has more than 10,000 parts." in message(invoke(app, {"inputs": {"note": [parts]}}))
    assert "column note: A value has more than 10,000 parts." in message(invoke(app, {"inputs": {"note": [parts, 1]}}))
    assert "no column takes a list" in message(invoke(app, {"inputs": [{**ROWS[0], "note": parts[1:]}]}))
    assert "valid string (string_type)" in message(invoke(app, {"inputs": [{**ROWS[0], "note": parts[:900]}]}))


def test_little_but_lists_is_refused_before_it_is_read(app: AsgiApp) -> None:
    for unit in ("[]", "{}", "[[[[[[[[]]]]]]]]", '{"a": {}}'):
        lists = f"[{','.join([unit] * (1_000_000 // (len(unit) + 1)))}]"
        assert "The body has more than 120,000 lists and objects." in message(invoke(app, f'{{"instances": {lists}}}'))
        assert "120,000 lists" in message(invoke(app, lists, "application/jsonlines"))
    brackets = "[" * 200_000 + '\\"[' * 1_000
    reply = message(invoke(app, json.dumps({"instances": [{**ROWS[0], "note": brackets}]})))
    assert "note: String should have at most" in reply  # a text may have what it likes


def test_too_many_lines_of_csv_are_refused_without_reading_all(app: AsgiApp) -> None:
    for text, count in (("1\n" * 500_000, 500_000), (HEADER + "1,2,a,\n" * 10_001, 10_002)):
        assert f"at most 10000 items after validation, not {count}" in message(invoke(app, text, "text/csv"))


def test_csv_of_something_else_is_refused_by_its_first_lines(app: AsgiApp) -> None:
    for lines in (2, 400, 5_000):
        assert "column size: " in message(invoke(app, HEADER + "x,y,a,\n" * lines, "text/csv"))
    good = HEADER + "2.5,3,b,\n" * 600
    assert len(invoke(app, good, "text/csv").json()["predictions"]) == 600
    assert "row 600, column size" in message(invoke(app, good + "x,y,a,\n" * 600, "text/csv"))


def test_no_rows_are_no_predictions(app: AsgiApp) -> None:
    for body, kind in (({"instances": []}, ""), ("", "text/csv"), (HEADER, "text/csv"), ("", "application/jsonlines")):
        assert invoke(app, body, kind).json() == {"predictions": [], "probabilities": []}


def test_a_large_body_is_refused_in_mlflows_form(app: AsgiApp) -> None:
    assert message(invoke(app, b"[" + b" " * 2**20), 413) == "The body is larger than 1,048,576 bytes."
