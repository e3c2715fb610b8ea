"""What to do about a verdict: no dead end, whatever failed."""

import re
from dataclasses import replace

import pytest
from tests.trial import samples

from seatrial.trial.equality_checks import not_run
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome, Verdict
from seatrial.trial.report.remedies import MOST_CHECKS, REMEDIES, remedy_for, what_to_do
from seatrial.trial.verdict import RANKS, judge

KEYS = set(Policy.model_fields)


def verdict_of(*checks: Check) -> Verdict:
    outcome, cause = judge(checks, Policy())
    return Verdict(outcome, cause, "retrain", "binary", samples.CANDIDATE, samples.BASELINE, checks, {}, {},
                   changed_code=("features.py", "pipeline.py"), recommended_version="0.2.0")  # fmt: skip


@pytest.mark.parametrize("outcome", [Outcome.blocked, Outcome.waiting, Outcome.inconclusive])
@pytest.mark.parametrize("name", [*RANKS, "something.new"])
def test_whatever_failed_there_is_a_command(name: str, outcome: Outcome) -> None:
    check = Check(name if not name.endswith(".") else f"{name}x", "data", outcome, "it failed", subject="age")
    (line,) = what_to_do(verdict_of(check))
    assert re.search(r"Command(, if all that waits is right)?: `seatrial \w+", line)


def test_every_policy_line_is_a_key() -> None:
    for _, remedy in REMEDIES:
        named = re.findall(r"[a-z_]+", remedy.policy.partition(" = ")[0])
        assert set(named) <= KEYS


def test_changed_files_are_named_for_what_the_code_may_explain_and_not_for_data() -> None:
    (line,) = what_to_do(verdict_of(Check("rebuild.scores", "rebuild", Outcome.blocked, "it differs")))
    assert line.startswith("Changed since 0.1.0: `features.py`, `pipeline.py`.")
    assert "`seatrial trial --kind redesign`" in line
    (line,) = what_to_do(verdict_of(Check("data.tie", "data", Outcome.blocked, "it differs", subject="age")))
    assert "features.py" not in line
    assert '`seatrial trial accept --check "data.tie[age]" --reason' in line


def test_the_rows_to_look_at_are_named() -> None:
    def line(check: Check) -> str:
        return what_to_do(verdict_of(check))[0]

    span = {"span": [1_002, 1_151]}
    group = Check("data.label_rates", "data", Outcome.blocked, "it jumped", subject="deck = B", evidence=span)
    assert "Rows to look at: lines 1,002 to 1,151 of the table, where `deck` = B." in line(group)
    assert "those where `age` is missing" in line(replace(group, subject="age is missing", evidence={}))
    examples = Check("data.new_rows", "data", Outcome.blocked, "x", subject="age", evidence={"lines": [7, 9, 1_200]})
    assert "Rows to look at: lines 7, 9, 1,200 of the table." in line(examples)


def test_rows_that_are_right_can_be_accepted_although_they_block() -> None:
    (line,) = what_to_do(verdict_of(Check("data.new_rows", "data", Outcome.blocked, "unlike", subject="age")))
    assert "Command: `seatrial refresh FILE`." in line
    assert 'Command, if it is right: `seatrial trial accept --check "data.new_rows[age]" --reason "..."`.' in line


def test_code_that_fails_is_no_break_to_announce() -> None:
    (line,) = what_to_do(verdict_of(Check("contract.fails", "contract", Outcome.blocked, "TypeError", subject="age")))
    assert "bump" not in line
    assert "Correct the code" in line


def test_only_checks_of_rows_name_rows() -> None:
    check = Check("behaviour.reads", "behaviour", Outcome.blocked, "it reads a clock", subject="clock: features.py age")
    (line,) = what_to_do(verdict_of(check))
    assert "Rows to look at" not in line


def test_a_redesign_is_not_told_to_declare_itself() -> None:
    check = Check("rebuild.scores", "rebuild", Outcome.waiting, "it differs", hint="Declare it as a redesign.")
    (line,) = what_to_do(replace(verdict_of(check), kind="redesign"))
    assert "--kind" not in line
    assert "Declare" not in line
    assert '`seatrial trial accept --reason "..."`' in line


def test_code_that_cannot_be_trained_is_to_be_corrected_and_a_missing_table_to_be_restored() -> None:
    recipes = Recipes(missing={"rebuild": "features.py fails."}, failed=frozenset({"candidate"}))
    (line,) = what_to_do(verdict_of(not_run("rebuild.scores", "rebuild", recipes, Policy())))
    assert "correct it" in line
    assert "`seatrial train && seatrial build && seatrial trial`" in line
    assert "redesign" not in line
    missing = not_run("rebuild.scores", "rebuild", replace(recipes, failed=frozenset()), Policy())
    (line,) = what_to_do(verdict_of(missing))
    assert "keep the table" in line
    assert "Command: `seatrial trial`." in line


def test_one_command_accepts_all_checks_with_the_same_remedy() -> None:
    names = ("cost.latency_64", "cost.latency_10000")
    (line,) = what_to_do(verdict_of(*(Check(name, "cost", Outcome.blocked, "slower") for name in names)))
    assert "`seatrial trial accept --check cost.latency_64 --check cost.latency_10000 --reason" in line
    assert line.endswith("Policy: `max_slower` in [tool.seatrial.trial].")


def test_a_part_of_the_version_is_named() -> None:
    check = Check("contract.version", "contract", Outcome.blocked, "too small")
    assert "`seatrial bump minor`" in what_to_do(verdict_of(check))[0]


def test_a_passed_verdict_needs_nothing_and_many_failures_are_not_listed_one_by_one() -> None:
    assert what_to_do(verdict_of(Check("golden.scores", "golden", Outcome.passed, "equal"))) == ()
    many = [Check(f"{name}x", "data", Outcome.blocked, "bad") for name in RANKS]
    assert len(what_to_do(verdict_of(*many))) == MOST_CHECKS
    same = [Check("data.tie", "data", Outcome.blocked, "bad", subject=str(k)) for k in range(5)]
    assert len(what_to_do(verdict_of(*same))) == 1
    assert remedy_for("nothing.known").command
