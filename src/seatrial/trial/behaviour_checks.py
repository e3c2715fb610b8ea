"""The checks of the suite behaviour, from measurements: what is read, batches, a thousand calls, memory and time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.behaviour import (
    BLOCKS_PER_CALL,
    GROWTH_MB,
    SLOWER,
    growth,
    is_slower,
    repeated,
    rows_off,
    slowdown,
)
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import flat
from seatrial.trial.sandbox.answers import Answers, EnduranceMeasurements, OutsideRead

WORDS = {
    "clock": "the clock", "file": "the file", "variable": "the environment variable", "random": "random numbers",
    "duration": "a clock that measures durations", "machine": "what machine it runs on",
    "process": "which process or thread it runs in", "user": "which user runs it", "locale": "the locale",
    "network": "the network", "program": "what another program does",
    "hash": "hashes or addresses that differ in each process",
}  # fmt: skip
SHOWN_MB = 0.5  # in 1,000 rows, from which it is worth a number
PURE = "A feature function may use its arguments only: pass the value as a column, or write it into the code."


def described(read: OutsideRead) -> str:
    """What was read, as a sentence: `features.py` `age` reads the clock (datetime.now)."""
    function = f" `{read.function}`" if read.function else ", when it is imported,"
    what = WORDS.get(read.kind, read.kind)
    if read.kind in ("file", "variable"):
        return f"`{read.file}`{function} reads {what} `{read.what}`"
    return f"`{read.file}`{function} reads {what}{f' ({read.what})' if read.what else ''}"


def check_reads(reads: Sequence[OutsideRead], explained: set[str], before: Sequence[OutsideRead] = ()) -> list[Check]:
    """What was read besides the arguments waits for acceptance; where it changed a score, another check blocks.

    `explained` are the kinds that such a check names. What the baseline reads too (`before`) is noted: somebody has
    accepted it, and a retrain does not change it.
    """
    sentences: dict[tuple[str, str, str], list[OutsideRead]] = {}
    for read in reads:
        if read.kind not in explained:
            sentences.setdefault((read.kind, read.file, read.function), []).append(read)
    checks = []
    for (kind, file, function), found in sentences.items():
        summary = described(replace(found[0], what=", ".join(dict.fromkeys(r.what for r in found if r.what))[:200]))
        subject = f"{kind}: {file} {function}".strip()
        known = set(found) <= set(before)
        summary += ", as the baseline does" if known else ""
        summary += ". No score was different in this trial, but this may change"
        outcome = Outcome.noted if known else Outcome.waiting
        checks.append(Check("behaviour.reads", "behaviour", outcome, summary, subject=subject, severity=1.0, hint=PURE))
    if not reads:
        summary = (
            "Feature functions read nothing besides their arguments: no clock, file, variable or random number, and "
            "nothing of their machine or process."
        )
        checks.append(Check("behaviour.reads", "behaviour", Outcome.passed, summary))
    return checks


def check_endurance(
    found: EnduranceMeasurements, old: EnduranceMeasurements | None, scoring: Scoring, policy: Policy
) -> list[Check]:
    """Judge batches, a thousand calls, and the memory and time they take; `old` is the baseline's, where needed."""

    def as_scores(scores: Array) -> Array:
        return flat(scores, not scoring.classifies)

    first = as_scores(found.before)
    calls = _check_calls(as_scores(found.calls), as_scores(found.after), first, scoring, policy)
    batches = {size: as_scores(scores) for size, scores in found.batches.items()}
    return [
        calls,
        # Where answers depend on the calls before, a batch shows nothing of its own.
        *([_check_batches(batches, first, scoring, policy)] if calls.outcome is Outcome.passed else []),
        memory := _check_memory(found, old),
        *([_check_new_rows(found, old)] if found.new_rows and memory.outcome is Outcome.passed else []),
        *_check_time(found),
    ]


def _check(name: str, failure: str, success: str, **values: Any) -> Check:
    differs, severity = values.pop("differs", Outcome.blocked), values.pop("severity", float("inf"))
    if not failure:
        return Check(f"behaviour.{name}", "behaviour", Outcome.passed, success, **{**values, "hint": ""})
    return Check(f"behaviour.{name}", "behaviour", differs, failure, severity=severity, **values)


def _check_batches(batches: dict[int, Array], first: Array, scoring: Scoring, policy: Policy) -> Check:
    failure = ""
    for size, scores in batches.items():
        off, most = rows_off(scoring, repeated(first, size), scores, policy.tolerance)
        if off.any() and not failure:
            failure = (
                f"in a batch of {size:,} rows the candidate scores {int(off.sum()):,} of them differently than in a "
                f"small batch, by up to {most:.3g}, first row {int(np.flatnonzero(off)[0]) + 1:,}"
            )
    sizes = ", ".join(f"{size:,}" for size in batches)
    return _check("batches", failure, f"The same scores, in the rows' order, in batches of {sizes} rows.")


def _check_calls(calls: Array, after: Array, first: Array, scoring: Scoring, policy: Policy) -> Check:
    failure = ""
    off, most = rows_off(scoring, repeated(first, len(calls)), calls, policy.tolerance)
    if off.any():
        at = int(np.flatnonzero(off)[0]) + 1
        failure = f"from call {at:,} on, the candidate scores the same rows differently, by up to {most:.3g}"
    else:
        off, most = rows_off(scoring, first, after, policy.tolerance)
        if off.any():
            failure = (
                f"after {len(calls):,} calls and some batches the candidate scores the same rows differently, "
                f"by up to {most:.3g}"
            )
    return _check("calls", failure, f"After {len(calls):,} calls, it gives the same scores as before.")


