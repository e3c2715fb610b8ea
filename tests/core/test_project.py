"""A project's settings: what is accepted, and what is said about a setting that is not."""

import importlib
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project, importable

PROJECT = '[project]\nname = "small-model"\n[tool.seatrial]\ndata = "data.csv"\ntarget = "left"\n'


def project(folder: Path, settings: str) -> Path:
    package = folder / "src" / "small_model"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.1.0"\n')
    (folder / "pyproject.toml").write_text(PROJECT + settings)
    return folder


def test_the_costs_of_both_errors_are_read(tmp_path: Path) -> None:
    settings = find_project(project(tmp_path, "costs = { false_positive = 1, false_negative = 5.5 }\n"))
    assert settings.costs == {"false_positive": 1, "false_negative": 5.5}


@pytest.mark.parametrize(
    "costs",
    [
        "{ false_positive = 1 }",
        "{ false_positive = 1, false_negative = -1 }",
        "{ false_positive = 0, false_negative = 0 }",
        "{ false_positive = 1, false_negative = true }",
        "{ false_positive = 1, false_negative = nan }",
        "{ false_positive = 1, false_negative = 5, other = 1 }",
    ],
)
def test_costs_that_say_nothing_about_one_error_are_refused(tmp_path: Path, costs: str) -> None:
    with pytest.raises(SeatrialError, match="costs needs false_positive and false_negative"):
        find_project(project(tmp_path, f"costs = {costs}\n"))


def test_what_a_release_carries_is_a_setting(tmp_path: Path) -> None:
    settings = find_project(project(tmp_path / "a", ""))
    assert (settings.reference, settings.table_in_sdist) == ("full", True)
    settings = find_project(
        project(tmp_path / "b", '[tool.seatrial.release]\nreference = "none"\ntable_in_sdist = false\n')
    )
    assert (settings.reference, settings.table_in_sdist) == ("none", False)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('reference = "some"', "reference = 'some' is not possible"),
        ("reference = true", "reference = True is not possible"),
        ('reference = ["none"]', "is not possible"),
        ('table_in_sdist = "no"', "table_in_sdist = 'no' is not possible"),
        ("table_in_wheel = false", "unknown key `table_in_wheel`"),
    ],
)
def test_a_wrong_setting_is_refused_rather_than_ignored(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SeatrialError) as caught:
        find_project(project(tmp_path, f"[tool.seatrial.release]\n{setting}\n"))
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["seatrail", "sea-trial", "Seatrial"])
def test_a_misspelled_table_is_not_passed_over(name: str, tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="nothing reads") as caught:
        find_project(project(tmp_path, f"[tool.{name}.trial]\nmargin = 1\n"))
    assert caught.value.hint == "Did you mean [tool.seatrial]?"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (None, "src/small_model/schema.py: ModuleNotFoundError"),
        (b"x = 1\0", "src/small_model/schema.py.*null bytes"),
        (b"x = '\xff'", "src/small_model/schema.py.*SyntaxError"),
        (b"from small_model import gone", "src/small_model/schema.py, line 1: ImportError"),
        (b"import small_model.gone", "src/small_model/schema.py, line 1: ModuleNotFoundError"),
    ],
    ids=["missing", "binary", "not UTF-8", "lacks a name", "lacks a module"],
)
def test_a_module_that_is_missing_or_damaged_is_named(tmp_path: Path, damage: bytes | None, message: str) -> None:
    settings = find_project(project(tmp_path, ""))
    if damage is not None:
        (settings.source / "small_model" / "schema.py").write_bytes(damage)
    with pytest.raises(SeatrialError, match=message) as error, importable(settings):
        importlib.import_module("small_model.schema")
    assert error.value.hint in ("Restore this file.", "Correct this line.")
