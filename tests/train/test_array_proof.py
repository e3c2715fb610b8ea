"""Only feature functions that give the same on arrays are recorded, and only they are evaluated on arrays."""

import sys
from types import ModuleType

import numpy as np
import pytest

from seatrial.model import array_functions
from seatrial.model.array_arithmetic import ARITHMETIC
from seatrial.model.features import add_features, features_in, proven_functions
from seatrial.model.schema import Column
from seatrial.train.array_proof import proven_on_arrays, same

COLUMNS = (Column("fare", "number", True, False), Column("size", "integer", False, True))
TABLE = {"fare": np.array([8.0, np.nan, -0.0, 3.5]), "size": np.array([2.0, 1.0, 4.0, 7.0])}
SOURCE = """
def double(size: int) -> int:
    return size * 2

def share(fare: float | None, double: int) -> float | None:
    return None if fare is None else fare / double

def text(size: int) -> str:
    return str(size)

def logarithm(share: float | None) -> float | None:
    import math
    return share and math.log1p(share)

def equal(fare: float | None) -> bool:
    return fare == 3.5
"""


@pytest.fixture
def features(tmp_path, monkeypatch):
    """The features of a module in a file, as a project has them."""
    (tmp_path / "arithmetic_features.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    module: ModuleType = __import__("arithmetic_features")
    yield features_in(module, COLUMNS)
    del sys.modules["arithmetic_features"]


def test_arithmetic_is_recorded_and_evaluated_on_arrays_with_the_same_result(features):
    proven = proven_on_arrays(features, COLUMNS, TABLE)
    assert set(proven) == {"double", "share"}  # not `equal`, which compares None here and so would never be used
    functions = proven_functions(features, proven)
    plain, on_arrays = add_features(TABLE, features, COLUMNS), add_features(TABLE, features, COLUMNS, functions)
    for feature in features:
        if feature.numeric:
            assert same(on_arrays[feature.name], plain[feature.name]), feature.name
    assert on_arrays["text"].tolist() == plain["text"].tolist()


def test_another_source_than_the_recorded_one_is_not_evaluated_on_arrays(features):
    assert proven_functions(features, {"double": "0" * 64}) == {}


def test_a_function_that_arrays_compute_differently_is_not_recorded(features, monkeypatch):
    wrong = dict(ARITHMETIC)
    for operator, function in ARITHMETIC.items():
        wrong[operator] = lambda a, b, function=function: np.nextafter(function(a, b), np.inf)
    monkeypatch.setattr("seatrial.model.array_arithmetic.ARITHMETIC", wrong)
    assert array_functions.array_function(features[0].function) is not None
    assert proven_on_arrays(features, COLUMNS, TABLE) == {}


def test_a_function_whose_file_has_changed_since_it_was_imported_is_called_as_it_is(features, tmp_path):
    assert array_functions.array_function(features[0].function) is not None
    file = tmp_path / "arithmetic_features.py"
    file.write_text(SOURCE.replace("size * 2", "size * 3"))
    assert array_functions.array_function(features[0].function) is None
