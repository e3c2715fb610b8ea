"""The suites that ask whether things are the same: golden rows, invariants, bad input, and training done again."""

from collections.abc import Callable, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.trial.compare.cost import ReleaseCost, compare_cost
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.compare.queries import Queries
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Outcome, Suite
from seatrial.trial.rows.answer_collection import CollectedAnswers, GoldenRows, RepeatedAnswers, flat, rows_as_columns
from seatrial.trial.rows.crossed_rows import cross_rows
from seatrial.trial.rows.probes import Probe
from seatrial.trial.sandbox.answers import RowResult
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.sandbox import Sandbox

TIE = 1e-12  # closer to the threshold than this, the last bit decides
TRAIN = "Publish its sdist with it, and keep the table it was trained on."


def comparable(old: Metadata, new: Metadata) -> bool:
    """Whether the two answer the same question, so that their scores can be held against each other."""
    return (old.task, old.target, tuple(map(str, old.classes))) == (new.task, new.target, tuple(map(str, new.classes)))


def check_golden(
    repeated: RepeatedAnswers,
    golden: GoldenRows,
    columns: Sequence[Column],
    scoring: Scoring,
    policy: Policy,
    side: str,
) -> list[Check]:
    """The installed wheel's predict() against the scores that training stored."""
    together = repeated.answers.predicted["golden"].together
    if together.errors or together.answered != repeated.rows:
        text = next(iter(together.errors.values()), f"{together.answered} of {repeated.rows} rows were answered")
        summary = f"{side} does not answer its own golden rows: {text}"
        return [Check("golden.scores", "golden", Outcome.blocked, summary, severity=float("inf"))]
    given = flat(together.scores, not scoring.classifies)
    same = Sameness(
        "golden.scores", "golden", scoring, rows_as_columns(columns, golden.rows), golden.scores, given,
        "what training stored", f"the installed {side}",
    )  # fmt: skip
    checks = compare_exact(same, policy)
    if scoring.classifies and all(check.outcome is Outcome.passed for check in checks):
        checks += _labels(together.labels, golden, scoring, side)
    return checks


def _labels(labels: Sequence[object], golden: GoldenRows, scoring: Scoring, side: str) -> list[Check]:
    """The labels that predict() decided on, beside those that its scores ask for; exact ties may fall either way."""
    wanted, given = scoring.decide(golden.scores), scoring.codes(list(labels))
    ordered = np.sort(golden.scores, axis=1)
    lead = ordered[:, -1] - ordered[:, -2]
    if scoring.task == "binary":
        lead = np.abs(golden.scores[:, scoring.positive] - scoring.threshold)
    wrong = int(((wanted != given) & (lead > TIE)).sum())
    if not wrong:
        return []
    summary = (
        f"the installed {side} decides {wrong} of {len(wanted)} golden rows otherwise than its scores say: "
        f"another threshold than {scoring.threshold:g}, or classes in another order"
    )
    return [Check("golden.labels", "golden", Outcome.blocked, summary, severity=float("inf"))]


def check_invariants(repeated: RepeatedAnswers, scoring: Scoring, policy: Policy, side: str) -> list[Check]:
    """Every row once and in order, alike each time, alone as in a batch, nothing changed in place."""
    asked = repeated.answers.predicted["golden"]
    regression = not scoring.classifies
    answered = asked.together.answered
    repeats = Repeats(
        rows=repeated.rows,
        first=flat(asked.together.scores, regression)[:answered],
        again=flat(asked.again.scores, regression)[: asked.again.answered],
        alone=flat(asked.alone.scores, regression),
        alone_rows=np.array(repeated.alone, dtype=np.int64),
        permuted=flat(asked.permuted.scores, regression)[: asked.permuted.answered],
        permutation=np.arange(repeated.rows),  # they come back in the rows' own order
        changed=asked.changed,
    )
    checks = compare_invariants(repeats, scoring, policy, side=f"the {side}")
    if repeated.answers.attempts:
        tried = ", ".join(dict.fromkeys(repeated.answers.attempts))
        summary = f"the {side} tried what a prediction has no need of, and was refused: {tried[:200]}"
        checks.append(Check("invariants.attempts", "invariants", Outcome.blocked, summary, severity=1.0))
    return checks


def check_bad_input(probes: Sequence[Probe], old: Sequence[RowResult], new: Sequence[RowResult]) -> list[Check]:
    """What each made-up row gets: taken or refused, alike on both sides; and nothing may fail."""
    checks = []
    failed = [(p, n) for p, n in zip(probes, new, strict=True) if n.outcome == "failed"]
    if failed:
        probe, judged = failed[0]
        summary = (
            f"the candidate fails on {len(failed)} rows, as where `{probe.column}` is {probe.what}: {judged.error}"
        )
        checks.append(
            Check("contract.fails", "contract", Outcome.blocked, summary, subject=probe.column, severity=float("inf"))
        )
    for before, after, words, outcome in (
        ("accepted", "refused", "refuses", Outcome.waiting),
        ("refused", "accepted", "takes", Outcome.noted),
    ):
        found: dict[str, list[str]] = {}
        for probe, one, other in zip(probes, old, new, strict=True):
            if (one.outcome, other.outcome) == (before, after):
                found.setdefault(probe.column, []).append(probe.what)
        for column, whats in found.items():
            told = ", ".join(dict.fromkeys(whats))
            checks.append(
                Check(
                    f"contract.{words}", "contract", outcome,
                    f"the candidate {words} rows that the baseline did not treat so: `{column}` {told}",
                    subject=column, severity=1.0, hint="Raise the major version, or accept it.",
                )
            )  # fmt: skip
    if not checks:
        refused = sum(judged.outcome == "refused" for judged in new)
        summary = f"Of {len(probes):,} made-up rows, both refuse the same {refused:,} and take the others."
        checks.append(Check("contract.probes", "contract", Outcome.passed, summary))
    return checks


