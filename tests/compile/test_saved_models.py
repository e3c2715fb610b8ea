"""Models are loaded from each library's own file; a pickle only where it is trusted."""

from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from tests.compile.boosters.conftest import library

from seatrial.compile.saved_models import load_model, load_rows
from seatrial.core.errors import SeatrialError

X = np.random.default_rng(0).normal(size=(200, 3))
Y = (X[:, 0] > 0).astype(int)


def test_xgboosts_own_files(tmp_path: Path) -> None:
    xgboost = library("xgboost")
    classifier = xgboost.XGBClassifier(n_estimators=5).fit(X, Y)
    regressor = xgboost.XGBRegressor(n_estimators=5, objective="binary:logistic").fit(X, Y)
    for model, name in ((classifier, "c.json"), (classifier, "c.ubj"), (regressor, "r.json")):
        model.save_model(tmp_path / name)
        loaded = load_model(tmp_path / name)
        assert type(loaded) is type(model)
        assert np.array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("kind", ["LGBMClassifier", "LGBMRegressor"])
def test_lightgbms_own_file(kind: str, tmp_path: Path) -> None:
    model = getattr(library("lightgbm"), kind)(n_estimators=5, verbose=-1).fit(X, Y)
    model.booster_.save_model(tmp_path / "model.txt")
    loaded = load_model(tmp_path / "model.txt")
    assert type(loaded) is type(model)
    assert np.array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("kind", ["CatBoostClassifier", "CatBoostRegressor"])
@pytest.mark.parametrize("suffix", ["cbm", "json"])
def test_catboosts_own_file(kind: str, suffix: str, tmp_path: Path) -> None:
    model = getattr(library("catboost"), kind)(iterations=5, verbose=0, allow_writing_files=False).fit(X, Y)
    model.save_model(str(tmp_path / f"model.{suffix}"), format=suffix)
    loaded = load_model(tmp_path / f"model.{suffix}")
    assert type(loaded) is type(model)
    assert np.allclose(loaded.predict(X), model.predict(X), rtol=0, atol=1e-9)  # its JSON has fewer digits


def test_a_pickle_is_loaded_only_where_it_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    joblib.dump(LogisticRegression().fit(X, Y), file)
    with pytest.raises(SeatrialError, match="is a pickle, which runs what is in it"):
        load_model(file)
    assert isinstance(load_model(file, trust=True), LogisticRegression)


def test_skops_needs_no_trust(tmp_path: Path) -> None:
    skops.io.dump(LogisticRegression().fit(X, Y), tmp_path / "model.skops")
    assert isinstance(load_model(tmp_path / "model.skops"), LogisticRegression)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.txt", None, "does not exist"),
        ("model.onnx", "x", "is not a model by its name"),
        ("model.txt", "x", "model.txt cannot be loaded"),
        ("model.json", "{}", "model.json cannot be loaded"),
        ("model.json", "{", "model.json cannot be loaded"),
        ("model.cbm", "x", "model.cbm cannot be loaded"),
        ("model.skops", "x", "model.skops cannot be loaded"),
    ],
)
def test_what_is_no_model_is_said(name: str, content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SeatrialError, match=message):
        load_model(tmp_path / name)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    assert load_rows(tmp_path / "t.csv").columns.tolist() == ["a", "b"]
    (tmp_path / "t.parquet").write_text("x")
    with pytest.raises(SeatrialError, match="cannot be read as a table"):
        load_rows(tmp_path / "t.parquet")


def test_trees_of_a_stranger_are_not_loaded_unasked(tmp_path: Path) -> None:
    skops.io.dump(DecisionTreeClassifier(max_depth=2).fit(X, Y), tmp_path / "tree.skops")
    with pytest.raises(SeatrialError, match="whose node numbers nothing checks"):
        load_model(tmp_path / "tree.skops")
    assert isinstance(load_model(tmp_path / "tree.skops", trust=True), DecisionTreeClassifier)


def test_a_classifier_with_a_parameter_in_its_loss_stays_one(tmp_path: Path) -> None:
    loss = "Focal:focal_alpha=0.5;focal_gamma=1"
    model = library("catboost").CatBoostClassifier(
        iterations=3, loss_function=loss, verbose=0, allow_writing_files=False
    )
    model.fit(X, Y).save_model(str(tmp_path / "model.cbm"))
    assert hasattr(load_model(tmp_path / "model.cbm"), "predict_proba")
