"""TransformedTargetRegressor: a regressor of a transformed target, whose predictions are transformed back."""

from typing import Any

import numpy as np
from sklearn import preprocessing

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.parts import Parts
from seatrial.compile.powers import UFUNCS


def transformed_target(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to predictions (n,) in the target's own unit."""
    if model._training_dim != 1:
        raise Refused("it predicts several targets")
    predicted = parts.scores(model.regressor_, matrix)
    return _inverse(model.transformer_, predicted, graph)


def _inverse(transformer: Any, predicted: str, graph: Graph) -> str:
    """Transform predictions (n,) of one column back."""
    if type(transformer) is preprocessing.FunctionTransformer:
        function = transformer.inverse_func
        if function is None:
            return predicted
        if function not in UFUNCS or transformer.inv_kw_args:
            name = getattr(function, "__name__", str(function))
            raise Refused(f"it calls the Python function {name}; numpy's exp, expm1, log, log1p, sqrt, square compile")
        return UFUNCS[function](predicted, graph)
    steps: tuple[tuple[str, Any], ...]
    if type(transformer) is preprocessing.StandardScaler:
        center = transformer.mean_ if transformer.with_mean else None
        steps = ("Mul", transformer.scale_), ("Add", center)
    elif type(transformer) is preprocessing.RobustScaler:
        scale = transformer.scale_ if transformer.with_scaling else None
        steps = ("Mul", scale), ("Add", transformer.center_ if transformer.with_centering else None)
    elif type(transformer) is preprocessing.MinMaxScaler:
        steps = ("Sub", transformer.min_), ("Div", transformer.scale_)
    elif type(transformer) is preprocessing.MaxAbsScaler:
        steps = (("Mul", transformer.scale_),)
    else:
        raise Refused(f"its transformer {type(transformer).__name__} has no exact inverse in the graph")
    for operator, values in steps:
        if values is not None:
            predicted = graph.add(operator, predicted, graph.constant(float(np.ravel(values)[0])))
    return predicted
