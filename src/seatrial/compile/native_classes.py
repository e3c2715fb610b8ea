"""Classes of scikit-learn that no graph can repeat exactly, each with the measured reason."""

from sklearn import gaussian_process, impute, neighbors, svm

NATIVE: dict[str, tuple[type, ...]] = {
    "libsvm stops its search for probabilities early, up to 0.005 before their end, so they jump where the last bit of "
    "a sum decides that it stops; CalibratedClassifierCV(SVC()) has better ones": (svm.SVC, svm.NuSVC),
    "two of its training rows may be equally near, and the last bit of a distance, or their order in scikit-learn's "
    "index, decides between them: answers were off by up to 0.2 on such rows, even of a graph that adds in the same "
    "order": (
        impute.KNNImputer,
        neighbors.KNeighborsClassifier,
        neighbors.KNeighborsRegressor,
        neighbors.RadiusNeighborsClassifier,
        neighbors.RadiusNeighborsRegressor,
    ),
    "its probabilities are integrals of the normal distribution, for which onnxruntime has no operator in double "
    "precision": (gaussian_process.GaussianProcessClassifier,),
}


def reason_for(estimator: object) -> str:
    """Say why this estimator has no converter."""
    reasons = (reason for reason, classes in NATIVE.items() if type(estimator) in classes)
    return next(reasons, "Seatrial has no exact converter for this class")
