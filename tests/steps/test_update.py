"""`seatrial add grafana` writes the files for a project's service, once, and keeps those that were changed."""

import shutil
from pathlib import Path

import pytest
from tests.conftest import TITANIC

from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.update import add


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    """A project without a record of a template, as of a repository that was adopted."""
    shutil.copy(TITANIC / "pyproject.toml", tmp_path)
    shutil.copytree(TITANIC / "src", tmp_path / "src", ignore=shutil.ignore_patterns("artifacts"))
    return find_project(tmp_path)


def test_the_files_are_written_once(project: ProjectSettings) -> None:
    folder = project.root / "monitoring"
    added = add(project, "grafana")
    assert sorted(added.written) == [folder / "alerts.yml", folder / "dashboard.json"]
    assert 'job="titanic-model"' in (folder / "alerts.yml").read_text("utf-8")
    again = add(project, "grafana")
    assert (again.written, again.kept, again.merge.files) == ((), (), {})


def test_a_changed_file_is_kept_and_shown(project: ProjectSettings) -> None:
    add(project, "grafana")
    rules = project.root / "monitoring" / "alerts.yml"
    rules.write_text(rules.read_text("utf-8").replace("> 0.5", "> 0.2"), "utf-8")
    rules.with_name("dashboard.json").unlink()
    added = add(project, "grafana")
    assert added.written == (rules.with_name("dashboard.json"),)
    assert [each.path for each in added.kept] == [rules]
    assert "> 0.2" in rules.read_text("utf-8")
    assert "+" in added.kept[0].diff
