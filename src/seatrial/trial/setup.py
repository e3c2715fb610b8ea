"""What a trial starts from: the releases in their sandboxes, and the rows and queries that both are asked."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from seatrial.core.progress import Progress, silent
from seatrial.trial import equality_checks
from seatrial.trial.compare.queries import Queries
from seatrial.trial.held_out_rows import held_out_rows
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import NotComparedError
from seatrial.trial.rows.answer_collection import (
    GoldenRows,
    RepeatedAnswers,
    read_golden,
    repeated_answers,
    repeated_query,
    scoring_of,
)
from seatrial.trial.rows.row_selection import Rows, gather_rows, make_trial_queries
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.sandbox import Sandbox, open_sandbox
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class OpenedRelease:
    """A release in its sandbox, its description of itself, and its golden rows with its answers to them."""

    sandbox: Sandbox
    description: Description
    golden: GoldenRows
    repeated: RepeatedAnswers


@dataclass(frozen=True)
class TrialSetup:
    """Both releases, and what both are asked.

    `comparable` says whether there is a baseline, with the same task, target and classes as the candidate.
    """

    candidate: OpenedRelease
    baseline: OpenedRelease | None
    comparable: bool
    rows: Rows
    queries: Queries

    @property
    def golden(self) -> GoldenRows:
        """The candidate's golden rows."""
        return self.candidate.golden


def set_up_trial(
    candidate: Path | WheelInfo,
    baseline: Path | WheelInfo | None,
    policy: Policy,
    *,
    index: WheelSource | None = None,
    data: Path | None = None,
    recipes: Recipes | None = None,
    progress: Progress = silent,
) -> TrialSetup:
    """Open the sandboxes and choose the rows; `data` are further rows. Raises NotComparedError if that fails."""

    def opened(wheel: Path | WheelInfo, role: str) -> OpenedRelease:
        sandbox = open_sandbox(wheel, policy, role=role, index=index, progress=progress)
        golden = read_golden(sandbox.wheel)
        if not golden.rows:
            raise NotComparedError(f"The {role} has no golden rows.", hint="Train and build it again.")
        progress(f"scoring the {role}'s golden rows")
        query = repeated_query(golden.rows)
        answers = sandbox.ask([Describe(), query])
        return OpenedRelease(sandbox, answers.description, golden, repeated_answers(answers, query))

    new = opened(candidate, "candidate")
    old = opened(baseline, "baseline") if baseline else None
    described = new.description
    comparable = old is not None and equality_checks.comparable(old.description.metadata, described.metadata)
    releases = [new, old] if old and comparable else [new]
    find = partial(held_out_rows, recipes=recipes or Recipes())
    rows = gather_rows([(each.sandbox, each.description) for each in releases], new.golden, data, find)
    regression = described.metadata.task == "regression" and rows.labelled.rows
    scale = float(np.std(rows.labelled.target)) if regression else 1.0
    queries = make_trial_queries(scoring_of(described, scale or 1.0), rows, described.columns)
    return TrialSetup(new, old, comparable, rows, queries)
