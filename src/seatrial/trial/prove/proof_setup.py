"""What a proof starts from: the candidate as a trial sets it up, its trainer, and rows that no trial asks about."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from seatrial.core.progress import Progress
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.queries import Blocks, Queries
from seatrial.trial.compare.statistics import sensitivity
from seatrial.trial.policy import Policy
from seatrial.trial.prove.serving_faults import ModelProfile, profile_model
from seatrial.trial.prove.trainer import Trainer
from seatrial.trial.recipes import Recipes
from seatrial.trial.rows.answer_collection import GoldenRows
from seatrial.trial.rows.crossed_rows import cross_rows, cross_tables
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.trial.setup import set_up_trial
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo

UNSEEN = 4_000  # rows that show whether a missed fault changes anything
SEED = 19  # of these rows, so that they are not the rows of a trial


@dataclass(frozen=True)
class ProofSetup:
    """The candidate in its sandbox, what a trial asks it, and what trains it.

    `crossed` are the rows that a trial adds to those of the queries. `unseen` are rows that it does not ask about: a
    fault that changes no answer there either is not a fault.
    """

    sandbox: Sandbox
    columns: tuple[Column, ...]  # of the candidate's schema
    golden: GoldenRows
    queries: Queries
    policy: Policy
    trainer: Trainer
    model: ModelProfile
    crossed: Columns
    unseen: Columns

    @cached_property
    def blocks(self) -> Blocks:
        """The rows, probes and crossed rows: no exact suite reads the rows with shuffled columns."""
        parts = self.queries.blocks.parts
        return Blocks({name: parts[name] for name in ("rows", "probes")}).extended("crossed", self.crossed)

    @cached_property
    def all_rows(self) -> Columns:
        """The rows and probes, and the crossed rows after them."""
        return self.blocks.table

    @cached_property
    def expected(self) -> Array:
        """The scores of the candidate trained again, for all rows: one training and one scoring serve all faults."""
        return np.asarray(self.trainer.own.training.score(self.all_rows))


def set_up_proof(
    candidate: Path | WheelInfo, trainer: Trainer, policy: Policy, index: WheelSource | None, progress: Progress
) -> ProofSetup:
    """Set up a trial of the candidate alone, and learn which of its columns and inputs matter."""
    own = Recipes(candidate=trainer.own.training)
    trial = set_up_trial(candidate, None, policy, index=index, recipes=own, progress=progress)
    training, columns = trainer.own.training, trial.candidate.description.columns
    sound = trial.queries.ask(training.score)
    figures = sensitivity(trial.queries, sound, sound)
    importance = dict(zip(figures.members, figures.old.tolist() if figures.old is not None else [], strict=False))
    order = sorted((n for n in importance if importance[n] > 1e-9), key=lambda n: -importance[n])
    numbers, strings = trainer.inputs
    model = profile_model(
        training.table.columns,
        order,
        dict(zip(trainer.numbers, numbers.T, strict=True)),
        dict(zip(trainer.strings, strings.T, strict=True)),
        sound.rows,
        trial.candidate.description.metadata.threshold,
    )
    crossed = cross_tables(columns, training.tables)
    unseen = cross_rows(columns, training.table.columns, trainer.allowed, rows=UNSEEN, seed=SEED)
    sandbox = trial.candidate.sandbox
    return ProofSetup(sandbox, columns, trial.golden, trial.queries, policy, trainer, model, crossed, unseen)
