"""The release that a rollback returns to, and damaged histories."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.hostile_words import WORDS

from seatrial.core.errors import SeatrialError
from seatrial.deploy.history import Entry, healthy_releases, previous, read_history

ENTRY = Entry("1", "deploy", "2026-11-25T10:00:00Z", "Ada", "why", "tiny-model", "1", "a" * 64, "tiny_model", "p")


def history_of(*steps: str) -> list[Entry]:
    """Entries from short texts: `3` deploys, `<2` rolls back, `!4` failed."""
    entries = []
    for number, step in enumerate(steps):
        version = step.strip("<!")
        kind = "rollback" if step.startswith("<") else "deploy"
        outcome = "failed" if step.startswith("!") else "healthy"
        entries.append(replace(ENTRY, id=str(number), kind=kind, version=version, sha256=version * 64, outcome=outcome))
    return entries


@pytest.mark.parametrize(
    ("steps", "expected"),
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
def test_a_rollback_returns_to_the_previous_release_and_never_to_one_that_was_rolled_back(
    steps: list[str], expected: str | None
) -> None:
    history = history_of(*steps)
    healthy = [entry for entry in history if entry.outcome == "healthy"]
    entry = previous(history, healthy[-1].sha256 if healthy else "")
    assert (entry.version if entry else None) == expected


def test_only_healthy_releases_can_be_rolled_back_to() -> None:
    assert [e.version for e in healthy_releases(history_of("1", "!2", "3", "1"))] == ["3", "1"]


def test_entries_read_back_and_unknown_keys_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(f'{ENTRY.to_json()}\n\n{ENTRY.to_json()[:-1]}, "later": 1}}\n')
    assert read_history(path) == [ENTRY, ENTRY]
    assert read_history(tmp_path / "none") == []


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"id": "2"}', "<<<<<<< HEAD"])
def test_a_damaged_line_is_reported_with_a_fix(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(f"{ENTRY.to_json()}\n{line}\n")
    with pytest.raises(SeatrialError, match="line 2, is not a deployment") as error:
        read_history(path)
    assert error.value.hint == f"Restore it from git: `git checkout -- {path}`."


def test_a_reason_may_contain_any_text(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    entries = [replace(ENTRY, id=str(n), why=word) for n, word in enumerate(WORDS)]
    path.write_text("".join(f"{each.to_json()}\n" for each in entries), encoding="utf-8")
    assert [each.why for each in read_history(path)] == list(WORDS)
