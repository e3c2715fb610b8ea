"""The checks that ask whether things are equal: golden rows, invariants, invalid input, repeated training."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seatrial.core.progress import Progress
from seatrial.model.features import Array
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Kind, Outcome, Suite
from seatrial.trial.rows.answer_collection import CollectedAnswers, GoldenRows, RepeatedAnswers, flat, rows_as_columns
from seatrial.trial.rows.probes import Probe
from seatrial.trial.sandbox.answers import RowResult

TIE = 1e-12  # closer to the threshold than this, the last bit decides
KEEP_TABLE = "Keep .seatrial/tables of the baseline's training, or set reference in [tool.seatrial.release] to full."
PUBLISH_SDIST = "Publish the sdist with the wheel, and keep the table that the release was trained on."
CORRECT_CODE = "The release's code cannot be trained: correct it, or go back to what was trained."
MOST_MODULES = 4
MOST_ATTEMPTS = 300  # characters
AS_REDESIGN = "If that is meant, run `seatrial trial --kind redesign`."
JUDGED_BY_KIND = ("settings.exchanged", "settings.labels", "settings.positive")  # besides all of the rebuild suite
EXACT = ("rows", "probes", "crossed")  # the blocks of rows on which nothing may differ


def comparable(old: Metadata, new: Metadata) -> bool:
    """Whether both predict the same target and classes, so that their scores can be compared."""
    return (old.task, old.target, tuple(map(str, old.classes))) == (new.task, new.target, tuple(map(str, new.classes)))


def check_golden(
    repeated: RepeatedAnswers,
    golden: GoldenRows,
    columns: Sequence[Column],
    scoring: Scoring,
    policy: Policy,
    role: str,
) -> list[Check]:
    """Compare the installed wheel's predict() with the scores that training stored."""
    together = repeated.predicted.together
    if together.errors or together.answered != repeated.rows:
        text = next(iter(together.errors.values()), f"{together.answered} of {repeated.rows} rows were answered")
        summary = f"the {role} does not answer its own golden rows: {text}"
        return [Check("golden.scores", "golden", Outcome.blocked, summary, severity=math.inf)]
    scores = flat(together.scores, not scoring.classifies)
    same = Sameness(
        "golden.scores", "golden", scoring, rows_as_columns(columns, golden.rows), golden.scores, scores,
        "what training stored", f"the installed {role}",
    )  # fmt: skip
    checks = compare_exact(same, policy)
    if scoring.classifies and all(check.outcome is Outcome.passed for check in checks):
        checks += _golden_labels(together.labels, golden, scoring, role)
    return checks


def _golden_labels(labels: Sequence[object], golden: GoldenRows, scoring: Scoring, role: str) -> list[Check]:
    """Compare the labels of predict() with those that its scores imply; exact ties may fall either way."""
    expected, actual = scoring.decide(golden.scores), scoring.positions(list(labels))
    wrong = int(((expected != actual) & (scoring.margin(golden.scores) > TIE)).sum())
    if not wrong:
        return []
    summary = (
        f"the installed {role} gives {wrong} of {len(expected)} golden rows a different label than its scores imply: "
        f"its threshold is not {scoring.threshold:g}, or its classes are in another order"
    )
    return [Check("golden.labels", "golden", Outcome.blocked, summary, severity=math.inf)]


def check_invariants(repeated: RepeatedAnswers, scoring: Scoring, policy: Policy, role: str) -> list[Check]:
    """Every row once and in order, the same each time, alone as in a batch, and nothing changed in place."""
    predicted = repeated.predicted

    def answered(scores: np.ndarray, count: int | None = None) -> Array:
        return flat(scores, not scoring.classifies)[:count]

    repeats = Repeats(
        rows=repeated.rows,
        first=answered(predicted.together.scores, predicted.together.answered),
        again=answered(predicted.again.scores, predicted.again.answered),
        alone=answered(predicted.alone.scores),
        alone_rows=np.array(repeated.alone, dtype=np.int64),
        permuted=answered(predicted.permuted.scores, predicted.permuted.answered),
        permutation=np.arange(repeated.rows),  # they come back in the rows' own order
        changed=predicted.changed,
    )
    checks = compare_invariants(repeats, scoring, policy, role=f"the {role}")
    if repeated.attempts:
        tried = ", ".join(dict.fromkeys(repeated.attempts))
        summary = f"the {role} attempted an operation that no prediction needs, and it was blocked: {tried[:200]}"
        checks.append(Check("invariants.attempts", "invariants", Outcome.blocked, summary, severity=1.0))
    return checks


