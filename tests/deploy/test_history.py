"""Where a rollback leads, and histories that are damaged."""

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.deploy.history import Entry, healthy_releases, previous, read_history

ENTRY = Entry("1", "deploy", "2026-11-25T10:00:00Z", "Ada", "why", "tiny-model", "1", "a" * 64, "tiny_model", "p")


def course(*steps: str) -> list[Entry]:
    """Entries from words: `3` deploys, `<2` rolls back, `!4` failed."""
    found = []
    for number, step in enumerate(steps):
        version = step.strip("<!")
        kind = "rollback" if step.startswith("<") else "deploy"
        outcome = "failed" if step.startswith("!") else "healthy"
        found.append(replace(ENTRY, id=str(number), kind=kind, version=version, sha256=version * 64, outcome=outcome))
    return found


@pytest.mark.parametrize(
    ("steps", "goal"),
    [
        ([], None),
        (["1"], None),
        (["1", "2"], "1"),
        (["1", "!2"], None),
        (["1", "2", "!3"], "1"),
        (["1", "2", "3", "<2"], "1"),  # not to 3, which was rolled back
        (["1", "2", "<1"], None),
        (["1", "2", "<1", "3"], "1"),
        (["1", "2", "<1", "2"], "1"),
        (["1", "2", "3", "<1", "3"], "1"),
        (["1", "2", "3", "<1", "<3"], "1"),
        (["1", "1", "2"], "1"),
    ],
)
def test_a_rollback_leads_to_the_release_before_and_never_to_one_that_was_rolled_back(
    steps: list[str], goal: str | None
) -> None:
    history = course(*steps)
    healthy = [entry for entry in history if entry.outcome == "healthy"]
    found = previous(history, healthy[-1].sha256 if healthy else "")
    assert (found.version if found else None) == goal


def test_only_what_was_healthy_once_can_be_gone_back_to() -> None:
    assert [e.version for e in healthy_releases(course("1", "!2", "3", "1"))] == ["3", "1"]


def test_what_was_written_is_read_again_and_unknown_keys_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(f'{ENTRY.to_json()}\n\n{ENTRY.to_json()[:-1]}, "later": 1}}\n')
    assert read_history(path) == [ENTRY, ENTRY]
    assert read_history(tmp_path / "none") == []


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"id": "2"}', "<<<<<<< HEAD"])
def test_a_damaged_line_is_named_with_the_way_to_mend_it(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(f"{ENTRY.to_json()}\n{line}\n")
    with pytest.raises(SeatrialError, match="line 2, is no deployment") as error:
        read_history(path)
    assert error.value.hint == f"Restore it from git: `git checkout -- {path}`."
