"""Golden rows, scored by the training that a trial repeats: they must not come from a spoiled prediction.

The installed wheel is compared with its stored golden scores. If both were made by the same faulty code, they agree.
What the release's own recipe gives when it is trained again, outside of the project, does not.
"""

from collections.abc import Sequence

import numpy as np

from seatrial.model.schema import Column
from seatrial.trial.compare.exact import Sameness, compare_exact
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Check
from seatrial.trial.rows.answer_collection import GoldenRows, rows_as_columns


def check_golden_trained(
    recipes: Recipes, golden: GoldenRows, columns: Sequence[Column], scoring: Scoring, policy: Policy
) -> list[Check]:
    """Compare the stored golden scores with those of the candidate trained again; none without its recipe."""
    if recipes.candidate is None:
        return []
    rows = rows_as_columns(columns, golden.rows)
    again = np.asarray(recipes.candidate.score(rows), dtype=np.float64)
    stored = golden.scores.reshape(again.shape) if golden.scores.size == again.size else golden.scores
    valid = ~np.isnan(again.reshape(len(again), -1)).any(axis=1)  # what its schema rejects is found by other checks
    words = ("the candidate trained again", "what the wheel carries as golden scores")
    kept = {name: values[valid] for name, values in rows.items()}
    same = Sameness("golden.trained", "golden", scoring, kept, again[valid], stored[valid], *words, rows="golden rows")
    return compare_exact(same, policy)
