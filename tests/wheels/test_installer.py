"""The end of a log in an error message: text for people, also where a server logged JSON."""

import json

from seatrial.wheels.installer import LOG_LINES, last_lines


def test_lines_of_json_become_text() -> None:
    record = {"time": "2026-11-29T11:32:20.152Z", "level": "ERROR", "message": "it cannot start"}
    log = "\n".join(
        ["starting", json.dumps(record), json.dumps({**record, "exception": "Traceback:\nKeyError: 'fare'"})]
    )
    assert last_lines(log).splitlines() == [
        "  starting",
        "  11:32:20 ERROR it cannot start",
        "  11:32:20 ERROR it cannot start",
        "  Traceback:",
        "  KeyError: 'fare'",
    ]


def test_other_lines_stay_and_only_the_last_are_shown() -> None:
    odd = ['{"detail": "Not Found"}', "{1, 2}", "{not json", '{"time": 3, "level": 1, "message": 2}']
    assert last_lines("\n".join(odd)).splitlines() == [f"  {line}" for line in odd]
    assert last_lines(b"line\n" * 50) == "\n".join(["  line"] * LOG_LINES)
    assert last_lines(None) == ""
