"""Publishing asks for a passed trial of these bytes against this baseline, or for accepted differences.

Records that were damaged are named, with what to do; they never pass for fewer than there are.
"""

import json
import os
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.trial import samples

from seatrial.ci.report import latest_markdown
from seatrial.core.errors import SeatrialError
from seatrial.steps.trial import write_result
from seatrial.trial import gate
from seatrial.trial.records import Check, NotComparedError, Outcome, PolicyError, Verdict

TODAY = date(2027, 3, 1)
ACCEPTANCE = {
    "candidate": "a" * 64,
    "baseline": "",
    "checks": ["metrics.trivial"],
    "reason": "right",
    "by": "me",
    "on": "2026-11-29",
    "until": "2026-12-29",
}


def store(root: Path, verdict: Verdict) -> tuple[str, str]:
    """Write a verdict where the gate looks; returns the hashes of its two wheels."""
    assert verdict.baseline
    pair = verdict.candidate.sha256, verdict.baseline.sha256
    write_result(gate.result_folder(root, *pair), verdict)
    return pair


@pytest.fixture
def waiting(tmp_path: Path) -> Verdict:
    """The stored verdict of a release that no longer accepts a missing value."""
    narrower = Check("contract.break", "contract", Outcome.waiting, "`x` may no longer be missing", subject="x")
    verdict = samples.verdict_of((*samples.INVARIANTS, samples.CONTRACT[1], narrower))
    assert verdict.outcome is Outcome.waiting
    store(tmp_path, verdict)
    return verdict


def accept(root: Path, verdict: Verdict, **how: Any) -> gate.Acceptance:
    given = {
        "checks": [],
        "reason": "agreed with all callers",
        "by": "Ada",
        "today": TODAY,
        "until": date(2027, 3, 31),
    }
    return gate.accept(root, verdict, **{**given, **how})


def test_a_passed_trial_opens_it_for_these_bytes_alone(tmp_path: Path) -> None:
    candidate, baseline = store(tmp_path, samples.passed())
    assert gate.require_passed(tmp_path, candidate, baseline, today=TODAY).outcome is Outcome.passed
    for pair in (
        ("f" * 64, baseline),
        (candidate, "f" * 64),
        (candidate, None),
        (candidate[:16] + "0" * 48, baseline),
    ):
        with pytest.raises(SeatrialError, match="No trial has been run for this wheel"):
            gate.require_passed(tmp_path, *pair, today=TODAY)


def test_a_waiting_trial_does_not_open_it(waiting: Verdict, tmp_path: Path) -> None:
    assert waiting.baseline
    with pytest.raises(SeatrialError, match="has not passed its trial") as raised:
        gate.require_passed(tmp_path, waiting.candidate.sha256, waiting.baseline.sha256, today=TODAY)
    assert "accept" in raised.value.hint


def test_an_acceptance_opens_it_until_its_last_day(waiting: Verdict, tmp_path: Path) -> None:
    given = accept(tmp_path, waiting)
    assert given.checks == ("contract.break[x]",)
    assert waiting.baseline
    pair = {"candidate": waiting.candidate.sha256, "baseline": waiting.baseline.sha256}
    known = gate.read_acceptances(tmp_path)
    marked = gate.with_acceptances(waiting.checks, known, **pair, today=date(2027, 3, 31))
    assert {c.outcome for c in marked} <= {Outcome.accepted, Outcome.passed, Outcome.noted}
    assert any("Accepted by Ada until 2027-03-31: agreed with all callers" in c.summary for c in marked)
    with pytest.raises(NotComparedError, match="expired on 2027-03-31"):
        gate.with_acceptances(waiting.checks, known, **pair, today=date(2027, 4, 1))
    other = gate.with_acceptances(waiting.checks, known, **{**pair, "candidate": "f" * 64}, today=TODAY)
    assert list(other) == list(waiting.checks)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"until": date(2027, 3, 1)}, "is not after today"),
        ({"checks": ["golden.scores"]}, "No check 'golden.scores' is open"),
    ],
)
def test_an_invalid_acceptance_is_refused(waiting: Verdict, tmp_path: Path, how: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        accept(tmp_path, waiting, **how)
    assert not (tmp_path / gate.ACCEPTED).exists()


def test_golden_rows_cannot_be_accepted(tmp_path: Path) -> None:
    verdict = samples.golden_rows()
    with pytest.raises(PolicyError, match="cannot be accepted"):
        accept(tmp_path, verdict, checks=[next(c.id for c in verdict.checks if c.suite == "golden")])


def test_acceptances_are_read_back(tmp_path: Path) -> None:
    assert gate.read_acceptances(tmp_path) == []
    (tmp_path / gate.ACCEPTED).write_text(json.dumps([ACCEPTANCE]))
    assert [each.checks for each in gate.read_acceptances(tmp_path)] == [("metrics.trivial",)]


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"0": ACCEPTANCE},
        "text",
        None,
        [None],
        [[ACCEPTANCE]],
        [{}],
        [ACCEPTANCE | {"until": "31.12.2026"}],
        [ACCEPTANCE | {"until": 5}],
        [ACCEPTANCE | {"checks": "metrics.trivial"}],
        [ACCEPTANCE | {"checks": [1]}],
        [ACCEPTANCE | {"reason": None}],
        [ACCEPTANCE | {"format": 2}],
    ],
    ids=str,
)
def test_a_damaged_list_of_acceptances_is_an_error(tmp_path: Path, damaged: object) -> None:
    (tmp_path / gate.ACCEPTED).write_text(json.dumps(damaged))
    with pytest.raises(SeatrialError, match="not a list of acceptances") as caught:
        gate.read_acceptances(tmp_path)
    assert "git" in caught.value.hint


def test_a_list_of_acceptances_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / gate.ACCEPTED).symlink_to(gate.ACCEPTED)
    with pytest.raises(SeatrialError, match=r"accepted\.json cannot be read") as caught:
        gate.read_acceptances(tmp_path)
    assert caught.value.hint == "Restore it from git, or delete it."


@pytest.mark.parametrize(
    "content", [b"", b"[{", b"\xff\xfe", b"[" * 100_000, "folder", "pipe"], ids=lambda c: str(c)[:9]
)
def test_acceptances_that_cannot_be_read_are_an_error(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / gate.ACCEPTED
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(content)  # type: ignore[arg-type]
    with pytest.raises(SeatrialError, match="cannot be read as JSON") as caught:
        gate.read_acceptances(tmp_path)
    assert "git" in caught.value.hint


def test_a_result_that_cannot_be_read_asks_for_another_trial(tmp_path: Path) -> None:
    (tmp_path / gate.DOCUMENT).write_bytes(b"{")
    with pytest.raises(SeatrialError, match=r"verdict\.json cannot be read") as caught:
        gate.read_result(tmp_path)
    assert caught.value.hint == "Run the trial again."


def test_the_newest_result_is_the_newest_although_the_clock_was_set_back(tmp_path: Path) -> None:
    verdict = samples.verdict_of(samples.INVARIANTS)
    assert verdict.baseline
    sha, folders = verdict.candidate.sha256, []
    for digit in "123":
        baseline = replace(verdict.baseline, sha256=digit * 64)
        folders.append(gate.result_folder(tmp_path, sha, baseline.sha256))
        write_result(folders[-1], replace(verdict, baseline=baseline, cause=f"Cause {digit}."))
        if digit == "1":
            for path in folders[-1].iterdir():
                os.utime(path, (time.time() + 86400,) * 2)
    assert gate.result_folders(tmp_path, sha) == folders[::-1]
    assert "Cause 3." in latest_markdown(tmp_path)
