"""Pipelines as people write them, by the table of estimator_cases.py that each is for."""

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - see all_estimators
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import RFECV, SelectFromModel, SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC
from tests.train.estimator_cases import CATEGORIES, GAPS, NUMBERS


def columns(numbers: Any = None, *, dense: bool = True) -> ColumnTransformer:
    """Numbers, imputed gaps and one-hot categories; `numbers` in place of the scaler."""
    gaps = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), MinMaxScaler(clip=True))
    codes = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense)
    return ColumnTransformer(
        [("n", numbers or MinMaxScaler(clip=True), NUMBERS), ("g", gaps, GAPS), ("c", codes, CATEGORIES)]
    )


def _texts(vectorizer: Any) -> ColumnTransformer:
    """A vectorizer for the notes, beside scaled numbers and one-hot categories."""
    codes = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [("t", vectorizer, "note"), ("n", MinMaxScaler(), NUMBERS), ("c", codes, CATEGORIES)], sparse_threshold=1.0
    )


def _pipelines() -> dict[str, tuple[str, Any]]:
    """The table and the pipeline by a name that says what is special about it."""
    log = LogisticRegression(max_iter=500)
    forest = RandomForestClassifier(10)
    two: dict[str, Any] = {
        "logistic": make_pipeline(columns(), log),
        "sparse one-hot": make_pipeline(columns(dense=False), log),
        "forest, all processors": make_pipeline(columns(), RandomForestClassifier(20, n_jobs=2)),
        "boosted": make_pipeline(columns(), GradientBoostingClassifier(n_estimators=10)),
        "histogram": make_pipeline(columns(), HistGradientBoostingClassifier(max_iter=10)),
        "histogram over codes": Pipeline(
            [
                (
                    "c",
                    make_column_transformer(
                        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), CATEGORIES),
                        ("passthrough", NUMBERS + GAPS),
                    ),
                ),
                ("m", HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 1])),
            ]
        ),
        "histogram alone": HistGradientBoostingClassifier(max_iter=10),
        "selected by dtype": make_pipeline(
            make_column_transformer(
                (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
                (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            ),
            log,
        ),
        "target encoder": make_pipeline(make_column_transformer((TargetEncoder(), CATEGORIES)), log),
        "infrequent": make_pipeline(
            make_column_transformer(
                (OneHotEncoder(min_frequency=0.3, handle_unknown="infrequent_if_exist"), CATEGORIES)
            ),
            log,
        ),
        "grid": GridSearchCV(make_pipeline(columns(), log), {"logisticregression__C": [0.1, 1]}, cv=2, verbose=2),
        "random search": RandomizedSearchCV(make_pipeline(columns(), log), {"logisticregression__C": [1, 2]}, n_iter=2),
        "shuffled folds": GridSearchCV(
            make_pipeline(columns(), log), {"logisticregression__C": [0.1, 1]}, cv=StratifiedKFold(3, shuffle=True)
        ),
        "search of models": GridSearchCV(Pipeline([("c", columns()), ("m", log)]), {"m": [log, forest]}, cv=2),
        "search around neighbours": make_pipeline(
            columns(), GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3, 5]}, cv=2)
        ),
        "calibrated support vectors": make_pipeline(columns(), CalibratedClassifierCV(LinearSVC(), cv=2)),
        "calibrated forest": CalibratedClassifierCV(make_pipeline(columns(), forest), method="isotonic", cv=2),
        "calibrated, shuffled": CalibratedClassifierCV(
            make_pipeline(columns(), forest), cv=StratifiedKFold(2, shuffle=True)
        ),
        "soft vote": make_pipeline(columns(), VotingClassifier([("a", log), ("b", forest)], voting="soft")),
        "hard vote": make_pipeline(columns(), VotingClassifier([("a", log), ("b", forest)])),
        "stack": make_pipeline(columns(), StackingClassifier([("a", forest), ("b", SVC())], log, cv=2)),
        "bagging": make_pipeline(columns(), BaggingClassifier(log, 3)),
        "boosting of trees": make_pipeline(columns(), AdaBoostClassifier(n_estimators=5)),
        "against the rest": make_pipeline(columns(), OneVsRestClassifier(log)),
        "fixed threshold": FixedThresholdClassifier(make_pipeline(columns(), log), threshold=0.3),
        "tuned threshold": TunedThresholdClassifierCV(make_pipeline(columns(), log), cv=2),
        "polynomial": make_pipeline(columns(make_pipeline(PolynomialFeatures(2), StandardScaler())), log),
        "spline": make_pipeline(columns(SplineTransformer()), log),
        "bins": make_pipeline(columns(KBinsDiscretizer(4, encode="onehot-dense")), log),
        "power": make_pipeline(columns(PowerTransformer()), log),
        "quantile": make_pipeline(columns(QuantileTransformer(n_quantiles=20)), log),
        "logarithm": make_pipeline(columns(FunctionTransformer(np.log1p)), log),
        "components": make_pipeline(columns(), PCA(3), log),
        "sparse components": make_pipeline(columns(dense=False), TruncatedSVD(3), log),
        "best columns": make_pipeline(columns(), SelectKBest(k=3), log),
        "columns of a forest": make_pipeline(columns(), SelectFromModel(forest), log),
        "union": make_pipeline(columns(), FeatureUnion([("a", PCA(2)), ("b", SelectKBest(k=2))]), log),
        "nystroem": make_pipeline(columns(), Nystroem(n_components=10), log),
        "neighbours impute": make_pipeline(ColumnTransformer([("n", KNNImputer(), NUMBERS + GAPS)]), log),
        "iterative imputer": make_pipeline(ColumnTransformer([("n", IterativeImputer(), NUMBERS + GAPS)]), log),
        "words": make_pipeline(
            ColumnTransformer([("t", CountVectorizer(), "note"), ("n", MinMaxScaler(), NUMBERS)]), log
        ),
        "word weights": make_pipeline(ColumnTransformer([("t", TfidfVectorizer(analyzer="char"), "note")]), log),
        "neighbours": make_pipeline(columns(), KNeighborsClassifier(metric="manhattan", weights="distance")),
        "network": make_pipeline(columns(), MLPClassifier((8,), max_iter=50)),
        "gaussian process": make_pipeline(columns(), GaussianProcessClassifier(1.0 * RBF(1.0))),
        "support vectors": make_pipeline(columns(), SVC()),
        "ridge classifier": make_pipeline(columns(), RidgeClassifier()),
        "hinge": make_pipeline(columns(), SGDClassifier()),
        "text and numbers": make_pipeline(_texts(TfidfVectorizer(ngram_range=(1, 2), stop_words="english")), log),
        "text by letters, bayes": make_pipeline(
            ColumnTransformer([("t", CountVectorizer(analyzer="char_wb", ngram_range=(2, 3)), "note")]), MultinomialNB()
        ),
        "hashed text": make_pipeline(_texts(HashingVectorizer(n_features=256)), SGDClassifier(loss="log_loss")),
        "words, then weights, then the best": make_pipeline(
            _texts(make_pipeline(CountVectorizer(), TfidfTransformer(), SelectKBest(k=2))), log
        ),
        "text to forest": make_pipeline(_texts(CountVectorizer(binary=True, max_features=5)), forest),
        "latent topics": make_pipeline(_texts(make_pipeline(TfidfVectorizer(), TruncatedSVD(2))), log),
        "words and letters": make_pipeline(
            _texts(FeatureUnion([("w", TfidfVectorizer()), ("l", TfidfVectorizer(analyzer="char"))])), log
        ),
        "own tokens": make_pipeline(_texts(CountVectorizer(tokenizer=str.split, token_pattern=None)), log),
        "components, support vectors": make_pipeline(
            columns(), StandardScaler(), PCA(0.9), CalibratedClassifierCV(SVC(), cv=3)
        ),
        "recursive selection": make_pipeline(columns(), RFECV(log, cv=2), log),
        "halving": HalvingGridSearchCV(
            make_pipeline(columns(), log), {"logisticregression__C": [0.1, 1, 10]}, cv=2, min_resources=40
        ),
        "stack of mixed": StackingClassifier(
            [
                ("a", make_pipeline(columns(), log)),
                ("b", make_pipeline(columns(), forest)),
                ("c", make_pipeline(columns(), GaussianNB())),
            ],
            cv=2,
        ),
        "the rest passed on": make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), CATEGORIES), ("drop", ["note"]), remainder="passthrough"
            ),
            SimpleImputer(),
            StandardScaler(),
            log,
        ),
        "columns within columns": make_pipeline(
            ColumnTransformer(
                [
                    (
                        "n",
                        make_pipeline(
                            ColumnTransformer(
                                [("g", SimpleImputer(add_indicator=True), GAPS)], remainder="passthrough"
                            ),
                            MinMaxScaler(),
                        ),
                        NUMBERS + GAPS,
                    ),
                    ("c", OneHotEncoder(handle_unknown="ignore", drop="if_binary"), CATEGORIES),
                ],
                transformer_weights={"n": 2.0},
            ),
            log,
        ),
        "what is missing": make_pipeline(
            ColumnTransformer([("m", MissingIndicator(features="all"), GAPS), ("n", StandardScaler(), NUMBERS)]), log
        ),
        "codes of categories": make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2), CATEGORIES),
                (SimpleImputer(strategy="constant", fill_value=-1), NUMBERS + GAPS),
            ),
            ExtraTreesClassifier(20),
        ),
        "bins and crosses": make_pipeline(
            columns(make_pipeline(KBinsDiscretizer(3), PolynomialFeatures(interaction_only=True))), log
        ),
        "the nearest": make_pipeline(columns(StandardScaler()), KNeighborsClassifier(7, weights="distance")),
        "several labels": make_pipeline(columns(), MultiOutputClassifier(log)),
        "calibrated stack": make_pipeline(
            columns(), CalibratedClassifierCV(StackingClassifier([("a", forest), ("b", LinearSVC())], log, cv=2), cv=2)
        ),
        "outliers": make_pipeline(columns(), IsolationForest(n_estimators=10)),
        "regressor for classes": make_pipeline(columns(), LinearRegression()),
        "pandas inside": make_pipeline(columns().set_output(transform="pandas"), log),
        "lambda": make_pipeline(columns(FunctionTransformer(lambda rows: rows**2)), log),
    }
    amount: dict[str, Any] = {
        "ridge": make_pipeline(columns(), Ridge()),
        "lasso of polynomials": make_pipeline(columns(PolynomialFeatures(2)), Lasso(max_iter=5000)),
        "forest of numbers": make_pipeline(columns(), RandomForestRegressor(10)),
        "histogram of numbers": make_pipeline(columns(), HistGradientBoostingRegressor(max_iter=10)),
        "logarithmic target": TransformedTargetRegressor(
            make_pipeline(columns(), Ridge()), func=np.log1p, inverse_func=np.expm1
        ),
        "power target": TransformedTargetRegressor(
            make_pipeline(columns(), Ridge()), transformer=PowerTransformer(standardize=False)
        ),
        "vote of numbers": VotingRegressor(
            [("a", make_pipeline(columns(), Ridge())), ("b", make_pipeline(columns(), RandomForestRegressor(5)))]
        ),
        "stack of numbers": StackingRegressor(
            [("a", make_pipeline(columns(), Ridge())), ("b", make_pipeline(columns(), KNeighborsRegressor()))], cv=2
        ),
        "gaussian process of numbers": make_pipeline(columns(), GaussianProcessRegressor(RBF() + WhiteKernel())),
        "several targets": make_pipeline(columns(), MultiOutputRegressor(Ridge())),
        "robust": make_pipeline(columns(RobustScaler()), LinearRegression()),
        "text to amount": make_pipeline(_texts(TfidfVectorizer(sublinear_tf=True)), Ridge()),
        "quantile target": TransformedTargetRegressor(
            make_pipeline(columns(), Ridge()), transformer=QuantileTransformer(n_quantiles=20)
        ),
        "stack of forests": make_pipeline(
            columns(), StackingRegressor([("a", RandomForestRegressor(5)), ("b", Ridge())], Ridge(), cv=3)
        ),
        "classifier of numbers": make_pipeline(columns(), LogisticRegression()),
    }
    return {**{k: ("two", v) for k, v in two.items()}, **{k: ("amount", v) for k, v in amount.items()}}


PIPELINES = _pipelines()
