"""The legs that ask whether things are the same: golden rows, invariants, bad input, and training done again."""

from collections.abc import Callable, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.trial.compare.cost import Cost, compare_cost
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.compare.queries import Questions
from seatrial.trial.compare.scoring import Meaning
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, Leg, Outcome
from seatrial.trial.rows.answer_collection import Asked, Golden, Repeated, flat, rows_as_columns
from seatrial.trial.rows.crossed_rows import cross_rows
from seatrial.trial.rows.probes import Probe
from seatrial.trial.sandbox.answers import Judged
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.sandbox import Side

TIE = 1e-12  # closer to the threshold than this, the last bit decides
TRAIN = "Publish its sdist with it, and keep the table it was trained on."


def comparable(old: Metadata, new: Metadata) -> bool:
    """Whether the two answer the same question, so that their scores can be held against each other."""
    return (old.task, old.target, tuple(map(str, old.classes))) == (new.task, new.target, tuple(map(str, new.classes)))


def golden_leg(
    repeated: Repeated, golden: Golden, columns: Sequence[Column], meaning: Meaning, policy: Policy, side: str
) -> list[Check]:
    """The installed wheel's predict() against the scores that training stored."""
    together = repeated.answers.predicted["golden"].together
    if together.errors or together.answered != repeated.rows:
        text = next(iter(together.errors.values()), f"{together.answered} of {repeated.rows} rows were answered")
        summary = f"{side} does not answer its own golden rows: {text}"
        return [Check("golden.scores", "golden", Outcome.blocked, summary, severity=float("inf"))]
    given = flat(together.scores, not meaning.classifies)
    same = Sameness(
        "golden.scores", "golden", meaning, rows_as_columns(columns, golden.rows), golden.scores, given,
        "what training stored", f"the installed {side}",
    )  # fmt: skip
    checks = compare_exact(same, policy)
    if meaning.classifies and all(check.outcome is Outcome.passed for check in checks):
        checks += _labels(together.labels, golden, meaning, side)
    return checks


def _labels(labels: Sequence[object], golden: Golden, meaning: Meaning, side: str) -> list[Check]:
    """The labels that predict() decided on, beside those that its scores ask for; exact ties may fall either way."""
    wanted, given = meaning.decide(golden.scores), meaning.codes(list(labels))
    ordered = np.sort(golden.scores, axis=1)
    lead = ordered[:, -1] - ordered[:, -2]
    if meaning.task == "binary":
        lead = np.abs(golden.scores[:, meaning.positive] - meaning.threshold)
    wrong = int(((wanted != given) & (lead > TIE)).sum())
    if not wrong:
        return []
    summary = (
        f"the installed {side} decides {wrong} of {len(wanted)} golden rows otherwise than its scores say: "
        f"another threshold than {meaning.threshold:g}, or classes in another order"
    )
    return [Check("golden.labels", "golden", Outcome.blocked, summary, severity=float("inf"))]


def invariants_leg(repeated: Repeated, meaning: Meaning, policy: Policy, side: str) -> list[Check]:
    """Every row once and in order, alike each time, alone as in a batch, nothing changed in place."""
    asked = repeated.answers.predicted["golden"]
    regression = not meaning.classifies
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
    checks = compare_invariants(repeats, meaning, policy, side=f"the {side}")
    if repeated.answers.attempts:
        tried = ", ".join(dict.fromkeys(repeated.answers.attempts))
        summary = f"the {side} tried what a prediction has no need of, and was refused: {tried[:200]}"
        checks.append(Check("invariants.attempts", "invariants", Outcome.blocked, summary, severity=1.0))
    return checks


def bad_input_leg(probes: Sequence[Probe], old: Sequence[Judged], new: Sequence[Judged]) -> list[Check]:
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


def cost_leg(old: Side, old_asked: Asked, new: Side, new_asked: Asked, policy: Policy) -> list[Check]:
    """Size, load time and latency, as ratios."""
    load = new_asked.answers.load_seconds
    if load > policy.max_load * old_asked.answers.load_seconds:
        # A loaded machine easily doubles a load time, so one that seems too long is taken again.
        load = min(load, *(new.ask([Describe()]).load_seconds for _ in range(2)))
    before, after = (float(np.median(asked.answers.cost.single)) for asked in (old_asked, new_asked))
    return compare_cost(
        Cost(old.wheel.size, old_asked.answers.load_seconds, before), Cost(new.wheel.size, load, after), policy
    )


def crossed_rows(recipes: Recipes, columns: Sequence[Column]) -> Columns:
    """Rows for the exact legs beyond those in common; none where no table is at hand. Bad ones the sides refuse."""
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
    questions: Questions,
    old: Asked | None,
    new: Asked,
    progress: Callable[[str], None],
    crossed: Columns | None = None,
) -> list[Check]:
    """Candidate and baseline against what their own code and data give when they are trained again; and the rebuild.

    A leg that cannot run is inconclusive, and says what would help.
    """
    checks: list[Check] = []
    meaning, count = questions.meaning, questions.size + len(questions.probed)
    rows = {name: values[:count] for name, values in questions.table.items()}
    if crossed:
        rows = {name: np.concatenate([values, crossed[name]]) for name, values in rows.items()}
    behind = len(next(iter(questions.table.values())))

    def said(asked: Asked) -> Array:
        return np.concatenate([asked.table[:count], asked.table[behind:]]) if crossed else asked.table[:count]

    # A row that a side's schema refuses is no row of it; one that was answered with NaN is.
    refused = new.refused | old.refused if old is not None else new.refused
    keep = ~(np.concatenate([refused[:count], refused[behind:]]) if crossed else refused[:count])

    def same(name: str, leg: Leg, expected: Array, given: Array, what: tuple[str, str], differs: Outcome) -> None:
        size = len(expected)
        nothing = np.isnan(expected.reshape(size, -1)).any(axis=1) & np.isnan(given.reshape(size, -1)).any(axis=1)
        kept = keep & ~nothing  # where both give no number, neither differs; the invariants tell of it
        chosen = {n: values[kept] for n, values in rows.items()}
        told = Sameness(
            name, leg, meaning, chosen, expected[kept], given[kept], what[0], what[1], rows="rows and probes"
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


def _missing(name: str, leg: Leg, recipes: Recipes, policy: Policy) -> Check:
    reason = recipes.missing.get(leg) or next(iter(recipes.missing.values()), "The recipe is not at hand.")
    outcome = Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted
    return Check(name, leg, outcome, f"This leg could not run. {reason}", hint=TRAIN)
