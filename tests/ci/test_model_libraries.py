"""The doctor on libraries of models that nothing installs where a project is trained."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.ci.doctor.model_libraries import check
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.pipeline_settings import toolkit_requirement
from seatrial.core.project import find_project

IMPORT = "import json\nfrom lightgbm import LGBMClassifier\n"


def project(root: Path, code: str, group: str = "") -> Path:
    make_project(root)
    (pipeline,) = (root / "src").glob("*/pipeline.py")
    pipeline.write_text(code)
    with (root / "pyproject.toml").open("a") as file:
        file.write(f"\n[dependency-groups]\ndev = [{group}]\n")
    return root


def test_an_import_that_nothing_installs(tmp_path: Path) -> None:
    (found,) = check(Tree(project(tmp_path, IMPORT, '"seatrial[all]"')))
    assert (found.check, found.line, found.path.endswith("pipeline.py")) == ("missing-extra", 2, True)
    assert found.message == "lightgbm is imported, and nothing in pyproject.toml installs it."
    assert 'dev = ["seatrial[all,lightgbm]"' in found.hint


@pytest.mark.parametrize("group", ['"seatrial[all,lightgbm]>=0.1"', '"lightgbm>=4"'])
def test_an_import_that_is_asked_for(tmp_path: Path, group: str) -> None:
    assert list(check(Tree(project(tmp_path, IMPORT, group)))) == []


def test_other_imports_are_not_its_matter(tmp_path: Path) -> None:
    assert list(check(Tree(project(tmp_path, "# from lightgbm import LGBMClassifier\nimport lightgbmish\n")))) == []


def test_a_pipeline_installs_the_extra(tmp_path: Path) -> None:
    root = project(tmp_path, IMPORT, '"seatrial[all,xgboost]", "catboost"')
    assert toolkit_requirement(find_project(root)).startswith("seatrial[all,xgboost,catboost]")
