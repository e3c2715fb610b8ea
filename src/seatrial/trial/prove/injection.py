"""Injects faults into the installed candidate, and runs the same checks on each mutant as a trial on a candidate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.progress import silent
from seatrial.model.features import Array, Columns
from seatrial.model.table_validation import from_array
from seatrial.trial import equality_checks
from seatrial.trial.prove.attempts import Attempt, Result, diagnose, differing, failed_names
from seatrial.trial.prove.blind_spots import revealing_rows
from seatrial.trial.prove.proof_setup import ProofSetup
from seatrial.trial.prove.serving_faults import Mutant
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.rows.answer_collection import (
    CollectedAnswers,
    RepeatedAnswers,
    flat,
    repeated_answers,
    repeated_query,
)
from seatrial.trial.sandbox.answers import Answers, Predictions
from seatrial.trial.sandbox.queries import Predict, Row, Score
from seatrial.trial.sandbox.sandbox import Sandbox

AT_ONCE = 60  # mutants in one process, one after the other
PREDICTED = 400  # unseen rows for predict(), where a fault was missed, to see whether it changes anything


@dataclass(frozen=True)
class Reply:
    """What the sound release or a mutant answered: through predict(), and for a table.

    Both are None where it failed, `scores` where it failed for the table alone; `failure` says why.
    """

    repeated: RepeatedAnswers | None = None
    scores: Array | None = None
    refused: Array | None = None
    failure: str = ""

    def predictions(self) -> list[Predictions]:
        """The answers of predict() to the rows: together, again, in another order, and some of them alone."""
        if self.repeated is None:
            return []
        predicted = self.repeated.predicted
        return [predicted.together, predicted.again, predicted.permuted, predicted.alone]


def inject_all(setup: ProofSetup, mutants: Sequence[Mutant]) -> tuple[list[Check], list[Attempt]]:
    """Try every mutant; the checks of the sound release come first."""
    rows = setup.golden.rows
    (sound,) = _ask(setup.sandbox, [None], rows, setup.all_rows)
    checks = _checks(setup, sound)
    ignored = failed_names(checks)
    attempts: dict[str, Attempt] = {}
    # The crossed rows are many, and most faults are caught without them: only a fault that is not gets them too.
    for table in (setup.blocks.rows("rows", "probes"), setup.all_rows):
        rest = [m for m in mutants if m.name not in attempts or attempts[m.name].result == "missed"]
        for mutant, reply in zip(rest, _ask(setup.sandbox, rest, rows, table), strict=True):
            diagnosis = diagnose(_checks(setup, reply), setup.policy, ignored)
            changed = np.concatenate(_changed(sound, reply))
            result: Result = "caught" if diagnosis.stopped else "missed"
            attempts[mutant.name] = Attempt(
                mutant.name, mutant.family, mutant.sentence, result, mutant.columns,
                **vars(diagnosis), changed=int(changed.sum()), rows=len(changed),
            )  # fmt: skip
        if not setup.crossed:
            break
    missed = [mutant for mutant in mutants if attempts[mutant.name].result == "missed"]
    if missed:
        examined = _examine(setup, missed, [attempts[mutant.name] for mutant in missed], ignored)
        attempts |= {attempt.name: attempt for attempt in examined}
    return checks, list(attempts.values())


def _ask(sandbox: Sandbox, mutants: Sequence[Mutant | None], rows: Sequence[Row], table: Columns) -> Iterator[Reply]:
    """Ask mutants, many in one process; where one brings that down, each in its own. None is the sound release."""
    for start in range(0, len(mutants), AT_ONCE):
        batch = mutants[start : start + AT_ONCE]
        faults = [mutant.fault if mutant else None for mutant in batch]
        predict = [repeated_query(rows, f"{k}:golden", fault) for k, fault in enumerate(faults)]
        score = [Score(f"{k}:table", table, fault=fault) for k, fault in enumerate(faults)]
        try:
            answers = sandbox.ask([job for jobs in zip(predict, score, strict=True) for job in jobs])
        except NotComparedError as error:
            if batch == [None]:
                raise
            if len(batch) == 1:
                yield Reply(failure=error.message)
            else:
                yield from (reply for mutant in batch for reply in _ask(sandbox, [mutant], rows, table))
        else:
            yield from (_read(answers, *jobs) for jobs in zip(predict, score, strict=True))


def _read(answers: Answers, predict: Predict, score: Score) -> Reply:
    if predict.name in answers.failures:
        return Reply(failure=f"the candidate {answers.failures[predict.name]}")
    repeated = repeated_answers(answers, predict)
    if score.name in answers.failures:
        return Reply(repeated, failure=f"the candidate {answers.failures[score.name]}")
    scored = answers.scored[score.name]
    failure = ""
    if scored.errors:
        failure = f"the candidate fails on {len(scored.errors)} rows: {next(iter(scored.errors.values()))}"
    return Reply(repeated, scored.scores, scored.refused, failure)


def _checks(setup: ProofSetup, reply: Reply) -> list[Check]:
    """Run a trial's checks of a candidate on these answers, in a trial's order."""
    scoring, policy, checks = setup.queries.scoring, setup.policy, []
    if reply.repeated is not None:
        checks += equality_checks.check_golden(
            reply.repeated, setup.golden, setup.columns, scoring, policy, "candidate"
        )
        checks += equality_checks.check_invariants(reply.repeated, scoring, policy, "candidate")
        if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
            return checks
    if reply.failure or reply.scores is None or reply.refused is None:
        summary = f"the two could not be compared: {reply.failure}"
        return [*checks, Check("trial.not_compared", "golden", Outcome.blocked, summary, severity=float("inf"))]
    scores = flat(reply.scores, not scoring.classifies)
    again = replace(setup.trainer.own.training, score=lambda _: setup.expected[: len(scores)])
    blocks = setup.blocks if len(scores) == len(setup.expected) else setup.blocks.extended("crossed", {})
    collected = CollectedAnswers(blocks, scores, reply.refused)
    return checks + equality_checks.trained_again(Recipes(again), policy, scoring, None, collected, silent)


def _changed(sound: Reply, reply: Reply) -> list[Array]:
    """Mask the answers that differ from the sound release's: first those of predict(), then those for the table."""
    masks = [np.zeros(0, dtype=bool)]
    if reply.repeated is not None:
        masks.append(_predictions_differ(sound.predictions()[0], reply.predictions()[0]))
    if reply.scores is not None and sound.scores is not None:
        masks.append(differing(sound.scores[: len(reply.scores)], reply.scores))
    return masks