def _check_memory(found: EnduranceMeasurements, old: EnduranceMeasurements | None) -> Check:
    now = growth(found.memory, found.blocks)
    before = growth(old.memory, old.blocks) if old else None
    shared = before is not None and before.leaks and now.memory_mb <= 1.5 * before.memory_mb
    failure = ""
    if now.leaks:
        failure = f"memory grows with every call: {now.memory_mb:.3g} MB in 1,000 calls of the same rows"
        failure += ". So does the baseline's" if shared else ""
    elif now.blocks > BLOCKS_PER_CALL:
        failure = f"something is kept of every call: {now.blocks:.2g} objects, though the rows repeat"
    return _check(
        "memory", failure, f"Memory does not grow over {len(found.seconds):,} calls.",
        old=before.memory_mb if before else None, new=now.memory_mb, limit=GROWTH_MB,
        differs=Outcome.blocked if now.leaks and not shared else Outcome.waiting,
        severity=max(now.memory_mb / GROWTH_MB, 1.0),
        hint="Look for a list, a dictionary or a cache without a limit that a function adds to.",
    )  # fmt: skip


def _check_new_rows(found: EnduranceMeasurements, old: EnduranceMeasurements | None) -> Check:
    """Whether something is kept of each row that was not seen before, as by a cache without a limit."""
    assert found.new_rows is not None
    now = growth(found.new_rows.memory, found.new_rows.blocks)
    before = growth(old.new_rows.memory, old.new_rows.blocks) if old and old.new_rows else None
    kept = now.blocks > BLOCKS_PER_CALL
    shared = before is not None and (before.leaks or before.blocks > BLOCKS_PER_CALL)
    failure = ""
    if now.leaks or kept:
        failure = f"memory grows with every new row: {now.blocks:.2g} objects are kept of each"
        failure += f", {now.memory_mb:.3g} MB of 1,000" if now.memory_mb >= SHOWN_MB else ""
        failure += f", in {', '.join(found.new_rows.grown)}" if found.new_rows.grown else ""
        failure += ". So it is with the baseline" if shared else ""
    return _check(
        "new_rows", failure, f"Memory does not grow over {len(found.new_rows.seconds):,} rows that differ.",
        old=before.memory_mb if before else None, new=now.memory_mb, limit=GROWTH_MB,
        differs=Outcome.blocked if now.leaks and not shared else Outcome.waiting if not shared else Outcome.noted,
        severity=max(now.memory_mb / GROWTH_MB, 1.0),
        hint="Give each cache a limit, such as functools.lru_cache(maxsize=1000), and keep nothing of a row.",
    )  # fmt: skip


def _check_time(found: EnduranceMeasurements) -> list[Check]:
    calls = [("", "calls", found.seconds)]
    calls += [("new rows", "calls with new rows", found.new_rows.seconds)] if found.new_rows else []
    checks = []
    for subject, what, seconds in calls:
        timed = slowdown(seconds)
        if timed is None:
            continue
        before, after = timed
        failure = ""
        if is_slower(before, after):
            failure = (
                f"{what} become slower: {1e3 * before:.3g} ms at first, {1e3 * after:.3g} ms after {len(seconds):,}"
            )
        success = f"{what.capitalize()} take as long at the end as at the beginning: "
        success += f"{1e3 * before:.3g} and {1e3 * after:.3g} ms."
        severity = after / max(before, 1e-9) / 2
        checks.append(
            _check("time", failure, success, subject=subject, old=before, new=after, limit=SLOWER, severity=severity)
        )
    return checks


def needs_baseline(found: EnduranceMeasurements) -> bool:
    """Whether what a release keeps must be compared with what its baseline keeps."""
    parts = [(found.memory, found.blocks), *([(n.memory, n.blocks)] if (n := found.new_rows) else [])]
    grown = [growth(*part) for part in parts]
    return any(each.leaks for each in grown) or grown[-1].blocks > BLOCKS_PER_CALL


def seems_slower(found: EnduranceMeasurements) -> bool:
    """Whether calls seem to take longer at the end, so that they should be measured again."""
    seconds = [found.seconds, *([found.new_rows.seconds] if found.new_rows else [])]
    return any(timed and is_slower(*timed) for timed in map(slowdown, seconds))


def same_elsewhere(answers: Answers, rows: int, threads: bool) -> Check:
    """The check that passes, with what was tried, and what could not be."""
    moved = answers.elsewhere
    tried = ["next year", "next week", "on 29 February"] if moved.clock_moved else []
    tried += ["in another time zone", *([f"in the locale {moved.locale}"] if moved.locale else [])]
    tried += ["in another folder", "without variables", "with other arguments"]
    tried += ["with one more thread"] if threads else []
    missed = [] if moved.clock_moved else ["the clock cannot be moved on this system"]
    missed += [] if moved.locale else ["no other locale is installed"]
    but = f" ({', '.join(missed)})" if missed else ""
    summary = f"The same scores for {rows:,} rows {', '.join(tried)}{but}."
    return Check("behaviour.elsewhere", "behaviour", Outcome.passed, summary, evidence={"not_tried": missed})
