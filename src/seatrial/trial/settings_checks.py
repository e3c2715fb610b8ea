"""Checks that a release's settings and libraries mean what the baseline's do: labels, threshold, hold-out, versions.

They are read from the metadata of both releases, which costs nothing. Exchanged classes are looked for in the scores.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from packaging.version import InvalidVersion, Version

from seatrial.model.features import Array
from seatrial.model.metadata import Metadata
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Kind, Outcome
from seatrial.trial.sandbox.answers import Description

# The libraries that make a model or score it; others, such as seatrial itself, do neither.
LIBRARIES = ("python", "scikit-learn", "numpy", "pandas", "onnxruntime", "onnx", "skops", "pydantic")
OTHER_HOLD_OUT = "settings.other_hold_out"
OTHER_SHARE = 0.03  # by which the share of held-out rows may move: rows are few, and groups stay together
SHRUNK = 0.5  # of the baseline's held-out rows
FEWEST_ROWS = 20  # for correlations
LIKE, UNLIKE = 0.5, 0.0  # correlations of two releases' probabilities: of the same class, of another one
MOST_LISTED = 4
TUNED = "TunedThresholdClassifierCV"  # finds its threshold at each training
SMALL_MOVE = 0.05  # of a threshold, which need not wait where training finds it
SAME_KIND = "Undo it in pyproject.toml, or run `seatrial trial --kind redesign` if it is meant."
BY_KIND: dict[Kind, Outcome] = {
    "repackage": Outcome.blocked,
    "retrain": Outcome.blocked,
    "redesign": Outcome.waiting,
}


def check_settings(old: Description, new: Description, policy: Policy) -> list[Check]:
    """Compare the settings in the metadata of both releases; one check passes if nothing differs."""
    before, after = old.metadata, new.metadata
    checks = [
        *_labels(before, after, policy),
        *_decision(before, after, policy),
        *_held_out(before.split, after.split, policy),
        *_other_hold_out(before.split, after.split, old.version),
        *_weights(before.split, after.split, policy),
        *_sample(before.split, after.split, policy),
        *_engine(before, after, policy),
    ]
    if not checks:
        summary = "Labels, positive class, threshold, hold-out and engine are set as they were."
        checks.append(Check("settings.same", "settings", Outcome.passed, summary))
    return checks


def check_libraries(old: Metadata, new: Metadata, policy: Policy, rebuild: Sequence[Check]) -> list[Check]:
    """Compare the versions of the libraries that both were made with; `rebuild` are the checks of that suite."""
    before, after = old.environment, new.environment
    changed = [name for name in LIBRARIES if before.get(name) != after.get(name) and name in before]
    if not changed:
        summary = "It was made with the same versions of Python and of all libraries."
        return [Check("settings.libraries", "settings", Outcome.passed, summary)]
    older = [name for name in changed if name in after and _is_older(after[name], before[name])]
    differs = any(check.outcome in (Outcome.blocked, Outcome.waiting) for check in rebuild)
    outcome, hint = Outcome.noted, ""
    if policy.kind == "repackage" and older:
        outcome, hint = Outcome.blocked, "Train and build it in the environment that the project's lockfile describes."
    elif differs:
        outcome, hint = (
            Outcome.waiting,
            "Pin the versions of the baseline, and train again: then only the code differs.",
        )
    why = " Predictions of the same code and data differ with them." if differs else ""
    shown = [_moved(name, before, after) for name in (*older, *(name for name in changed if name not in older))]
    summary = f"it was made with other versions of libraries: {_listed(shown)}.{why}"
    if older:
        summary = f"it was made with older versions of libraries than the baseline: {_listed(shown)}.{why}"
    return [Check("settings.libraries", "settings", outcome, summary, severity=1.0, hint=hint)]


def check_exchanged(scoring: Scoring, old: Array, new: Array, classes: Sequence[Any], policy: Policy) -> list[Check]:
    """Find classes whose answers are exchanged: the candidate's probability of one is the baseline's of another.

    `old` and `new` (n, k) are both releases' scores of the same rows.
    """
    known = np.isfinite(old).all(axis=-1) & np.isfinite(new).all(axis=-1) if old.ndim == 2 else np.zeros(len(old), bool)
    if not scoring.classifies or known.sum() < FEWEST_ROWS:
        return []
    count = old.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):  # a class that gets the same score everywhere has none
        alike = np.nan_to_num(np.corrcoef(new[known].T, old[known].T)[:count, count:])
    best = alike.argmax(axis=1)
    pairs = [
        (int(now), int(was))
        for now, was in enumerate(best)
        if now < was and best[was] == now and alike[now, was] > LIKE and alike[now, now] < UNLIKE
    ]
    if not pairs:
        return []
    named = "; ".join(f"`{classes[a]}` and `{classes[b]}`" for a, b in pairs[:MOST_LISTED])
    summary = (
        f"the answers of {named} are exchanged: the candidate's probability of one is the baseline's of the other "
        f"(correlation {min(alike[pair] for pair in pairs):.2f})"
    )
    hint = "Look at what the table's target and `labels` and `positive` in pyproject.toml mean."
    outcome = BY_KIND[policy.kind]
    return [Check("settings.exchanged", "settings", outcome, summary, severity=float("inf"), hint=hint)]


def _labels(old: Metadata, new: Metadata, policy: Policy) -> Iterator[Check]:
    """Labels that are shown to people: exchanged among the classes, or called something else."""
    before, after = ({str(label): made.label(label) for label in made.classes} for made in (old, new))
    moved = {label: text for label, text in after.items() if label in before and before[label] != text}
    if moved and {before[label] for label in moved} == set(moved.values()):
        texts = _listed([f"{label} was `{before[label]}`, and is `{text}`" for label, text in moved.items()])
        summary = f"the labels are exchanged: {texts}. People read the opposite of what the model says"
        yield Check("settings.labels", "settings", BY_KIND[policy.kind], summary, severity=float("inf"), hint=SAME_KIND)
    elif moved:
        texts = _listed([f"{label} was `{before[label]}`, and is `{text}`" for label, text in moved.items()])
        yield Check("settings.labels", "settings", Outcome.noted, f"labels are shown with other words: {texts}")


def _decision(old: Metadata, new: Metadata, policy: Policy) -> Iterator[Check]:
    """The positive class and the threshold. A version excuses neither: who made the change has raised it.

    Other classes are a matter of the contract.
    """
    if old.task != "binary" or set(map(str, old.classes)) != set(map(str, new.classes)):
        return
    if str(old.positive) != str(new.positive):
        summary = (
            f"the positive class changed: it was `{old.positive}`, and is `{new.positive}`, so its probability, the "
            "threshold and all metrics are about the other class"
        )
        yield Check(
            "settings.positive", "settings", BY_KIND[policy.kind], summary, severity=float("inf"), hint=SAME_KIND
        )
    if old.threshold != new.threshold:
        yield _moved_threshold(old, new, policy)


def found_by_training(old: Metadata, new: Metadata) -> bool:
    """Whether the threshold of both releases is found at each training, and so moves without a change of the code."""
    return old.threshold_by == new.threshold_by == TUNED


def _moved_threshold(old: Metadata, new: Metadata, policy: Policy) -> Check:
    share = abs(new.threshold - old.threshold)
    outcome = Outcome.blocked if policy.kind == "repackage" else Outcome.waiting
    summary, hint = f"the threshold was {old.threshold:g}, and is {new.threshold:g}", SAME_KIND
    if found_by_training(old, new):
        summary = f"{TUNED} found the threshold {new.threshold:g}, and {old.threshold:g} before"
        hint = (
            f"FixedThresholdClassifier(..., threshold={old.threshold:g}) in pipeline.py keeps the baseline's; "
            "or accept the new one."
        )
        if outcome is Outcome.waiting and share <= SMALL_MOVE:
            outcome, hint = Outcome.noted, ""
    elif new.threshold_by:
        summary = f"{summary}, that of {new.threshold_by} in pipeline.py"
        hint = SAME_KIND.replace("pyproject.toml", "pipeline.py")
    more = "fewer" if new.threshold > old.threshold else "more"
    summary = f"{summary}: with the same probabilities, {more} rows are predicted as `{new.positive}`"
    return Check(
        "settings.threshold", "settings", outcome, summary,
        old=old.threshold, new=new.threshold, severity=share / SMALL_MOVE, hint=hint,
    )  # fmt: skip


def _held_out(old: Mapping[str, Any], new: Mapping[str, Any], policy: Policy) -> Iterator[Check]:
    """Held-out rows that are much fewer, by number or by share: metrics of a few rows say little."""
    before, after = (int(split.get("test_rows", 0)) for split in (old, new))
    shares = [_share_held_out(split) for split in (old, new)]
    few = after < policy.min_rows and after < before
    if before and (after < SHRUNK * before or shares[1] < SHRUNK * shares[0] or few):
        summary = (
            f"the hold-out shrank: {after:,} rows, {before:,} before ({shares[1]:.1%} of the table, {shares[0]:.1%} "
            f"before), so the candidate's metrics rest on {'too few' if after < policy.min_rows else 'fewer'} rows"
        )
        outcome = Outcome.blocked if policy.kind == "repackage" else Outcome.waiting
        hint = "Set `test_share` in [tool.seatrial] back, and train again."
        yield Check(
            "settings.hold_out", "settings", outcome, summary, old=before, new=after,
            limit=max(SHRUNK * before, policy.min_rows), severity=before / max(after, 1), hint=hint,
        )  # fmt: skip


def _other_hold_out(old: Mapping[str, Any], new: Mapping[str, Any], since: str) -> Iterator[Check]:
    """Other rows held out than before, which may have been chosen; the verdict's first line shows it."""
    words = {"seed": "seed", "stratified": "stratified by label"}
    ways = [f"{split.get('by', 'rows')} {split.get('column', '')}".strip() for split in (old, new)]
    moved = [f"split by {ways[0]} -> by {ways[1]}"] if ways[0] != ways[1] else []
    moved += [
        f"{word} {old[key]} -> {new[key]}"
        for key, word in words.items()
        if {key} <= {*old} & {*new} and old[key] != new[key]
    ]
    before, after = map(_share_held_out, (old, new))
    if abs(after - before) > OTHER_SHARE:
        moved.append(f"{before:.0%} -> {after:.0%} of the rows")
    if moved:
        summary = f"another hold-out since {since}: {', '.join(moved)}"
        yield Check(OTHER_HOLD_OUT, "settings", Outcome.noted, summary)


