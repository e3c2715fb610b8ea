"""Holds a trial: two wheels and rows in, a verdict out. Every leg that can run runs; one that cannot says so."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial import __version__
from seatrial.core.errors import SeatrialError
from seatrial.trial import legs
from seatrial.trial.asking import Asked, Golden, ask, meaning_of, read_golden, read_reference_text, rows_as_columns
from seatrial.trial.compare.meaning import Meaning
from seatrial.trial.compare.questions import Questions, make_questions
from seatrial.trial.contract import Terms, contract_checks, version_check
from seatrial.trial.gate import Acceptance, with_acceptances
from seatrial.trial.policy import Policy
from seatrial.trial.probes import Probe, probe_rows
from seatrial.trial.questions import Describe
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, NotComparedError, Outcome, Verdict
from seatrial.trial.reference import Labelled, held_out, joined, read_rows
from seatrial.trial.sides import Side, open_side
from seatrial.trial.verdict import judge

Progress = Callable[[str], None]
PROBED = 40  # rows that probes are made from


@dataclass(frozen=True)
class Rows:
    """What is compared: labelled rows that neither side was trained on, and probes."""

    labelled: Labelled
    probes: tuple[Probe, ...]
    counted: dict[str, int]


def hold(
    candidate: Path,
    baseline: Path | None,
    *,
    policy: Policy,
    index: Path | None = None,
    recipes: Recipes | None = None,
    data: Path | None = None,
    acceptances: Sequence[Acceptance] = (),
    same_wheel: bool = False,
    progress: Progress = lambda _: None,
) -> Verdict:
    """Hold the trial of a candidate against a baseline, or of a first release against itself alone.

    `data` are further rows to compare on (CSV; labels where it has the target's column). Raises NotComparedError where
    a side fails or a comparison would be vacuous, PolicyError for a wrong policy.
    """
    started = time.monotonic()
    recipes = recipes or Recipes(missing=dict.fromkeys(("reproduce", "rebuild", "total"), "No project was given."))
    new = open_side(candidate, policy, role="candidate", index=index, progress=progress)
    old = open_side(baseline, policy, role="baseline", index=index, progress=progress) if baseline else None
    if old and old.wheel.sha256 == new.wheel.sha256 and not same_wheel:
        raise NotComparedError(
            f"Candidate and baseline are the same wheel ({new.wheel.sha256[:12]}…): that would compare it with itself.",
            hint="Build the candidate first; --same-wheel compares it with itself all the same.",
        )
    progress("asking both what they are")
    told = {side.role: side.ask([Describe()]).description for side in (new, old) if side}
    mine = told["candidate"]
    theirs = told["baseline"] if old else None
    golden = read_golden(new.wheel)
    if not golden.rows:
        raise NotComparedError("The candidate has no golden rows.", hint="Train and build it again.")

    checks: list[Check] = []
    broken = False
    if theirs:
        checks += contract_checks(_terms(theirs), _terms(mine))
        broken = any(check.name == "contract.break" for check in checks)
    comparable = theirs is not None and legs.comparable(theirs.metadata, mine.metadata)
    rows = _rows(new, old if comparable else None, mine, theirs, data, golden)
    scale = float(np.std(rows.labelled.target)) if mine.metadata.task == "regression" and rows.labelled.rows else 1.0
    meaning = meaning_of(mine, scale or 1.0)
    questions = _questions(meaning, rows, mine.columns)
    progress(f"asking the candidate about {len(next(iter(questions.table.values()))):,} rows")
    asked = ask(new, golden, questions, rows.probes)
    checks += legs.golden_leg(asked, golden, mine.columns, meaning, policy)
    checks += legs.invariants_leg(asked, meaning, policy)
    old_asked: Asked | None = None
    if old and theirs and comparable:
        progress("asking the baseline the same")
        old_asked = ask(old, read_golden(old.wheel), questions, rows.probes)
        checks += legs.baseline_leg(old_asked, read_golden(old.wheel), theirs, policy)
        checks += legs.bad_input_leg(rows.probes, old_asked.judged, asked.judged)
        checks += legs.cost_leg(old, old_asked, new, asked, policy)
        _refuse_constant(old_asked, asked, meaning)
    elif old:
        checks.append(
            Check(
                "total.comparable", "total", Outcome.inconclusive,
                "The two answer different questions (task, target or classes), so their predictions cannot be compared.",
                hint="A model for another question is another package.",
            )
        )  # fmt: skip
    checks += legs.trained_again(recipes, policy, questions, old_asked, asked, meaning, progress)
    if old_asked and theirs:
        checks += legs.total_leg(recipes, policy, questions, old_asked, asked, meaning, progress)
        checks += legs.data_leg(recipes, theirs.metadata.data, mine.metadata.data, policy)
        checks += legs.gain_leg(new, old, asked, old_asked, rows, meaning, policy)
    else:
        checks += legs.alone_leg(questions, asked, meaning, policy)
    changed = bool(old_asked and legs.changed(questions, old_asked, asked, meaning, policy))
    recommended = mine.version
    if theirs:
        recommended, check = version_check(theirs.version, mine.version, broken=broken, changed=changed)
        checks.append(check)

    today = datetime.now(UTC).date()
    pair = {"candidate": new.wheel.sha256, "baseline": old.wheel.sha256 if old else None}
    checks = with_acceptances(checks, acceptances, today=today, **pair)
    outcome, cause = judge(checks, policy)
    if outcome is Outcome.passed and old is None:
        cause = f"{cause.rstrip('.')}. It is the first release, so there was no baseline to compare with."
    return Verdict(
        outcome=outcome,
        cause=cause,
        kind=policy.kind,
        task=mine.metadata.task,
        candidate=new.subject,
        baseline=old.subject if old else None,
        checks=tuple(checks),
        rows={**rows.counted, "golden": len(golden.rows)},
        policy=policy.model_dump(),
        worst_rows=legs.worst_rows(questions, old_asked, asked, meaning) if old_asked else (),
        pictures=legs.pictures(questions, old_asked, asked, meaning) if old_asked else {},
        recommended_version=recommended,
        seconds={"total": round(time.monotonic() - started, 2)},
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seatrial=__version__,
    )


def _terms(description: Any) -> Terms:
    meta = description.metadata
    threshold = meta.threshold if meta.task == "binary" else None
    return Terms(
        description.version, meta.task, meta.target, description.columns, meta.classes, meta.positive, threshold
    )


def _rows(new: Side, old: Side | None, mine: Any, theirs: Any, data: Path | None, golden: Golden) -> Rows:
    """Put the rows together: both references where both have seen none of it, and what the user gives."""
    target = mine.metadata.target
    parts, counted = [], {}
    for side, description in ((new, mine), (old, theirs)):
        if side is None or not set(_names(mine.columns, needed=True)) <= set(_names(description.columns)):
            continue
        text = read_reference_text(side.wheel)
        where = f"The {side.role}'s reference"
        found = read_rows(text, mine.columns, target, where)
        for other in (mine, theirs):
            if other is not None and other is not description and found.rows:
                whole = read_rows(text, other.columns, target, where) if _covers(text, other.columns) else None
                if whole is not None:
                    found = found.take(held_out(whole, other.metadata.split))
        parts.append(found)
    labelled = joined([part for part in parts if part.rows] or parts[:1])
    counted["reference"] = labelled.rows
    if data is not None:
        given = read_rows(_text(data), mine.columns, target, data.name, labelled=bool(labelled.rows))
        counted["given"] = given.rows
        labelled = joined([labelled, given]) if labelled.rows else given
    if not labelled.rows:
        raise NotComparedError(
            "No rows are left to compare: none was held out from the training of both.",
            hint="Give rows with --data, or train both with the same [tool.seatrial] seed.",
        )
    made = probe_rows(mine.columns, list(golden.rows)[:PROBED])
    counted["probes"] = len(made)
    return Rows(labelled, tuple(made), counted)


def _covers(text: str, columns: Sequence[Any]) -> bool:
    return set(_names(columns, needed=True)) <= set(text.partition("\n")[0].strip().split(","))


def _names(columns: Sequence[Any], *, needed: bool = False) -> list[str]:
    return [column.name for column in columns if column.required or not needed]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}", hint="Give a CSV file in UTF-8.") from None


def _questions(meaning: Meaning, rows: Rows, columns: Sequence[Any]) -> Questions:
    """Ask about the rows, the probes that could be valid, and shuffled columns."""
    names = {column.name for column in columns}
    whole = [probe for probe in rows.probes if set(probe.row) == names and _fits(probe.row, columns)]
    made = rows_as_columns(columns, [probe.row for probe in whole]) if whole else None
    truth = meaning.codes(rows.labelled.target) if len(rows.labelled.target) else None
    return make_questions(meaning, rows.labelled.columns, truth, made, tuple(probe.column for probe in whole))


def _fits(row: Any, columns: Sequence[Any]) -> bool:
    """Whether a probe can stand in a table: each value of the column's own type."""
    for column in columns:
        value = row[column.name]
        if value is None:
            fitting = column.nullable
        elif column.kind == "category":
            fitting = value in column.categories and not isinstance(value, bool)
        elif column.kind == "boolean":
            fitting = isinstance(value, bool)
        elif column.numeric:
            whole = isinstance(value, int) or column.kind == "number"
            low, high = column.minimum, column.maximum
            inside = isinstance(value, (int, float)) and (low is None or value >= low) and (high is None or value <= high)
            fitting = whole and inside and not isinstance(value, bool)
        else:
            longest = column.max_length
            fitting = isinstance(value, str) and value != "" and (longest is None or len(value) <= longest)
        if not fitting:
            return False
    return True


def _refuse_constant(old: Asked, new: Asked, meaning: Meaning) -> None:
    """Refuse to compare where both give one answer to everything: nothing could differ."""
    for role, asked in (("candidate", new), ("baseline", old)):
        scores = asked.table[~asked.refused]
        if len(scores) == 0:
            raise NotComparedError(
                f"The {role} refuses every row, so there is nothing to compare.", hint="Compare the two schemas."
            )
        if float(np.ptp(scores.reshape(len(scores), -1), axis=0).max()) <= 1e-12:
            raise NotComparedError(
                f"The {role} gives the same answer to all {len(scores):,} rows: it is constant.",
                hint="Look at its training report; a constant model cannot be tried.",
            )
