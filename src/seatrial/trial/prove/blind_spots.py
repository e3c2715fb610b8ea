"""What to do about a blind spot or a false alarm: which rows to add, or which line of the policy to change."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.groups import missing
from seatrial.trial.policy import Policy
from seatrial.trial.prove.attempts import diagnose
from seatrial.trial.records import Check

RunSuite = Callable[[str, Policy], list[Check]]  # runs one suite on a candidate, under any policy

COVERED = 0.9  # a kind of rows is named only if it holds this share of the rows that a fault changes
MOST_VALUES = 30
# Policy lines to try against a missed fault, the mildest first, with the suite that reads them.
STRICTER: tuple[tuple[str, float, str], ...] = (
    ("max_fewer_rows", 0.1, "data"),
    ("max_rewritten", 0.01, "data"),
    ("suspicious_gain", 0.05, "gain"),
    ("suspicious_gain", 0.02, "gain"),
    ("margin", 0.0, "total"),
    ("expected_change", 0.15, "total"),
    ("replicas", 30, "total"),
    ("false_alarms", 0.05, "total"),
    ("min_slice", 10, "total"),
)
# What would let a harmless change pass, by the check that stops it.
LOOSER: tuple[tuple[str | tuple[str, ...], str], ...] = (
    ("metrics.rows", "Add labelled rows with `--data`, or lower `min_rows`."),
    ("metrics.worse", "Raise `margin`."),
    ("metrics.gain", "Raise `suspicious_gain`."),
    ("metrics.trivial", "The model is hardly better than a constant answer; no policy can fix that."),
    ("metrics.coverage", "The intervals do not fit these rows; train again."),
    ("data.rows", "Raise `max_fewer_rows`."),
    ("data.rewritten", "List the column in `changing`, or raise `max_rewritten`."),
    ("data.", "Lower `false_alarms`."),
    ("total.slices", "Raise `min_slice`, or list the `slices` that matter."),
    ("total.", "Raise `expected_change` or `replicas`, or lower `false_alarms`."),
    (("rebuild.", "reproduce."), "Training is not repeatable: set a seed for every part of it."),
    ("", "Look at this check in a trial."),
)


def stricter_policy(missed: RunSuite, harmless: Sequence[RunSuite], policy: Policy) -> tuple[str, ...]:
    """Name one policy line that would stop this candidate, and the harmless changes that it would stop too."""
    for name, value, suite in STRICTER:
        now = getattr(policy, name)
        if value <= now if name in ("replicas", "false_alarms") else value >= now:
            continue  # not stricter
        strict = policy.model_copy(update={name: value})
        diagnosis = diagnose(missed(suite, strict), strict)
        if diagnosis.stopped:
            stopped = sum(diagnose(run(suite, strict), strict).stopped for run in harmless)
            price = f"; it would also stop {stopped} of {len(harmless)} harmless changes" if stopped else ""
            return (f"`{name} = {value:g}` would stop it ({diagnosis.check}){price}.",)
    return (
        "No single policy line was found that would stop it. List the `slices` that matter, or add labelled rows "
        "with `--data`.",
    )


def looser_policy(check: str) -> tuple[str, ...]:
    """Say what governs the check that stopped a harmless change."""
    return (next(advice for start, advice in LOOSER if check.startswith(start)),)


def revealing_rows(unseen: Columns, differ: Array, compared: Columns) -> tuple[str, ...]:
    """Say which kind of rows a fault changes (`differ` marks these among `unseen`), and how many were compared."""
    if not differ.any():
        return (
            "It changes labels but no score. Labels are compared on the golden rows, and it changes none of these.",
        )
    best: tuple[float, str, int] = (0.0, "", 0)
    for words, mask, compared_mask in _kinds(unseen, compared):
        covered = float(mask[differ].mean())
        precision = float(differ[mask].mean()) if mask.any() else 0.0
        if covered >= COVERED and covered * precision > best[0] + 1e-9:
            best = (covered * precision, words, int(compared_mask.sum()))
    size = len(next(iter(compared.values())))
    # A kind that covers most rows explains nothing: a random half of all rows contains half of the changed ones.
    share, words, count = best
    if share < min(2 * float(differ.mean()), 0.9):
        return (
            f"It changes {differ.mean():.1%} of made-up rows, and none of the {size:,} compared rows: "
            "add rows to the trial with `--data`.",
        )
    number = str(count) if count else "none"
    return (
        f"It shows in rows with {words}; {number} of the {size:,} compared rows {'is' if count < 2 else 'are'} "
        "of this kind: add some with `--data`.",
    )


def _kinds(unseen: Columns, compared: Columns) -> Iterator[tuple[str, Array, Array]]:
    """Kinds of rows that a few words describe: (words, mask of `unseen`, mask of `compared`)."""
    for name, values in unseen.items():
        other = compared[name]
        yield f"`{name}` missing", missing(values), missing(other)
        if values.dtype.kind == "f":
            yield f"`{name}` = 0", values == 0, other == 0
            yield f"a fraction in `{name}`", values % 1 > 0, other % 1 > 0
            known = values[~np.isnan(values)]
            for edge in np.unique(np.quantile(known, [0.9, 0.97, 0.99])).tolist() if len(known) else []:
                yield f"`{name}` above {edge:.4g}", values > edge, other > edge
            for edge in np.unique(np.quantile(known, [0.1, 0.03])).tolist() if len(known) else []:
                yield f"`{name}` below {edge:.4g}", values < edge, other < edge
            continue
        yield f"padding in `{name}`", _padded(values), _padded(other)
        categories = set(values.tolist()) - {None}
        for value in sorted(categories) if len(categories) <= MOST_VALUES else ():
            yield f"`{name}` = {value}", _equals(values, value), _equals(other, value)


def _equals(values: Array, wanted: object) -> Array:
    return np.array([value == wanted for value in values.tolist()], dtype=bool)


def _padded(values: Array) -> Array:
    return np.array([value is not None and value != str(value).strip() for value in values.tolist()], dtype=bool)
