"""The first line says whether all is well, or what changed, since when and how sure; names from the log are harmless."""

import math
from typing import Any

import pytest
from tests.watch.watched import AT, EVIL, finding, hostile, watched

from seatrial.watch.watch_records import Level, Watched
from seatrial.watch.watch_words import (
    facts,
    headline,
    how_sure,
    parts_of,
    readable,
    rows_command,
    terminal_rows,
)

NOTED = finding("traffic.refusals", Level.noted, part="traffic", subject="", summary="0.9 % are refused")
UNKNOWN = finding(
    "traffic.release", Level.unknown, part="traffic", summary="0.1.0 is not on the index", hint="Publish it"
)


@pytest.mark.parametrize(
    ("seen", "line", "code"),
    [
        (watched(), "All well: 12,340 requests of 0.2.0 since 23 November 2026, 14:00 UTC.", 0),
        (watched(NOTED), "All well: 12,340 requests of 0.2.0 since 23 November 2026, 14:00 UTC, 1 thing worth reading.", 0),
        (
            watched(finding(), NOTED, finding("drift.missing")),
            "Alarm: `fare` is 100 times what it was (since 22 November 2026, 14:00 UTC, 12 % of the requests, chance does "
            "not explain it). And 1 more alarm.",
            1,
        ),
        (watched(UNKNOWN), "Unknown: 0.1.0 is not on the index.", 3),
        (watched(UNKNOWN, finding(since=None, share=None, log_p=None)), "Alarm: `fare` is 100 times what it was.", 1),
        (watched(rows=0), "Unknown: The newest window has no requests, so nothing could be looked at.", 3),
        (watched(NOTED, rows=0), "Unknown: The newest window has no requests, so nothing could be looked at.", 3),
        (watched(rows=0, versions=[], notes=["the log is empty"]), "Unknown: The log is empty.", 3),
    ],
)  # fmt: skip
def test_the_first_line(seen: Watched, line: str, code: int) -> None:
    found = headline(seen)
    assert str(found).replace("\xa0", " ") == line
    assert found.exit_code == code


def test_an_acknowledged_alarm_is_no_alarm_and_a_new_one_is() -> None:
    one, two = finding(), finding("drift.missing", summary="`age` is missing")
    known = headline(watched(one), {one.id})
    assert (known.state, known.exit_code) == ("acknowledged", 0)
    assert str(known).startswith("Acknowledged: 1 alarm acknowledged, nothing new in 12,340 requests")
    assert headline(watched(one, two), {one.id}).text.startswith("`age` is missing")
    assert headline(watched(one, UNKNOWN), {one.id}).exit_code == 3


@pytest.mark.parametrize(
    ("log_p", "words"),
    [
        (math.log(0.5), "chance may explain it"),
        (math.log(0.00099), "by chance less than once in 1,000 looks"),
        (-20.0, "by chance less than once in 100 million looks"),
        (math.log(0.99e-5), "by chance less than once in 100,000 looks"),
        (math.log(0.99e-6), "by chance less than once in 1 million looks"),
        (math.log(0.99e-12), "by chance less than once in 1 trillion looks"),
        (-5000.0, "chance does not explain it"),
        (None, ""),
    ],
)
def test_how_sure_it_is(log_p: float | None, words: str) -> None:
    assert how_sure(finding(log_p=log_p)) == words


def test_facts_and_the_command_for_the_rows() -> None:
    assert facts(finding(log_p=None)).replace("\xa0", " ") == (
        "0.2.0 · since 22 November 2026, 14:00 UTC, 12 % of the requests · 32.2 → 3,220"
    )
    command = "seatrial log --since 2026-11-22T14:00 --columns time,fare,prediction"
    assert rows_command(finding()) == command
    refused = finding("traffic.refusals", part="traffic", subject="", since=None)
    assert rows_command(refused) == "seatrial log --refused"


def test_what_the_summary_says_is_not_said_again() -> None:
    said = finding(summary="`fare` is 100 times what it was since Tuesday, 14:00; 12 % of requests")
    assert headline(watched(said)).text.endswith(
        "14:00; 12 % of requests (chance does not explain it).".replace(" %", "\xa0%")
    )
    assert facts(said).count("since") == 0


def test_what_the_summary_has_in_brackets_is_followed_by_the_rest() -> None:
    said = finding(summary="`fare` is stuck at 26 (compared with the held-out rows).", since=None, share=None)
    line = headline(watched(said)).text
    assert line == "`fare` is stuck at 26 (compared with the held-out rows, chance does not explain it)."


def test_a_hostile_name_stays_one_word_of_the_command() -> None:
    assert "'; rm -rf /'" in rows_command(finding("answers.labels", part="answers", version="; rm -rf /", subject=""))
    assert "--columns" not in rows_command(finding(subject="a b"))


def test_each_part_has_the_level_of_its_worst_finding() -> None:
    parts: dict[str, Any] = {part: level for part, level, _ in parts_of(watched(finding(), NOTED))}
    expected = {"traffic": "noted", "drift": "alarm", "answers": "well", "estimated": "well", "measured": "well"}
    assert parts == expected


def test_the_terminal_lists_alarms_and_everything_if_asked() -> None:
    seen = watched(NOTED, finding())
    assert [row[0] for row in terminal_rows(seen)] == ["alarm"]
    assert [row[0] for row in terminal_rows(seen, every=True)] == ["alarm", "noted"]


def test_every_text_is_cleaned_once() -> None:
    shown = readable(hostile())
    assert "\x1b" not in str(shown)
    assert "\u202e" not in str(shown)
    assert readable(shown) == shown
    assert "\x1b" in EVIL
    assert shown.at == AT
