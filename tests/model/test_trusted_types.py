"""The types that a native release may contain: all of them exist, and none runs what the file chooses."""

import importlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.neighbors import KNeighborsClassifier
from skops.io import dumps

from seatrial.model.engines import untrusted_types
from seatrial.model.trusted_types import TRUSTED_TYPES

generator = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": generator.normal(size=60), "z": generator.normal(size=60)})
LABELS = (FRAME["x"] > 0).astype(int)


def farthest(one: Any, other: Any) -> float:
    """A distance of the user's own."""
    return float(np.abs(one - other).max())


@pytest.mark.parametrize("name", TRUSTED_TYPES)
def test_every_trusted_name_is_a_class_or_a_function_of_a_numeric_library(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert module.partition(".")[0] in ("numpy", "scipy", "sklearn")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_no_name_is_trusted_twice_and_none_takes_a_function_of_the_users() -> None:
    assert len(set(TRUSTED_TYPES)) == len(TRUSTED_TYPES)
    assert not [name for name in TRUSTED_TYPES if "PyFunc" in name or "FunctionTransformer" in name]


@pytest.mark.parametrize(
    "model",
    [
        GaussianProcessClassifier(RBF() * 2.0 + WhiteKernel() + Matern(nu=1.5)),
        KNeighborsClassifier(metric="chebyshev"),
        KNeighborsClassifier(metric="minkowski", p=3, algorithm="kd_tree"),
        KNeighborsClassifier(metric="canberra", algorithm="ball_tree"),
    ],
    ids=["kernels", "distance", "tree", "ball tree"],
)
def test_the_parts_of_public_classes_are_trusted(model: Any) -> None:
    assert untrusted_types(data=dumps(model.fit(FRAME, LABELS))) == []


def test_a_distance_of_the_users_own_is_not_trusted() -> None:
    model = KNeighborsClassifier(metric=farthest, algorithm="ball_tree").fit(FRAME, LABELS)
    found = untrusted_types(data=dumps(model))
    assert "tests.model.test_trusted_types.farthest" in found
