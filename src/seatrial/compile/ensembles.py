"""Estimators made of other estimators: votes, stacks, bags, boosting by weights, and one against the rest.

Each asks `Parts` for the scores of its parts, and repeats only how scikit-learn puts these together. Bags and boosts of
trees become one TreeEnsemble node.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sklearn.base
from onnx import TensorProto
from sklearn import calibration, compose, ensemble, frozen, model_selection, multiclass
from sklearn.model_selection import _search_successive_halving as halving  # public only after an experimental import

from seatrial.compile.calibration import both_classes, calibrated_classifier, part
from seatrial.compile.graph import Graph, Matrix, Refused, join
from seatrial.compile.linear import column, shares
from seatrial.compile.parts import Parts, mean
from seatrial.compile.single import rounded_threshold
from seatrial.compile.targets import transformed_target
from seatrial.compile.trees import Ensemble
from seatrial.model.features import Array, Floats

Converter = Callable[[Any, Matrix, Graph, Parts], str]
# Why a label is no input of the graph: on the boundary between two labels, rounding decides about a whole vote.
LAST_BIT = "which the last bit of a sum decides on its boundary"

# Estimators that answer with another one's scores, by the attributes that it may be in.
WRAPPERS: dict[type, tuple[str, ...]] = {
    model_selection.GridSearchCV: ("best_estimator_",),
    model_selection.RandomizedSearchCV: ("best_estimator_",),
    halving.HalvingGridSearchCV: ("best_estimator_",),
    halving.HalvingRandomSearchCV: ("best_estimator_",),
    model_selection.FixedThresholdClassifier: ("estimator_", "estimator"),  # `estimator` if it was fitted before
    model_selection.TunedThresholdClassifierCV: ("estimator_",),
    frozen.FrozenEstimator: ("estimator",),
}


def wrapped(estimator: Any) -> Any:
    """The estimator whose scores this one answers with; None for any that computes its own."""
    names = WRAPPERS.get(type(estimator), ())
    return next((getattr(estimator, name) for name in names if hasattr(estimator, name)), None)


def voting_classifier(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert a soft vote: the weighted mean of probabilities."""
    if model.voting != "soft":
        raise Refused("a hard vote predicts no probabilities; use voting='soft'")
    return _average(model, matrix, graph, parts)


