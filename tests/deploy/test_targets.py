"""Targets are found by their names, custom ones by the class in the settings."""

from pathlib import Path
from typing import Any

import pytest
from tests.deploy.project_repo import ProjectRepo
from tests.projects.tiny import make_project

from seatrial.core.project import find_project
from seatrial.deploy import open_target, target_names

OWN = '''
from pathlib import Path


class Shelf:
    """Puts the version on a shelf."""

    name = "shelf"

    def __init__(self, project, settings):
        self.path = project.root / settings["shelf"]
        self.release = project.name

    def check(self):
        pass

    def switch(self, pinned, commit, progress):
        commit()
        self.path.write_text(pinned.version)
        return f"shelf {self.path.name}"

    def settle(self, pinned, progress):
        self.path.write_text(pinned.version)

    def render(self, version, sha256):
        return f"shelf for {self.release} {version}, {sha256[:6]}"

    def serving(self):
        return self.path.read_text() if self.path.exists() else None
'''


@pytest.mark.slow
def test_a_custom_target_works_like_a_built_in_one(repo: ProjectRepo, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "shelves.py").write_text(OWN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    path = repo.root / "pyproject.toml"
    path.write_text(f'{path.read_text()}\n[tool.seatrial.deploy.shelf]\nclass = "shelves:Shelf"\nshelf = "top"\n')
    assert (
        repo.ok("deploy", "shelf", "0.2.0", "--render") == f"shelf for titanic-model 0.2.0, {repo.sha('0.2.0')[:6]}\n"
    )
    assert "titanic-model 0.1.0 serves on shelf, shelf top" in repo.ok("deploy", "shelf", "0.1.0")
    assert repo.ok("deploy", "shelf", "--render").startswith("shelf for titanic-model 0.1.0")
    assert "shelf cannot be stopped from here" in repo.run("deploy", "shelf", "--stop").stderr
    repo.ok("deploy", "shelf", "0.2.0")
    repo.ok("rollback", "shelf")
    assert (repo.root / "top").read_text() == "0.1.0"
    assert "shelf serves 0.1.0." in repo.ok("deployments")
    (repo.root / "top").write_text("0.2.0")
    assert "shelf serves 0.2.0, but its lockfile names 0.1.0." in repo.ok("deployments")


def test_target_names_are_the_built_in_and_the_custom_ones(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    path = root / "pyproject.toml"
    path.write_text(f'{path.read_text()}\n[tool.seatrial.deploy.shelf]\nclass = "a:B"\n[tool.seatrial.deploy.local]\n')
    project = find_project(root)
    assert target_names(project) == ["local", "docker", "railway", "kubernetes", "shelf"]
    assert open_target(project, "local").name == "local"
