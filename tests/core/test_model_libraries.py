"""The libraries of boosted trees: what a project asks for, and what is missing."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.train.projects import write_project

from seatrial.core import model_libraries
from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import declared_libraries, import_hint, library_of, require_library
from seatrial.core.project import importable


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({}, ()),
        ({"project": {"dependencies": ["seatrial>=0.1"]}, "dependency-groups": {"dev": ["seatrial[all]"]}}, ()),
        ({"dependency-groups": {"dev": [{"include-group": "x"}, "Seatrial[all,catboost]>=0.1"]}}, ("catboost",)),
        ({"project": {"dependencies": ["xgboost-cpu>=3; sys_platform == 'linux'"]}}, ("xgboost",)),
        ({"project": {"optional-dependencies": {"train": ["LightGBM", "not valid ==="]}}}, ("lightgbm",)),
    ],
)
def test_what_a_project_asks_for(document: dict[str, Any], found: tuple[str, ...]) -> None:
    assert declared_libraries(document) == found


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(SeatrialError, match="catboost is not installed") as caught:
        require_library("catboost")
    assert caught.value.hint == 'pip install "seatrial[catboost]"'


def test_what_the_system_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(model_libraries, "import_module", fails)
    with pytest.raises(SeatrialError, match=r"lightgbm cannot be loaded: libgomp\.so\.1") as caught:
        require_library("lightgbm")
    assert "libgomp1" in caught.value.hint


def test_the_library_of_a_class_or_of_what_it_extends() -> None:
    theirs = type("Theirs", (), {"__module__": "xgboost.sklearn"})
    assert library_of(theirs()) == "xgboost"
    assert library_of(type("Ours", (theirs,), {})()) == "xgboost"
    assert library_of(3) == ""


def test_a_project_that_imports_a_missing_library_is_told_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    project = write_project(tmp_path, "size,colour,note,y\n", pipeline="\nfrom lightgbm import LGBMClassifier\n")
    with (
        pytest.raises(SeatrialError, match=r"pipeline\.py, line 2: ModuleNotFoundError") as caught,
        importable(project),
    ):
        import_module("little_model.pipeline")
    assert caught.value.hint == 'pip install "seatrial[lightgbm]"'


def test_other_errors_have_no_hint_of_a_library() -> None:
    assert import_hint(ModuleNotFoundError("No module named 'polars'", name="polars")) == ""
    assert import_hint(OSError("No space left on device")) == ""
