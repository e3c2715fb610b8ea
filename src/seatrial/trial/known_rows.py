"""Judges once more what changed, by a model of the rows that both tables have, where the baseline is not the measure.

If the oldest rows left the table, or labels became known as the policy declares, the candidate differs from the
baseline for a reason that is known, and that says nothing about the new rows. A model trained without the new rows, but
also without those that left, and with the labels as they are now, lacks this reason. What still differs from it comes
from the new rows. Replicas of the baseline cannot show this: each of them may lack an old row, but no new row replaces
it, and all of them have the labels of their time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.trial.compare.maturity import matured
from seatrial.trial.compare.metrics import compare_gain, compare_metrics
from seatrial.trial.compare.queries import Queries, QueryScores, Scorer
from seatrial.trial.compare.row_matching import Matched, Table, match
from seatrial.trial.compare.statistics import NoiseFloor, groups_of
from seatrial.trial.compare.table_history import left_as_oldest
from seatrial.trial.compare.time_order import find_order
from seatrial.trial.compare.total import compare_total
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import MOST_MEASURED, Recipes, Training, some_of
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.reference import LabelledRows

STOPS = (Outcome.blocked, Outcome.waiting)
ACCEPT = "If the table is to be without these rows, accept this difference; otherwise leave them in."
DIFFERS_NO_MORE = "differs from the candidate no more than retraining explains"


@dataclass(frozen=True)
class KnownRowsModel:
    """A model of the rows that both tables have: in words, what sets it off from the baseline.

    `without` are the rows that left, `labels` those that became known; "" for none. `held_out` are rows
    of both tables that it was not trained on.
    """

    score: Scorer
    held_out: LabelledRows
    without: str
    labels: str

    @property
    def words(self) -> str:
        """What it is, for people."""
        return f"the baseline's recipe trained {' and '.join(part for part in (self.labels, self.without) if part)}"


def judge_by_known_rows(
    checks: Sequence[Check], recipes: Recipes, policy: Policy, queries: Queries, new: QueryScores,
    floor: NoiseFloor | None,
) -> list[Check]:  # fmt: skip
    """Note what the rows that left, or labels that became known, explain among the stopping checks of the suite total.

    A metric that became worse because rows left waits instead: the new rows are not at fault, but the release is worse.
    Both releases must have the same code. Without a reason to look, `checks` are returned as they are.
    """
    if floor is None or not any(_stops(check) for check in checks):
        return list(checks)
    model = model_of_known_rows(recipes, policy)
    if model is None or recipes.candidate is None:
        return list(checks)
    again = {check.name: check for check in _compared(queries, queries.ask(model.score), new, floor, policy)}
    if model.labels:
        again |= {check.name: check for check in _gain(model, recipes.candidate, queries, policy)}

    def explained(check: Check) -> bool:
        return _stops(check) and check.name in again and not _stops(again[check.name])

    return [_said(check, model) if explained(check) else check for check in checks]


def _stops(check: Check) -> bool:
    return check.suite == "total" and check.outcome in STOPS and check.name.startswith(("total.", "metrics."))


def _said(check: Check, model: KnownRowsModel) -> Check:
    words = f"{check.summary}; {model.words} {DIFFERS_NO_MORE}"
    if check.name == "metrics.worse" and not model.labels:
        return replace(check, outcome=Outcome.waiting, summary=words, hint=ACCEPT)
    return replace(check, outcome=Outcome.noted, summary=words, hint="")


def _compared(queries: Queries, old: QueryScores, new: QueryScores, floor: NoiseFloor, policy: Policy) -> list[Check]:
    checks = compare_total(queries, groups_of(queries, policy.slices), old, new, floor, policy)
    if queries.truth is not None:
        noise = floor.of_members("metrics")
        compared = queries.scoring, old.rows, new.rows, queries.truth, policy
        checks += compare_metrics(*compared, noise=noise, weights=queries.weights, groups=queries.groups)
    # The worst of several checks of one name decides.
    return sorted(checks, key=lambda check: check.outcome in STOPS)


def _gain(model: KnownRowsModel, candidate: Training, queries: Queries, policy: Policy) -> list[Check]:
    """Compare the candidate's gain with the model that has the same labels: what is left comes from the new rows."""
    scoring, own = queries.scoring, candidate.measured
    rows = model.held_out.take(some_of(model.held_out.rows, MOST_MEASURED))
    measured = [
        (scores, scoring.positions(part.target), part.weights, candidate.groups_of(part))
        for part in (rows, own)
        if part.rows
        for scores in [candidate.measured_scores if part is own else np.asarray(model.score(part.columns))]
    ]
    return compare_gain(scoring, measured[0], measured[1], policy) if len(measured) == 2 else []


def model_of_known_rows(recipes: Recipes, policy: Policy) -> KnownRowsModel | None:
    """Train the recipe on the rows that both tables have; None if no old row left as the oldest, and no label matured.

    Where labels became known, as declared, the candidate's table has them as they are now, so its recipe is trained on
    its rows; otherwise the baseline's is, on its own.
    """
    base, candidate = recipes.baseline, recipes.candidate
    if base is None or candidate is None:
        return None
    old, new = base.table, candidate.table
    matched = match(old, new)
    final = _became_known(old, new, matched, policy)
    left = left_as_oldest(matched, find_order(old, new, matched.new_rows, policy))
    if not left and not len(final):
        return None
    without = f"without the {left:,} oldest rows, which left the table," if left else ""
    labels = f"with the {len(final):,} labels that became known" if len(final) else ""
    used, rows = (candidate, _marked(new.rows, final) | matched.known) if len(final) else (base, matched.kept)
    known = rows[used.trained_rows]
    others = np.setdiff1d(np.flatnonzero(rows), used.trained_rows)
    return KnownRowsModel(used.refit(np.flatnonzero(known)), used.rows(others), without, labels)


def _became_known(old: Table, new: Table, matched: Matched, policy: Policy) -> np.ndarray:
    """The positions in the new table of the rows whose label became known, as the policy declares."""
    a, b = matched.rewritten.get(new.name, (np.zeros(0, dtype=np.int64),) * 2)
    return b[matured(old, new, a, policy)] if len(a) else b


def _marked(size: int, rows: np.ndarray) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[rows] = True
    return mask
