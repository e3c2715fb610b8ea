"""A look raises alarms and sends them; what is killed, or fails, loses none and sends none twice as a new one."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_project
from tests.watch.watched import AT, DAY, finding, watched, with_figures

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps import alarm_files, webhooks
from seatrial.steps.look import WatchLook, acknowledge_alarm, list_alarms, look, look_at_all, page_of_all, write_look
from seatrial.steps.webhooks import Delivery
from seatrial.watch.watch_records import Watched

NOW = datetime.now(UTC)
See = Callable[[Watched], None]


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny-model"))


@pytest.fixture(name="see")
def _see(monkeypatch: pytest.MonkeyPatch) -> See:
    """Make the watch see this."""

    def see(seen: Watched | Exception) -> None:
        def watch(*_: Any, **asked: Any) -> Watched:
            if isinstance(seen, Exception):
                raise seen
            return replace(seen, at=asked["at"] or seen.at)

        monkeypatch.setattr("seatrial.steps.watch.watch", watch)

    return see


@pytest.fixture(name="sent")
def _sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The IDs of messages that were sent, to a webhook that takes all."""
    sent: list[str] = []
    monkeypatch.setenv("SEATRIAL_WATCH_WEBHOOK", "https://alerts.example.com/x")

    def deliver(messages: Any, to: Any) -> Delivery:
        sent.extend(message.id for message in messages)
        return Delivery({message.id: [to[0].id] for message in messages}, [message.id for message in messages], [])

    monkeypatch.setattr(webhooks, "deliver", deliver)
    return sent


def test_a_look_raises_and_sends_an_alarm_once(project: ProjectSettings, see: See, sent: list[str]) -> None:
    see(watched(finding()))
    assert look(project).exit_code == 1
    see(watched(finding(), at=AT + DAY))
    found = look(project)
    assert (found.exit_code, len(sent), [*found.book.messages]) == (1, 1, [])
    folder = project.root / alarm_files.FOLDER
    assert {path.name for path in folder.iterdir()} >= {"alarms.json", "watch.html", "watch.json", "watch.md"}


