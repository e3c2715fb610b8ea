"""Recipes that a trial trains again score rows that a schema accepts, and not those that it rejects."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.train.projects import table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.steps.recipes import ReplacedSdistError, _require_recipe, _unpack, training_of
from seatrial.train.recipe import read_recipe
from seatrial.wheels.wheel import inspect


def test_feature_functions_never_see_a_row_that_the_schema_rejects(tmp_path: Path) -> None:
    """`half` of None is a TypeError, as the year of no date is; the row's score is no number."""
    project = write_project(tmp_path, table(two))
    score = training_of(read_recipe(project)).score
    asked = {
        "size": np.array([50.0, 500.0, 7.0]),
        "colour": np.array(["red", "red", "green"], dtype=object),
        "note": np.array([None, None, None], dtype=object),
    }
    given = score(asked)
    assert given.shape == (3, 2)
    assert np.isfinite(given[0]).all()
    assert np.isnan(given[1:]).all()
    alone = score({name: values[:1] for name, values in asked.items()})
    assert np.array_equal(alone, given[:1])
    assert np.isnan(score({name: values[1:] for name, values in asked.items()})).all()


Files = dict[str, bytes]
PACKAGE = "src/little_model"
BY_TIME = b'[tool.seatrial.split]\nby = "time"\ncolumn = "size"\n'


def edited(name: str, content: bytes) -> Callable[[Files], object]:
    return lambda files: files.update({name: content})


@pytest.mark.parametrize(
    ("replace", "different"),
    [
        (edited(f"{PACKAGE}/pipeline.py", b"import os\n"), f"{PACKAGE}/pipeline.py"),
        (edited(f"{PACKAGE}/more.py", b""), f"{PACKAGE}/more.py"),
        (edited("src/numpy/__init__.py", b""), "src/numpy/__init__.py"),  # would be imported in place of the real one
        (edited("src/sitecustomize.py", b""), "src/sitecustomize.py"),
        (lambda files: files.pop(f"{PACKAGE}/features.py"), f"{PACKAGE}/features.py"),
        (lambda files: files.update({"pyproject.toml": files["pyproject.toml"] + b"seed = 7\n"}), "seed"),
        (lambda files: files.update({"pyproject.toml": files["pyproject.toml"] + b'weight = "w"\n'}), "weight"),
        (lambda files: files.update({"pyproject.toml": files["pyproject.toml"] + BY_TIME}), "split"),
        (
            lambda files: files.update({"pyproject.toml": files["pyproject.toml"].replace(b'"y"', b'"size"')}),
            "target",
        ),
    ],
)
def test_an_sdist_that_is_not_the_wheels_is_not_run(
    tmp_path: Path, replace: Callable[[Files], object], different: str
) -> None:
    project = write_project(tmp_path / "project", table(two))
    package = {f"little_model/{path.name}": path.read_bytes() for path in (project.source / "little_model").iterdir()}
    release = {"target": "y", "split": {"seed": project.seed}}
    wheel = inspect(make_wheel(tmp_path, "little-model", "0.3.0", more=package, release=release))
    files = {f"src/{name}": wheel.read(name) for name in wheel.record if name.startswith("little_model/")}
    files["pyproject.toml"] = (project.root / "pyproject.toml").read_bytes()
    files["src/little_model.egg-info/entry_points.txt"] = b"[console_scripts]\n"  # setuptools writes this
    sound = make_sdist(tmp_path / "sound", "little-model", "0.3.0", more=files)
    assert _unpack(sound, wheel, tmp_path / "a").source == tmp_path / "a" / "little_model-0.3.0" / "src"
    assert not list((tmp_path / "a").rglob("*.egg-info"))
    replace(files)
    replaced = make_sdist(tmp_path / "replaced", "little-model", "0.3.0", more=files)
    with pytest.raises(ReplacedSdistError, match=f"was not run: {different} differs"):
        _unpack(replaced, wheel, tmp_path / "b")


def test_a_model_that_was_fitted_elsewhere_is_not_trained_again() -> None:
    wheel: Any = SimpleNamespace(name="loans-model", version="1.0", release={"fitted": {"file": "model.json"}})
    with pytest.raises(SeatrialError, match=r"loans-model 1.0 was fitted elsewhere \(model.json\), so it cannot be"):
        _require_recipe(wheel)
    wheel.release = {"fitted": {}}
    _require_recipe(wheel)
