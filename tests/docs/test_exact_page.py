"""The page on ONNX files works: its command finds in a real file what the page says."""

from pathlib import Path

import numpy as np
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from tests.compile.boosters.conftest import library
from tests.docs.scenarios import EXACT
from tests.docs.walking import walk_in


def test_the_page_works_as_written(tmp_path: Path) -> None:
    lightgbm = library("lightgbm")
    rows = np.random.default_rng(0).normal(size=(2000, 6))
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1).fit(rows, labels)
    model.booster_.save_model(tmp_path / "model.txt")
    graph = convert_lightgbm(model, initial_types=[("X", FloatTensorType([None, 6]))], zipmap=False)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    with walk_in(tmp_path) as walk:
        walk.page(EXACT, long=True)
    assert walk.done == ["seatrial exact model.txt model.onnx --rows 20000"]
