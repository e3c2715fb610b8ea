"""What a record holds: trace IDs of valid headers only, hashes in place of values, the columns that were chosen."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.unseen import UnseenValue
from seatrial.prediction_log.log_records import KEY_VARIABLE, Records, keyed_hash
from seatrial.prediction_log.log_settings import LogSettings

EXCHANGE = SimpleNamespace(request_id="r", route="/api/v1/predict", began=0.0, key="shop", trace=b"")


def records(release: Release, folder: Path, **settings: Any) -> Records:
    return Records(release, LogSettings(to=str(folder), **settings), folder)


def passenger(release: Release) -> Any:
    (row,) = release.parse(json.dumps(release.metadata.example).encode())
    return row


def test_only_the_chosen_columns_in_the_schemas_order(titanic: Release, tmp_path: Path) -> None:
    made = records(titanic, tmp_path, columns=["sex", "pclass"])
    row = passenger(titanic)
    line = json.loads(made.answered(EXCHANGE, [row], [(1, [0.25, 0.75])], [UnseenValue(0, "sex", "t", "m")]))
    assert [each["name"] for each in made.facts["columns"]] == ["pclass", "sex"]
    assert line["rows"] == [[row.pclass, row.sex]]
    assert (line["scores"], line["decided"], line["unseen"], line["key"]) == ([[0.25, 0.75]], [1], [[0, "sex"]], "shop")
    one = records(titanic, tmp_path, columns=["sex"])
    assert json.loads(one.answered(EXCHANGE, [row], [(1, [0.25, 0.75])]))["rows"] == [[row.sex]]
    none = records(titanic, tmp_path, columns=[])
    assert json.loads(none.answered(EXCHANGE, [row], [(1, [0.25, 0.75])]))["rows"] == [[]]


def test_of_a_hashed_column_only_a_keyed_hash_is_kept(
    titanic: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = records(titanic, tmp_path, columns=["name", "cabin"], hashed=["name", "cabin"])
    row = passenger(titanic)
    row.__dict__["cabin"] = None
    line = made.answered(EXCHANGE, [row], [(1, [0.25, 0.75])])
    assert row.name.encode() not in line
    key = (tmp_path / "key").read_bytes()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert json.loads(line)["rows"] == [[keyed_hash(row.name, key), None]]
    assert json.loads(records(titanic, tmp_path, columns=["name"], hashed=["name"]).answered(EXCHANGE, [row], []))[
        "rows"
    ] == [[keyed_hash(row.name, key)]]
    monkeypatch.setenv(KEY_VARIABLE, "another key of some length")
    other = records(titanic, tmp_path, columns=["name"], hashed=["name"])
    assert json.loads(other.answered(EXCHANGE, [row], []))["rows"] != [[keyed_hash(row.name, key)]]
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(SeatrialError, match="at least 16"):
        records(titanic, tmp_path, hashed=["name"])


@pytest.mark.parametrize("key", ["columns", "hashed"])
def test_a_column_that_the_schema_does_not_have_is_an_error(titanic: Release, tmp_path: Path, key: str) -> None:
    with pytest.raises(SeatrialError, match=f"`{key}` has 'fares'"):
        records(titanic, tmp_path, **{key: ["fares"]})


def test_the_parts_of_a_long_request(titanic: Release, tmp_path: Path) -> None:
    made = records(titanic, tmp_path, columns=["age"])
    line = json.loads(made.table(EXCHANGE, [(1.5,), (None,)], [(0, [1.0, 0.0])] * 2, first=100, part=2))
    assert (line["rows"], line["first"], line["part"]) == ([[1.5], [None]], 100, 2)
    assert [titanic.columns[position].name for position in made.positions] == ["age"]


def test_a_refused_request_keeps_no_value(titanic: Release, tmp_path: Path) -> None:
    made = records(titanic, tmp_path)
    errors = [
        {"type": "int_type", "loc": ["body", 3, "pclass"], "msg": "…"},
        {"type": "extra_forbidden", "loc": ["body", "inputs", 4, "jane@example.com"], "msg": "…"},
        {"type": "json_invalid", "loc": ["body"], "msg": "…"},
    ] * 100
    line = json.loads(made.refused(EXCHANGE, 422, errors))
    assert line["errors"][:3] == [[3, "pclass", "int_type"], [4, "", "extra_forbidden"], [None, "", "json_invalid"]]
    assert len(line["errors"]) == 100
    assert line["status"] == 422


def test_the_same_release_and_settings_have_the_same_name(titanic: Release, tmp_path: Path) -> None:
    assert records(titanic, tmp_path).wheel == records(titanic, tmp_path).wheel
    assert records(titanic, tmp_path).wheel != records(titanic, tmp_path, columns=["age"]).wheel
