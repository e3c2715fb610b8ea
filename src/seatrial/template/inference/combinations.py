"""Finds combinations of columns that contain the answer: of two, or a small linear model of few.

All pairs are screened at once, by matrices of correlations, so that 300 columns (45,000 pairs) are quick. Only the best
are measured. What a matrix cannot see (a difference near zero, in either direction) is tried for every pair of at most
40 columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.template.inference.association import CERTAIN, Answer, Floats, Strength, quantile_codes, strength
from seatrial.template.inference.column_arrays import NUMERIC, numbers_of
from seatrial.template.inference.pair_screening import Candidate, outcomes, screened, standard
from seatrial.template.records import ColumnFacts

FEWEST_ROWS = 30
MOST_TERMS = 4  # of a small linear model that may contain the answer
MOST_EXACT_TERMS = 8  # of one that is the answer, to the last digit
MUCH_BETTER = 1 / 3  # of what the best single column leaves unexplained
EXACT = 0.99  # share of the rows that the formula gives exactly
DENSE = 0.01  # share of the rows close to a boundary, which separate clusters do not have
ROUNDS = 25  # of Newton's method


@dataclass(frozen=True)
class Combination:
    """Columns that predict the target together; `exact` if the target is computed from them, not only predicted."""

    columns: tuple[str, ...]
    formula: str
    strength: Strength
    exact: bool


@dataclass(frozen=True)
class _Table:
    names: tuple[str, ...]
    values: Floats  # (rows, columns), NaN for missing
    answer: Answer
    singles: dict[str, Strength]

    @property
    def tried(self) -> int:
        """The number of pairs, each in five ways."""
        return max(5 * len(self.names) * (len(self.names) - 1) // 2, 1)


def find_combinations(
    columns: Sequence[ColumnFacts], answer: Answer, rows: npt.NDArray[np.int64], singles: dict[str, Strength]
) -> list[Combination]:
    """The combinations that leave almost nothing unexplained, and far less than the best of their columns alone.

    Exact ones come first, then those of the fewest columns. `singles` has the strength of each column by its name.
    """
    chosen = [c for c in columns if c.kind in (*NUMERIC, "boolean") and c.distinct > 1]
    if len(chosen) < 2 or len(rows) < FEWEST_ROWS:
        return []
    values = np.column_stack([_minutes(c, numbers_of(c)[rows]) for c in chosen])
    table = _Table(tuple(c.name for c in chosen), values, answer, singles)
    found = [one for one in (*_pairs(table), *_linear(table)) if one is not None]
    best: dict[tuple[str, ...], Combination] = {}
    for one in sorted(found, key=lambda one: (not one.exact, len(one.columns), one.strength.unexplained)):
        best.setdefault(tuple(sorted(one.columns)), one)
    return [one for one in best.values() if not any(set(o.columns) < set(one.columns) for o in best.values())]


def _minutes(column: ColumnFacts, numbers: Floats) -> Floats:
    """Times of day that are written as 1345 become minutes, so that their differences mean something."""
    present = numbers[~np.isnan(numbers)]
    clock = column.kind == "integer" and column.distinct > 60 and present.min() >= 0 and 100 < present.max() <= 2400
    return numbers // 100 * 60 + numbers % 100 if clock and (present % 100 < 60).all() else numbers


def _pairs(table: _Table) -> Iterator[Combination | None]:
    for candidate in screened(table.values, table.answer):
        a, b = (table.values[:, position] for position in (candidate.first, candidate.second))
        names = table.names[candidate.first], table.names[candidate.second]
        if candidate.way in ("linear", "log"):
            yield _fitted(table, (candidate.first, candidate.second), candidate)
            continue
        with np.errstate(all="ignore"):
            values, sign = {
                "sum": (a + b, "+"), "difference": (a - b, "-"), "product": (a * b, "·"), "ratio": (a / b, "/"),
            }[candidate.way]  # fmt: skip
        yield _judged(table, names, f"{names[0]} {sign} {names[1]}", values)


def _linear(table: _Table) -> Iterator[Combination | None]:
    """Choose columns one by one, each the one that explains most of what is left (orthogonal matching pursuit)."""
    for way in ("linear", "log"):
        matrix = table.values if way == "linear" else _logs(table.values)
        usable = np.flatnonzero(~np.isnan(matrix).all(axis=0))
        if len(usable) < 3:
            continue
        scaled = standard(matrix[:, usable])
        for number, outcome in enumerate(outcomes(table.answer, log=way == "log").T[:3]):
            chosen: list[int] = []
            rest = outcome
            for _ in range(min(MOST_EXACT_TERMS, len(usable), len(scaled) // 20)):
                gains = np.abs(scaled.T @ rest)
                gains[chosen] = -1
                chosen.append(int(gains.argmax()))
                part = scaled[:, chosen]
                rest = outcome - part @ np.linalg.lstsq(part, outcome, rcond=None)[0]
                if len(chosen) > 2 and (len(chosen) <= MOST_TERMS or float(rest @ rest) < 1e-4 * len(rest)):
                    members = tuple(int(usable[position]) for position in chosen)
                    found = _fitted(table, members, Candidate(way, members[0], members[1], number))
                    yield found
                    if found is not None:
                        break


def _fitted(table: _Table, members: tuple[int, ...], candidate: Candidate) -> Combination | None:
    """Fit the coefficients of a linear combination of the columns, or of their logarithms."""
    matrix = table.values[:, members]
    if candidate.way == "log":
        matrix = _logs(matrix)
    present: Any = np.isfinite(matrix).all(axis=1)
    if present.sum() < max(FEWEST_ROWS, len(present) / 2):
        return None
    answer = table.answer if present.all() else table.answer.take(present)
    matrix = np.asarray(matrix[present])
    spread = matrix.std(axis=0)
    if not (spread > 0).all():
        return None
    scaled = (matrix - matrix.mean(axis=0)) / spread
    outcome = outcomes(answer, log=candidate.way == "log")[:, candidate.outcome]
    weights = np.linalg.lstsq(scaled, outcome, rcond=None)[0]
    if answer.task != "regression":
        weights = _separating(scaled, outcome > 0, weights)
    names = tuple(table.names[position] for position in members)
    values = np.full(len(present), np.nan)
    values[present] = scaled @ weights
    formula = _formula(names, weights / spread, product=candidate.way == "log")
    exact_fit = answer.task == "regression" and _equal(
        answer.numbers, values[present], log=candidate.way == "log", outcome=candidate.outcome
    )
    extra = len(names) > MOST_TERMS
    return _judged(table, names, formula, values, exact_fit=exact_fit, only_exact=extra)


def _judged(
    table: _Table,
    names: tuple[str, ...],
    formula: str,
    values: Floats,
    *,
    exact_fit: bool = False,
    only_exact: bool = False,
) -> Combination | None:
    present: Any = np.isfinite(values)
    if present.sum() < max(FEWEST_ROWS, len(present) / 2):
        return None
    values = values[present]
    answer = table.answer if present.all() else table.answer.take(present)
    codes = quantile_codes(values)
    found = strength(codes, values, answer, tried=table.tried)
    alone = min((table.singles[name].unexplained for name in names if name in table.singles), default=1.0)
    if found is None or not found.within(CERTAIN, answer.task) or found.unexplained > MUCH_BETTER * alone or not alone:
        return None
    exact = exact_fit or (_follows(values, answer) if answer.task == "regression" else _sharp(values, answer))
    return Combination(names, formula, found, exact) if exact or not only_exact else None


def _separating(scaled: Floats, positive: Any, weights: Floats) -> Floats:
    """The direction that separates two classes best: logistic regression by Newton's method, from a start."""
    rows = np.column_stack([np.ones(len(scaled)), scaled])
    current = np.concatenate([[0.0], weights * 2])
    for _ in range(ROUNDS):
        probability = 1 / (1 + np.exp(-np.clip(rows @ current, -30, 30)))
        weight = np.maximum(probability * (1 - probability), 1e-6)
        hessian = (rows * weight[:, None]).T @ rows + 1e-4 * np.eye(rows.shape[1])
        step = np.linalg.solve(hessian, rows.T @ (positive - probability) - 1e-4 * current)
        current = current + step * min(1.0, 10 / max(float(np.abs(step).max()), 1e-9))
        if np.abs(step).max() < 1e-3:
            break
    return np.asarray(current[1:])


