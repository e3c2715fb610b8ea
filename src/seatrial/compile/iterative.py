"""The iterative imputer: each column's missing values, predicted in turn from the other columns by a linear model."""

from typing import Any

import numpy as np
from sklearn.impute._iterative import IterativeImputer  # the public name needs scikit-learn's switch for experiments

from seatrial.compile.graph import Graph, Matrix, Refused, join, refuse_text
from seatrial.compile.linear import PLAIN, linear_regressor
from seatrial.compile.preprocessing import missing_indicator, simple_imputer


def iterative_imputer(imputer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Repeat the fitted rounds, in their order; columns without a value at fit are dropped, as there."""
    if imputer.sample_posterior:
        raise Refused("it draws the values at random; leave sample_posterior out")
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise Refused(f"its missing_values are {imputer.missing_values!r}")
    refuse_text(matrix)
    empty = imputer._is_empty_feature
    if imputer.keep_empty_features and empty.any():
        raise Refused("one of its columns has no value; leave keep_empty_features out")
    given = matrix.take(np.flatnonzero(~empty))
    columns = list(simple_imputer(imputer.initial_imputer_, matrix, graph).cells)
    for step in imputer.imputation_sequence_:
        if type(step.estimator) not in PLAIN:
            raise Refused(f"its estimator is {type(step.estimator).__name__}, and only a linear one compiles")
        others = Matrix(tuple(columns[i] for i in step.neighbor_feat_idx))
        predicted = linear_regressor(step.estimator, others, graph)
        predicted = graph.add("Unsqueeze", predicted, graph.constant([1], np.int64))
        low, high = (graph.constant(float(ends[step.feat_idx])) for ends in (imputer._min_value, imputer._max_value))
        missing = graph.add("IsNaN", graph.gather(given.take([step.feat_idx])))
        known = graph.gather(Matrix((columns[step.feat_idx],)))
        imputed = graph.add("Where", missing, graph.add("Clip", predicted, low, high), known)
        columns[step.feat_idx] = graph.matrix(imputed, 1).cells[0]
    result = Matrix(tuple(columns))
    return join([result, missing_indicator(imputer.indicator_, matrix, graph)]) if imputer.add_indicator else result


TRANSFORMERS = {IterativeImputer: iterative_imputer}
