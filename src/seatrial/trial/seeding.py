"""Faults seeded into the installed candidate, each held to the very checks that a trial would hold it to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.model.checking import from_array
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial import legs
from seatrial.trial.answers import Answers, Predictions
from seatrial.trial.asking import ALONE, Asked, Golden, Repeated, flat
from seatrial.trial.compare.questions import Questions
from seatrial.trial.gaps import telling_rows
from seatrial.trial.judging import Standing, came_of, differing
from seatrial.trial.policy import Policy
from seatrial.trial.proof import Tried
from seatrial.trial.questions import Job, Predict, Score
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.seeds import Seed
from seatrial.trial.sides import Side

AT_ONCE = 60  # faults seeded into one process, one after the other
SPOKEN = 400  # rows that predict() is asked about, where a fault was missed, to see whether it changes anything


@dataclass(frozen=True)
class Ground:
    """What faults are seeded into, and what the trial asks there. `expected` is what training again gives."""

    side: Side
    columns: tuple[Column, ...]
    golden: Golden
    questions: Questions
    policy: Policy
    expected: Array  # of the questions' rows and probes
    training: Training
    many: Columns  # rows that the trial does not ask: where a missed fault changes nothing there, it is none

    @property
    def asked(self) -> Columns:
        """The rows and probes of the questions."""
        count = len(self.expected)
        return {name: values[:count] for name, values in self.questions.table.items()}


def seed_all(ground: Ground, seeds: Sequence[Seed]) -> tuple[list[Check], list[Tried]]:
    """Seed each fault and say what came of it; first come the checks of the candidate as it is."""
    sound = _Asker(ground, None)
    answers = ground.side.ask(sound.jobs())
    control = _checks(ground, answers, sound)
    standing = Standing(control)
    tried = []
    for start in range(0, len(seeds), AT_ONCE):
        askers = [_Asker(ground, seed) for seed in seeds[start : start + AT_ONCE]]
        for asker, told in zip(askers, _ask(ground.side, askers), strict=True):
            tried.append(_tried(ground, asker, told, answers, standing))
    return control, _unchanged_apart(ground, seeds, tried, standing)


class _Asker:
    """The jobs of one fault, or of none, and their names."""

    def __init__(self, ground: Ground, seed: Seed | None, *, widely: bool = False) -> None:
        self.ground, self.seed = ground, seed
        self.key = seed.name if seed else "sound"
        count = len(ground.golden.rows)
        self.alone = tuple(np.unique(np.linspace(0, count - 1, min(ALONE, count)).astype(int)).tolist())
        self.order = np.random.default_rng(5).permutation(count).tolist()
        self.widely = widely

    @property
    def golden(self) -> str:
        return f"{self.key}:golden"

    @property
    def table(self) -> str:
        return f"{self.key}:table"

    def jobs(self) -> list[Job]:
        """What a trial asks; or with `widely`, what shows whether the fault changes anything at all."""
        fault, ground = self.seed.fault if self.seed else None, self.ground
        if self.widely:
            rows = _rows(ground.columns, ground.many, SPOKEN)
            return [
                Predict(self.golden, rows, order=list(range(len(rows))), alone=list(range(0, len(rows), 20)),
                        fault=fault),
                Score(self.table, ground.many, fault=fault),
            ]  # fmt: skip
        return [
            Predict(self.golden, ground.golden.rows, order=self.order, alone=self.alone, fault=fault),
            Score(self.table, ground.asked, fault=fault),
        ]


def _ask(side: Side, askers: Sequence[_Asker]) -> list[Answers | NotComparedError]:
    """Ask all in one process; where a fault brings that down, each by itself."""
    try:
        together = side.ask([job for asker in askers for job in asker.jobs()])
    except NotComparedError as error:
        if len(askers) == 1:
            return [error]
        return [told for asker in askers for told in _ask(side, [asker])]
    return [together] * len(askers)


def _checks(ground: Ground, answers: Answers, asker: _Asker) -> list[Check]:
    """Hold these answers to what a trial holds a candidate to, in its order."""
    meaning, policy, golden = ground.questions.meaning, ground.policy, ground.golden
    for name in (asker.golden, asker.table):
        if name in answers.failures and name == asker.golden:
            return [_not_compared(answers.failures[name])]
    renamed = replace(answers, predicted={"golden": answers.predicted[asker.golden]})
    repeated = Repeated(renamed, len(golden.rows), asker.alone)
    checks = legs.golden_leg(repeated, golden, ground.columns, meaning, policy, "candidate")
    checks += legs.invariants_leg(repeated, meaning, policy, "candidate")
    if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
        return checks
    if asker.table in answers.failures:
        return [*checks, _not_compared(answers.failures[asker.table])]
    scored = answers.scored[asker.table]
    if scored.errors:
        return [*checks, _not_compared(f"fails on {len(scored.errors)} rows: {next(iter(scored.errors.values()))}")]
    asked = Asked(renamed, flat(scored.scores, not meaning.classifies), scored.refused, ())
    again = replace(ground.training, score=lambda _: ground.expected)  # it was asked once, for all faults
    return checks + legs.trained_again(Recipes(again), policy, ground.questions, None, asked, lambda _: None)


def _not_compared(reason: str) -> Check:
    summary = f"the candidate could not be compared: it {reason}"
    return Check("trial.not_compared", "golden", Outcome.blocked, summary, severity=float("inf"))


def _tried(
    ground: Ground, asker: _Asker, told: Answers | NotComparedError, sound: Answers, standing: Standing
) -> Tried:
    seed = asker.seed
    assert seed is not None
    if isinstance(told, NotComparedError):
        checks, changed, rows = [_not_compared(told.message)], 0, 0
    else:
        checks = _checks(ground, told, asker)
        changed, rows = _changes(_Asker(ground, None), sound, asker, told)
    came = came_of(checks, ground.policy, standing)
    return Tried(
        seed.name, seed.family, seed.sentence, "caught" if came.stopped else "missed", seed.columns,
        came.check, came.cause if came.stopped else "", came.failed, changed, rows,
    )  # fmt: skip


def _changes(sound_asker: _Asker, sound: Answers, asker: _Asker, told: Answers) -> tuple[int, int]:
    """Count the answers that the fault changes, of those that a trial looks at."""
    changed = rows = 0
    if asker.golden in told.predicted:
        moved = _moved(sound.predicted[sound_asker.golden].together, told.predicted[asker.golden].together)
        changed, rows = int(moved.sum()), len(moved)
    if asker.table in told.scored:
        moved = differing(sound.scored[sound_asker.table].scores, told.scored[asker.table].scores)
        changed, rows = changed + int(moved.sum()), rows + len(moved)
    return changed, rows


def _unchanged_apart(ground: Ground, seeds: Sequence[Seed], tried: list[Tried], standing: Standing) -> list[Tried]:
    """Ask about many more rows where a fault was missed: one that changes no answer at all is no fault."""
    known = {seed.name: seed for seed in seeds}
    missed = [_Asker(ground, known[each.name], widely=True) for each in tried if each.came == "missed"]
    if not missed:
        return tried
    sound = _Asker(ground, None, widely=True)
    answers = ground.side.ask(sound.jobs())
    found: dict[str, Tried] = {}
    by_name = {each.name: each for each in tried}
    for asker, told in zip(missed, _ask(ground.side, missed), strict=True):
        each = by_name[asker.key]
        if isinstance(told, NotComparedError) or {asker.golden, asker.table} & set(told.failures):
            continue  # it can be told apart, so it is a fault
        if _same(answers, sound, told, asker):
            found[each.name] = replace(each, came="unchanged")
            continue
        differ = differing(answers.scored[sound.table].scores, told.scored[asker.table].scores)
        found[each.name] = replace(each, closing=_closing(ground, each, differ, standing))
    return [found.get(each.name, each) for each in tried]


def _closing(ground: Ground, missed: Tried, differ: Array, standing: Standing) -> tuple[str, ...]:
    """Say why a fault was missed, and what would catch it; `differ` (a mask) are those of the many rows it changes."""
    if "reproduce.candidate" in standing.names:
        return ("`reproduce.candidate` cannot pass or fails without any fault, so it tells nothing: mend that first.",)
    if missed.changed and differ.any():
        told = f"It changes {missed.changed:,} of {missed.rows:,} answers asked, by no more than the policy lets pass"
        return (f"{told}: lower `tolerance`, which is {ground.policy.tolerance:g}.",)
    return telling_rows(ground.many, differ, ground.asked)


def _same(sound: Answers, sound_asker: _Asker, told: Answers, asker: _Asker) -> bool:
    """Whether every answer is the same, however it was asked for."""
    before, after = sound.predicted[sound_asker.golden], told.predicted[asker.golden]
    ways = ("together", "again", "permuted", "alone")
    moved = any(_moved(getattr(before, way), getattr(after, way)).any() for way in ways)
    return not moved and not differing(sound.scored[sound_asker.table].scores, told.scored[asker.table].scores).any()


def _moved(before: Predictions, after: Predictions) -> Array:
    labels = np.array([a != b for a, b in zip(before.labels, after.labels, strict=True)], dtype=bool)
    if before.scores.shape[1] == 1 or not any(label is not None for label in before.labels):
        return differing(before.scores, after.scores)  # a regression's label is its score
    return np.asarray(labels | differing(before.scores, after.scores))


def _rows(columns: Sequence[Column], table: Columns, count: int) -> list[dict[str, Any]]:
    size = len(next(iter(table.values())))
    return [
        {c.name: from_array(c, table[c.name][row]) for c in columns}
        for row in np.linspace(0, size - 1, min(count, size)).astype(int).tolist()
    ]
