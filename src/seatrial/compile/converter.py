"""Converts a fitted pipeline to a graph: walks through its steps and applies the exact converter of each class.

Converters are looked up by the exact class, since a subclass may compute something else.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import onnx
import sklearn
import sklearn.base
import sklearn.preprocessing as pre
from sklearn import (
    decomposition,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    tree,
)
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from seatrial.compile import (
    bayes,
    decisions,
    discriminants,
    encoders,
    ensembles,
    iterative,
    kernels,
    linear,
    networks,
    pieces,
    powers,
    preprocessing,
    projections,
    trees,
    vectorizers,
)
from seatrial.compile.boosters import Booster, booster_of, is_booster
from seatrial.compile.graph import Graph, Matrix, Refused, join
from seatrial.compile.native_classes import reason_for
from seatrial.compile.parts import Parts
from seatrial.core.errors import CompileError
from seatrial.model.engines import GRAPH_LIMIT
from seatrial.model.inputs import Inputs

Transformer = Callable[[Any, Matrix, Graph], Matrix]
Model = Callable[[Any, Matrix, Graph], str]
# What converts an estimator in place of its class's converter, or to its decision function; None for others.
Own = Callable[[Any, bool], Model | None]

# scikit-learn's own selectors: each says which columns it keeps, whatever it selects them by.
SELECTORS = [
    each
    for each in vars(feature_selection).values()
    if isinstance(each, type) and feature_selection.SelectorMixin in each.__mro__[1:]
]

TRANSFORMERS: dict[type, Transformer] = {
    impute.SimpleImputer: preprocessing.simple_imputer,
    impute.MissingIndicator: preprocessing.missing_indicator,
    pre.StandardScaler: preprocessing.standard_scaler,
    pre.MinMaxScaler: preprocessing.min_max_scaler,
    pre.RobustScaler: preprocessing.robust_scaler,
    pre.MaxAbsScaler: preprocessing.max_abs_scaler,
    pre.Binarizer: preprocessing.binarizer,
    pre.OneHotEncoder: encoders.one_hot_encoder,
    pre.OrdinalEncoder: encoders.ordinal_encoder,
    pre.TargetEncoder: encoders.target_encoder,
    pre.Normalizer: preprocessing.normalizer,
    **discriminants.TRANSFORMERS,
    **iterative.TRANSFORMERS,
    **kernels.TRANSFORMERS,
    **pieces.TRANSFORMERS,
    **powers.TRANSFORMERS,
    **projections.TRANSFORMERS,
    **vectorizers.TRANSFORMERS,
    **dict.fromkeys(SELECTORS, preprocessing.selector),
}

MODELS: dict[type, Model] = {
    linear_model.LogisticRegression: linear.logistic_classifier,
    linear_model.LogisticRegressionCV: linear.logistic_classifier,
    linear_model.SGDClassifier: linear.sgd_classifier,
    linear_model.GammaRegressor: linear.log_link_regressor,
    linear_model.PoissonRegressor: linear.log_link_regressor,
    linear_model.TweedieRegressor: linear.log_link_regressor,
    tree.DecisionTreeClassifier: trees.forest_classifier,
    tree.DecisionTreeRegressor: trees.forest_regressor,
    tree.ExtraTreeClassifier: trees.forest_classifier,
    tree.ExtraTreeRegressor: trees.forest_regressor,
    ensemble.RandomForestClassifier: trees.forest_classifier,
    ensemble.RandomForestRegressor: trees.forest_regressor,
    ensemble.ExtraTreesClassifier: trees.forest_classifier,
    ensemble.ExtraTreesRegressor: trees.forest_regressor,
    ensemble.GradientBoostingClassifier: trees.gradient_boosting,
    ensemble.GradientBoostingRegressor: trees.gradient_boosting,
    ensemble.HistGradientBoostingClassifier: trees.hist_gradient_boosting,
    ensemble.HistGradientBoostingRegressor: trees.hist_gradient_boosting,
    **bayes.MODELS,
    **discriminants.MODELS,
    **kernels.MODELS,
    **linear.MODELS,
    **networks.MODELS,
    **pieces.MODELS,
    **projections.MODELS,
}

DENSE = (decomposition.PCA, decomposition.TruncatedSVD)  # what they make of a sparse matrix is none


def compile_pipeline(pipeline: Any, inputs: Inputs, booster: Booster | None = None) -> bytes:
    """Compile a fitted estimator over a DataFrame with the columns `inputs.names` to a serialized ONNX model.

    `booster` is what `booster_of` read of the pipeline's last estimator, if that was done before.

    The graph takes "numbers" double (n, len(inputs.numbers)) and "strings" string (n, len(inputs.strings)), each left
    out if it has no columns, and gives "scores" double: (n, n_classes) probabilities in the order of `classes_`, or
    (n,) predictions. The same pipeline gives the same bytes. Raises CompileError naming the step that cannot be exact.
    It does not check that the graph is correct: that is what `prove` is for.
    """
    rank = 2 if sklearn.base.is_classifier(pipeline) else 1
    return _compiled(pipeline, inputs, None if booster is None else _only(booster.estimator, booster.add_scores), rank)


def compile_leaves(pipeline: Any, inputs: Inputs, booster: Booster) -> bytes:
    """Compile to a graph that gives the number of the leaf that each row ends in: "scores" double (n, trees)."""
    return _compiled(pipeline, inputs, _only(booster.estimator, booster.add_leaves), 2)


def convert_model(model: Any, matrix: Matrix, graph: Graph, add: Callable[[Any, bool, Matrix], str]) -> str:
    """Add the scores of a fitted ensemble.

    `add` adds what a model of the three libraries inside it answers: its scores, or, if asked, its decision function.
    """

    def own(estimator: Any, decision: bool) -> Model | None:
        return (lambda _, rows, __: add(estimator, decision, rows)) if is_booster(estimator) else None

    return _model(model, matrix, graph, (), own)


def _only(estimator: Any, add: Callable[[Matrix, Graph], str]) -> Own:
    return lambda each, _: (lambda _, matrix, graph: add(matrix, graph)) if each is estimator else None


def _compiled(pipeline: Any, inputs: Inputs, own: Own | None, rank: int) -> bytes:
    graph = Graph(inputs)
    try:
        scores = _model(pipeline, graph.root, graph, (), own)
    except Refused as refused:  # raised between the steps
        raise _refusal(pipeline, (), str(refused)) from None
    model = graph.finish(scores, rank)
    if (size := model.ByteSize()) > GRAPH_LIMIT:
        raise CompileError(
            f"The graph has {size >> 20} MiB, and a release at most {GRAPH_LIMIT >> 20} MiB.",
            hint="Train fewer or smaller trees.",
        )
    onnx.checker.check_model(model, full_check=False)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def _model(
    estimator: Any,
    matrix: Matrix,
    graph: Graph,
    path: tuple[str, ...],
    own: Own | None = None,
    *,
    decision: bool = False,
) -> str:
    """Add a model's scores, or with `decision` the decision function that a model around it reads.

    `own` returns what converts an estimator in place of its class's converter.
    """
    matrix = _by_name(estimator, matrix)
    if type(estimator) is Pipeline:
        *first, (name, last) = estimator.steps
        for step, transformer in first:
            matrix = _transform(transformer, matrix, graph, (*path, step))
        return _model(last, matrix, graph, (*path, name), own, decision=decision)
    if (inner := ensembles.wrapped(estimator)) is not None:
        return _model(inner, matrix, graph, path, own, decision=decision)
    convert = own(estimator, decision) if own else None
    convert = convert or (decisions.DECISIONS if decision else MODELS).get(type(estimator))
    around = (ensembles.DECISIONS if decision else ensembles.MODELS).get(type(estimator))
    if convert is None and around is not None:
        convert = _with_parts(around, _parts(estimator, graph, path, own))
    if convert is None and not decision and is_booster(estimator):
        convert = _booster
    if convert is None:
        if decision:
            raise _refusal(estimator, path, "Seatrial has no exact converter for its decision function")
        if sklearn.base.is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
            raise _refusal(estimator, path, "it predicts no probabilities")
        raise _refusal(estimator, path, reason_for(estimator))
    scores: str = _guarded(convert, estimator, matrix, graph, path)
    return scores


def _booster(estimator: Any, matrix: Matrix, graph: Graph) -> str:
    return booster_of(estimator).add_scores(matrix, graph)


def _with_parts(around: ensembles.Converter, parts: Parts) -> Model:
    return lambda estimator, matrix, graph: around(estimator, matrix, graph, parts)


def _parts(estimator: Any, graph: Graph, path: tuple[str, ...], own: Own | None) -> Parts:
    """What an ensemble converts its parts with; a refusal names the ensemble and the part."""
    inside = (*path, type(estimator).__name__)
    return Parts(
        lambda part, matrix: _model(part, matrix, graph, inside, own),
        lambda part, matrix: _model(part, matrix, graph, inside, own, decision=True),
    )


def _transform(estimator: Any, matrix: Matrix, graph: Graph, path: tuple[str, ...]) -> Matrix:
    if estimator is None or estimator == "passthrough":
        return matrix
    matrix = _by_name(estimator, matrix)
    if type(estimator) is Pipeline:
        for name, step in estimator.steps:
            matrix = _transform(step, matrix, graph, (*path, name))
        return matrix
    if type(estimator) is ColumnTransformer:
        return _columns(estimator, matrix, graph, path)
    if type(estimator) is FeatureUnion:
        parts = [
            _weighted(_transform(each, matrix, graph, (*path, name)), weight, graph)
            for name, each, weight in estimator._iter()
        ]
        return join(parts)
    convert = TRANSFORMERS.get(type(estimator))
    if convert is None:
        raise _refusal(estimator, path, reason_for(estimator))
    transformed: Matrix = _guarded(convert, estimator, matrix, graph, path)
    keeps = (matrix.sparse or transformed.sparse) and type(estimator) not in DENSE
    makes = getattr(estimator, "encode", "") == "onehot"  # KBinsDiscretizer
    return replace(transformed, sparse=makes or bool(getattr(estimator, "sparse_output", keeps)))


def _columns(estimator: Any, matrix: Matrix, graph: Graph, path: tuple[str, ...]) -> Matrix:
    weights = estimator.transformer_weights or {}
    parts = []
    for name, transformer, _ in estimator.transformers_:
        positions = estimator._transformer_to_input_indices[name]
        if (isinstance(transformer, str) and transformer == "drop") or len(positions) == 0:
            continue
        if matrix.names:
            wanted = [str(estimator.feature_names_in_[i]) for i in positions]
            unknown = [column for column in wanted if column not in matrix.names]
            if unknown:
                raise _refusal(estimator, (*path, name), f"the engine has no input {', '.join(unknown)}")
            positions = [matrix.names.index(column) for column in wanted]
        part = _transform(transformer, matrix.take(positions), graph, (*path, name))
        parts.append(_weighted(part, weights.get(name), graph))
    return replace(join(parts), sparse=bool(getattr(estimator, "sparse_output_", False)))


def _weighted(part: Matrix, weight: float | None, graph: Graph) -> Matrix:
    if weight is None:
        return part
    weighted = graph.matrix(graph.add("Mul", graph.numbers(part), graph.constant(float(weight))), part.width)
    return replace(weighted, sparse=part.sparse)


def _by_name(estimator: Any, matrix: Matrix) -> Matrix:
    """Reorder the pipeline's input as the first step was fitted on it; a ColumnTransformer selects by name itself."""
    itself = (Pipeline, ColumnTransformer, FeatureUnion, *ensembles.WRAPPERS)
    if not matrix.names or type(estimator) in itself:
        return matrix
    names = getattr(estimator, "feature_names_in_", matrix.names)
    return matrix.take([matrix.names.index(str(name)) for name in names])


def _guarded(convert: Any, estimator: Any, matrix: Matrix, graph: Graph, path: tuple[str, ...]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns about what the proof checks
            return convert(estimator, matrix, graph)
    except Refused as refused:
        raise _refusal(estimator, path, str(refused)) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Converters read private attributes of scikit-learn, which may change, and have unforeseen options.
        raise _refusal(
            estimator, path, f"scikit-learn {sklearn.__version__} does not match the converter: {error}"
        ) from error


def _refusal(estimator: Any, path: tuple[str, ...], reason: str) -> CompileError:
    where = f" (step {' > '.join(path)})" if path else ""
    return CompileError(f"{type(estimator).__name__}{where} does not compile: {reason}.")
