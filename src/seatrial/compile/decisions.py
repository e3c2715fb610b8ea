"""Decision functions of classifiers: what an ensemble or a calibration reads where scikit-learn reads them.

Each is (n, 1) for two classes and (n, n_classes) for more. A classifier by itself is never released with these values,
since they are not probabilities.
"""

from collections.abc import Callable
from typing import Any

from sklearn import discriminant_analysis, ensemble, linear_model, svm

from seatrial.compile import kernels, linear, trees
from seatrial.compile.graph import Graph, Matrix

DECISIONS: dict[type, Callable[[Any, Matrix, Graph], str]] = {
    **kernels.DECISIONS,
    discriminant_analysis.LinearDiscriminantAnalysis: linear.sums,
    linear_model.LogisticRegression: linear.sums,
    linear_model.LogisticRegressionCV: linear.sums,
    linear_model.Perceptron: linear.sums,
    linear_model.RidgeClassifier: linear.sums,
    linear_model.RidgeClassifierCV: linear.sums,
    linear_model.SGDClassifier: linear.sums,
    svm.LinearSVC: linear.sums,
    ensemble.GradientBoostingClassifier: trees.boosted_sums,
    ensemble.HistGradientBoostingClassifier: trees.boosted_sums,
}
