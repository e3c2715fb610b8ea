"""The checks of the suite behaviour, on measurements."""

from dataclasses import replace

import numpy as np
import pytest

from seatrial.trial.behaviour_checks import check_endurance, check_reads, described, needs_baseline, seems_slower
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.sandbox.answers import EnduranceMeasurements, NewRowMeasurements, OutsideRead

SCORES = np.array([[1.0], [2.0], [3.0]])
CALLS = np.arange(0.0, 1001.0, 20.0)
STEADY = EnduranceMeasurements(
    before=SCORES,
    batches={size: np.resize(SCORES, (size, 1)) for size in (1, 2, 7)},
    calls=np.resize(SCORES, (1000, 1)),
    after=SCORES,
    seconds=np.full(1000, 1e-3),
    memory=np.stack([CALLS, np.full(len(CALLS), 90.0)], axis=1),
    blocks=np.array([[250.0, 9000], [500, 9000], [750, 9000], [1000, 9000]]),
)
LEAKING = np.stack([CALLS, 90 + 0.02 * CALLS], axis=1)


def judged(found: EnduranceMeasurements, old: EnduranceMeasurements | None = None) -> dict[str, Check]:
    checks = check_endurance(found, old, Scoring("regression"), Policy())
    return {check.name.removeprefix("behaviour."): check for check in checks}


def test_a_steady_release_passes():
    checks = judged(STEADY)
    assert set(checks) == {"calls", "batches", "memory", "time"}
    assert {check.outcome for check in checks.values()} == {Outcome.passed}


def test_a_batch_in_another_order_is_blocked_and_its_size_named():
    batches = {**STEADY.batches, 7: STEADY.batches[7][::-1]}
    check = judged(replace(STEADY, batches=batches))["batches"]
    assert check.outcome is Outcome.blocked
    assert "in a batch of 7 rows the candidate scores 4 of them differently" in check.summary


def test_a_call_that_answers_differently_is_blocked_and_its_number_named():
    calls = STEADY.calls.copy()
    calls[500:] += 1
    checks = judged(replace(STEADY, calls=calls))
    assert checks["calls"].outcome is Outcome.blocked
    assert "from call 501 on" in checks["calls"].summary
    assert "batches" not in checks  # they show nothing of their own then


def test_answers_that_differ_in_the_end_are_blocked():
    check = judged(replace(STEADY, after=SCORES + 1))["calls"]
    assert check.outcome is Outcome.blocked
    assert "after 1,000 calls" in check.summary


def test_memory_that_grows_is_blocked_unless_the_baselines_does_too():
    check = judged(replace(STEADY, memory=LEAKING))["memory"]
    assert check.outcome is Outcome.blocked
    assert "memory grows with every call: 20 MB in 1,000 calls" in check.summary
    old = replace(STEADY, memory=LEAKING)
    assert judged(old, STEADY)["memory"].outcome is Outcome.blocked
    shared = judged(old, old)["memory"]
    assert shared.outcome is Outcome.waiting
    assert "So does the baseline's" in shared.summary


def test_objects_that_are_kept_wait():
    blocks = STEADY.blocks * np.array([[1, 1.0]]) + np.array([[0, 2.0]]) * STEADY.blocks[:, :1]
    check = judged(replace(STEADY, blocks=blocks))["memory"]
    assert check.outcome is Outcome.waiting
    assert "something is kept of every call: 2 objects" in check.summary


def test_calls_that_become_slower_are_blocked():
    check = judged(replace(STEADY, seconds=np.linspace(1e-3, 5e-3, 1000)))["time"]
    assert check.outcome is Outcome.blocked
    assert "calls become slower: 1.28 ms at first, 4.8 ms after 1,000" in check.summary


KEEPING = NewRowMeasurements(
    STEADY.seconds, STEADY.memory, STEADY.blocks + 3 * STEADY.blocks[:, :1] * np.array([0, 1]), ("the cache of `y`",)
)


def test_what_is_kept_of_new_rows_waits_and_is_noted_if_the_baseline_keeps_as_much():
    found = replace(STEADY, new_rows=KEEPING)
    check = judged(found)["new_rows"]
    assert check.outcome is Outcome.waiting
    assert check.summary.startswith("memory grows with every new row: 3 objects are kept of each")
    assert check.summary.endswith("in the cache of `y`")
    assert needs_baseline(found)
    assert judged(found, STEADY)["new_rows"].outcome is Outcome.waiting
    assert judged(found, found)["new_rows"].outcome is Outcome.noted
    leaking = replace(STEADY, new_rows=replace(KEEPING, memory=LEAKING))
    assert judged(leaking)["new_rows"].outcome is Outcome.blocked
    assert "new_rows" not in judged(replace(leaking, memory=LEAKING))  # it grows with every call, new or not


def test_new_rows_of_which_nothing_is_kept_pass():
    found = replace(STEADY, new_rows=replace(KEEPING, blocks=STEADY.blocks))
    assert not needs_baseline(found)
    assert judged(found)["new_rows"].outcome is Outcome.passed


def test_calls_with_new_rows_that_become_slower_are_blocked():
    found = replace(STEADY, new_rows=replace(KEEPING, blocks=STEADY.blocks, seconds=np.linspace(1e-3, 5e-3, 1000)))
    assert seems_slower(found)
    assert not seems_slower(STEADY)
    check = judged(found)["time"]
    assert check.subject == "new rows"
    assert check.outcome is Outcome.blocked
    assert "calls with new rows become slower: 1.28 ms at first" in check.summary


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (("clock", "datetime.now", "features.py", "age"), "`features.py` `age` reads the clock (datetime.now)"),
        (("clock", "", "features.py", ""), "`features.py`, when it is imported, reads the clock"),
        (("variable", "REGION", "a.py", "b"), "`a.py` `b` reads the environment variable `REGION`"),
        (("file", "/etc/x.csv", "a.py", "b"), "`a.py` `b` reads the file `/etc/x.csv`"),
        (("random", "random.random", "a.py", "b"), "`a.py` `b` reads random numbers (random.random)"),
    ],
)
def test_what_is_read_is_a_sentence(read: tuple[str, str, str, str], sentence: str):
    assert described(OutsideRead(*read)) == sentence


def test_what_is_read_waits_once_for_each_function_and_kind():
    reads = [
        OutsideRead("clock", "time.time", "features.py", "age"),
        OutsideRead("clock", "datetime.now", "features.py", "age"),
        OutsideRead("file", "/x", "features.py", "age"),
    ]
    clock, file = check_reads(reads, set())
    assert (clock.outcome, file.outcome) == (Outcome.waiting, Outcome.waiting)
    assert "(time.time, datetime.now)" in clock.summary
    assert clock.subject == "clock: features.py age"
    assert [check.subject for check in check_reads(reads, {"clock"})] == [file.subject]  # another check blocks that
    known, new = check_reads(reads, set(), reads[:2])
    assert (known.outcome, new.outcome) == (Outcome.noted, Outcome.waiting)
    assert "as the baseline does" in known.summary
    (passed,) = check_reads([], set())
    assert passed.outcome is Outcome.passed
