"""Models of XGBoost, LightGBM and CatBoost inside an ensemble: a vote, a stack, a calibration, a transformed target.

What an ensemble computes from its parts is scikit-learn's own code, so it is run as it is. Only the models of a library
that rounds answer with their reference in place of their own scores: the ensemble then gives the scores that the graph
must give. What each model was asked on the way is what its paths are compared on.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import joblib
import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from seatrial.compile.boosters import ROUNDING, Booster, DecidingBooster, booster_of, is_booster, library_title
from seatrial.compile.converter import convert_model
from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.trees import thresholds_of
from seatrial.core.errors import CompileError
from seatrial.model.features import Array, Floats

# How far an ensemble's own scores may be from those of its parts without their rounding (of a prediction, relative to
# max(1, |value|)). Means, sigmoids and linear models stay near 1e-7. A step that is steeper than that, in an isotonic
# calibration or in trees that read scores, makes a coin toss of the last bit.
MOST_EFFECT = 1e-4


@dataclass
class _Inner:
    """A fitted model inside, as it was read, and what it was last asked to score."""

    estimator: Any
    booster: Booster
    rounds: bool
    rows: Any = None

    def add(self, matrix: Matrix, graph: Graph, *, decision: bool) -> str:
        """Add its scores, or its decision function."""
        if not decision:
            return self.booster.add_scores(matrix, graph)
        if not isinstance(self.booster, DecidingBooster):
            raise Refused("its decision function is not known")
        return self.booster.add_decision(matrix, graph)


@dataclass
class InnerBoosters:
    """The models inside an ensemble; a `Booster` over the rows that the ensemble gets."""

    estimator: Any
    inner: list[_Inner]
    _last: tuple[Any, Floats] = field(default=(None, np.empty(0)))

    @property
    def statement(self) -> str:
        """What the proof states, in a sentence."""
        kind = type(self.estimator).__name__
        leaf = f"Inside {kind}, every row ends in the library's own leaf of every tree"
        if not self._rounds:
            return f"{leaf}, and the scores are the ensemble's own to 1e-9."
        return (
            f"{leaf}. XGBoost adds its leaves in single precision, so the release states what {kind} makes of their "
            "sums in double precision instead: XGBoost's own scores differ by its rounding only."
        )

    @property
    def _rounds(self) -> bool:
        return any(each.rounds for each in self.inner)

    def add_scores(self, matrix: Matrix, graph: Graph) -> str:
        """Add the ensemble: probabilities (n, classes), or predictions (n,)."""
        return self._converted(matrix, graph, lambda each, decision, rows: each.add(rows, graph, decision=decision))

    def add_leaves(self, matrix: Matrix, graph: Graph) -> str:
        """Add the number of each leaf of all models inside, (n, trees), in the order of `leaves`."""
        found: dict[int, str] = {}

        def add(each: _Inner, decision: bool, rows: Matrix) -> str:
            found[id(each)] = each.booster.add_leaves(rows, graph)
            return each.add(rows, graph, decision=decision)  # which a model after it may read

        self._converted(matrix, graph, add)
        ordered = [found[id(each)] for each in self.inner if id(each) in found]
        return graph.add("Concat", *ordered, axis=1) if len(ordered) > 1 else ordered[0]

    def _converted(self, matrix: Matrix, graph: Graph, add: Callable[[_Inner, bool, Matrix], str]) -> str:
        known = {id(each.estimator): each for each in self.inner}
        return convert_model(self.estimator, matrix, graph, lambda estimator, *asked: add(known[id(estimator)], *asked))

    def leaves(self, rows: Any) -> Array:
        """The leaves that the libraries themselves say each row ends in: (n, trees)."""
        self.reference(rows)
        return np.concatenate([each.booster.leaves(each.rows) for each in self._asked], axis=1)

    def reference(self, rows: Any) -> Floats:
        """What scikit-learn's ensemble makes of the references of the models inside."""
        if self._last[0] is not rows:
            with _answering_exactly(self.inner):
                self._last = rows, _scores(self.estimator, rows)
        return self._last[1]

    def bounds(self, rows: Any) -> Floats | None:
        """How far the ensemble's own scores may be from `reference`, in its shape; None where nothing rounds.

        Raises CompileError where a model inside is further from its reference than its own rounding explains.
        """
        if not self._rounds:
            return None
        expected = self.reference(rows)
        for each in self._asked:
            bounds = each.booster.bounds(each.rows)
            if bounds is None:
                continue
            beyond = ~(np.abs(_scores(each.estimator, each.rows) - each.booster.reference(each.rows)) <= bounds)
            if beyond.any():
                count = int(beyond.reshape(len(beyond), -1).any(axis=1).sum())
                kind = type(each.estimator).__name__
                raise CompileError(f"{kind}'s own scores of {count:,} rows differ by more than its rounding explains.")
        scale = 1.0 if is_classifier(self.estimator) else np.maximum(1.0, np.abs(expected))
        return np.broadcast_to(MOST_EFFECT * scale, expected.shape)

    def thresholds(self) -> dict[int, Floats]:
        """The doubles at which a comparison of a column changes, in the parts that get the ensemble's own columns."""
        return thresholds_of(self.estimator, {id(each.estimator): each.booster.thresholds() for each in self.inner})

    @property
    def _asked(self) -> list[_Inner]:
        """The models that the last rows were scored with; a fitted one may be left out, such as a search's first."""
        return [each for each in self.inner if each.rows is not None]


