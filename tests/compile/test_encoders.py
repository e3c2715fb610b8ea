"""Encoders alone: the graph gives what the encoder gives, for known, unknown and missing categories."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from seatrial.compile import encoders
from seatrial.compile.graph import Graph, Refused
from seatrial.model.engines import GraphEngine
from seatrial.model.inputs import Inputs

TRAIN = pd.DataFrame({"n": [1.0, 2.0, 2.0, np.nan, 3.0, 1.0], "s": ["a", "b", "b", "", "c", "a"]})
ROWS = pd.DataFrame({"n": [3.0, 9.0, np.nan, 1.0], "s": ["c", "zzz", "", "a"]})


def converted(convert: Any, encoder: Any) -> np.ndarray:
    graph = Graph(Inputs(("n",), ("s",)))
    scores = graph.gather(convert(encoder, graph.root, graph))
    engine = GraphEngine(graph.finish(scores, 2).SerializeToString())
    return engine(ROWS[["n"]].to_numpy(), ROWS[["s"]].to_numpy(dtype=object))


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize(
    "options",
    [
        {"handle_unknown": "ignore"},
        {"handle_unknown": "ignore", "drop": "first"},
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 2},
    ],
)
@pytest.mark.parametrize("limit", [encoders.MERGED_LIMIT, 0])
def test_one_hot_columns_equal_the_encoders(options: Any, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "MERGED_LIMIT", limit)
    encoder = OneHotEncoder(sparse_output=False, **options).fit(TRAIN)
    assert np.array_equal(converted(encoders.one_hot_encoder, encoder), encoder.transform(ROWS))


def test_ordinal_codes_equal_the_encoders() -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(TRAIN)
    result = converted(encoders.ordinal_encoder, encoder)
    assert np.array_equal(result, encoder.transform(ROWS), equal_nan=True)


@pytest.mark.parametrize("target", [[0, 1, 1, 0, 1, 0], ["x", "y", "z", "x", "y", "z"]])
def test_target_means_equal_the_encoders(target: Any) -> None:
    encoder = TargetEncoder(cv=2, random_state=0).fit(TRAIN, target)
    assert np.array_equal(converted(encoders.target_encoder, encoder), encoder.transform(ROWS))


def test_a_column_of_strings_and_numbers_is_refused() -> None:
    encoder = OneHotEncoder().fit(pd.DataFrame({"n": ["1", "2"], "s": ["a", "b"]}))
    with pytest.raises(Refused, match="it mixes strings and numbers in a column"):
        converted(encoders.one_hot_encoder, encoder)
