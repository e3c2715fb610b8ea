"""Populations: from a real table, as many rows like its own as a stream needs, with the true relation to the target.

A release is trained on a sample of a population, and production asks about other samples of it. So nothing has changed
in a quiet stream but by chance, exactly, which real rows alone cannot promise: there are too few for a year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.projects import Source
from benchmarks.watch.real_tables import read_typed
from seatrial.model.features import Array, Columns, Floats

NEIGHBOURS = 5
DISTINCT = 15  # a number with fewer values stays one of them
CLOCK = "asked_at"  # the column with the time of the request
HOURS = np.array([2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 8, 8, 7, 6, 6, 5, 5, 4, 4, 3, 3], dtype=float)  # of traffic
Generator = np.random.Generator


@dataclass(frozen=True)
class Population:
    """Rows (m,), what is true of each, and directions (m, 3), standardized, in which a mixture of them can move.

    `truth` has the classes' probabilities (m, n_classes), or the mean (m,) of a regression, around which `noise` is.
    """

    source: Source
    columns: Columns
    target: str
    classes: tuple[str, ...]
    truth: Floats
    noise: Floats
    directions: Floats

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.truth)

    def outcomes(self, rows: Array, g: Generator, truth: Floats | None = None) -> Array:
        """Draw the outcomes (n,) of rows: positions of classes, or numbers; `truth` replaces the population's."""
        true = self.truth[rows] if truth is None else truth
        if not self.classes:
            return true + g.choice(self.noise, len(rows))
        return np.minimum((g.random((len(rows), 1)) > np.cumsum(true, axis=1)).sum(axis=1), len(self.classes) - 1)

    def labels(self, outcomes: Array) -> list[str]:
        """Outcomes as the table has them."""
        return [self.classes[k] for k in outcomes] if self.classes else [repr(round(float(y), 4)) for y in outcomes]


def make_population(
    source: Source,
    folder: Path | None,
    seed: int,
    size: int = 50_000,
    *,
    wide: int = 0,
    rare: float = 0.0,
    clock: bool = False,
) -> Population:
    """Make one. `wide` columns without any meaning are added; `rare` is the share of the last class. A `clock`
    is a column with the time of the request.

    A row is a real one, moved towards a near one by up to a half, in its numbers. So columns keep their relations. The
    relation to the target is that of boosted trees that were fitted to the real rows.
    """
    g = np.random.default_rng([seed, 1])
    columns, target = read_typed(source, folder)
    matrix = _matrix(columns)
    first, second = _pairs(matrix, size, g)
    step = g.random(size) / 2
    made = {name: _between(values, first, second, step) for name, values in columns.items()}
    truth, noise, classes = _relation(columns, target, made, source.task == "regression")
    if rare:
        truth = _with_share(truth, rare)
    made |= {f"extra_{k:02}": _extra(k, size, g) for k in range(wide)}
    if clock:
        days = np.datetime64("2025-08-01T00:00:00") + g.integers(0, 90, size).astype("timedelta64[D]")
        hours = g.choice(24, size, p=HOURS / HOURS.sum())
        made[CLOCK] = moments(days + (3600 * (hours + g.random(size))).astype("timedelta64[s]"))
    return Population(source, made, source.target, classes, truth, noise, _directions(matrix, g)[first])


def moments(times: Array) -> Array:
    """Times (n,) of numpy as texts."""
    return np.datetime_as_string(times, unit="s").astype(object)


def _matrix(columns: Columns) -> Floats:
    """The columns as standardized numbers (n, p): categories by indicators of half the weight."""
    parts = []
    for values in columns.values():
        if values.dtype.kind == "f":
            filled = np.where(np.isnan(values), np.nanmedian(values), values)
            parts.append((filled - filled.mean()) / (filled.std() or 1.0))
        else:
            parts += [0.5 * (values == value) for value in _common(values, 12)]
    return np.stack(parts, axis=1).astype(float)


