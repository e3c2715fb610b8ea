"""Reads anybody's fitted model from the file in which it was saved, for `seatrial exact`."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from seatrial.compile.node_numbers import check_lightgbm, check_xgboost
from seatrial.core.errors import SeatrialError

PICKLES = (".pkl", ".pickle", ".joblib")
SAFE_FORMS = "a model of XGBoost (.json, .ubj), LightGBM (.txt) or CatBoost (.cbm), or .skops"
RETRAIN = "Train it with the project's pipeline.py instead, which needs no file."
FORMS = f"{SAFE_FORMS}, or .pkl and .joblib with --trust"


def load_model(file: Path, *, trust: bool = False, forms: str = FORMS) -> Any:
    """Load a fitted estimator, or what stands for one.

    A pickle runs whatever is in it, so it is loaded with `trust` only. `forms` are what errors say that a file can be.
    Raises SeatrialError where it is no model.
    """
    if not file.is_file():
        raise SeatrialError(f"{file} does not exist.", hint=f"Name a file with {forms}.")
    suffix = file.suffix.lower()
    try:
        if suffix in PICKLES:
            if not trust:
                raise SeatrialError(
                    f"{file.name} is a pickle, which runs what is in it when it is loaded.",
                    hint="If you know who wrote it, add --trust.",
                )
            return import_module("joblib").load(file)
        if suffix == ".skops":
            return _skops(file, trust=trust, trustable=forms == FORMS)
        if suffix == ".txt":
            return _lightgbm(file)
        if suffix == ".cbm" or (suffix == ".json" and "features_info" in _keys(file)):
            return _catboost(file)
        if suffix in (".json", ".ubj"):
            return _xgboost(file)
    except ImportError as error:
        hint = f'pip install "seatrial[{error.name}]"' if error.name in ("xgboost", "lightgbm", "catboost") else ""
        raise SeatrialError(f"{file.name} needs {error.name}, which is not installed.", hint=hint) from None
    except SeatrialError:
        raise
    except Exception as error:  # the libraries raise their own classes
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SeatrialError(f"{file.name} cannot be loaded: {line}", hint=f"It must be {forms}.") from None
    raise SeatrialError(f"{file.name} is not a model by its name.", hint=f"Name a file with {forms}.")


def _keys(file: Path) -> set[str]:
    document = json.loads(file.read_bytes())
    return set(document) if isinstance(document, dict) else set()


def _skops(file: Path, *, trust: bool, trustable: bool) -> Any:
    from skops.io import get_untrusted_types, load

    from seatrial.model.engines import untrusted_types
    from seatrial.model.trusted_types import TRUSTED_TYPES, UNCHECKED

    if unknown := untrusted_types(file=file):
        raise SeatrialError(
            f"{file.name} contains types that are not on the allow-list: {', '.join(unknown)}.",
            hint="Save it with joblib, and add --trust if you know who wrote it." if trustable else RETRAIN,
        )
    if not trust and (unchecked := UNCHECKED & set(get_untrusted_types(file=file))):
        raise SeatrialError(
            f"{file.name} contains {', '.join(sorted(unchecked))}, whose node numbers nothing checks.",
            hint="If you know who wrote it, add --trust." if trustable else RETRAIN,
        )
    return load(file, trusted=list(TRUSTED_TYPES))


def _xgboost(file: Path) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=file)
    check_xgboost(json.loads(booster.save_raw("json"))["learner"])
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    named = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
    classifies = named == "classifier" if named else objective.startswith(("binary:logistic", "multi:"))
    model = xgboost.XGBClassifier() if classifies else xgboost.XGBRegressor()
    model.load_model(file)
    return model


def _catboost(file: Path) -> Any:
    import catboost

    from seatrial.compile.boosters.catboost import LOGISTIC, SOFTMAX

    form = "json" if file.suffix == ".json" else "cbm"
    model = catboost.CatBoost().load_model(str(file), format=form)
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    classifies = loss in (*LOGISTIC, *SOFTMAX, "MultiClassOneVsAll")
    kind = catboost.CatBoostClassifier if classifies else catboost.CatBoostRegressor
    return kind().load_model(str(file), format=form)


def _lightgbm(file: Path) -> Any:
    """An estimator of LightGBM around a saved booster, with what its readers and `predict` need."""
    import lightgbm
    import numpy as np
    from sklearn.preprocessing import LabelEncoder

    check_lightgbm(file.read_bytes())
    booster = lightgbm.Booster(model_file=file)
    objective = str(booster.dump_model().get("objective", "")).split(" ")[0]
    classifies = objective in ("binary", "cross_entropy", "multiclass", "multiclassova")
    model = lightgbm.LGBMClassifier() if classifies else lightgbm.LGBMRegressor()
    state: dict[str, Any] = {"_Booster": booster, "fitted_": True, "_n_features": booster.num_feature()}
    state |= {"_n_features_in": booster.num_feature(), "_objective": objective, "_best_iteration": None}
    if classifies:
        classes = max(booster.num_model_per_iteration(), 2)
        labels = np.arange(classes)
        encoder = LabelEncoder().fit(labels)
        state |= {"_n_classes": classes, "_classes": labels, "_class_map": dict(enumerate(labels)), "_le": encoder}
    for name, value in state.items():
        setattr(model, name, value)
    return model


def load_rows(file: Path) -> Any:
    """Read a table as a DataFrame. Raises SeatrialError where it cannot be read."""
    import pandas as pd

    try:
        return pd.read_parquet(file) if file.suffix.lower() == ".parquet" else pd.read_csv(file)
    except (OSError, ValueError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SeatrialError(f"{file.name} cannot be read as a table: {line}") from None
