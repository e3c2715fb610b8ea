"""Neural networks with each activation, in double precision throughout."""

import numpy as np
import onnx
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from tests.compile.cases import FRAME, VALUES, compile_case, scaled

from seatrial.core.errors import CompileError

SHORT = {"max_iter": 30, "random_state": 0}
ACTIVATIONS = pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])


@pytest.mark.slow
@ACTIVATIONS
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_network_classifiers_compile(activation, task):
    compile_case(make_pipeline(scaled(), MLPClassifier((5, 3), activation=activation, **SHORT)), task)


@pytest.mark.slow
@ACTIVATIONS
def test_network_regressors_compile_without_single_precision(activation):
    network = MLPRegressor(hidden_layer_sizes=(5,), activation=activation, **SHORT)
    graph = onnx.load_from_string(compile_case(make_pipeline(scaled(), network), "regression").graph).graph
    assert onnx.TensorProto.FLOAT not in {constant.data_type for constant in graph.initializer}


@pytest.mark.slow
def test_a_network_with_the_loss_of_poisson_compiles():
    network = MLPRegressor(loss="poisson", hidden_layer_sizes=(5,), **SHORT)
    compile_case(make_pipeline(scaled(), network), "regression")


@pytest.mark.slow
def test_several_targets_and_labels_are_refused():
    targets = np.stack([VALUES, VALUES], axis=1)
    for network, several, task in (
        (MLPRegressor(hidden_layer_sizes=(2,), **SHORT), targets, "regression"),
        (MLPClassifier(hidden_layer_sizes=(2,), **SHORT), (targets > 10).astype(int), "binary"),
    ):
        with pytest.raises(CompileError, match=r"it predicts several (targets|labels)"):
            compile_case(make_pipeline(scaled(), network).fit(FRAME, several), task, fitted=True)