def check_cost(
    old: Sandbox, old_asked: CollectedAnswers, new: Sandbox, new_asked: CollectedAnswers, policy: Policy
) -> list[Check]:
    """Size, load time and latency, as ratios."""
    load = new_asked.answers.load_seconds
    if load > policy.max_load * old_asked.answers.load_seconds:
        # A loaded machine easily doubles a load time, so one that seems too long is taken again.
        load = min(load, *(new.ask([Describe()]).load_seconds for _ in range(2)))
    before, after = (float(np.median(asked.answers.cost.single)) for asked in (old_asked, new_asked))
    return compare_cost(
        ReleaseCost(old.wheel.size, old_asked.answers.load_seconds, before),
        ReleaseCost(new.wheel.size, load, after),
        policy,
    )


def crossed_rows(recipes: Recipes, columns: Sequence[Column]) -> Columns:
    """Rows for the exact suites beyond those in common; none where no table is at hand. Bad ones the sides refuse."""
    base = recipes.candidate or recipes.baseline
    if base is None:
        return {}
    made = [
        cross_rows(columns, table, lambda drawn: np.ones(len(next(iter(drawn.values()))), dtype=bool), seed=seed)
        for seed, table in enumerate((base.table.columns, base.trained))
        if table
    ]
    return {name: np.concatenate([part[name] for part in made]) for name in made[0]}


def trained_again(
    recipes: Recipes,
    policy: Policy,
    queries: Queries,
    old: CollectedAnswers | None,
    new: CollectedAnswers,
    progress: Callable[[str], None],
    crossed: Columns | None = None,
) -> list[Check]:
    """Candidate and baseline against what their own code and data give when they are trained again; and the rebuild.

    A suite that cannot run is inconclusive, and says what would help.
    """
    checks: list[Check] = []
    scoring, count = queries.scoring, queries.size + len(queries.probed)
    rows = {name: values[:count] for name, values in queries.table.items()}
    if crossed:
        rows = {name: np.concatenate([values, crossed[name]]) for name, values in rows.items()}
    behind = len(next(iter(queries.table.values())))

    def said(asked: CollectedAnswers) -> Array:
        return np.concatenate([asked.table[:count], asked.table[behind:]]) if crossed else asked.table[:count]

    # A row that a side's schema refuses is no row of it; one that was answered with NaN is.
    refused = new.refused | old.refused if old is not None else new.refused
    keep = ~(np.concatenate([refused[:count], refused[behind:]]) if crossed else refused[:count])

    def same(name: str, suite: Suite, expected: Array, given: Array, what: tuple[str, str], differs: Outcome) -> None:
        size = len(expected)
        nothing = np.isnan(expected.reshape(size, -1)).any(axis=1) & np.isnan(given.reshape(size, -1)).any(axis=1)
        kept = keep & ~nothing  # where both give no number, neither differs; the invariants tell of it
        chosen = {n: values[kept] for n, values in rows.items()}
        told = Sameness(
            name, suite, scoring, chosen, expected[kept], given[kept], what[0], what[1], rows="rows and probes"
        )
        checks.extend(compare_exact(told, policy, differs=differs))

    redesign = Outcome.waiting if policy.kind == "redesign" else Outcome.blocked
    if recipes.candidate:
        progress("training the candidate again")
        again = np.asarray(recipes.candidate.score(rows))
        what = ("the candidate trained again", "the installed candidate")
        same("reproduce.candidate", "reproduce", again, said(new), what, Outcome.blocked)
    else:
        checks.append(_missing("reproduce.candidate", "reproduce", recipes, policy))
    if old is None:
        return checks
    if recipes.baseline:
        progress("training the baseline again")
        again = np.asarray(recipes.baseline.score(rows))
        what = ("the installed baseline", "the baseline trained again")
        same("reproduce.baseline", "reproduce", said(old), again, what, Outcome.blocked)
    else:
        checks.append(_missing("reproduce.baseline", "reproduce", recipes, policy))
    if recipes.rebuilt:
        progress("training the candidate's code on the baseline's data")
        again = np.asarray(recipes.rebuilt(rows))
        what = ("the baseline", "the candidate's code on the baseline's data")
        same("rebuild.scores", "rebuild", said(old), again, what, redesign)
    else:
        checks.append(_missing("rebuild.scores", "rebuild", recipes, policy))
    if policy.kind == "repackage":
        what = ("the baseline", "the candidate")
        same("total.scores", "total", said(old), said(new), what, Outcome.blocked)
    return checks


def _missing(name: str, suite: Suite, recipes: Recipes, policy: Policy) -> Check:
    reason = recipes.missing.get(suite) or next(iter(recipes.missing.values()), "The recipe is not at hand.")
    outcome = Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted
    return Check(name, suite, outcome, f"This suite could not run. {reason}", hint=TRAIN)
