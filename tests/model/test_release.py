"""A release at run time: the same predictions from rows and tables, the stored scores, and clear errors."""

import json
import os
import shutil
import sys
import threading
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.engines import GraphEngine

JACK = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20.0}

passengers = st.fixed_dictionaries(
    {"pclass": st.sampled_from([1, 2, 3]), "name": st.text(min_size=1, max_size=40), "sex": st.sampled_from(["female", "male"])},
    optional={
        "age": st.none() | st.floats(0, 100),
        "sibsp": st.integers(0, 12),
        "parch": st.integers(0, 12),
        "fare": st.none() | st.floats(0, 600),
        "cabin": st.none() | st.text(max_size=10),
        "embarked": st.none() | st.sampled_from(["C", "Q", "S"]),
    },
)  # fmt: skip


def test_golden_rows_get_the_stored_scores(titanic):
    golden = json.loads((titanic.artifacts / "golden.json").read_text())
    assert len(golden["rows"]) >= 64
    result = [list(answer["probabilities"].values()) for answer in titanic.predict(golden["rows"])]
    assert np.abs(np.array(result) - np.array(golden["scores"])).max() <= 1e-9


@given(st.lists(passengers, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_row_gets_the_same_prediction_alone_together_and_in_a_table(titanic, rows):
    together = titanic.predict(rows)
    alone = [titanic.predict(row)[0] for row in rows]
    columns, problems = titanic.checker.check(
        {c.name: [row.get(c.name, c.default) for row in rows] for c in titanic.columns}
    )
    as_table = titanic.describe(titanic.score_table(columns))
    assert not problems
    for one, two, three in zip(together, alone, as_table, strict=True):
        for other in (two, three):
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-12)
    backwards = titanic.predict(rows[::-1])[::-1]
    assert [a["probabilities"]["1"] for a in backwards] == pytest.approx(
        [a["probabilities"]["1"] for a in together], abs=1e-12
    )


def test_rows_are_not_changed_by_predicting_them(titanic):
    row = dict(JACK)
    titanic.predict([row])
    assert row == JACK


def test_no_rows_give_no_predictions(titanic):
    assert titanic.predict([]) == []


def test_an_invalid_row_is_refused_with_its_place_and_rule(titanic):
    with pytest.raises(SeatrialError, match=r"The rows break the schema: 1\.age: .*greater than or equal to 0"):
        titanic.predict([JACK, {**JACK, "age": -5}])


def test_a_row_has_the_set_of_its_probabilities(titanic):
    assert titanic.interval(JACK, 0.5) == [0]
    assert titanic.interval([JACK, JACK], 0.99) == [[0, 1], [0, 1]]
    assert titanic.interval([], 0.9) == []
    with pytest.raises(SeatrialError, match=r"Input should be 0\.5, 0\.8, 0\.9, 0\.95 or 0\.99"):
        titanic.interval(JACK, 0.7)
    with pytest.raises(SeatrialError, match=r"The rows break the schema: 0\.age"):
        titanic.interval({**JACK, "age": -1})


def test_the_label_is_decided_by_the_threshold(titanic):
    scores = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
    assert titanic.decide(scores) == [0, 1, 1]


def test_contributions_add_up_to_the_difference_from_the_typical_row(titanic):
    (row,) = titanic.parse(json.dumps({**JACK, "sex": "female", "pclass": 1}).encode())
    explanation = titanic.explain(row)
    assert sum(c.contribution for c in explanation.contributions) == pytest.approx(
        explanation.value - explanation.typical_value, abs=1e-12
    )
    assert explanation.value == pytest.approx(titanic.predict([row.model_dump()])[0]["probabilities"]["1"], abs=1e-12)
    by_column = {c.column: c.contribution for c in explanation.contributions}
    assert by_column["sex"] > 0.2
    assert "ticket" not in by_column  # which the model does not read


def test_many_threads_load_the_model_once_and_agree(titanic):
    fresh = Release(titanic.package)
    predictions, made = [], []
    engine = GraphEngine.__init__

    def counted(self, *arguments, **options):
        made.append(1)
        engine(self, *arguments, **options)

    GraphEngine.__init__ = counted
    try:
        threads = [threading.Thread(target=lambda: predictions.append(fresh.predict(JACK))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        GraphEngine.__init__ = engine
    assert len(predictions) == 8
    assert all(answer == titanic.predict(JACK) for answer in predictions)
    assert len(made) == 1


def session_threads(release):
    return release.engine._session.get_session_options().intra_op_num_threads


def test_a_compiled_engine_is_created_with_the_releases_threads(titanic):
    assert session_threads(Release(titanic.package)) == 1
    assert session_threads(Release(titanic.package, threads=2)) == 2
    assert session_threads(Release(titanic.package, threads=0)) == os.cpu_count()


def test_threads_may_be_set_until_the_engine_is_used(titanic):
    release = Release(titanic.package)
    release.threads = 3  # as the trial does with an installed release
    assert session_threads(release) == 3


@pytest.fixture
def damaged(titanic_project, tmp_path, monkeypatch):
    """A copy of the package under another name, to be damaged."""
    package = tmp_path / "damaged_model"
    shutil.copytree(titanic_project / "src" / "titanic_model", package)
    for path in package.rglob("*.py"):
        path.write_text(path.read_text().replace("titanic_model", "damaged_model"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [n for n in sys.modules if n.startswith("damaged_model")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.onnx", None, "has no model.onnx"),
        ("model.onnx", b"garbage", "cannot be loaded"),
        ("release.json", None, "no trained model"),
        ("release.json", b"{", "cannot be read as JSON"),
        ("release.json", b"{}", "does not have format 1"),
        ("release.json", b'{"format": 1}', "is damaged"),
    ],
)
def test_a_damaged_release_is_refused_with_the_reason(damaged, file, content, message):
    path = damaged / "artifacts" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SeatrialError, match=message):
        import_module("damaged_model").predict([JACK])


def test_a_plain_basemodel_is_refused_as_a_schema(damaged):
    path = damaged / "schema.py"
    path.write_text(path.read_text().replace("from seatrial import Schema", "from pydantic import BaseModel as Schema"))
    with pytest.raises(SeatrialError, match="plain BaseModel"):
        import_module("damaged_model").predict([JACK])
