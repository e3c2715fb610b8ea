"""An alarm is raised once, acknowledged with a reason, resolved by itself, and raised anew if it comes back."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.watch.watched import AT, DAY, EVIL, finding, watched

from seatrial.core.errors import SeatrialError
from seatrial.watch.alarms import (
    MOST_EVENTS,
    MOST_MESSAGES,
    AlarmBook,
    acknowledge,
    after_delivery,
    after_look,
    find_alarm,
    undelivered,
)
from seatrial.watch.watch_records import Finding, Level

FARE, AGE = finding(), finding("drift.missing", subject="age")


def looks(*days: Sequence[Finding] | None, book: AlarmBook | None = None, start: int = 0, rows: int = 100) -> AlarmBook:
    """The alarms after a look a day; None is a day on which nobody looked."""
    book = book or AlarmBook()
    for day, findings in enumerate(days, start):
        if findings is not None:
            seen = watched(*findings, at=AT + day * DAY, rows=rows)
            book = after_look(book, seen, resolve_after=2, window=DAY)
    return book


def states(book: AlarmBook) -> list[str]:
    return [alarm.state for alarm in book.alarms]


def changes(book: AlarmBook) -> list[str]:
    return [message.change for message in book.messages]


def test_a_finding_raises_its_alarm_once() -> None:
    book = looks([FARE], [FARE], [FARE, AGE])
    assert [(alarm.id, alarm.times) for alarm in book.alarms] == [(FARE.id, 1), (AGE.id, 1)]
    assert changes(book) == ["raised", "raised"]
    assert len({message.id for message in book.messages}) == 2


@pytest.mark.parametrize("level", [Level.well, Level.noted, Level.unknown])
def test_what_is_no_alarm_raises_none(level: Level) -> None:
    assert looks([finding(level=level)]).alarms == ()


def test_an_alarm_is_resolved_after_two_looks_without_it() -> None:
    assert states(looks([FARE], [])) == ["raised"]
    book = looks([FARE], [], [])
    assert (states(book), changes(book)) == (["resolved"], ["raised", "resolved"])


def test_an_alarm_that_is_back_at_once_is_not_resolved() -> None:
    book = looks([FARE], [], [FARE], [], [FARE])
    assert (states(book), changes(book)) == (["raised"], ["raised"])


def test_two_looks_in_a_minute_resolve_nothing() -> None:
    book = looks([FARE])
    for minute in range(1, 5):
        seen = watched(at=AT + timedelta(minutes=minute))
        book = after_look(book, seen, resolve_after=2, window=DAY)
    assert states(book) == ["raised"]


def test_an_empty_window_or_a_part_that_is_unknown_resolves_nothing() -> None:
    assert states(looks([], [], book=looks([FARE]), start=1, rows=0)) == ["raised"]
    unknown = finding("drift.reference", Level.unknown, subject="")
    assert states(looks([FARE], [unknown], [unknown], [unknown])) == ["raised"]
    elsewhere = finding("measured.accuracy", Level.unknown, part="measured", subject="")
    assert states(looks([FARE], [elsewhere], [elsewhere])) == ["resolved"]


def test_an_alarm_that_comes_back_is_raised_anew_and_its_history_is_kept() -> None:
    book = looks([FARE], [], [], [FARE])
    assert (states(book), book.alarms[0].times) == (["raised"], 2)
    assert [event.change for event in book.alarms[0].history] == ["raised", "resolved", "raised"]
    assert changes(book) == ["raised", "resolved", "raised"]


def test_a_clock_that_was_set_back_changes_nothing() -> None:
    book = looks([FARE])
    assert after_look(book, watched(at=AT - DAY), resolve_after=1, window=DAY) == book


def test_an_acknowledged_alarm_stays_known_until_it_is_over() -> None:
    book, alarm = acknowledge(looks([FARE]), "drift.unit", by="Ann", reason="new tariff", at=AT)
    assert book.acknowledged() == {FARE.id} == {alarm.id}
    assert changes(looks([FARE], [FARE], book=book, start=1)) == ["raised"]
    back = looks([], [], [FARE], book=book, start=1)
    assert (states(back), back.acknowledged()) == (["raised"], frozenset())


def test_an_acknowledgement_ends_at_its_day() -> None:
    book, _ = acknowledge(looks([FARE]), "drift.unit", by="Ann", reason="fixed soon", at=AT, until=AT + 2 * DAY)
    assert states(looks([FARE], book=book, start=1)) == ["acknowledged"]
    due = looks([FARE], book=book, start=2)
    assert (states(due), changes(due)) == (["raised"], ["raised", "due again"])


def test_an_alarm_is_named_by_its_code_its_id_or_the_beginning_of_it() -> None:
    book = looks([FARE, AGE])
    fare = book.alarms[0]
    assert {find_alarm(book, name).id for name in (fare.code, FARE.id, "drift.unit")} == {FARE.id}


@pytest.mark.parametrize(
    ("name", "reason", "message", "hint"),
    [
        ("drift", "x", "'drift' may be 2 alarms", "Name one by its code: "),
        ("nothing", "x", "There is no alarm 'nothing'", "Active are: "),
        ("", "x", "There is no alarm ''", "Active are: "),
        ("drift.unit", "  ", "An alarm is acknowledged with a reason", "Say why"),
    ],
)
def test_what_cannot_be_acknowledged_says_why(name: str, reason: str, message: str, hint: str) -> None:
    with pytest.raises(SeatrialError, match=message) as caught:
        acknowledge(looks([FARE, AGE]), name, by="Ann", reason=reason, at=AT)
    assert caught.value.hint.startswith(hint)


def test_neither_a_resolved_alarm_nor_a_day_that_is_over_can_be_acknowledged() -> None:
    with pytest.raises(SeatrialError, match="is resolved"):
        acknowledge(looks([FARE], [], []), FARE.id, by="Ann", reason="x", at=AT)
    with pytest.raises(SeatrialError, match="is over"):
        acknowledge(looks([FARE]), FARE.id, by="Ann", reason="x", at=AT, until=AT - DAY)


def test_a_message_stays_until_every_receiver_has_it() -> None:
    book = looks([FARE])
    name = book.messages[0].id
    half = after_delivery(book, {name: ["a"]}, [name], ["a", "b"])
    assert [(m.delivered, m.tries) for m in undelivered(half, ["a", "b"])] == [(("a",), 1)]
    assert undelivered(half, ["a"]) == []
    assert after_delivery(half, {name: ["b"]}, [name], ["a", "b"]).messages == ()


def test_a_message_has_no_value_of_any_row() -> None:
    said = finding(
        subject="name = Brown, Mrs. Ann", summary="name is 'Brown'", hint="Brown", evidence={"value": "Brown"}
    )
    assert "Brown" not in str(looks([said]).messages)


def test_histories_and_waiting_messages_are_bounded() -> None:
    book = looks(*[[FARE], [], []] * 40)
    assert (len(book.alarms[0].history), book.alarms[0].times) == (MOST_EVENTS, 40)
    many = [finding(f"drift.{place}", subject=EVIL) for place in range(MOST_MESSAGES + 5)]
    assert len(looks(many).messages) == MOST_MESSAGES


MOVED = finding("drift.moved", since=AT - DAY, summary="`fare` moved")


def test_an_alarm_whose_cause_is_named_otherwise_at_the_next_look_stays_the_same() -> None:
    first = looks([FARE])
    code = first.alarms[0].code
    book, _ = acknowledge(first, code, by="Ann", reason="new tariff", at=AT)
    book = looks([MOVED], [MOVED], [MOVED], book=book, start=1)
    [alarm] = book.alarms
    assert (alarm.id, alarm.code, alarm.raised, alarm.state) == (MOVED.id, code, AT, "acknowledged")
    assert (alarm.name, alarm.summary) == ("drift.moved", "`fare` moved")
    assert book.acknowledged() == {MOVED.id}
    assert changes(book) == ["raised"]
    assert states(looks([], [], book=book, start=4)) == ["resolved"]


def test_a_change_of_another_column_or_of_another_time_is_an_alarm_of_its_own() -> None:
    for other in (
        finding("drift.moved", subject="age"),
        finding("drift.moved", since=AT + 3 * DAY),
        finding("answers.labels", part="answers"),
    ):
        book = looks([FARE], [other], [other])
        assert [(alarm.id, alarm.state) for alarm in book.alarms] == [(other.id, "raised"), (FARE.id, "resolved")]
    both = looks([FARE], [MOVED, FARE])
    assert {alarm.id: alarm.state for alarm in both.alarms} == {FARE.id: "raised", MOVED.id: "raised"}
    assert len({alarm.code for alarm in both.alarms}) == 2


def test_of_two_alarms_with_one_code_the_active_one_is_meant() -> None:
    again = looks([FARE], [MOVED], [], [], [FARE])
    assert {alarm.id: alarm.state for alarm in again.alarms} == {FARE.id: "raised", MOVED.id: "resolved"}
    assert len({alarm.code for alarm in again.alarms}) == 1
    assert find_alarm(again, again.alarms[0].code).id == FARE.id


@given(st.lists(st.sets(st.sampled_from(["a", "b", "c"])), max_size=12))
def test_raised_and_resolved_alternate_whatever_is_found(days: list[set[str]]) -> None:
    book = looks(*[[finding(f"drift.{name}", subject=name) for name in sorted(day)] for day in days])
    for alarm in book.alarms:
        found = [event.change for event in alarm.history]
        assert found == ["raised", "resolved"] * (len(found) // 2) + ["raised"] * (len(found) % 2)
        assert alarm.times == found.count("raised")
        assert (alarm.state == "resolved") == (found[-1] == "resolved")