def check_bad_input(probes: Sequence[Probe], old: Sequence[RowResult], new: Sequence[RowResult]) -> list[Check]:
    """Check that both releases accept and reject the same generated rows, and that none of them fails."""
    checks = []
    failed = [(probe, result) for probe, result in zip(probes, new, strict=True) if result.outcome == "failed"]
    if failed:
        probe, result = failed[0]
        subject, severity = probe.column, math.inf
        summary = (
            f"the candidate fails on {len(failed)} rows, for example if `{subject}` is {probe.what}: {result.error}"
        )
        checks.append(Check("contract.fails", "contract", Outcome.blocked, summary, subject, severity=severity))
    for before, after, verb, other, outcome in (
        ("accepted", "refused", "rejects", "accepts", Outcome.waiting),
        ("refused", "accepted", "accepts", "rejects", Outcome.noted),
    ):
        changed: dict[str, dict[str, None]] = {}
        for probe, first, second in zip(probes, old, new, strict=True):
            if (first.outcome, second.outcome) == (before, after):
                changed.setdefault(probe.column, {})[probe.what] = None
        for column, values in changed.items():
            summary = f"the candidate {verb} rows that the baseline {other}: `{column}` {', '.join(values)}"
            checks.append(
                Check(
                    f"contract.{verb}", "contract", outcome, summary,
                    subject=column, severity=1.0, hint="Raise the major version, or accept it.",
                )
            )  # fmt: skip
    if not checks:
        refused = sum(result.outcome == "refused" for result in new)
        summary = f"Of {len(probes):,} generated rows, both reject the same {refused:,} and accept the others."
        checks.append(Check("contract.probes", "contract", Outcome.passed, summary))
    return checks


def trained_again(
    recipes: Recipes,
    policy: Policy,
    scoring: Scoring,
    old: CollectedAnswers | None,
    new: CollectedAnswers,
    progress: Progress,
) -> list[Check]:
    """Compare both releases with a repeated training of their code and data, and rebuild the candidate.

    A suite that cannot run is inconclusive, and says what would help.
    """
    checks: list[Check] = []
    rows, candidate = new.blocks.rows(*EXACT), new.of(*EXACT)
    baseline = old.of(*EXACT) if old is not None else candidate
    # A row that a release rejects is not compared; one that it answered with NaN is.
    refused = new.refused_in(*EXACT) | old.refused_in(*EXACT) if old is not None else new.refused_in(*EXACT)

    def same(name: str, suite: Suite, expected: Array, actual: Array, words: tuple[str, str], differs: Outcome) -> None:
        size = len(expected)
        neither = np.isnan(expected.reshape(size, -1)).any(axis=1) & np.isnan(actual.reshape(size, -1)).any(axis=1)
        kept = ~refused & ~neither  # where neither gives a number, nothing differs; the invariants report it
        chosen = {n: values[kept] for n, values in rows.items()}
        sameness = Sameness(name, suite, scoring, chosen, expected[kept], actual[kept], *words, rows="rows and probes")
        checks.extend(compare_exact(sameness, policy, differs=differs))

    if recipes.candidate:
        progress("training the candidate again")
        again = np.asarray(recipes.candidate.score(rows))
        words = ("the candidate trained again", "the installed candidate")
        same("reproduce.candidate", "reproduce", again, candidate, words, Outcome.blocked)
    else:
        checks.append(not_run("reproduce.candidate", "reproduce", recipes, policy))
    if old is None:
        return checks
    if recipes.baseline:
        progress("training the baseline again")
        again = np.asarray(recipes.baseline.score(rows))
        words = ("the installed baseline", "the baseline trained again")
        same("reproduce.baseline", "reproduce", baseline, again, words, Outcome.blocked)
    else:
        checks.append(not_run("reproduce.baseline", "reproduce", recipes, policy))
    if recipes.rebuilt:
        progress("training the candidate's code on the baseline's data")
        again = np.asarray(recipes.rebuilt(rows))
        words = ("the baseline", "the candidate's code on the baseline's data")
        differs = Outcome.waiting if policy.kind == "redesign" else Outcome.blocked
        same("rebuild.scores", "rebuild", baseline, again, words, differs)
    else:
        checks.append(not_run("rebuild.scores", "rebuild", recipes, policy))
    if policy.kind == "repackage":
        same("total.scores", "total", baseline, candidate, ("the baseline", "the candidate"), Outcome.blocked)
    return checks