def _common(values: Array, most: int) -> list[Any]:
    known, counts = np.unique([v for v in values.tolist() if v is not None], return_counts=True)
    return known[np.argsort(-counts)][:most].tolist()  # type: ignore[no-any-return]


def _pairs(matrix: Floats, size: int, g: Generator) -> tuple[Array, Array]:
    """Positions of real rows, and for each that of a near one."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(matrix).kneighbors(matrix, return_distance=False)
    first = g.integers(0, len(matrix), size)
    return first, near[first, g.integers(1, NEIGHBOURS + 1, size)]


def _between(values: Array, first: Array, second: Array, step: Floats) -> Array:
    """Values between those of two rows, with as many decimals as the column has; categories are the first row's."""
    start = values[first]
    if values.dtype.kind != "f" or len(np.unique(values[~np.isnan(values)])) < DISTINCT:
        return start
    end = np.where(np.isnan(values[second]), start, values[second])
    moved = start + step * (end - start)
    return np.where(start == 0, start, np.round(moved, _decimals(values)))  # a zero often means "none"


def _decimals(values: Floats) -> int:
    """The decimals that nearly all values have at most."""
    present = values[~np.isnan(values)]
    return next((k for k in range(6) if (np.abs(np.round(present, k) - present) < 1e-9).mean() > 0.99), 6)


def _extra(number: int, size: int, g: Generator) -> Array:
    """A column that has nothing to do with anything: a number, some with gaps, or a category."""
    if number % 3 == 2:
        return g.choice(np.array(["a", "b", "c", "d", "e"], dtype=object), size, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    values = np.round(g.gamma(2.0, 10.0, size) if number % 3 else g.normal(0, 1, size), 3)
    return np.where(g.random(size) < 0.1, np.nan, values) if number % 5 == 0 else values


def _relation(
    columns: Columns, target: Sequence[str], made: Columns, regression: bool
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The truth of the made rows, the noise around it, and the classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.model_selection import cross_val_predict

    options: dict[str, Any] = {"max_iter": 60, "max_leaf_nodes": 8, "learning_rate": 0.08, "min_samples_leaf": 10}
    known, asked = _codes(columns, columns), _codes(columns, made)
    if regression:
        y, model = np.array([float(v) for v in target]), HistGradientBoostingRegressor(random_state=0, **options)
        noise = y - cross_val_predict(model, known, y, cv=5)
        noise = np.clip(noise, *np.quantile(noise, [0.01, 0.99]))
        return model.fit(known, y).predict(asked), noise - noise.mean(), ()
    classifier = HistGradientBoostingClassifier(random_state=0, **options).fit(known, np.array(target))
    return classifier.predict_proba(asked), np.empty(0), tuple(map(str, classifier.classes_))


def _codes(known: Columns, columns: Columns) -> Floats:
    parts = []
    for name, values in known.items():
        if values.dtype.kind == "f":
            parts.append(columns[name])
        else:
            places = {value: float(k) for k, value in enumerate(_common(values, 100))}
            parts.append(np.array([places.get(v, np.nan) for v in columns[name].tolist()]))
    return np.stack(parts, axis=1)


def _with_share(truth: Floats, share: float) -> Floats:
    """Probabilities of two classes, with odds moved so that the second has this share."""
    odds = np.log(np.clip(truth[:, 1], 1e-6, 1 - 1e-6) / np.clip(truth[:, 0], 1e-6, 1))
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-odds - middle))).mean() < share else (low, middle)
    second = 1 / (1 + np.exp(-odds - low))
    return np.stack([1 - second, second], axis=1)


def _directions(matrix: Floats, g: Generator) -> Floats:
    """Three directions (n, 3) in which mixtures move: the first principal one, and two random ones."""
    centred = matrix - matrix.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = np.concatenate([axes[:1], g.normal(size=(2, matrix.shape[1]))])
    along = centred @ axes.T
    return np.clip(along / along.std(axis=0), -2.5, 2.5)
