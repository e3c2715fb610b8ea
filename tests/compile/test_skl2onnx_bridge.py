"""The estimators that skl2onnx converts: equal in double precision, and float32 is refused."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor

from seatrial.compile import skl2onnx_bridge
from seatrial.compile.graph import Graph, Refused
from seatrial.model.engines import GraphEngine
from seatrial.model.inputs import Inputs

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def graph() -> Graph:
    return Graph(Inputs(("a", "b", "c"), ()))


def run(built: Graph, scores: str, rank: int) -> np.ndarray:
    return GraphEngine(built.finish(scores, rank).SerializeToString())(X, np.empty((60, 0), dtype=object))


def test_a_transformer_is_converted_exactly() -> None:
    pca, built = PCA(2).fit(X), graph()
    transformed = skl2onnx_bridge.transformer(pca, built.root, built)
    assert transformed.width == 2
    np.testing.assert_allclose(run(built, built.gather(transformed), 2), pca.transform(X), rtol=0, atol=1e-12)


def test_a_classifier_and_a_regressor_are_converted_exactly() -> None:
    bayes, built = GaussianNB().fit(X, Y), graph()
    scores = skl2onnx_bridge.classifier(bayes, built.root, built)
    np.testing.assert_allclose(run(built, scores, 2), bayes.predict_proba(X), rtol=0, atol=1e-12)
    network, built = (
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=2000, tol=1e-2, random_state=0).fit(X, X[:, 0]),
        graph(),
    )
    predictions = run(built, skl2onnx_bridge.regressor(network, built.root, built), 1)
    assert predictions.shape == (60,)
    np.testing.assert_allclose(predictions, network.predict(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", [RandomForestClassifier(3, random_state=0)])
def test_operators_in_float32_are_refused(model: RandomForestClassifier) -> None:
    built = graph()
    with pytest.raises(Refused, match=r"skl2onnx (uses|computes|stores|cannot)"):
        skl2onnx_bridge.classifier(model.fit(X, Y), built.root, built)


def test_an_estimator_without_a_conversion_is_refused() -> None:
    class Own(GaussianProcessRegressor):
        pass

    built = graph()
    with pytest.raises(Refused, match="skl2onnx cannot convert it"):
        skl2onnx_bridge.regressor(Own().fit(X, Y), built.root, built)