def _equal(numbers: Floats, fitted: Floats, *, log: bool, outcome: int) -> bool:
    """Whether the fit gives the target itself, up to its own rounding, in nearly all rows."""
    if outcome > 0:
        return False  # only ranks were fitted
    log = log and bool((numbers > 0).all())
    truth = np.log(numbers) if log else numbers
    rest = np.abs(truth - truth.mean() - fitted * truth.std())
    if log:
        rest = rest * numbers
    scale = float(np.std(numbers))
    return float((rest <= max(1.5 * _step(numbers), 1e-6 * scale)).mean()) >= EXACT and _step(numbers) <= scale / 20


def _follows(values: Floats, answer: Answer) -> bool:
    """Whether a quantity is a smooth function of the values without noise, up to its own rounding."""
    order = answer.order[np.argsort(values[answer.order], kind="stable")]
    truth = answer.numbers[order]
    rest = np.abs(truth[1:-1] - (truth[:-2] + truth[2:]) / 2)
    scale, step = float(np.std(truth)), _step(truth)
    return len(truth) >= 100 and step <= scale / 20 and float(np.quantile(rest, 0.95)) <= max(1.5 * step, 1e-3 * scale)


def _step(numbers: Floats) -> float:
    """The unit that numbers are rounded to: 1, 0.1, 0.01 ...; 0 if there is none."""
    return next((unit for unit in (1.0, 0.1, 0.01, 0.001) if (np.abs(numbers / unit % 1 - 0.5) > 0.4999).all()), 0.0)


