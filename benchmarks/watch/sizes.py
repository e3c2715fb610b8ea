"""How large a fault is: as small as it can be while it costs a point of the headline metric."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.watch.faults import (
    LABELS,
    MIXTURE,
    RELATION,
    SLOW,
    SLOW_DAYS,
    SLOW_WHOLE,
    SUDDEN,
    WHOLE,
    Fault,
    with_relation,
)  # fmt: skip
from benchmarks.watch.populations import Population
from benchmarks.watch.releases import Trained
from benchmarks.watch.traffic import tilted
from seatrial.model.features import Array, Floats

POINT = 0.01
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
ROWS, TRIED = 4_000, 5


def metric(classes: tuple[str, ...], scores: Floats, truth: Array) -> float:
    """Area under the curve for two classes, accuracy for more, R² for a number: a point is 0.01 of it."""
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    if not classes:
        return float(r2_score(truth, scores))
    if len(classes) == 2:
        return float(roc_auc_score(truth, scores[:, 1])) if 0 < truth.mean() < 1 else float("nan")
    return float(accuracy_score(truth, scores.argmax(axis=1)))


class Sizes:
    """Measures what faults cost a release on its population, on the same rows and outcomes."""

    def __init__(self, population: Population, trained: Trained, seed: int) -> None:
        self.population, self.trained = population, trained
        self.g = np.random.default_rng([seed, 4])
        self.rows = self.g.permutation(population.rows)[:ROWS]
        self.truth = population.outcomes(self.rows, self.g)
        self.usual = metric(population.classes, *self._scored(self.rows, self.truth, None))

    def loss(self, fault: Fault) -> float:
        """What a fault costs at its full strength: of the metric, or if it is sudden the share of requests refused."""
        rows, truth, g = self.rows, self.truth, np.random.default_rng(5)
        if fault.name.startswith(MIXTURE):
            moved = g.choice(self.population.rows, ROWS, p=tilted(self.population, 0, fault.share))
            truth = self.population.outcomes(moved, g)
            return self.usual - metric(self.population.classes, *self._scored(moved, truth, None))
        affected = np.flatnonzero(g.random(len(rows)) < fault.share)
        if fault.name.startswith(RELATION):
            changed = with_relation(self.population, self.population.truth[rows], affected)
            truth = self.population.outcomes(rows, g, changed)
        elif fault.name == LABELS:
            truth = truth.copy()
            truth[affected] = truth[g.permutation(len(truth))[: len(affected)]]
        scores, known = self._scored(rows, truth, (fault, affected) if fault.change else None)
        refused = 0.0 if fault.slow else 1 - len(known) / len(rows)
        lost = self.usual - metric(self.population.classes, scores, known) if len(known) > 50 else 0.0
        return max(lost, refused)

    def _scored(self, rows: Array, truth: Array, change: tuple[Fault, Array] | None) -> tuple[Floats, Array]:
        columns = {name: values[rows] for name, values in self.population.columns.items()}
        if change and change[0].change:
            columns = change[0].change(columns, change[1], change[0].column, self.population, self.g)
        answers = self.trained.ask(columns)
        shares = [name for name in answers.table.column_names if name.startswith("probability_")]
        if not shares:
            return np.asarray(answers.table["prediction"]), truth[answers.rows]
        return np.stack([np.asarray(answers.table[name]) for name in shares], axis=1), truth[answers.rows]

    def smallest(self, fault: Fault, least: float = POINT) -> Fault | None:
        """The same fault in as few rows as cost a point; None if it costs less in all of them."""
        for share in SHARES:
            sized = replace(fault, share=share * fault.share)
            if (loss := self.loss(sized)) >= least:
                return replace(sized, loss=loss)
        return None

    def sudden(self) -> Iterator[Fault]:
        """All sudden faults that this table can have: in the first of its columns, in random order, that matters."""
        for name, words, change, suitable in SUDDEN:
            columns = suitable(self.population.columns)
            for column in self.g.permutation(columns)[:TRIED].tolist() if columns else ():
                found = self.smallest(Fault(name, words, change, column))
                if found:
                    yield found
                    break
        for fault in WHOLE:
            sized = self.smallest(fault) if fault.costs else fault
            if sized:
                yield sized

    def slow(self) -> Iterator[Fault]:
        """All slow ones, in as few rows as cost three points at their end."""
        of_columns = [(name, words, change, suitable) for name, words, change, suitable in SUDDEN if name in SLOW]
        for name, words, change, suitable in of_columns:
            columns = suitable(self.population.columns)
            for column in self.g.permutation(columns)[:TRIED].tolist() if columns else ():
                fault = Fault(f"{name}_slow", words, change, column, days=SLOW_DAYS)
                if sized := self.smallest(fault, 3 * POINT):
                    yield sized
                    break
        for fault in SLOW_WHOLE:
            if sized := self.smallest(fault, 3 * POINT):
                yield sized