def check_confinement(missing: str) -> list[Check]:
    """Say that code of releases was not confined by the system, and what it lacks (`missing`)."""
    if not missing:
        return []
    summary = f"the code of the releases ran with the rights of this user, within the limits of Python only: {missing}"
    hint = "Run trials of code that you did not write on Linux with Landlock (5.13 or newer), or in a container."
    return [Check("invariants.confinement", "invariants", Outcome.noted, summary, hint=hint)]


def check_recipes(recipes: Recipes) -> list[Check]:
    """Report code that is not what its wheel was built from, and what code tried while it was trained again."""
    checks = []
    for role, reason in recipes.replaced.items():
        summary = f"of the {role}, {reason[:1].lower()}{reason[1:]}"
        hint = f"Find out who replaced the {role}'s sdist on the index, and restore it."
        checks.append(Check("reproduce.sdist", "reproduce", Outcome.blocked, summary, subject=role, hint=hint))
    for role, attempts in recipes.attempts().items():
        summary = f"the {role}'s code, trained again, attempted what no training needs, and was blocked: "
        summary += "; ".join(attempts)[:MOST_ATTEMPTS]
        hint = f"Read the {role}'s code. A release's own table and files are all that it may open."
        checks.append(Check("reproduce.attempts", "reproduce", Outcome.blocked, summary, subject=role, hint=hint))
    return checks


def name_changed_code(checks: Sequence[Check], modules: Sequence[str], since: str) -> list[Check]:
    """Say which modules of the package changed, in the checks that found a difference in the code."""
    more = len(modules) - MOST_MODULES
    files = ", ".join(modules[:MOST_MODULES]) + (f" and {more} more" if more > 0 else "")
    return [
        replace(
            check,
            summary=f"the code changed since {since} ({files}): {check.summary}",
            hint=AS_REDESIGN if check.outcome is Outcome.blocked else check.hint,
        )
        if modules and check.suite == "rebuild" and check.outcome in (Outcome.blocked, Outcome.waiting)
        else check
        for check in checks
    ]


def judged_as(checks: Sequence[Check], kind: Kind) -> list[Check]:
    """The checks of a trial that was run as a retrain or a redesign, as the other of the two: nothing else differs."""
    before, after = (Outcome.blocked, Outcome.waiting)[:: 1 if kind == "redesign" else -1]
    turned = [
        replace(check, outcome=after)
        if (check.suite == "rebuild" or check.name in JUDGED_BY_KIND) and check.outcome is before
        else check
        for check in checks
    ]
    hint = "" if kind == "redesign" else AS_REDESIGN
    return [
        replace(check, hint=hint) if check.suite == "rebuild" and check.outcome is after else check for check in turned
    ]


def check_reference(missing: str, policy: Policy) -> list[Check]:
    """Say that the releases are not compared on the baseline's rows, and why."""
    if not missing:
        return []
    what = "The releases were not compared on the rows that the baseline was measured on"
    outcome = Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted
    summary = f"{what}, so wrong labels in the candidate's rows could not be noticed. {missing}"
    return [Check("total.reference", "total", outcome, summary, hint=KEEP_TABLE, evidence={"not_run": True})]


def not_run(
    name: str, suite: Suite, recipes: Recipes, policy: Policy, *, what: str = "This suite could not run."
) -> Check:
    """The check that says why a suite could not run, and what would help."""
    reason = recipes.missing.get(suite) or next(iter(recipes.missing.values()), "The recipe is not available.")
    failed = bool(recipes.failed - {"baseline"})
    outcome = Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted
    hint = CORRECT_CODE if failed else PUBLISH_SDIST
    return Check(name, suite, outcome, f"{what} {reason}", hint=hint, evidence={"not_run": True, "failed": failed})
