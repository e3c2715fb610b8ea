"""Quiet logs raise no alarm, and each fault is found and named, by the watch's own counts."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from tests.watch.made_logs import answered, at, day_table, refused_table

from seatrial.watch.input_tally import InputTally, SampleTally
from seatrial.watch.log_watch import LogWatch, Looked
from seatrial.watch.tallies import slots_of
from seatrial.watch.watch_records import Finding, Level
from seatrial.watch.watch_settings import WatchSettings

ROWS, QUIET = 200, 16  # rows of a day, and days before the fault


def with_version(table: pa.Table, version: str) -> list[pa.RecordBatch]:
    named = table.append_column("version", pa.repeat(pa.scalar(version), table.num_rows))
    return named.combine_chunks().to_batches()


def watched(titanic, reference, change=None, *, days=QUIET + 1, since=float(QUIET)) -> LogWatch:
    """A log of some days, changed from `since` on."""
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(days))
    for day in range(days):
        if change is None or day + 1 <= since:
            batches = quiet_day(titanic, reference, day)
        else:
            batches = with_version(day_table(titanic, reference.columns, day, ROWS, change, since), titanic.version)
        for batch in batches:
            watch.add(batch)
    return watch


@cache
def quiet_day(titanic, reference, day: int) -> list[pa.RecordBatch]:
    return with_version(day_table(titanic, reference.columns, day, ROWS), titanic.version)


def alarms(looked: Looked) -> list[str]:
    return [finding.name for finding in looked.findings if finding.level == Level.alarm]


def hundredfold(values, rows):
    values["fare"][rows] *= 100


def missing(values, rows):
    values["age"][rows & (np.arange(len(rows)) % 3 == 0)] = np.nan


def stuck(values, rows):
    values["fare"][rows] = 26.0


def sentinel(values, rows):
    values["age"][rows & (np.arange(len(rows)) % 4 == 0)] = 120.0


def capped(values, rows):
    values["fare"][rows] = np.minimum(values["fare"][rows], 20.0)


def rounded(values, rows):
    values["fare"][rows] = np.round(values["fare"][rows], -1)


def joined_wrong(values, rows):
    values["fare"][rows] = np.random.default_rng(3).permutation(values["fare"][rows])


def other_rows_by_one_client(values, rows):
    partner = rows & (np.arange(len(rows)) % 3 == 2)
    values["fare"][partner], values["age"][partner] = 400.0 + np.arange(partner.sum()), 70.5
    values["sibsp"][partner], values["parch"][partner] = 6, 5


def computed(values, rows):
    values["age"][rows & (np.arange(len(rows)) % 12 == 0)] *= 1.0137  # hardly moves anything


FAULTS = {
    "drift.decimals": (computed, "`age` has more decimals than training saw, which had 1"),
    "drift.unit": (hundredfold, "`fare` is 100 times what it was"),
    "drift.missing": (missing, "`age` is missing more often"),
    "drift.stuck": (stuck, "`fare` is stuck at one value, 26"),
    "drift.rounded": (rounded, "`fare` is rounded to multiples of 10"),
    "drift.sentinel": (sentinel, "`age` has the value 120, which training never saw"),
    "drift.capped": (capped, "`fare` is capped"),
    "drift.join": (joined_wrong, "`fare` no longer goes together with"),
    "drift.client": (other_rows_by_one_client, "The client with the key `partner` sends other rows"),
}


def test_a_quiet_log_raises_no_alarm_from_its_first_day_on(titanic, reference):
    watch = watched(titanic, reference, days=20)
    for day in (1, 2, 5, 13, 20):
        looked = watch.look(at(day))
        assert alarms(looked) == [], looked.findings
    assert looked.rows == ROWS
    assert {series.part for series in looked.series} >= {"traffic", "drift", "answers"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_within_a_day_and_its_cause_comes_first(titanic, reference, name):
    change, words = FAULTS[name]
    since = QUIET + 0.4
    watch = watched(titanic, reference, change, days=QUIET + 2, since=since)
    assert alarms(watch.look(at(QUIET))) == []
    first = watch.look(at(QUIET + 2)).findings[0]
    assert (first.name, first.level) == (name, Level.alarm), first.summary
    assert words in first.summary
    assert first.since is not None
    assert abs((first.since - at(since)).total_seconds()) <= 6 * 3600
    assert first.log_p is not None
    assert first.log_p < -10


def test_a_fault_keeps_its_alarm_until_it_is_gone(titanic, reference):
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(21))
    for day in range(21):
        change = hundredfold if 16 <= day < 19 else None
        for batch in with_version(day_table(titanic, reference.columns, day, ROWS, change, 16), titanic.version):
            watch.add(batch)
    found = {
        day: [f.subject for f in watch.look(at(day)).findings if f.level == Level.alarm and f.part == "drift"]
        for day in (16, 17, 19, 20, 21)
    }
    assert found == {16: [], 17: ["fare"], 19: ["fare"], 20: [], 21: []}


def test_an_active_alarm_is_seen_again_at_once_and_by_no_other_finding(titanic, reference):
    g = np.random.default_rng(5)

    def missing_in_a_quarter(values, rows):
        values["age"][rows & (g.random(len(rows)) < 0.24)] = np.nan

    watch = watched(titanic, reference, missing_in_a_quarter)
    end = at(QUIET + 1)
    just_now = end - timedelta(seconds=5)
    [first] = [each.matter for each in watch.look(end).findings if each.level == Level.alarm]
    assert alarms(watch.look(end, just_now)) == []  # it may spend the budget of 5 seconds
    assert alarms(watch.look(end, just_now, [first])) == ["drift.missing"]
    assert first == "drift[age]"  # whatever the cause is named
    assert alarms(watch.look(end, just_now, ["drift.missing[fare]@0.1.0"])) == []


def test_a_gross_fault_is_found_on_the_first_day_by_the_held_out_rows(titanic, reference):
    looked = watched(titanic, reference, hundredfold, days=1, since=0.0).look(at(1))
    assert looked.findings[0].name == "drift.unit"
    assert "(compared with the held-out rows)" in looked.findings[0].summary
    assert any("weekdays and seasons are not known" in note for note in looked.notes)


def test_refused_requests_are_found_by_column_and_rule(titanic, reference):
    watch = watched(titanic, reference, days=QUIET + 1)
    refused = refused_table(QUIET, np.linspace(0.5, 0.99, 20), "sex", "literal_error")
    for batch in with_version(refused, titanic.version):
        watch.add_refused(batch)
    first = watch.look(at(QUIET + 1)).findings[0]
    assert (first.name, first.subject, first.level) == ("traffic.refusals", "sex: literal_error", Level.alarm)
    assert "A category was renamed or is new" in first.summary


def test_duplicated_requests_are_found(titanic, reference):
    watch = watched(titanic, reference, days=QUIET)
    g = np.random.default_rng(9)
    drawn = np.repeat(g.integers(0, reference.rows, 100), 2)
    values = {name: each[drawn] for name, each in reference.columns.items()}
    times = np.repeat(np.sort(g.random(100)), 2)
    for batch in with_version(answered(titanic, values, QUIET, times), titanic.version):
        watch.add(batch)
    looked = watch.look(at(QUIET + 1))
    assert "traffic.repeats" in alarms(looked)
    assert looked.findings[0].summary.startswith("Requests come twice: 5")
    assert looked.findings[0].new == pytest.approx(0.5, abs=0.05)


def test_requests_that_no_longer_come_are_found(titanic, reference):
    watch = watched(titanic, reference, days=QUIET)
    first = watch.look(at(QUIET + 1.5)).findings[0]
    assert first.name == "traffic.gap"
    assert "No request since Wednesday, 23 September, 00:00 UTC" in first.summary


def test_answers_that_follow_from_an_input_are_only_noted(titanic, reference):
    def other_people(values, rows):
        values["sex"][rows] = "female"

    looked = watched(titanic, reference, other_people).look(at(QUIET + 1))
    assert any(name.startswith("drift.") for name in alarms(looked))
    follows = [finding for finding in looked.findings if finding.part == "answers"]
    assert [finding.level for finding in follows] == [Level.noted]
    assert "It follows from `sex`" in follows[0].summary


def test_two_looks_at_one_moment_spend_nothing_twice(titanic, reference):
    watch = watched(titanic, reference, hundredfold)
    assert watch.look(at(QUIET + 1), at(QUIET)).spent == pytest.approx(1 / 365.25)
    again = watch.look(at(QUIET + 1), at(QUIET + 1))
    assert (again.spent, alarms(again)) == (0.0, [])


def test_a_column_with_the_values_of_another_one_was_copied(titanic, reference):
    def copied(values, rows):
        values["age"][rows] = values["fare"][rows]

    looked = watched(titanic, reference, copied).look(at(QUIET + 1))
    first = looked.findings[0]
    assert first.name == "drift.copied"
    assert "`age` has the values of `fare`" in first.summary
    assert alarms(looked) == ["drift.copied"]


def test_what_one_row_that_comes_again_and_again_has_is_one_alarm(titanic, reference):
    def one_row(values, rows):
        again = rows & (np.arange(len(rows)) % 4 == 0)
        for each in values.values():
            each[again] = each[0]

    looked = watched(titanic, reference, one_row).look(at(QUIET + 1))
    assert alarms(looked) == ["traffic.repeats"]
    noted = [each for each in looked.findings if each.evidence.get("follows") == "traffic.repeats"]
    assert {each.name for each in noted} & {"drift.stuck", "drift.capped"}


def test_rows_of_the_future_are_noted_and_not_counted(titanic, reference):
    watch = watched(titanic, reference, days=QUIET)
    for batch in with_version(day_table(titanic, reference.columns, QUIET + 400, 20), titanic.version):
        watch.add(batch)
    looked = watch.look(at(QUIET))
    assert looked.rows == ROWS
    assert alarms(looked) == []


def test_a_classifier_tells_rows_of_another_mixture_and_does_not_alarm(titanic, reference):
    quiet = watched(titanic, reference, days=3).look(at(3))
    assert "drift.together" not in [finding.name for finding in quiet.findings]

    def older_and_richer(values, rows):
        values["age"][rows] += 6
        values["fare"][rows] *= 1.5
        values["parch"][rows] = 0

    looked = watched(titanic, reference, older_and_richer, days=3, since=0.0).look(at(3))
    found = next(finding for finding in looked.findings if finding.name == "drift.together")
    assert found.level == Level.noted
    assert 0.6 < found.new < 1
    assert "`age`" in found.summary


def test_a_column_that_came_later_is_not_missing_before(titanic, reference):
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(QUIET + 1))
    for day in range(QUIET + 1):
        for batch in quiet_day(titanic, reference, day):
            watch.add(batch if day >= 10 else batch.drop_columns(["input_fare", "input_age"]))
    looked = watch.look(at(QUIET + 1))
    assert alarms(looked) == []
    assert any("does not have `age`, `fare`" in note for note in looked.notes)


def test_a_column_that_a_log_has_only_hashes_of_is_not_compared(titanic, reference):
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(QUIET + 1))
    for day in range(QUIET + 1):
        for batch in quiet_day(titanic, reference, day):
            at_ = batch.schema.get_field_index("input_fare")
            hashes = pa.array([f"{k:032x}" for k in range(batch.num_rows)])
            watch.add(batch.set_column(at_, "input_fare", hashes) if day >= 10 else batch)
    assert alarms(watch.look(at(QUIET + 1))) == []


def test_the_share_is_that_of_the_requests_when_all_came_within_an_hour(titanic, reference):
    """The newest rows of a busy hour are in the sample as often as its first ones."""
    g = np.random.default_rng(2)
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(1))
    for rows, factor, begin in ((720, 1, 0.42), (600, 100, 0.43)):
        values = {name: each[g.integers(0, reference.rows, rows)] for name, each in reference.columns.items()}
        values["fare"] = g.choice(reference.columns["fare"][reference.columns["fare"] > 0], rows) * factor
        table = answered(titanic, values, 0, np.sort(begin + g.random(rows) * 0.005))
        for batch in with_version(table, titanic.version):
            watch.add(batch)
    first = watch.look(at(1)).findings[0]
    assert (first.name, first.subject) == ("drift.unit", "fare")
    assert first.share == pytest.approx(600 / 1320, abs=0.06)


def test_a_sample_has_each_row_of_its_hours_with_the_same_probability():
    sample = SampleTally(["input_x"], 0, 23)
    for hour in (3, 4, 3, 5, 4, 4):  # of hour 4, far more than are kept of an hour
        for part in range(3):
            values = pa.array(np.full(2_000 if hour == 4 else 100, float(hour * 10 + part)))
            batch = pa.record_batch({"input_x": values, "key": pa.nulls(len(values), pa.string())})
            sample.add(batch, "1", np.full(len(values), hour, np.int64))
    values, counts = np.unique(np.asarray(sample.table(0, 23)["input_x"]), return_counts=True)
    shares = dict(zip(values.tolist(), (counts / counts.sum()).tolist(), strict=True))
    assert sum(counts) < 1_100
    assert sum(shares.get(value, 0) for value in (40.0, 41.0, 42.0)) == pytest.approx(18_000 / 18_900, abs=0.02)
    assert shares[40.0] == pytest.approx(shares[42.0], abs=0.05)
    assert len(sample.table(3, 3)) == 600
    assert sample.table(6, 8) is None


def test_rows_that_come_again_in_other_requests_of_the_same_hour_are_counted(titanic, reference):
    inputs = InputTally(reference)
    times = np.full(100, 0.5)
    distinct = np.unique(reference.columns["fare"], return_index=True)[1][:100]
    again = {name: each[distinct] for name, each in reference.columns.items()}
    for day in (3, 3, 3, 4):
        for batch in with_version(answered(titanic, again, day, times), titanic.version):
            inputs.add(batch, titanic.version, slots_of(batch.column("time")))
    assert inputs.repeats.by_slot()[1].tolist() == [[100, 200], [100, 0]]


def test_what_is_asked_stays_one_alarm_when_another_version_is_deployed():
    asked = Finding("drift.unit", "drift", Level.alarm, "", "0.1.0", "fare")
    answered_ = Finding("answers.labels", "answers", Level.alarm, "", "0.1.0")
    lost = Finding("traffic.release", "traffic", Level.unknown, "", "0.1.0")
    assert replace(asked, version="0.2.0").id == asked.id == "drift.unit[fare]"
    assert replace(answered_, version="0.2.0").id != answered_.id
    assert replace(lost, version="0.2.0").id != lost.id


def test_how_the_rows_that_are_left_differ_follows_from_those_that_are_refused(titanic, reference):
    def no_women(values, rows):
        values["sex"][rows & (values["sex"] == "female") & (np.arange(len(rows)) % 2 == 0)] = "male"

    watch = watched(titanic, reference, no_women)
    refused = refused_table(QUIET, np.linspace(0.01, 0.99, 60), "sex", "literal_error")
    alone = alarms(watch.look(at(QUIET + 1)))
    assert alone[0] == "drift.moved"
    for batch in with_version(refused, titanic.version):
        watch.add_refused(batch)
    looked = watch.look(at(QUIET + 1))
    assert alarms(looked) == ["traffic.refusals"]
    moved = next(each for each in looked.findings if each.name == "drift.moved")
    assert (moved.level, moved.summary[-33:]) == (Level.noted, "It follows from `sex: literal_error`."[-33:])