def _average(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    return mean([parts.scores(each, matrix) for each in model.estimators_], graph, model._weights_not_none)


def stacking(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to what the final estimator answers to the answers of the others."""
    return parts.scores(model.final_estimator_, _stacked(model, matrix, graph, parts))


def _stacking_decision(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    return parts.decision(model.final_estimator_, _stacked(model, matrix, graph, parts))


def _stacked(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> Matrix:
    """What the final estimator gets: the others' answers, and the columns themselves with `passthrough`."""
    columns = []
    for estimator, method in zip(model.estimators_, model.stack_method_, strict=True):
        classes = len(getattr(estimator, "classes_", ())) if sklearn.base.is_classifier(estimator) else 0
        if method == "predict_proba":
            answer, kept = graph.matrix(parts.scores(estimator, matrix), classes), range(classes)
            columns.append(answer.take([1] if classes == 2 else kept))
        elif method == "decision_function":
            columns.append(graph.matrix(parts.decision(estimator, matrix), 1 if classes == 2 else classes))
        elif classes:
            raise Refused(f"it stacks the labels of {type(estimator).__name__}, {LAST_BIT}; use its probabilities")
        else:
            answer_ = graph.add("Unsqueeze", parts.scores(estimator, matrix), graph.constant([1], np.int64))
            columns.append(graph.matrix(answer_, 1))
    return join([*columns, matrix] if model.passthrough else columns)


def bagging_classifier(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to the mean of probabilities."""
    classes = range(model.n_classes_)  # the parts were fitted on positions in `classes_`
    if _only_trees(model.estimators_):
        chosen = [1] if len(classes) == 2 else list(classes)
        share = _bagged_trees(model, chosen, matrix, graph)
        return both_classes(share, graph) if len(classes) == 2 else share
    return mean([_bagged(each, classes, part_, graph, parts) for each, part_ in _bags(model, matrix)], graph)


def _bagged(estimator: Any, classes: Sequence[int], matrix: Matrix, graph: Graph, parts: Parts) -> str:
    if not hasattr(estimator, "predict_proba"):
        raise Refused(f"it counts the votes of {type(estimator).__name__}, {LAST_BIT}")
    scores = parts.scores(estimator, matrix)
    if len(estimator.classes_) == len(classes):
        return scores
    places = np.equal.outer(np.asarray(estimator.classes_), np.asarray(classes)).astype(np.float64)
    return graph.add("MatMul", scores, graph.constant(places))


def _bagging_decision(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    return mean([parts.decision(each, columns) for each, columns in _bags(model, matrix)], graph)


def bagging_regressor(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to the mean of predictions (n,)."""
    if _only_trees(model.estimators_):
        return column(_bagged_trees(model, [0], matrix, graph), graph)
    return mean([parts.scores(each, columns) for each, columns in _bags(model, matrix)], graph)


def _bags(model: Any, matrix: Matrix) -> list[tuple[Any, Matrix]]:
    """Each part with the columns that it was fitted on."""
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    return [(each, matrix.take(np.asarray(features))) for each, features in pairs]


def _only_trees(estimators: Sequence[Any]) -> bool:
    kinds = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")
    return all(
        type(each).__module__.startswith("sklearn.tree.") and type(each).__name__ in kinds and each.n_outputs_ == 1
        for each in estimators
    )


def _bagged_trees(model: Any, outputs: Sequence[int], matrix: Matrix, graph: Graph) -> str:
    """The mean over trees that see some of the columns each, (n, len(outputs))."""
    forest = Ensemble()
    for each, features in zip(model.estimators_, model.estimators_features_, strict=True):
        for target, output in enumerate(outputs):
            _add(forest, each.tree_, each.tree_.value[:, 0, output], target, np.asarray(features))
    summed = forest.node(matrix, len(outputs), graph)
    return graph.add("Div", summed, graph.constant(float(len(model.estimators_))))


def _add(forest: Ensemble, tree: Any, values: Floats, target: int, features: Array | None = None) -> None:
    used = np.maximum(tree.feature, 0)  # leaves have none
    forest.add_tree(
        tree.children_left,
        tree.children_right,
        feature=used if features is None else features[used],
        threshold=rounded_threshold(tree.threshold),
        missing_left=tree.missing_go_to_left,
        values=values,
        target=target,
    )


def ada_boost_classifier(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to the softmax of weighted votes (SAMME, Zhu et al. 2009)."""
    decision = _ada_boost_decision(model, matrix, graph, parts)
    if len(model.classes_) == 2:
        decision = graph.add("Mul", decision, graph.constant([[-0.5, 0.5]]))
    else:
        decision = graph.add("Div", decision, graph.constant(float(len(model.classes_) - 1)))
    return graph.add("Softmax", decision, axis=1)


def _ada_boost_decision(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:  # noqa: ARG001 - only trees
    """Sum the votes: a part's weight for the class that it predicts, an equal share of it against each other class."""
    if not _only_trees(model.estimators_):
        raise Refused(f"it counts the votes of {type(model.estimators_[0]).__name__}, {LAST_BIT}")
    labels = model.classes_[1:] if len(model.classes_) == 2 else model.classes_
    against = -1.0 / (len(model.classes_) - 1)
    factor = 2.0 if len(model.classes_) == 2 else 1.0  # of two classes, one column less the other
    pairs = list(zip(model.estimators_, (factor * model.estimator_weights_).tolist(), strict=False))
    forest = Ensemble()
    for each, weight in pairs:
        predicted = np.asarray(each.classes_)[each.tree_.value[:, 0, :].argmax(axis=1)]
        for target, label in enumerate(labels):
            _add(forest, each.tree_, np.where(predicted == label, weight, against * weight), target)
    summed = forest.node(matrix, len(labels), graph)
    return graph.add("Div", summed, graph.constant(float(model.estimator_weights_.sum())))


def ada_boost_regressor(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to the weighted median of predictions (n,) (AdaBoost.R2, Drucker 1997)."""
    count = len(model.estimators_)
    axis = graph.constant(1, np.int64)
    if _only_trees(model.estimators_):
        forest = Ensemble()
        for target, each in enumerate(model.estimators_):
            _add(forest, each.tree_, each.tree_.value[:, 0, 0], target)
        predictions = forest.node(matrix, count, graph)
    else:
        one = graph.constant([1], np.int64)
        each_one = [graph.add("Unsqueeze", parts.scores(each, matrix), one) for each in model.estimators_]
        predictions = graph.add("Concat", *each_one, axis=1)
    ordered, order = graph.add_several(
        "TopK", predictions, graph.constant([count], np.int64), outputs=2, axis=1, largest=0, sorted=1
    )
    weights = graph.add("Gather", graph.constant(model.estimator_weights_[:count]), order, axis=0)
    reached = graph.add("CumSum", weights, axis)
    half = graph.add("Mul", part(reached, [count - 1], graph), graph.constant(0.5))
    above = graph.add("Cast", graph.add("GreaterOrEqual", reached, half), to=int(TensorProto.INT32))
    median = graph.add("ArgMax", above, axis=1, keepdims=1)
    return column(graph.add("GatherElements", ordered, median, axis=1), graph)


def one_vs_rest(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to each class's probability against the rest, divided by their sum."""
    if model.multilabel_:
        raise Refused("it predicts several labels")
    each = [part(parts.scores(one, matrix), [1], graph) for one in model.estimators_]
    if len(each) == 1:
        return both_classes(each[0], graph)
    return shares(graph.add("Concat", *each, axis=1), len(each), graph, otherwise=0.0)


def _one_vs_rest_decision(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    each = [parts.decision(one, matrix) for one in model.estimators_]
    return graph.add("Concat", *each, axis=1) if len(each) > 1 else each[0]


MODELS: dict[type, Converter] = {
    calibration.CalibratedClassifierCV: calibrated_classifier,
    compose.TransformedTargetRegressor: transformed_target,
    ensemble.VotingClassifier: voting_classifier,
    ensemble.VotingRegressor: _average,
    ensemble.StackingClassifier: stacking,
    ensemble.StackingRegressor: stacking,
    ensemble.BaggingClassifier: bagging_classifier,
    ensemble.BaggingRegressor: bagging_regressor,
    ensemble.AdaBoostClassifier: ada_boost_classifier,
    ensemble.AdaBoostRegressor: ada_boost_regressor,
    multiclass.OneVsRestClassifier: one_vs_rest,
}

DECISIONS: dict[type, Converter] = {
    ensemble.StackingClassifier: _stacking_decision,
    ensemble.BaggingClassifier: _bagging_decision,
    ensemble.AdaBoostClassifier: _ada_boost_decision,
    multiclass.OneVsRestClassifier: _one_vs_rest_decision,
}
