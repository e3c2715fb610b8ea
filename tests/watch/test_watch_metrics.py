"""The gauges are valid in Prometheus's text format, whatever a project is called."""

from prometheus_client.parser import text_string_to_metric_families
from tests.watch.watched import AT, DAY, EVIL, finding, watched, with_figures

from seatrial.watch.alarms import AlarmBook, acknowledge, after_look
from seatrial.watch.watch_metrics import GAUGES, exposition


def values(text: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_every_gauge_is_there_and_says_how_old_the_look_is() -> None:
    found = values(exposition(with_figures(3, 2), AlarmBook(), window_seconds=3600.0))
    assert {name for name, *_ in found} == set(GAUGES)
    assert found["seatrial_watch_last_look_timestamp_seconds", "titanic-model"] == AT.timestamp()
    assert found["seatrial_watch_look_age_limit_seconds", "titanic-model"] == 7200.0


def test_an_acknowledged_alarm_is_not_one_that_is_raised() -> None:
    seen = watched(finding())
    book = after_look(AlarmBook(), seen, resolve_after=2, window=DAY)
    raised = values(exposition(seen, book))
    assert raised["seatrial_watch_alarms", "titanic-model", "raised"] == 1.0
    assert raised["seatrial_watch_level", "titanic-model"] == 3.0
    known, _ = acknowledge(book, finding().id, by="Ann", reason="x", at=AT)
    assert values(exposition(seen, known))["seatrial_watch_level", "titanic-model"] == 1.0


def test_a_window_without_requests_is_not_well() -> None:
    assert values(exposition(watched(rows=0), AlarmBook()))["seatrial_watch_level", "titanic-model"] == 2.0


def test_names_are_escaped() -> None:
    text = exposition(watched(project=f'{EVIL}"\n\\'), AlarmBook())
    assert ("seatrial_watch_rows", f'{EVIL}"\n\\') in values(text)