def _weights(old: Mapping[str, Any], new: Mapping[str, Any], policy: Policy) -> Iterator[Check]:
    """Another column of row weights: another training of the same rows, which the rebuild suite measures."""
    before, after = (split.get("weight", "") for split in (old, new))
    if before != after:
        counted = [f"by `{name}`" if name else "the same" for name in (after, before)]
        outcome = Outcome.blocked if policy.kind == "repackage" else Outcome.noted
        summary = f"rows count {counted[0]} in fitting and in metrics, {counted[1]} before"
        yield Check("settings.weight", "settings", outcome, summary, severity=1.0)


def _sample(old: Mapping[str, Any], new: Mapping[str, Any], policy: Policy) -> Iterator[Check]:
    """Another size of the sample that is fitted: other rows of the same table."""
    before, after = (int(split.get("train_rows", 0)) if split.get("sampled_from") else 0 for split in (old, new))
    if before != after:
        fitted = [f"a sample of {rows:,}" if rows else "all" for rows in (after, before)]
        outcome = Outcome.blocked if policy.kind == "repackage" else Outcome.noted
        summary = f"it is fitted on {fitted[0]} of the rows that are not held out, on {fitted[1]} before"
        yield Check("settings.sample", "settings", outcome, summary, severity=1.0)


def _share_held_out(split: Mapping[str, Any]) -> float:
    rows = int(split.get("test_rows", 0))
    return rows / max(rows + int(split.get("sampled_from") or split.get("train_rows", 0)), 1)


def _engine(old: Metadata, new: Metadata, policy: Policy) -> Iterator[Check]:
    if old.engine != new.engine:
        outcome = Outcome.blocked if policy.kind == "repackage" else Outcome.noted
        summary = f"predictions are computed by {new.engine}, by {old.engine} before"
        yield Check("settings.engine", "settings", outcome, summary, severity=1.0)


def _moved(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return f"{name} {after.get(name, 'none')} ({before.get(name, 'none')} before)"


def _is_older(now: str, before: str) -> bool:
    try:
        return Version(now) < Version(before)
    except InvalidVersion:
        return False


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_LISTED
    return ", ".join(texts[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
