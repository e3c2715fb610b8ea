"""Chooses the pairs of columns that are worth measuring, out of all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from seatrial.template.inference.association import Answer, Floats

MOST_ROWS = 5_000
BEST = 6  # pairs of each way that are measured, by how much they explain, and as many by how much more than alone
MOST_CLASSES = 8  # the most frequent ones, each against the rest
DIRECT_COLUMNS = 40
DIRECT_ROWS = 1_000
DIRECT_WAYS: tuple["Way", ...] = ("difference", "sum", "product", "ratio")

Way = Literal["linear", "log", "sum", "difference", "product", "ratio"]


@dataclass(frozen=True)
class Candidate:
    """Two columns by their positions, how they are combined, and which of `outcomes` they were chosen for."""

    way: Way
    first: int
    second: int
    outcome: int = 0


def outcomes(answer: Answer, *, log: bool = False) -> Floats:
    """What is to be explained, standardized (n, k): a quantity and its ranks, or each of several classes."""
    if answer.task == "regression":
        positive = bool((answer.numbers > 0).all())
        first = np.log(answer.numbers) if log and positive else answer.numbers
        return standard(np.column_stack([first, answer.truth]))
    if answer.task == "binary":
        return standard(answer.truth[:, None].astype(np.float64))
    frequent = np.argsort(-np.bincount(answer.truth), kind="stable")[:MOST_CLASSES]
    return standard((answer.truth[:, None] == frequent).astype(np.float64))


def standard(matrix: Floats) -> Floats:
    """Columns with mean 0 and deviation 1; missing values at the mean."""
    present = np.isfinite(matrix)
    rows = np.maximum(present.sum(axis=0), 1)
    centered = np.where(present, matrix - np.where(present, matrix, 0.0).sum(axis=0) / rows, 0.0)
    spread = np.sqrt((centered**2).sum(axis=0) / rows)
    return np.asarray(centered / np.where(spread > 0, spread, 1.0))


def screened(values: Floats, answer: Answer) -> Iterator[Candidate]:
    """The pairs to measure, of the columns `values` (n, columns) with NaN for missing."""
    part = answer.order[:MOST_ROWS]
    targets = outcomes(answer)[part]
    values = values[part]
    scaled = standard(values)
    with np.errstate(all="ignore"):
        positive = np.where(np.isnan(values), np.inf, values).min(axis=0) > 0
        logs = standard(np.log(np.where(positive & (values > 0), values, np.nan)))
        inverse = standard(np.where(np.abs(values) > 0, 1 / values, np.nan))
        raw = np.nan_to_num(values / np.maximum(np.nanstd(values, axis=0), 1e-300), posinf=0.0, neginf=0.0)
    log_targets = outcomes(answer, log=True)[part]
    columns = np.arange(values.shape[1])
    yield from _linear(scaled, targets, "linear", columns)
    if positive.sum() >= 2:
        yield from _linear(logs[:, positive], log_targets, "log", np.flatnonzero(positive))
    for way, left, right in (("product", scaled, scaled), ("product", raw, raw), ("ratio", raw, inverse)):
        yield from _bilinear(left, right, targets, way)  # type: ignore[arg-type]
    yield from _direct(values, answer, part)


def _linear(scaled: Floats, targets: Floats, way: Way, columns: Any) -> Iterator[Candidate]:
    """R2 of the linear model of each pair, from the correlations alone."""
    rows = len(scaled)
    between = scaled.T @ scaled / rows
    alone = scaled.T @ targets / rows
    for outcome in range(targets.shape[1]):
        r = alone[:, outcome]
        squares = r[:, None] ** 2 + r**2 - 2 * np.outer(r, r) * between
        explained = squares / np.maximum(1 - between**2, 1e-9)
        for i, j in _best(explained, np.maximum(r[:, None] ** 2, r**2)):
            yield Candidate(way, int(columns[i]), int(columns[j]), outcome)


def _bilinear(left: Floats, right: Floats, targets: Floats, way: Way) -> Iterator[Candidate]:
    """The correlation of the target with the product of each column of `left` with each of `right`."""
    rows = len(left)
    means = left.T @ right / rows
    spread = np.sqrt(np.maximum((left**2).T @ (right**2) / rows - means**2, 1e-12))
    for outcome in range(min(targets.shape[1], 2)):
        r = targets[:, outcome]
        explained = (((left * r[:, None]).T @ right / rows) / spread) ** 2
        alone = (left.T @ r / rows) ** 2
        for i, j in _best(explained, np.maximum(alone[:, None], alone), ordered=way == "ratio"):
            yield Candidate(way, i, j, outcome)


def _best(explained: Floats, alone: Floats, *, ordered: bool = False) -> list[tuple[int, int]]:
    """The pairs that explain most, and those that explain most beyond the better of the two columns."""
    skipped = np.eye(len(explained), dtype=bool) if ordered else np.tri(len(explained), dtype=bool)
    pairs = []
    for score in (explained, explained - alone):
        score = np.where(skipped | ~np.isfinite(score), -np.inf, score)  # noqa: PLW2901
        best = np.argpartition(-score, min(BEST, score.size - 1), axis=None)[:BEST]
        pairs += [divmod(int(place), len(explained)) for place in best if np.isfinite(score.flat[place])]
    return list(dict.fromkeys(pairs))


def _direct(values: Floats, answer: Answer, part: Floats) -> Iterator[Candidate]:
    """Try each pair itself: how much a row differs from the next one in the sorted order of the combination."""
    scaled, targets = standard(values), outcomes(answer)[part]
    columns = np.arange(values.shape[1])
    if len(columns) > DIRECT_COLUMNS:
        columns = np.sort(np.argsort(-np.abs(scaled.T @ targets).max(axis=1), kind="stable")[:DIRECT_COLUMNS])
    values = values[:DIRECT_ROWS]
    truth = answer.truth[part[:DIRECT_ROWS]]
    first, second = np.triu_indices(len(columns), 1)
    for way in DIRECT_WAYS:
        a, b = values[:, columns[first]], values[:, columns[second]]
        with np.errstate(all="ignore"):
            combined = {"difference": a - b, "sum": a + b, "product": a * b, "ratio": a / b}[way]
        order = np.argsort(np.where(np.isfinite(combined), combined, -np.inf), axis=0, kind="stable")
        ordered = truth[order]
        steps = np.diff(ordered.astype(np.float64), axis=0)
        rough = (steps**2).mean(axis=0) if answer.task == "regression" else (steps != 0).mean(axis=0)
        for place in np.argsort(rough, kind="stable")[: 2 * BEST]:
            yield Candidate(way, int(columns[first[place]]), int(columns[second[place]]))