def _sharp(values: Floats, answer: Answer) -> bool:
    """Whether sharp limits of the values separate the classes in all rows, where rows are dense on both sides.

    Separate clusters have a gap between them. A limit that was drawn by a formula has none.
    """
    order = answer.order[np.argsort(values[answer.order], kind="stable")]
    truth, ordered = answer.truth[order], values[order]
    changes = np.flatnonzero(np.diff(truth))
    if len(truth) < 2 * FEWEST_ROWS or not 1 <= len(changes) <= 2 * (len(np.unique(truth)) - 1):
        return False
    low, high = np.quantile(ordered, [0.05, 0.95])
    limits = (ordered[changes] + ordered[changes + 1]) / 2
    near = (np.abs(ordered[:, None] - limits) <= 0.1 * (high - low) / 3.3).sum(axis=0)
    return bool((near >= max(3, DENSE * len(truth))).all())


def _logs(values: Floats) -> Floats:
    """Logarithms of the columns that are above zero in every row; NaN for the others."""
    with np.errstate(all="ignore"):
        positive = np.where(np.isnan(values), np.inf, values).min(axis=0) > 0
        return np.where(positive, np.log(np.where(values > 0, values, np.nan)), np.nan)


def _formula(names: tuple[str, ...], weights: Floats, *, product: bool) -> str:
    """A combination in words: `a - 1000·b`, or with `product` `a^1 · b^-1`."""
    factors = [float(f"{weight / weights[0]:.3g}") for weight in weights]
    if product:
        text = names[0]
        for name, factor in zip(names[1:], factors[1:], strict=True):
            power = "" if abs(factor) == 1 else f"^{abs(factor):g}"
            text += f" {'/' if factor < 0 else '·'} {name}{power}"
        return text
    text = names[0]
    for name, factor in zip(names[1:], factors[1:], strict=True):
        times = "" if abs(factor) == 1 else f"{abs(factor):g}·"
        text += f" {'-' if factor < 0 else '+'} {times}{name}"
    return text
