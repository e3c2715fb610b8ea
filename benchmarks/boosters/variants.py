"""The models that are fitted: each library's objectives, ways to grow trees, sizes, and ways to use categories."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.boosters.real_tables import RealTable

TABLES_EACH = 2  # tables that a model is fitted on; the next model gets the next ones
BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"


@dataclass(frozen=True)
class Variant:
    """A model to fit: `encoding` says what becomes of strings: one-hot columns, or codes that the library splits."""

    library: str
    task: str
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    encoding: str = "one-hot"
    kind: str = ""  # of estimator, where it is not the library's usual one

    def fit(self, table: RealTable) -> Any:
        """Fit a pipeline on a table."""
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        one_hot = OneHotEncoder(handle_unknown="ignore", min_frequency=2, sparse_output=False)
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        encoder: Any = {"one-hot": one_hot, "codes": codes, "strings": "passthrough"}[self.encoding]
        numbers = [name for name in table.frame.columns if name not in table.strings]
        parts = [("strings", encoder, table.strings), ("numbers", "passthrough", numbers)]
        model = getattr(self, f"_{self.library}")(table)
        pipeline = make_pipeline(ColumnTransformer([part for part in parts if part[2]]), model)
        return pipeline.fit(table.frame, table.target)

    def _xgboost(self, table: RealTable) -> Any:
        import xgboost

        kind = self.kind or ("XGBRegressor" if self.task == REGRESSION else "XGBClassifier")
        parameters = {"n_estimators": 60, "max_depth": 5, "n_jobs": 1, "random_state": 1, **self.parameters}
        if self.encoding == "codes":
            count = len(table.strings)
            parameters["enable_categorical"] = True
            parameters["feature_types"] = ["c"] * count + ["q"] * (table.frame.shape[1] - count)
        return getattr(xgboost, kind)(**parameters)

    def _lightgbm(self, table: RealTable) -> Any:
        import lightgbm

        kind = lightgbm.LGBMRegressor if self.task == REGRESSION else lightgbm.LGBMClassifier
        parameters = {"n_estimators": 60, "n_jobs": 1, "random_state": 1, "verbose": -1, **self.parameters}
        if self.encoding == "codes" and table.strings:
            parameters |= {"categorical_feature": list(range(len(table.strings))), "min_data_per_group": 5}
        return kind(**parameters)

    def _catboost(self, table: RealTable) -> Any:
        import catboost

        kind = catboost.CatBoostRegressor if self.task == REGRESSION else catboost.CatBoostClassifier
        fixed = {"random_seed": 1, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
        parameters = {"iterations": 60, **fixed, **self.parameters}
        if self.encoding == "strings":
            parameters["cat_features"] = list(range(len(table.strings)))
        return kind(**parameters)


def _xgboost() -> list[Variant]:
    def one(task: str, name: str, **how: Any) -> Variant:
        made = {key: how.pop(key) for key in ("encoding", "kind") if key in how}
        return Variant("xgboost", task, name, how, **made)

    return [
        one(BINARY, "logistic"),
        one(BINARY, "categories", encoding="codes"),
        one(BINARY, "few categories", encoding="codes", max_cat_to_onehot=1, max_depth=8),
        one(BINARY, "dart", booster="dart", rate_drop=0.2),
        one(BINARY, "random forest", kind="XGBRFClassifier", max_depth=8),
        one(BINARY, "large", n_estimators=500, max_depth=7, learning_rate=0.05),
        one(BINARY, "weighted", scale_pos_weight=3, base_score=0.2),
        one(BINARY, "a missing zero", missing=0.0, encoding="codes"),
        one(MULTICLASS, "softprob", n_estimators=25),
        one(MULTICLASS, "categories", n_estimators=25, encoding="codes"),
        one(MULTICLASS, "lossguide", n_estimators=25, grow_policy="lossguide", max_leaves=24),
        one(REGRESSION, "squared error"),
        one(REGRESSION, "absolute error", objective="reg:absoluteerror", encoding="codes"),
        one(REGRESSION, "quantile", objective="reg:quantileerror", quantile_alpha=0.8),
        one(REGRESSION, "gamma", objective="reg:gamma"),
        one(REGRESSION, "tweedie", objective="reg:tweedie", encoding="codes"),
        one(REGRESSION, "large", n_estimators=500, learning_rate=0.05),
    ]


def _lightgbm() -> list[Variant]:
    def one(task: str, name: str, encoding: str = "one-hot", **how: Any) -> Variant:
        return Variant("lightgbm", task, name, how, encoding)

    return [
        one(BINARY, "logistic"),
        one(BINARY, "categories", "codes"),
        one(BINARY, "cross entropy", objective="cross_entropy"),
        one(BINARY, "zero as missing", "codes", zero_as_missing=True),
        one(BINARY, "no missing", use_missing=False),
        one(BINARY, "dart", boosting_type="dart"),
        one(BINARY, "random forest", boosting_type="rf", subsample=0.7, subsample_freq=1),
        one(BINARY, "large", n_estimators=500, num_leaves=63, learning_rate=0.05),
        one(MULTICLASS, "softmax", n_estimators=25),
        one(MULTICLASS, "one against all", objective="multiclassova", n_estimators=25),
        one(MULTICLASS, "categories", "codes", n_estimators=25),
        one(REGRESSION, "squared error"),
        one(REGRESSION, "root", "codes", reg_sqrt=True),
        one(REGRESSION, "quantile", "codes", objective="quantile", alpha=0.8),
        one(REGRESSION, "gamma", objective="gamma"),
        one(REGRESSION, "poisson", "codes", objective="poisson"),
        one(REGRESSION, "large", n_estimators=500, num_leaves=63, learning_rate=0.05),
    ]


def _catboost() -> list[Variant]:
    def one(task: str, name: str, encoding: str = "strings", **how: Any) -> Variant:
        return Variant("catboost", task, name, how, encoding)

    return [
        one(BINARY, "logistic, one-hot", "one-hot"),
        one(BINARY, "statistics", max_ctr_complexity=1),
        one(BINARY, "combinations", max_ctr_complexity=3, model_size_reg=0),
        one(BINARY, "one-hot inside", one_hot_max_size=50),
        one(BINARY, "deep", depth=9),
        one(BINARY, "loss-guided", grow_policy="Lossguide", max_ctr_complexity=1),
        one(BINARY, "NaN is largest", nan_mode="Max", max_ctr_complexity=1),
        one(BINARY, "large", "one-hot", iterations=1000, depth=6),
        one(MULTICLASS, "softmax", iterations=25, max_ctr_complexity=1),
        one(MULTICLASS, "by depth", iterations=25, grow_policy="Depthwise", max_ctr_complexity=1),
        one(MULTICLASS, "large", "one-hot", iterations=150),
        one(REGRESSION, "RMSE", max_ctr_complexity=1),
        one(REGRESSION, "absolute error", loss_function="MAE", max_ctr_complexity=1),
        one(REGRESSION, "combinations", max_ctr_complexity=2),
        one(REGRESSION, "tweedie", "one-hot", loss_function="Tweedie:variance_power=1.5"),
        one(REGRESSION, "many borders", "one-hot", border_count=1024),
        one(REGRESSION, "large", "one-hot", iterations=1000, depth=6),
    ]


def chosen(tables: list[RealTable], most: int | None = None) -> list[tuple[Variant, RealTable]]:
    """Which models are fitted on which tables: each on two of those of its task; of these `most` at random."""
    pairs = []
    for library in (_xgboost(), _lightgbm(), _catboost()):
        for task in (BINARY, MULTICLASS, REGRESSION):
            fitting = [table for table in tables if table.task == task]
            for position, variant in enumerate(each for each in library if each.task == task):
                places = range(position, position + min(TABLES_EACH, len(fitting)))
                pairs += [(variant, fitting[place % len(fitting)]) for place in places]
    kept = np.sort(np.random.default_rng(0).permutation(len(pairs))[:most])
    return [pairs[position] for position in kept.tolist()]
