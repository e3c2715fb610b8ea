"""Seed every random part of a pipeline that has no seed, so that training twice gives the same model."""

from typing import Any

FOLDS = 5


def seed_pipeline(pipeline: Any, seed: int, target: Any) -> None:
    """Set every missing random state, in place; `target` (n,) is the column that the pipeline will be fitted to.

    Since scikit-learn 1.9 a TargetEncoder has no random state: it shuffles its folds at every fit, unless `cv` sets
    them.
    """
    from sklearn.preprocessing import TargetEncoder

    parts = pipeline.get_params()
    states = {name: seed for name, value in parts.items() if name.endswith("random_state") and value is None}
    pipeline.set_params(**states)
    for part in (pipeline, *parts.values()):
        if isinstance(part, TargetEncoder) and getattr(part, "random_state", "deprecated") == "deprecated":
            _seed_folds(part, seed, target)


def _seed_folds(encoder: Any, seed: int, target: Any) -> None:
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.utils.multiclass import type_of_target

    if not (encoder.cv is None or isinstance(encoder.cv, int)) or getattr(encoder, "shuffle", True) is False:
        return  # the user chose the folds
    kind = type_of_target(target) if encoder.target_type == "auto" else encoder.target_type
    folds = KFold if kind == "continuous" else StratifiedKFold
    encoder.set_params(cv=folds(encoder.cv or FOLDS, shuffle=True, random_state=seed))
