"""All inputs together: a classifier that tells the newest rows from the held-out ones, measured on rows it did not see.

It sees what single columns show too little of. Rows of another season are told from those of training as well, so this
is noted and does not alarm. A classifier as a test of two samples: Lopez-Paz and Oquab (2017).
"""

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.changes import LookAt
from seatrial.watch.input_tally import InputTally, SampleTally, logged, reference_codes
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.watch_records import Finding, Level

MOST, FEWEST = 2_000, 100  # rows of either
LEAST_AUC = 0.6
ERRORS = 5.0  # standard errors above 0.5
RIDGE = 10.0
SHOWN = 4  # columns


def told_apart(tally: InputTally, sample: SampleTally, reference: ReleaseReference, look: LookAt) -> Finding | None:
    """Note how well the newest window's rows are told from the held-out ones; None if they are not, or are few."""
    table = sample.table(look.last - look.hours + 1, look.last)
    if table is None or min(table.num_rows, reference.rows) < FEWEST:
        return None
    arrays = {each.name: logged(table, each) for each in tally.bins}
    bins = [each for each in tally.bins if arrays[each.name] is not None]
    draw = np.random.default_rng(16)
    chosen = [draw.permutation(rows)[:MOST] for rows in (reference.rows, table.num_rows)]
    codes = [
        np.concatenate([
            reference_codes(each, reference)[chosen[0]],
            each.codes(arrays[each.name])[chosen[1]],
        ])
        for each in bins
    ]  # fmt: skip
    named = {each.name: code for each, code in zip(bins, codes, strict=True)}
    fits = [fit for fit in tally.fits if {fit.name, *fit.partners} <= {*named}]
    drawn = draw.integers(0, 2, len(chosen[1]))
    joint = [
        fit.other_half_codes(
            named[fit.name], [named[name] for name in fit.partners], np.concatenate([fit.half[chosen[0]], drawn])
        )
        for fit in fits
    ]
    new = np.repeat([0.0, 1.0], [len(part) for part in chosen])
    auc = _held_out_auc(_one_hot([*codes, *joint]), new, draw)
    error = float(np.sqrt((len(new) + 1) / (12.0 * len(chosen[0]) * len(chosen[1]))))
    if auc < LEAST_AUC or auc - 0.5 < ERRORS * error:
        return None
    apart = sorted(bins, key=lambda each: -_distance(named[each.name], new, each.size))[:SHOWN]
    names = ", ".join(f"`{each.name}`" for each in apart)
    summary = (
        f"A classifier tells the newest rows from the held-out ones with a ROC AUC of {auc:.2f} (0.5 if they are "
        f"alike), most by {names}."
    )
    hint = "The mixture of rows is not that of training: look at the estimated metrics, and train on newer rows."
    return Finding(
        "drift.together", "drift", Level.noted, summary, reference.version, old=0.5, new=auc, severity=auc, hint=hint
    )


def _one_hot(codes: list[Array]) -> Floats:
    columns = [(code[:, None] == np.unique(code)[None, 1:]).astype(np.float64) for code in codes]
    return np.hstack([np.ones((len(codes[0]), 1)), *columns])


def _held_out_auc(rows: Floats, new: Floats, draw: np.random.Generator) -> float:
    """The ROC AUC of a linear classifier (ridge regression of the side), by two halves that score each other."""
    half = draw.permutation(len(new)) % 2
    aucs = []
    for part in (0, 1):
        x, y = rows[half != part], new[half != part]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean()))
        seen = new[half == part] > 0
        scores = rows[half == part] @ weights
        ordered = np.sort(scores)  # ranks by it: scipy.stats takes a second to load
        ranks = (np.searchsorted(ordered, scores) + np.searchsorted(ordered, scores, "right") + 1) / 2
        count = int(seen.sum())
        aucs.append((ranks[seen].sum() - count * (count + 1) / 2) / (count * (len(seen) - count)))
    return float(np.mean(aucs))


def _distance(codes: Array, new: Floats, size: int) -> float:
    """The share of rows of one side that are in other bins than those of the other."""
    counts = [np.bincount(codes[new == side], minlength=size) / max((new == side).sum(), 1) for side in (0, 1)]
    return float(np.abs(counts[0] - counts[1]).sum() / 2)
