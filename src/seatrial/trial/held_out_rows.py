"""The labelled rows that were held out from a release's training: from its wheel, or else from its table.

A wheel may carry no rows (`reference` in [tool.seatrial.release]). Its table has them, if the project or the sdist
still has it. Otherwise, hashes in the wheel tell which rows of the candidate's table the baseline was measured on.
"""

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.carried_rows import carried_columns, carried_rows, labelled_csv
from seatrial.model.features import Array
from seatrial.model.row_hash import keyed_hashes, reference_key
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.rows.answer_collection import read_reference_hashes, read_reference_text
from seatrial.trial.rows.reference import HeldOutRows, LabelledRows
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.wheels.wheel import WheelInfo

MOST_ROWS = 5_000  # as many as a wheel carries at most


def held_out_rows(sandbox: Sandbox, description: Description, recipes: Recipes) -> HeldOutRows:
    """Find the rows that were held out from a release's training."""
    reference, role = carried_rows(description.metadata.carries).reference, sandbox.role
    if reference == "full":
        return HeldOutRows(read_reference_text(sandbox.wheel), f"The {role}'s reference")
    training = recipes.candidate if role == "candidate" else recipes.baseline
    if training:
        return _of_training(training, training.held_out, description, f"The {role}'s held-out rows")
    reason = f"The {role}'s wheel carries no rows, and its table is not available"
    if reference != "hashed" or not recipes.candidate:
        return HeldOutRows("", "", f"{reason}.")
    try:
        rows = _recognized(recipes.candidate, sandbox.wheel)
    except SeatrialError as error:
        return HeldOutRows("", "", f"{reason}. {error.message}")
    if not rows.rows:
        return HeldOutRows("", "", f"{reason}, and no row of the candidate's table has one of its hashes.")
    return _of_training(recipes.candidate, rows, description, f"The {role}'s rows in the candidate's table")


def _recognized(candidate: Training, wheel: WheelInfo) -> LabelledRows:
    """The rows of the candidate's table, with their labels, whose hashes a wheel carries."""
    hashes, table = read_reference_hashes(wheel), candidate.table
    own = keyed_hashes(table.columns, list(table.columns), table.target, reference_key())
    recognized = np.array([each in hashes for each in own], dtype=bool)
    return candidate.rows(np.flatnonzero(recognized))


def _of_training(training: Training, rows: LabelledRows, description: Description, where: str) -> HeldOutRows:
    chosen: Array = np.arange(rows.rows)
    if len(chosen) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:MOST_ROWS])
    rows = rows.take(chosen)
    columns = [column for column in description.columns if column.name in rows.columns]
    further = carried_columns(rows.keys, rows.weights)
    return HeldOutRows(labelled_csv(columns, rows.columns, training.table.name, rows.target, further), where)
