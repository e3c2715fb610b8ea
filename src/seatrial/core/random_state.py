"""Seed every random part of a pipeline that has no seed, so that training twice gives the same model."""

from collections.abc import Iterator, Mapping
from typing import Any

FOLDS = 5
CATBOOST = "catboost.core"


def seed_pipeline(pipeline: Any, seed: int, target: Any) -> None:
    """Set every missing random state, in place; `target` (n,) is the column that the pipeline will be fitted to.

    Since scikit-learn 1.9 a TargetEncoder has no random state: it shuffles its folds at every fit, unless `cv` sets
    them. Splitters that shuffle are seeded as well, and estimators among the candidates of a search.
    """
    from sklearn.preprocessing import TargetEncoder

    parts = pipeline.get_params()
    states = {name: seed for name, value in parts.items() if name.endswith("random_state") and value is None}
    pipeline.set_params(**states)
    for part in (pipeline, *parts.values()):
        if type(part).__module__ == CATBOOST and not {"random_seed", "random_state"} & set(part.get_params()):
            part.set_params(random_seed=seed)  # it names only the parameters that were set
        if isinstance(part, TargetEncoder) and getattr(part, "random_state", "deprecated") == "deprecated":
            _seed_folds(part, seed, target)
        if _shuffles(part):
            part.random_state = seed
        for candidate in _candidates(part):
            seed_pipeline(candidate, seed, target)


def _shuffles(part: Any) -> bool:
    """Whether it is a splitter that draws its folds and has no seed."""
    drawn = callable(getattr(part, "split", None)) and not hasattr(part, "get_params")
    return drawn and getattr(part, "random_state", 0) is None and getattr(part, "shuffle", True) is True


def _candidates(part: Any) -> Iterator[Any]:
    """The estimators in a search's grids or distributions: lists of values by the names of parameters."""
    grids = part if isinstance(part, list | tuple) else [part]
    for grid in grids:
        if isinstance(grid, Mapping):
            for values in grid.values():
                if isinstance(values, list | tuple):
                    yield from (
                        value for value in values if hasattr(value, "get_params") and not isinstance(value, type)
                    )


def _seed_folds(encoder: Any, seed: int, target: Any) -> None:
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.utils.multiclass import type_of_target

    if not (encoder.cv is None or isinstance(encoder.cv, int)) or getattr(encoder, "shuffle", True) is False:
        return  # the user chose the folds
    kind = type_of_target(target) if encoder.target_type == "auto" else encoder.target_type
    folds = KFold if kind == "continuous" else StratifiedKFold
    encoder.set_params(cv=folds(encoder.cv or FOLDS, shuffle=True, random_state=seed))
