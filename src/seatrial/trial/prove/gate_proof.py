"""Proves a gate: seeds faults into the candidate, makes harmless changes, and says what the trial made of each."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial import __version__
from seatrial.trial import equality_checks
from seatrial.trial.compare.statistics import sensitivity
from seatrial.trial.policy import Policy
from seatrial.trial.prove import catalogue
from seatrial.trial.prove.diagnosis import Standing, came_of
from seatrial.trial.prove.proof import GateProof, Tried
from seatrial.trial.prove.seeds import catalogue_seeds, column_seeds
from seatrial.trial.prove.serving_faults import Ground, seed_all
from seatrial.trial.prove.trainer import Workshop
from seatrial.trial.prove.training_faults import Bench, code_faults, data_faults, harmless_changes
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.answer_collection import CollectedAnswers, read_golden, scoring_of
from seatrial.trial.rows.crossed_rows import cross_rows
from seatrial.trial.rows.row_selection import gather_rows, make_trial_queries
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.sandbox import open_sandbox
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo

Progress = Callable[[str], None]
MANY = 4_000  # rows that show whether a missed fault changes anything
SEED = 19  # of these rows, which are others than a trial asks


def prove(
    candidate: Path | WheelInfo,
    workshop: Workshop,
    *,
    policy: Policy,
    index: WheelSource | None = None,
    quick: bool = False,
    progress: Progress = lambda _: None,
) -> GateProof:
    """Prove the gate with this candidate; `quick` leaves out what has to be trained again.

    Raises NotComparedError where the candidate cannot be asked, even without a fault.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    side = open_sandbox(candidate, policy, index=index, progress=progress)
    progress("asking the candidate what it is")
    answers = side.ask([Describe()])
    described = answers.description
    golden = read_golden(side.wheel)
    if not golden.rows:
        raise NotComparedError("The candidate has no golden rows.", hint="Train and build it again.")
    rows = gather_rows([(side, described)], golden, None)
    spread = float(np.std(rows.labelled.target)) if described.metadata.task == "regression" else 1.0
    questions = make_trial_queries(scoring_of(described, spread or 1.0), rows, described.columns)
    training = workshop.own.training
    sound = questions.split(np.asarray(training.score(questions.table)))
    told = sensitivity(questions, sound, sound)
    strength = dict(zip(told.members, told.old.tolist() if told.old is not None else [], strict=False))
    order = sorted((n for n in strength if strength[n] > 1e-9), key=lambda n: -strength[n])
    table = training.table
    facts = catalogue.describe_inputs(
        table.columns, order, workshop.numbers, workshop.strings, *workshop.inputs, sound.rows,
        described.metadata.threshold,
    )  # fmt: skip
    many = cross_rows(described.columns, table.columns, workshop.allowed, rows=MANY, seed=SEED)
    crossed = equality_checks.crossed_rows(Recipes(training), described.columns)
    ground = Ground(side, described.columns, golden, questions, policy, training, crossed, many)
    progress("seeding faults into the candidate")
    control, tried = seed_all(ground, [*catalogue_seeds(facts), *column_seeds(described.columns, facts)])
    tried.append(_as_it_is(control, policy))
    untried: dict[str, str] = {}
    if quick:
        reason = "--quick leaves out what has to be trained again."
        untried |= dict.fromkeys(("training code", "training data", "harmless"), reason)
    else:
        sample = CollectedAnswers(answers, np.zeros(0), np.zeros(0, dtype=bool), ())
        bench = Bench(workshop, policy, questions.scoring, described.columns, golden, tuple(order), many, sample)
        tried += code_faults(bench, progress)
        tried += data_faults(bench, progress)
        tried += harmless_changes(bench, progress)
    return GateProof(
        name=side.wheel.name,
        version=side.wheel.version,
        sha256=side.wheel.sha256,
        kind=policy.kind,
        tried=tuple(tried),
        rows={"golden": len(golden.rows), "reference": questions.size, "made-up": len(questions.probed)},
        policy=policy.model_dump(),
        untried=untried,
        seconds=round(time.monotonic() - began, 2),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seatrial=__version__,
    )


def _as_it_is(control: list[Any], policy: Policy) -> Tried:
    """The sound candidate is the first harmless change: if it is not let through, no other is."""
    came = came_of(control, policy, Standing())
    return Tried(
        "as it is", "harmless", "the wheel just as it was built", "blocked" if came.stopped else "passed",
        check=came.check, cause=came.cause if came.stopped else "", failed=came.failed,
    )  # fmt: skip