def test_a_message_that_was_not_taken_waits_for_the_next_look(
    project: ProjectSettings, see: See, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = webhooks.deliver
    monkeypatch.setattr(
        webhooks, "deliver", lambda messages, _: Delivery({}, [m.id for m in messages], ["It is down."])
    )
    see(watched(finding()))
    found = look(project)
    assert (found.problems, [m.tries for m in found.book.messages]) == (["It is down."], [1])
    monkeypatch.setattr(webhooks, "deliver", taking)
    assert not look(project).book.messages
    assert sent == [found.book.messages[0].id]


def test_a_watcher_that_is_killed_while_it_sends_sends_again_with_the_same_id(
    project: ProjectSettings, see: See, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, tried = webhooks.deliver, []

    def killed(messages: Any, _: Any) -> Delivery:
        tried.extend(message.id for message in messages)
        raise KeyboardInterrupt

    monkeypatch.setattr(webhooks, "deliver", killed)
    see(watched(finding()))
    with pytest.raises(KeyboardInterrupt):
        look(project)
    monkeypatch.setattr(webhooks, "deliver", taking)
    look(project)
    assert sent == tried
    assert len(sent) == 1


@pytest.mark.parametrize("asked", [{"at": "2d"}, {"since": "2d"}, {"release": "0.2.0"}, {"log": "/elsewhere"}])
def test_a_look_at_another_moment_or_log_only_reports(
    project: ProjectSettings, see: See, sent: list[str], asked: dict[str, str]
) -> None:
    see(watched(finding()))
    found = look(project, **asked)  # type: ignore[arg-type]
    assert (found.exit_code, found.reports_only, sent) == (1, True, [])
    assert list_alarms(project) == []


def test_an_acknowledged_alarm_whose_cause_is_named_otherwise_is_neither_sent_again_nor_new(
    project: ProjectSettings, see: See, sent: list[str]
) -> None:
    see(watched(finding()))
    look(project)
    acknowledge_alarm(project, "drift.unit", "new tariff", by="Ann")
    look(project)
    before = len(sent)
    see(watched(finding("drift.moved"), at=AT + DAY))
    assert (look(project, at="1d").exit_code, [each.name for each in list_alarms(project)]) == (0, ["drift.unit"])
    assert (look(project).exit_code, [each.name for each in list_alarms(project)]) == (0, ["drift.moved"])
    assert len(sent) == before


def test_a_look_may_spend_the_time_since_the_last_and_one_that_reports_a_window(
    project: ProjectSettings, see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(watched(finding()))
    look(project)
    asked: list[dict[str, Any]] = []

    def watch(*_: Any, **more: Any) -> Watched:
        asked.append(more)
        return watched(finding())

    monkeypatch.setattr("seatrial.steps.watch.watch", watch)
    look(project)
    look(project, at="2d")
    assert [(each["before"], [*each["active"]]) for each in asked] == [(AT, [finding().matter]), (None, [])]


def test_a_look_that_another_one_overtook_raises_nothing(
    project: ProjectSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(*_: Any, **more: Any) -> Watched:
        if not more["active"]:
            monkeypatch.setattr("seatrial.steps.watch.watch", lambda *_, **_more: watched(finding()))
            look(project)
        return watched(finding(), finding("drift.range"), at=AT + DAY)

    monkeypatch.setattr("seatrial.steps.watch.watch", watch)
    assert [alarm.name for alarm in look(project).book.active()] == ["drift.unit"]


def test_a_last_look_that_is_to_come_is_an_error(project: ProjectSettings, see: See) -> None:
    see(watched(finding(), at=NOW + 2 * DAY))
    look(project)
    see(watched(finding()))
    with pytest.raises(SeatrialError, match="by a clock that was ahead of this one"):
        look(project)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"at": "yesterday"}, "--at 'yesterday' is not a time"),
        ({"at": "2099-01-01"}, "is in the future"),
        ({"since": "1d", "at": "2d"}, "is not before"),
        ({"since": "2099-01-01"}, "is in the future"),
        ({"at": "0001-01-01"}, "is before any log"),
        ({"since": "0001-01-01T00:00+14:00"}, "is not a time"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(
    project: ProjectSettings, see: See, asked: dict[str, str], message: str
) -> None:
    see(watched())
    with pytest.raises(UsageError, match=message):
        look(project, **asked)  # type: ignore[arg-type]


def test_since_shortens_the_figures(project: ProjectSettings, see: See) -> None:
    see(with_figures(30, 2))
    found = look(project, since=AT - 3 * DAY)
    assert {len(series.points) for series in found.watched.series} == {3}
    assert found.watched.deployed == []


def test_an_acknowledged_alarm_gives_exit_code_0_until_it_is_new(project: ProjectSettings, see: See) -> None:
    see(watched(finding()))
    look(project)
    alarm = acknowledge_alarm(project, "drift.unit", "new tariff", by="Ann")
    assert alarm.acknowledged
    assert alarm.acknowledged.by == "Ann"
    assert look(project).exit_code == 0
    see(watched(finding(), finding("drift.missing", subject="age")))
    assert look(project).exit_code == 1
    assert [each.state for each in list_alarms(project)] == ["raised", "acknowledged"]


def test_resolved_alarms_are_listed_if_asked(project: ProjectSettings, see: See) -> None:
    for day, findings in enumerate([[finding()], [], []]):
        see(watched(*findings, at=AT + day * DAY))
        look(project)
    assert list_alarms(project) == []
    assert [each.state for each in list_alarms(project, every=True)] == ["resolved"]


@pytest.mark.parametrize("text", ["", "{", '{"alarms": 3}', '{"alarms": [{"id": 1}]}', "null"])
def test_a_damaged_file_of_alarms_is_an_error_and_stays(project: ProjectSettings, see: See, text: str) -> None:
    see(watched(finding()))
    path = project.root / alarm_files.FOLDER / alarm_files.FILE
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(SeatrialError, match="is damaged"):
        look(project)
    assert path.read_text() == text


def _acknowledge(root: str, code: str) -> None:
    acknowledge_alarm(find_project(Path(root)), code, f"by {os.getpid()}", by="x")


def test_watchers_at_the_same_time_lose_nothing(project: ProjectSettings, see: See) -> None:
    see(watched(*[finding(f"drift.{place}") for place in range(4)]))
    codes = [alarm.code for alarm in look(project).book.alarms]
    workers = [
        multiprocessing.get_context("fork").Process(target=_acknowledge, args=(str(project.root), code))
        for code in codes
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [alarm.state for alarm in list_alarms(project)] == ["acknowledged"] * 4


def test_only_one_process_sends_at_a_time(project: ProjectSettings) -> None:
    with alarm_files.sending(project.root) as first, alarm_files.sending(project.root) as second:
        assert (first, second) == (True, False)


def test_several_projects_the_worst_first_and_one_that_fails_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("quiet-model", "loud-model", "lost-model", "odd-model"):
        make_project(tmp_path / "all" / name)
    (tmp_path / "all" / "broken").mkdir()
    (tmp_path / "all" / "broken" / "pyproject.toml").write_text("[tool.seatrial")

    def watch(project: ProjectSettings, **_: Any) -> Watched:
        if project.root.name == "lost-model":
            raise SeatrialError("The log cannot be read.", hint="Look at it.")
        if project.root.name == "odd-model":
            raise ZeroDivisionError("division by zero")
        return watched(*[finding()] * (project.root.name == "loud-model"))

    monkeypatch.setattr("seatrial.steps.watch.watch", watch)
    found = look_at_all([tmp_path / "all"])
    assert [(each.folder.name, each.line.state) for each in found[:1]] == [("loud-model", "alarm")]
    assert {each.folder.name for each in found if each.line.state == "unknown"} == {"broken", "lost-model", "odd-model"}
    assert found[-1].folder.name == "quiet-model"
    text = page_of_all(found, tmp_path / "page.html", NOW)
    assert 'href="all/loud-model/.seatrial/watch/watch.html"' in text
    assert "3 could not be looked at" in text


@pytest.mark.parametrize(("folder", "message"), [("nowhere", "is not a folder"), (".", "No Seatrial project")])
def test_folders_without_a_project_are_refused(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        look_at_all([tmp_path / folder])


def test_a_look_is_written_into_a_folder_or_one_file(tmp_path: Path) -> None:
    found = WatchLook(watched(), alarm_files.AlarmBook())
    assert [path.name for path in write_look(found, tmp_path / "out")] == ["watch.html", "watch.json", "watch.md"]
    [page] = write_look(found, tmp_path / "page.HTML")
    assert page.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(UsageError, match=r"ends in \.pdf"):
        write_look(found, tmp_path / "x.pdf")
    assert "<iframe" in found._repr_html_()
