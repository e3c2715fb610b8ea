"""The page of a gate proof: the counts, then blind spots and false alarms with advice, then every attempt."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seatrial.pages import render
from seatrial.pages.charts import Svg
from seatrial.trial.prove.attempts import FAMILIES, Attempt, Family
from seatrial.trial.prove.gate_proof import GateProof
from seatrial.trial.report.page import prose
from seatrial.trial.report.words import cell, cleaned, count, moment, sentence

# What can happen to a column: the heading in the matrix, and the words in a weak spot.
COLUMN_FAULTS = {
    "constant": ("constant", "were constant"),
    "missing": ("always missing", "were always missing"),
    "shuffled": ("from another row", "came from another row"),
}
WORDS = {"unchanged": "no effect"}  # for results that need another word
# The CSS classes and marks of a trial's page, by an attempt's result.
STATES = {"caught": "passed", "missed": "blocked", "unchanged": "unrun", "passed": "passed", "blocked": "blocked"}
THIN = 0.01  # of the compared answers: a fault that changes fewer is barely caught
MOST_NAMES = 12


@dataclass(frozen=True)
class WeakSpot:
    """A fault that nothing would notice, or a harmless change that is blocked, and advice."""

    summary: str
    advice: tuple[str, ...]
    name: str


def weak_spots(proof: GateProof) -> list[WeakSpot]:
    """List the weak spots: missed faults of columns first, false alarms last."""
    missed = sorted(proof.of("missed"), key=lambda each: each.family != "columns")
    return [WeakSpot(_blind_spot(each), each.advice, each.name) for each in missed] + list(_false_alarms(proof))


def _blind_spot(missed: Attempt) -> str:
    if missed.family == "columns":
        return f"Nothing would notice if `{missed.columns[0]}` {COLUMN_FAULTS[missed.name.partition('[')[0]][1]}."
    columns = " and ".join(f"`{name}`" for name in missed.columns)
    return sentence(f"nothing would notice that {missed.sentence}{f', here in {columns}' if columns else ''}")


def _false_alarms(proof: GateProof) -> Iterator[WeakSpot]:
    """The harmless changes that were blocked, those that the same check blocks together."""
    by_check: dict[str, list[Attempt]] = {}
    for attempt in proof.of("blocked"):
        by_check.setdefault(attempt.check.partition("[")[0], []).append(attempt)
    for attempts in by_check.values():
        first, number = attempts[0], len(attempts)
        changes = f"{number} harmless changes were" if number > 1 else "A harmless change was"
        summary = f"{changes} blocked{', such as' if number > 1 else ':'} {first.sentence}. {first.cause}"
        yield WeakSpot(summary, first.advice, ", ".join(attempt.name for attempt in attempts))


def to_html(proof: GateProof) -> str:
    """Render the page as one file without scripts or external resources; it does not depend on the clock."""
    proof = _readable(proof)
    return render(
        "prove.html",
        proof=proof,
        state="blocked" if proof.exit_code else "passed",
        line=sentence(proof.headline),
        when=moment(proof.started) if proof.started else "",
        spots=[(prose(spot.summary), [*map(prose, spot.advice)], spot.name) for spot in weak_spots(proof)],
        families=[(name, *counts, _shares(*counts)) for name, *counts in proof.counts()],
        column_faults=[head for head, _ in COLUMN_FAULTS.values()],
        matrix=list(_matrix(proof)),
        only=list(_only_checks(proof)),
        thin=[
            (prose(sentence(each.sentence)), each.changed, each.rows)
            for each in proof.of("caught")
            if 0 < each.changed <= THIN * each.rows
        ],
        groups=[_group(proof, family) for family in FAMILIES],
        policy=[(name, cell(value)) for name, value in proof.policy.items()],
        asked=[count(number, f"{name} row") for name, number in proof.rows.items()],
        words=WORDS,
    )  # fmt: skip


def _readable(proof: GateProof) -> GateProof:
    """The same proof with every text cleaned: names come from the package under test."""
    attempts = tuple(Attempt(**cleaned(vars(attempt))) for attempt in proof.attempts)
    return replace(proof, name=cleaned(proof.name), version=cleaned(proof.version), attempts=attempts)


def _shares(*counts: int) -> list[tuple[str, float]]:
    total = sum(counts) or 1
    return [(state, number / total) for state, number in zip(("passed", "blocked", "unrun"), counts, strict=True)]


def _matrix(proof: GateProof) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each column, with the result when it is constant, always missing, or from another row: state, word, check."""
    attempts = {attempt.name: attempt for attempt in proof.attempts if attempt.family == "columns"}
    for column in dict.fromkeys(attempt.columns[0] for attempt in attempts.values()):
        yield column, [_column_result(attempts.get(f"{fault}[{column}]")) for fault in COLUMN_FAULTS]


def _column_result(attempt: Attempt | None) -> tuple[str, str, str]:
    if attempt is None:
        return "none", "not possible", ""
    if attempt.result == "unchanged":
        return "unrun", "not used", ""
    return STATES[attempt.result], attempt.result, attempt.check.partition("[")[0]


def _only_checks(proof: GateProof) -> Iterator[tuple[str, list[Svg], int]]:
    """The checks that are the only one to catch some fault: without them these faults would pass."""
    by_check: dict[str, list[str]] = {}
    for attempt in proof.of("caught"):
        if len(attempt.failed) == 1 and attempt.family != "training data":  # where the data block, nothing else runs
            by_check.setdefault(attempt.failed[0], []).append(attempt.sentence)
    for check, names in sorted(by_check.items(), key=lambda pair: -len(pair[1])):
        yield check, [prose(name) for name in names[:MOST_NAMES]], len(names)


def _group(proof: GateProof, family: Family) -> tuple[str, list[tuple[Attempt, str, str, Svg, Svg]], bool]:
    """A family's attempts, the wrong results first; the group is open if there are any."""
    attempts = [attempt for attempt in proof.attempts if attempt.family == family]
    attempts.sort(key=lambda attempt: attempt.result not in ("missed", "blocked"))
    wrong = bool(attempts) and attempts[0].result in ("missed", "blocked")
    return family, [_line(attempt) for attempt in attempts], wrong


def _line(attempt: Attempt) -> tuple[Attempt, str, str, Svg, Svg]:
    changed = f"{attempt.changed:,} of {attempt.rows:,}" if attempt.rows else ""
    return attempt, STATES[attempt.result], changed, prose(sentence(attempt.sentence)), prose(attempt.cause)
