"""Faults seeded into the installed candidate, each held to the very checks that a trial would hold it to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array
from seatrial.trial import equality_checks
from seatrial.trial.compare.blocks import Blocks
from seatrial.trial.compare.queries import Queries
from seatrial.trial.policy import Policy
from seatrial.trial.prove.blind_spots import telling_rows
from seatrial.trial.prove.diagnosis import Standing, came_of, differing
from seatrial.trial.prove.proof import Tried
from seatrial.trial.prove.seeds import Seed
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.rows.answer_collection import ALONE, CollectedAnswers, GoldenRows, RepeatedAnswers, flat
from seatrial.trial.sandbox.answers import Answers, Predictions
from seatrial.trial.sandbox.queries import Job, Predict, Row, Score
from seatrial.trial.sandbox.sandbox import Sandbox

AT_ONCE = 60  # faults seeded into one process, one after the other
SPOKEN = 400  # rows that predict() is asked about, where a fault was missed, to see whether it changes anything

Told = Answers | NotComparedError


@dataclass(frozen=True)
class Ground:
    """What faults are seeded into, and what the trial asks there.

    `crossed` are the rows that a trial asks beside the questions', none if empty. `many` are rows that it does not ask:
    what it misses, and what changes nothing there either, is no fault.
    """

    side: Sandbox
    columns: tuple[Column, ...]
    golden: GoldenRows
    questions: Queries
    policy: Policy
    training: Training
    crossed: Columns
    many: Columns

    @cached_property
    def blocks(self) -> Blocks:
        """The rows and probes of the questions, and the crossed rows."""
        parts = self.questions.blocks.parts
        return Blocks({name: parts[name] for name in ("rows", "probes")}).extended("crossed", self.crossed)

    @cached_property
    def asked(self) -> Columns:
        """The rows and probes of the questions."""
        return self.blocks.rows("rows", "probes")

    @cached_property
    def everything(self) -> Columns:
        """These, and the crossed rows behind them."""
        return self.blocks.table

    @cached_property
    def expected(self) -> Array:
        """What the candidate trained again says to everything: it is trained and asked once, for all faults."""
        return np.asarray(self.training.score(self.everything))


@dataclass(frozen=True)
class Asking:
    """One fault, or none, and what it is asked: rows through predict(), and a table."""

    seed: Seed | None
    rows: Sequence[Row]
    table: Columns

    @property
    def alone(self) -> tuple[int, ...]:
        """The rows that are asked one by one, as in a trial."""
        count = len(self.rows)
        return tuple(np.unique(np.linspace(0, count - 1, min(ALONE, count)).astype(int)).tolist())

    @property
    def names(self) -> tuple[str, str]:
        """The names of its two jobs."""
        key = self.seed.name if self.seed else "sound"
        return f"{key}:golden", f"{key}:table"

    def jobs(self) -> list[Job]:
        """The jobs for its side."""
        fault = self.seed.fault if self.seed else None
        order = np.random.default_rng(5).permutation(len(self.rows)).tolist()
        golden, table = self.names
        return [
            Predict(golden, self.rows, order=order, alone=self.alone, fault=fault),
            Score(table, self.table, fault=fault),
        ]


def seed_all(ground: Ground, seeds: Sequence[Seed]) -> tuple[list[Check], list[Tried]]:
    """Seed each fault and say what came of it; first come the checks of the candidate as it is."""
    rows = ground.golden.rows
    sound = Asking(None, rows, ground.everything)
    answers = ground.side.ask(sound.jobs())
    control = _checks(ground, sound, answers)
    standing = Standing(control)
    tried: dict[str, Tried] = {}
    # The crossed rows are many, and most faults are caught without: only those that are not are asked about them.
    for table in (ground.asked, ground.everything):
        askings = [Asking(s, rows, table) for s in seeds if s.name not in tried or tried[s.name].came == "missed"]
        for start in range(0, len(askings), AT_ONCE):
            part = askings[start : start + AT_ONCE]
            for asking, told in zip(part, _ask(ground.side, part), strict=True):
                each = _tried(ground, asking, told, (sound, answers), standing)
                tried[each.name] = each
        if not ground.crossed:
            break
    missed = [seed for seed in seeds if tried[seed.name].came == "missed"]
    return control, list((tried | _looked_into(ground, missed, tried, standing)).values())


def _ask(side: Sandbox, askings: Sequence[Asking]) -> list[Told]:
    """Ask all in one process; where a fault brings that down, each by itself."""
    try:
        together = side.ask([job for asking in askings for job in asking.jobs()])
    except NotComparedError as error:
        if len(askings) == 1:
            return [error]
        return [told for asking in askings for told in _ask(side, [asking])]
    return [together] * len(askings)


def _checks(ground: Ground, asking: Asking, told: Told) -> list[Check]:
    """Hold these answers to what a trial holds a candidate to, in its order."""
    if isinstance(told, NotComparedError):
        return [_not_compared(told.message)]
    meaning, policy, golden = ground.questions.scoring, ground.policy, ground.golden
    spoken, scores = asking.names
    if spoken in told.failures:
        return [_not_compared(f"the candidate {told.failures[spoken]}")]
    answers = replace(told, predicted={"golden": told.predicted[spoken]})
    repeated = RepeatedAnswers(answers, len(golden.rows), asking.alone)
    checks = equality_checks.check_golden(repeated, golden, ground.columns, meaning, policy, "candidate")
    checks += equality_checks.check_invariants(repeated, meaning, policy, "candidate")
    if any(check.outcome is Outcome.blocked and check.name == "invariants.rows" for check in checks):
        return checks
    if scores in told.failures:
        return [*checks, _not_compared(f"the candidate {told.failures[scores]}")]
    scored = told.scored[scores]
    if scored.errors:
        text = next(iter(scored.errors.values()))
        return [*checks, _not_compared(f"the candidate fails on {len(scored.errors)} rows: {text}")]
    given = flat(scored.scores, not meaning.classifies)
    expected = ground.expected[: len(given)]
    # Most faults are caught without the crossed rows, so they may not have been asked.
    blocks = ground.blocks if len(given) == len(ground.expected) else ground.blocks.extended("crossed", {})
    asked = CollectedAnswers(answers, blocks, given, scored.refused)
    again = replace(ground.training, score=lambda _: expected)
    return checks + equality_checks.trained_again(Recipes(again), policy, meaning, None, asked, lambda _: None)


def _not_compared(reason: str) -> Check:
    summary = f"the two could not be compared: {reason}"
    return Check("trial.not_compared", "golden", Outcome.blocked, summary, severity=float("inf"))


def _tried(ground: Ground, asking: Asking, told: Told, sound: tuple[Asking, Answers], standing: Standing) -> Tried:
    seed = asking.seed
    assert seed is not None
    came = came_of(_checks(ground, asking, told), ground.policy, standing)
    moved = np.zeros(0, dtype=bool) if isinstance(told, NotComparedError) else _moved(*sound, asking, told)
    return Tried(
        seed.name, seed.family, seed.sentence, "caught" if came.stopped else "missed", seed.columns,
        came.check, came.cause if came.stopped else "", came.failed, int(moved.sum()), len(moved),
    )  # fmt: skip


def _moved(sound: Asking, before: Answers, asking: Asking, after: Answers) -> Array:
    """Say which answers (a mask: rows through predict(), then the table's) are other than the sound release's."""
    parts = []
    if asking.names[0] in after.predicted:
        first, second = before.predicted[sound.names[0]], after.predicted[asking.names[0]]
        parts.append(_spoken_otherwise(first.together, second.together))
    if asking.names[1] in after.scored:
        scores = after.scored[asking.names[1]].scores
        parts.append(differing(before.scored[sound.names[1]].scores[: len(scores)], scores))
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def _spoken_otherwise(before: Predictions, after: Predictions) -> Array:
    labels = np.array([a is not None and a != b for a, b in zip(before.labels, after.labels, strict=True)], dtype=bool)
    return np.asarray(labels | differing(before.scores, after.scores))


def _looked_into(
    ground: Ground, missed: Sequence[Seed], tried: dict[str, Tried], standing: Standing
) -> dict[str, Tried]:
    """Ask about many more rows where a fault was missed: one that changes no answer at all is no fault."""
    if not missed:
        return {}
    rows = _rows(ground.columns, ground.many, SPOKEN)
    sound = Asking(None, rows, ground.many)
    before = ground.side.ask(sound.jobs())
    askings = [Asking(seed, rows, ground.many) for seed in missed]
    found: dict[str, Tried] = {}
    for seed, asking, told in zip(missed, askings, _ask(ground.side, askings), strict=True):
        each = tried[seed.name]
        if isinstance(told, NotComparedError) or set(asking.names) & set(told.failures):
            continue  # it fails on other rows, so it is a fault
        first, second = before.predicted[sound.names[0]], told.predicted[asking.names[0]]
        ways = [(getattr(first, way), getattr(second, way)) for way in ("together", "again", "permuted", "alone")]
        spoken = any(_spoken_otherwise(*way).any() for way in ways)
        differ = differing(before.scored[sound.names[1]].scores, told.scored[asking.names[1]].scores)
        if not spoken and not differ.any() and not each.changed:
            found[seed.name] = replace(each, came="unchanged")
        else:
            only_asked = not differ.any() and any(differing(a.scores, b.scores).any() for a, b in ways)
            found[seed.name] = replace(each, closing=_closing(ground, each, differ, standing, only_asked=only_asked))
    return found


def _closing(ground: Ground, missed: Tried, differ: Array, standing: Standing, *, only_asked: bool) -> tuple[str, ...]:
    """Say why a fault was missed, and what would catch it.

    `differ` (a mask) are those of the many rows whose scores in a table it changes; `only_asked` says that it changes
    none of these, but answers of predict().
    """
    if "reproduce.candidate" in standing.names:
        return ("`reproduce.candidate` cannot pass or fails without any fault, so it tells nothing: mend that first.",)
    lower = f"lower `tolerance`, which is {ground.policy.tolerance:g}"
    if only_asked:
        return (
            f"It shows where rows are asked alone or in another order, by no more than the policy lets pass: {lower}.",
        )
    if missed.changed and differ.any():
        told = f"It changes {missed.changed:,} of {missed.rows:,} answers asked, by no more than the policy lets pass"
        return (f"{told}: {lower}.",)
    return telling_rows(ground.many, differ, ground.everything)


def _rows(columns: Sequence[Column], table: Columns, count: int) -> list[Row]:
    size = len(next(iter(table.values())))
    return [
        {c.name: from_array(c, table[c.name][row]) for c in columns}
        for row in np.linspace(0, size - 1, min(count, size)).astype(int).tolist()
    ]