def _predictions_differ(before: Predictions, after: Predictions) -> Array:
    labels = np.array([a is not None and a != b for a, b in zip(before.labels, after.labels, strict=True)], dtype=bool)
    return np.asarray(labels | differing(before.scores, after.scores))


def _examine(
    setup: ProofSetup, mutants: Sequence[Mutant], missed: Sequence[Attempt], ignored: Sequence[str]
) -> Iterator[Attempt]:
    """Ask about many more rows where a fault was missed: one that changes no answer at all is not a fault."""
    size = len(next(iter(setup.unseen.values())))
    rows = [
        {c.name: from_array(c, setup.unseen[c.name][row]) for c in setup.columns}
        for row in np.linspace(0, size - 1, min(PREDICTED, size)).astype(int).tolist()
    ]
    sound, *replies = _ask(setup.sandbox, [None, *mutants], rows, setup.unseen)
    for attempt, reply in zip(missed, replies, strict=True):
        if reply.repeated is None or reply.scores is None or sound.scores is None:
            continue  # it fails on other rows, so it is a fault
        calls = list(zip(sound.predictions(), reply.predictions(), strict=True))
        differ = differing(sound.scores, reply.scores)
        if not (attempt.changed or differ.any() or any(_predictions_differ(*call).any() for call in calls)):
            yield replace(attempt, result="unchanged")
        else:
            only_predict = not differ.any() and any(differing(a.scores, b.scores).any() for a, b in calls)
            yield replace(attempt, advice=_advice(setup, attempt, differ, ignored, only_predict=only_predict))


def _advice(
    setup: ProofSetup, missed: Attempt, differ: Array, ignored: Sequence[str], *, only_predict: bool
) -> tuple[str, ...]:
    """Say why a fault was missed, and what would catch it.

    `differ` masks the unseen rows whose scores in a table it changes; `only_predict` says that it changes none of
    these, but scores of predict().
    """
    if "reproduce.candidate" in ignored:
        return ("`reproduce.candidate` does not pass even without a fault, so it proves nothing: fix that first.",)
    lower = f"lower `tolerance`, which is {setup.policy.tolerance:g}"
    if only_predict:
        return (f"It shows when rows are predicted alone or in another order, but within the policy: {lower}.",)
    if missed.changed and differ.any():
        return (f"It changes {missed.changed:,} of {missed.rows:,} compared answers, but within the policy: {lower}.",)
    return revealing_rows(setup.unseen, differ, setup.all_rows)
