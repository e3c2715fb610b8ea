"""The streams of benchmarks/watch are what they claim to be: quiet ones quiet, faults where and when they were put."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from benchmarks.watch import remembered, streams
from benchmarks.watch.faults import DUPLICATES, SUDDEN, Fault, with_relation
from benchmarks.watch.figures import document, poisson_interval, render
from benchmarks.watch.our_watch import OurWatch, reference_of
from benchmarks.watch.peer_tools import tool_alarms
from benchmarks.watch.peers import NAMES, peers
from benchmarks.watch.populations import Population, make_population
from benchmarks.watch.real_tables import DEVELOPMENT, REPORT, TABLES
from benchmarks.watch.releases import Trained, train_release
from benchmarks.watch.sizes import POINT, Sizes
from benchmarks.watch.streams import Stream, write_log
from benchmarks.watch.traffic import BEGIN, DAY, Traffic

from seatrial.core.project import find_project
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.steps import watch as step
from seatrial.watch.watch_records import Level


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Population, Trained]:
    population = make_population(TABLES["wine"], None, 5, 3_000)
    return population, train_release(population, tmp_path_factory.mktemp("project") / "wine", 5, rows=150)


def test_development_and_report_share_no_table() -> None:
    assert not {*DEVELOPMENT} & {*REPORT}
    assert {*DEVELOPMENT, *REPORT} == {*TABLES}


def test_a_fault_changes_its_column_from_its_moment_on_and_nothing_else(made: tuple[Population, Trained]) -> None:
    population, trained = made
    fault = next(each for each in Sizes(population, trained, 5).sudden() if each.name == "unit_hundredfold")
    assert fault.loss >= POINT
    begin = BEGIN + DAY + DAY // 2
    quiet = Stream("quiet", population, trained, Traffic("plain", 200), 2, 9)
    faulty = Stream("faulty", population, trained, Traffic("plain", 200), 2, 9, fault, begin)
    assert quiet.day(0).table.equals(faulty.day(0).table)
    day, same = faulty.day(1), quiet.day(1).table
    times = np.asarray(day.table["time"].cast("int64"))
    differ = np.asarray(day.table[f"input_{fault.column}"]) != np.asarray(same[f"input_{fault.column}"])
    assert differ.any()
    assert (times[differ] >= begin).all()
    assert np.array_equal(differ, day.affected)
    others = [name for name in trained.names if name != fault.column]
    assert all(day.table[f"input_{name}"].equals(same[f"input_{name}"]) for name in others)


def test_answers_are_those_of_the_release(made: tuple[Population, Trained]) -> None:
    population, trained = made
    table = Stream("quiet", population, trained, Traffic("plain", 50), 1, 9).day(0).table
    asked = trained.ask({name: np.asarray(table[f"input_{name}"]) for name in trained.names})
    assert asked.table["prediction"].to_pylist() == table["prediction"].to_pylist()


def test_repeated_requests_have_ids_of_their_own(made: tuple[Population, Trained]) -> None:
    population, trained = made
    fault = Fault(DUPLICATES, (), share=0.5)
    day = Stream("twice", population, trained, Traffic("plain", 200), 1, 9, fault, BEGIN).day(0)
    assert 0.2 < day.affected.mean() < 0.5
    assert len(set(day.table["request_id"].to_pylist())) == day.table.num_rows


def test_a_moved_relation_keeps_the_shares_of_the_classes(made: tuple[Population, Trained]) -> None:
    population, _ = made
    moved = with_relation(population, population.truth, np.arange(population.rows))
    assert np.allclose(moved.sum(axis=1), 1)
    assert np.abs(moved.mean(axis=0) - population.truth.mean(axis=0)).max() < 0.15
    assert not np.allclose(moved, population.truth)


def test_the_log_is_read_as_any_other(made: tuple[Population, Trained], tmp_path: Path) -> None:
    population, trained = made
    stream = Stream("quiet", population, trained, Traffic("plain", 40), 3, 9)
    until = datetime.fromtimestamp(BEGIN / 1e6, UTC) + timedelta(days=4)
    write_log(stream, tmp_path, until=until)
    log = PredictionLog(LogSettings(to=str(tmp_path)))
    assert log.table(LogQuery()).num_rows == sum(day.table.num_rows for day in stream)
    labels = log.store.read_labels()
    assert 0 < labels.num_rows < sum(day.labels.num_rows for day in stream)
    assert max(labels["time"].to_pylist()) <= until


def test_a_look_of_the_benchmark_is_one_of_the_watch(
    made: tuple[Population, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    population, trained = made
    monkeypatch.setattr(streams, "LABEL_DAYS", 0.3)  # or some labels would come later than those that are waited for
    kind = next(each for each in SUDDEN if each[0] == "unit_hundredfold")
    fault = Fault(*kind[:3], column=trained.names[0], share=0.3)
    stream = Stream("faulty", population, trained, Traffic("plain", 90), 34, 9, fault, BEGIN + 31 * DAY)
    request.addfinalizer(remembered.stop)
    ours = OurWatch(stream)
    for day in stream:
        ours.add(day)
    ours.begin_looking()
    write_log(stream, tmp_path / "log")
    project = replace(find_project(trained.folder), log={"to": str(tmp_path / "log"), "label_delay": "21d"})
    known = step.KnownReleases({trained.release.version: reference_of(trained)})
    monkeypatch.setattr(step, "_references", lambda *_: known)
    looks = [datetime.fromtimestamp((BEGIN + number * DAY) / 1e6, UTC) for number in (2, 31, 34)]
    found = [ours.look(at).findings for at in looks]
    remembered.stop()
    assert found == [step.watch(project, at=at).findings for at in looks]
    assert [any(each.level == Level.alarm for each in findings) for findings in found] == [False, False, True]


def test_peers_alarm_at_a_column_that_moved_and_not_at_the_same_rows() -> None:
    g = np.random.default_rng(3)
    old = {"size": g.normal(0, 1, 500), "kind": g.choice(np.array(["a", "b"], dtype=object), 500)}
    assert not any(peers(old, old).values())
    assert all(peers(old, {"size": old["size"] + 2, "kind": np.full(500, "b", dtype=object)}).values())


def test_intervals_of_counts_are_exact() -> None:
    assert poisson_interval(0) == (0.0, pytest.approx(3.689, abs=1e-3))
    assert poisson_interval(10) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.390, abs=1e-3))


def test_a_python_without_the_other_tools_is_reported() -> None:
    columns = {"size": np.arange(4.0)}
    with pytest.raises(RuntimeError, match="No module named 'evidently'"):
        tool_alarms(Path(sys.executable), columns, [columns])


def test_alarms_of_a_peer_are_counted_on_the_streams_that_it_saw() -> None:
    line = {"fault": "", "kind": "plain", "table": "wine", "alarms": [], "looks": 365, "windows": 1, "covered": 1}
    usual = dict.fromkeys(NAMES, 0)
    lines = [
        {**line, "peer_looks": 10, "peer_alarms": usual},
        {**line, "peer_looks": 5, "peer_alarms": {**usual, "Evidently": 1}},
    ]
    assert document(lines)["quiet"]["all"]["peers a year"] == {**usual, "Evidently": 73.0}
    assert "| Evidently |" in render(lines)
