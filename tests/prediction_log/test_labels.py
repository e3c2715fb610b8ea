"""Labels: how many join, what was known, what contradicts, and that a wrong file changes nothing."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.prediction_log.made_up_log import NOON, predictions, write

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.labels import GivenLabel, LabelsResult, add_labels, newest_labels
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog

HOUR = timedelta(hours=1)
KEYED = {"customer": pa.int64(), "name": pa.string()}


def opened(root: Path) -> PredictionLog:
    return PredictionLog(LogSettings(to=str(root)))


def given(*rows: tuple[str, str], row: int | None = None) -> list[GivenLabel]:
    return [GivenLabel(f"line {number}", by, label, row) for number, (by, label) in enumerate(rows, 2)]


def add(log: PredictionLog, *rows: tuple[str, str], row: int | None = None) -> LabelsResult:
    return add_labels(log, LogQuery(), given(*rows, row=row), "x.csv")


def labels(log: PredictionLog) -> dict[tuple[str, int], str]:
    newest = newest_labels(log.store.read_labels()).to_pylist()
    return {(each["request_id"], each["row"]): each["label"] for each in newest}


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    rows = [{"id": f"r{n}", "fare": n} for n in range(5)]
    rows += [{"id": "bulk", "row": n} for n in range(3)]
    write(tmp_path, predictions(rows))
    return opened(tmp_path)


def test_by_request(log: PredictionLog) -> None:
    result = add(log, ("r1", "yes"), ("r2", "no"), ("r9", "no"), ("bulk", "no"), ("r3", " "))
    assert (result.new, result.not_found, result.ambiguous, result.without_label) == (2, 1, 1, 1)
    assert result.examples == {"not_found": ["line 4"], "ambiguous": ["line 5"]}
    assert labels(log) == {("r1", 0): '"yes"', ("r2", 0): '"no"'}
    assert add(log, ("bulk", "yes"), row=2).new == 1
    assert add(log, ("bulk", "yes"), row=7).not_found == 1


def test_a_file_twice_changes_nothing(log: PredictionLog) -> None:
    add(log, ("r1", "yes"), ("r2", "no"))
    files = sorted(Path(log.settings.to).glob("labels/*"))
    again = add(log, ("r1", "yes"), ("r2", "no"))
    assert (again.new, again.known, again.joined) == (0, 2, 2)
    assert sorted(Path(log.settings.to).glob("labels/*")) == files


def test_a_correction_counts_and_the_older_label_stays(log: PredictionLog) -> None:
    add(log, ("r1", "yes"))
    assert add(log, ("r1", "no"), ("r2", "no")).corrected == 1
    assert labels(log)["r1", 0] == '"no"'
    history = log.store.read_labels()
    assert history["label"].to_pylist() == ['"yes"', '"no"', '"no"']
    assert history["source"].to_pylist() == ["x.csv"] * 3
    assert add(log, ("r1", "yes")).corrected == 1  # back again
    assert labels(log)["r1", 0] == '"yes"'


def test_the_newest_label_counts_though_the_clock_was_set_back(log: PredictionLog) -> None:
    future = pa.table(
        {"time": [NOON + timedelta(days=9000)], "request_id": ["r1"], "row": [0], "label": ['"yes"'], "source": [""]}
    )
    from seatrial.prediction_log.labels import LABEL_SCHEMA

    log.store.add_labels(future.cast(LABEL_SCHEMA))
    add(log, ("r1", "no"))
    assert labels(log)["r1", 0] == '"no"'


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("r1", "yes"), ("r2", "maybe")], "line 3: the label 'maybe' is not one of no, yes."),
        ([("r1", "yes"), ("r1", "no")], "line 2 and line 3 have different labels for the same prediction"),
    ],
)
def test_a_wrong_file_changes_nothing(log: PredictionLog, rows: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(SeatrialError) as caught:
        add(log, *rows)
    assert message in caught.value.message
    assert not list(Path(log.settings.to).glob("labels/*"))


def test_the_same_row_twice_in_a_file_is_repeated(log: PredictionLog) -> None:
    result = add(log, ("r1", "yes"), ("r1", "yes"))
    assert (result.new, result.repeated) == (1, 1)


def test_two_requests_with_one_id_are_ambiguous(tmp_path: Path) -> None:
    write(tmp_path, predictions([{"id": "same"}, {"id": "same"}]))
    assert add(opened(tmp_path), ("same", "yes")).ambiguous == 1


@pytest.mark.parametrize(
    ("kind", "classes", "text", "label"),
    [
        (pa.int64(), ("0", "1"), "1.0", "1"),
        (pa.bool_(), ("False", "True"), "true", "true"),
        (pa.bool_(), ("false", "true"), "False", "false"),
        (pa.float64(), (), "12.5", "12.5"),
        (pa.string(), ("é", "b"), "é", '"é"'),
    ],
)
def test_labels_of_every_kind(
    tmp_path: Path, kind: pa.DataType, classes: tuple[str, ...], text: str, label: str
) -> None:
    answer = {pa.int64(): 0, pa.bool_(): False, pa.float64(): 1.5}.get(kind, "b")
    write(tmp_path, predictions([{"id": "r", "prediction": answer}], classes=classes, kind=kind))
    log = opened(tmp_path)
    assert add(log, ("r", text)).new == 1
    assert labels(log) == {("r", 0): label}
    with pytest.raises(SeatrialError, match=r"is not a number|is not one of"):
        add(log, ("r", "x"))


def keyed(root: Path) -> PredictionLog:
    rows = [
        {"id": "a", "customer": 1, "name": "Ann", "minutes": 0},
        {"id": "b", "customer": 1, "name": "Ann", "minutes": 60},
        {"id": "c", "customer": 2, "name": "Bob", "minutes": 60},
        {"id": "d", "customer": 3, "minutes": 60},
        {"id": "e", "customer": 3, "minutes": 60},
    ]
    write(root, predictions(rows, KEYED))
    return opened(root)


@pytest.mark.parametrize(
    ("key", "by", "hours", "found"),
    [
        *[
            ("customer", "1", 0, "a"),
            ("customer", "1", 0.99, "a"),
            ("customer", "1", 1, "b"),
            ("customer", "1", 900, "b"),
        ],
        *[("customer", "2", 1, "c"), ("customer", "1.0", 1, "b"), ("name", "Bob", 5, "c")],
        *[("customer", "1", -0.01, "not_found"), ("customer", "7", 9, "not_found"), ("customer", "x", 9, "not_found")],
        ("customer", "3", 2, "ambiguous"),
    ],
)
def test_by_key_and_time(tmp_path: Path, key: str, by: str, hours: float, found: str) -> None:
    log = keyed(tmp_path)
    result = add_labels(log, LogQuery(), [GivenLabel("line 2", by, "yes", time=NOON + hours * HOUR)], "x", key=key)
    if found in ("not_found", "ambiguous"):
        assert (result.joined, getattr(result, found)) == (0, 1)
    else:
        assert labels(log) == {(found, 0): '"yes"'}


def test_a_prediction_may_be_too_old(tmp_path: Path) -> None:
    late = [GivenLabel("line 2", "2", "yes", time=NOON + 30 * HOUR)]
    log = keyed(tmp_path)
    assert add_labels(log, LogQuery(), late, "x", key="customer", within=24 * HOUR).not_found == 1
    assert add_labels(log, LogQuery(), late, "x", key="customer", within=29 * HOUR).new == 1


def test_of_two_labels_of_a_key_the_later_one_counts(tmp_path: Path) -> None:
    log = keyed(tmp_path)
    times = [(5, "yes"), (3, "no")]
    rows = [GivenLabel(f"line {hours}", "2", label, time=NOON + hours * HOUR) for hours, label in times]
    result = add_labels(log, LogQuery(), rows, "x", key="customer")
    assert (result.new, result.repeated) == (1, 1)
    assert labels(log) == {("c", 0): '"yes"'}


def test_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="no column `custmer`") as caught:
        add_labels(keyed(tmp_path), LogQuery(), [GivenLabel("line 2", "1", "yes", time=NOON)], "x", key="custmer")
    assert "`customer`" in caught.value.hint


def test_a_hashed_key_is_joined_by_its_value(tmp_path: Path) -> None:
    write(tmp_path, predictions([{"id": "a", "name": "h(Ann)"}], {"name": pa.string()}))
    query = LogQuery(hashes=lambda text: [f"h({text})"])
    log = opened(tmp_path)
    result = add_labels(log, query, [GivenLabel("line 2", "Ann", "yes", time=NOON + HOUR)], "x", key="name")
    assert (result.new, labels(log)) == (1, {("a", 0): '"yes"'})


def test_a_dry_run_writes_nothing(log: PredictionLog) -> None:
    result = add_labels(log, LogQuery(), given(("r1", "yes")), "x.csv", dry_run=True)
    assert result.new == 1
    assert labels(log) == {}
