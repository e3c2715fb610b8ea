"""Two honest baselines: the best single column, and a plain linear model. Both know the rows that the model knows."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Floats
from seatrial.train.evaluation import labelled
from seatrial.train.metrics import measures_of
from seatrial.train.row_weights import fit_parameters

CELLS = 2_000_000  # of the training rows; more rows than that would make the baselines slower than the model
MOST_ROWS, FEWEST_ROWS = 20_000, 2_000
BINS = 20
ROWS_OF_A_BIN = 8
SHRINKAGE = 1.0  # rows of the overall value that are added to each group
MOST_CATEGORIES = 30


@dataclass(frozen=True)
class SimpleModels:
    """Two fitted baselines: each scores a DataFrame of the pipeline's inputs. `column` is the best single one."""

    column: str
    single: Callable[[Any], Array]
    linear: Callable[[Any], Array]


def rows_to_fit(rows: int, columns: int, seed: int) -> Array:
    """The training rows (positions) that both baselines are fitted on, given the numbers of rows and columns."""
    most = int(np.clip(CELLS // columns, FEWEST_ROWS, MOST_ROWS))
    return np.random.default_rng(seed).permutation(rows)[:most]


def fit_simple_models(
    rule: DecisionRule, labels: Array, frame: Any, target: Array, weights: Floats | None = None
) -> SimpleModels:
    """Fit both baselines. `labels` are those of the rows that are measured, which decide about the headline metric.

    `frame` is the pipeline's DataFrame of `rows_to_fit`. The best column is chosen on these, by predicting one half of
    them from the other. `weights` are those of the same rows.
    """
    # Infinities are missing values here: some estimators take them, and these do not.
    frame = _without_infinities(frame)
    counts = np.ones(len(target)) if weights is None else weights
    classes = np.arange(len(rule.classes))
    regression = rule.task == "regression"
    outcomes = target[:, None] if regression else rule.positions(target)[:, None] == classes
    outcomes = outcomes.astype(np.float64)
    measure = measures_of(rule.task, labels)[0]
    first = np.arange(len(target)) % 2 == 0

    def across_halves(values: Array) -> float:
        scores = np.empty_like(outcomes)
        for seen in (first, ~first):
            scores[~seen] = _by_groups(values[seen], outcomes[seen], counts[seen], values[~seen])
        value = measure.of(labelled(rule, target, _shaped(scores, outcomes), weights))
        return value if measure.higher_is_better else -value

    columns = {name: frame[name].to_numpy() for name in frame.columns}
    best = max(columns, key=lambda name: across_halves(columns[name]))

    def single(asked: Any) -> Array:
        values = _without_infinities(asked[[best]])[best].to_numpy()
        return _shaped(_by_groups(columns[best], outcomes, counts, values), outcomes)

    return SimpleModels(best, single, _linear(frame, target, weights, regression=regression))


def _without_infinities(frame: Any) -> Any:
    numbers = frame.select_dtypes(np.float64).to_numpy(np.float64)
    return frame.replace([np.inf, -np.inf], np.nan) if np.isinf(numbers).any() else frame


def _shaped(scores: Array, outcomes: Array) -> Array:
    return scores[:, 0] if outcomes.shape[1] == 1 else scores


def _by_groups(known: Array, outcomes: Array, weights: Floats, asked: Array) -> Array:
    """Predict the mean outcome (n, k) of the rows with a similar value: one of 20 quantiles, or the same category."""
    if known.dtype.kind == "f":
        present = known[~np.isnan(known)]
        bins = max(2, min(BINS, len(present) // ROWS_OF_A_BIN))
        edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1])) if len(present) else present
        codes, asked_codes = (
            np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="right") + 1) for values in (known, asked)
        )
    else:
        places = {value: place for place, value in enumerate(dict.fromkeys(known.tolist()), 1)}
        codes, asked_codes = (np.array([places.get(v, 0) for v in values.tolist()]) for values in (known, asked))
    size = int(max(codes.max(initial=0), asked_codes.max(initial=0))) + 1
    count = np.bincount(codes, weights, size)[:, None]
    sums = np.stack([np.bincount(codes, outcome * weights, size) for outcome in outcomes.T], axis=1)
    overall = np.average(outcomes, axis=0, weights=weights if weights.any() else None)
    means: Array = (sums + SHRINKAGE * overall) / (count + SHRINKAGE)
    return means[asked_codes]


def _linear(frame: Any, target: Array, weights: Floats | None, *, regression: bool) -> Callable[[Any], Array]:
    """Fit a logistic or ridge regression on scaled numbers and the most frequent categories."""
    from sklearn.compose import ColumnTransformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = frame.dtypes == np.float64
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    names = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES)
    columns = ColumnTransformer(
        [("numbers", numbers, frame.columns[numeric]), ("names", names, frame.columns[~numeric])]
    )
    model = Ridge() if regression else LogisticRegression(max_iter=200)
    pipeline = make_pipeline(columns, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Found unknown categories")
        pipeline.fit(frame, target, **fit_parameters(pipeline, weights))

    def score(asked: Any) -> Array:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Found unknown categories")
            return np.asarray((pipeline.predict if regression else pipeline.predict_proba)(_without_infinities(asked)))

    return score