def inner_boosters(model: Any, rows: Callable[[], Any] | None) -> InnerBoosters | None:
    """Read the models of the three libraries inside a fitted ensemble; None if there are none.

    `rows` gives the training rows as the ensemble gets them. Raises Refused where a model cannot be exact.
    """
    estimators = list(_fitted_boosters(model, set()))
    if not estimators:
        return None
    asked: dict[int, Any] = {}

    def rows_of(estimator: Any) -> Callable[[], Any]:
        def find() -> Any:
            if not asked and rows is not None:
                with _watched(estimators, lambda one, its: asked.__setitem__(id(one), its)):
                    _scores(model, rows())
            return asked.get(id(estimator))

        return find

    return InnerBoosters(model, [_read(each, rows_of(each) if rows is not None else None) for each in estimators])


def _read(estimator: Any, rows: Callable[[], Any] | None) -> _Inner:
    try:
        return _Inner(estimator, booster_of(estimator, rows), library_title(estimator) in ROUNDING)
    except Refused as refused:
        raise Refused(f"of {type(estimator).__name__} inside of it, {refused}") from None


def _fitted_boosters(part: Any, seen: set[int]) -> Iterator[Any]:
    """The fitted models in the attributes of scikit-learn's estimators, each once, always in the same order."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if is_booster(part):
        if _is_fitted(part):
            yield part
    elif isinstance(part, (list, tuple, dict)):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _fitted_boosters(each, seen)
    elif type(part).__module__.startswith("sklearn.") and not hasattr(part, "get_support"):  # a selector asks none
        for each in vars(part).values() if hasattr(part, "__dict__") else ():
            yield from _fitted_boosters(each, seen)


def _is_fitted(estimator: Any) -> bool:
    if hasattr(estimator, "is_fitted"):  # CatBoost's
        return bool(estimator.is_fitted())
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def _scores(model: Any, rows: Any) -> Floats:
    score = getattr(model, "predict_proba", None) or model.predict
    return np.asarray(score(rows), dtype=np.float64)


@contextmanager
def _answering_exactly(inner: list[_Inner]) -> Iterator[None]:
    """Let the models that round answer with their reference, and keep what each model was asked."""
    known = {id(each.estimator): each for each in inner}
    for each in inner:
        each.rows = None

    def answer(estimator: Any, rows: Any) -> Any:
        each = known[id(estimator)]
        each.rows = rows
        return each.booster.reference(rows) if each.rounds else None

    with _watched([each.estimator for each in inner], answer):
        yield


@contextmanager
def _watched(estimators: list[Any], answer: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Call `answer` with the estimator and its rows for each call of it; what is not None is answered."""
    with ExitStack() as stack:
        stack.enter_context(joblib.parallel_config(backend="threading"))  # BaggingClassifier may ask for processes
        for estimator in estimators:
            names = ("predict_proba", "decision_function") if is_classifier(estimator) else ("predict",)
            for name in filter(partial(hasattr, estimator), names):
                setattr(estimator, name, _watching(estimator, getattr(estimator, name), answer))
                stack.callback(delattr, estimator, name)
        yield


def _watching(estimator: Any, ask: Callable[..., Any], answer: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    @wraps(ask)  # scikit-learn looks at the name
    def watch(rows: Any, *arguments: Any, **options: Any) -> Any:
        answered = answer(estimator, rows)
        return ask(rows, *arguments, **options) if answered is None else answered

    return watch
