"""The types that a native release may contain besides scikit-learn's public estimators, which skops trusts.

Each was read before it was added: an object of it holds numbers, texts and other trusted objects, and neither making
it nor calling its methods runs code that the file chooses. So what takes a function of the user's is missing
(`PyFuncDistance64`), and every function is named: pure functions of arrays in numpy, scipy and scikit-learn. Node
numbers of trees and of neighbour indexes are not checked, so a file that was made up for that can crash the process:
see UNCHECKED.
"""

# What follows node numbers without a check: for files of strangers it takes their trust.
UNCHECKED = frozenset(
    (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._ball_tree.BallTree64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._kd_tree.KDTree64",
        "sklearn.tree._tree.Tree",
    )
)


def _in(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names)


_METRICS = (
    *("BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Haversine", "Jaccard", "Mahalanobis"),
    *("Manhattan", "Minkowski", "RogersTanimoto", "RussellRao", "SEuclidean", "SokalSneath"),
)

TRUSTED_TYPES = (
    "numpy.dtype",
    # Losses and links: numbers only.
    *_in("sklearn._loss.link", "HalfLogitLink", "IdentityLink", "Interval", "LogLink", "LogitLink", "MultinomialLogit"),
    *_in("sklearn._loss.loss", "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss"),
    *_in("sklearn._loss.loss", "HalfMultinomialLoss", "HalfPoissonLoss", "HalfSquaredError", "HalfTweedieLoss"),
    *_in("sklearn._loss.loss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss"),
    # Trees and what histogram boosting keeps: arrays.
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    # Neighbours: arrays of points, and a distance by its parameters.
    *(f"sklearn.metrics._dist_metrics.{name}Distance{size}" for name in _METRICS for size in (32, 64)),
    *_in("sklearn.neighbors._ball_tree", "BallTree", "BallTree32", "BallTree64"),
    *_in("sklearn.neighbors._kd_tree", "KDTree", "KDTree32", "KDTree64"),
    # A dictionary with attributes: the named parts of votes and stacks.
    "sklearn.utils._bunch.Bunch",
    # Calibration: a fitted estimator, and two numbers, a temperature, or an isotonic regression.
    *_in("sklearn.calibration", "_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"),
    # Gaussian processes: kernels by their parameters, and the fitted arrays of one class against the rest.
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *_in("sklearn.gaussian_process.kernels", "CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared"),
    *_in("sklearn.gaussian_process.kernels", "Exponentiation", "Hyperparameter", "Matern", "PairwiseKernel", "Product"),
    *_in("sklearn.gaussian_process.kernels", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
    # One class against the rest where there is only one; the state of a network's optimizer, which is arrays.
    "sklearn.multiclass._ConstantPredictor",
    *_in("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer", "SGDOptimizer"),
    # Imputation round by round: three of (feature, its neighbours, a fitted estimator).
    *_in("sklearn.impute._iterative", "IterativeImputer", "_ImputerTriplet"),
    # Splines: knots and coefficients, and the function that makes an array of them.
    *_in("scipy.interpolate._bsplines", "BSpline"),
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    # Clusters as features: a tree of centers, the two algorithms by their names, the function that pools columns.
    "numpy.mean",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    *_in("sklearn.cluster._kmeans", "_kmeans_single_elkan", "_kmeans_single_lloyd"),
    # What columns were selected by; called when fitting only.
    *_in("sklearn.feature_selection._univariate_selection", "chi2", "f_classif", "f_oneway", "f_regression"),
    *_in("sklearn.feature_selection._univariate_selection", "r_regression"),
    *_in("sklearn.feature_selection._mutual_info", "mutual_info_classif", "mutual_info_regression"),
    # Folds and scores of a search inside another estimator, which only fitting uses.
    *_in(
        "sklearn.model_selection._split", "GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneOut", "PredefinedSplit"
    ),
    *_in("sklearn.model_selection._split", "RepeatedKFold", "RepeatedStratifiedKFold", "ShuffleSplit"),
    *_in("sklearn.model_selection._split", "StratifiedGroupKFold", "StratifiedKFold", "StratifiedShuffleSplit"),
    *_in("sklearn.model_selection._split", "TimeSeriesSplit"),
    *_in("sklearn.model_selection._search_successive_halving", "HalvingGridSearchCV", "HalvingRandomSearchCV"),
    *_in("sklearn.metrics._scorer", "_CurveScorer", "_PassthroughScorer", "_Scorer"),
    "sklearn.metrics._classification.balanced_accuracy_score",
    *_in("sklearn.utils._metadata_requests", "MetadataRequest", "MethodMetadataRequest"),
)
