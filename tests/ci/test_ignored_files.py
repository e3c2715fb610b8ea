"""The doctor names files of a project that git ignores."""

import subprocess
from pathlib import Path

from tests.ci.trees import examine
from tests.projects.tiny import make_project


def test_a_table_that_git_ignores_is_named_and_what_is_made_is_not(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    (root / "src/tiny_model/__pycache__").mkdir()
    (root / "src/tiny_model/__pycache__/x.pyc").write_text("")
    (root / ".gitignore").write_text("artifacts/\n__pycache__/\n")
    assert [each for each in examine(root) if each.check == "ignored-file"] == []  # no repository
    subprocess.run(["git", "-C", str(root), "init", "--quiet"], check=True)
    assert [each for each in examine(root) if each.check == "ignored-file"] == []
    (root / ".git/info/exclude").write_text("*.csv\nschema.py\n")
    (root / "src/tiny_model/schema.py").write_text("")
    found = [each.path for each in examine(root) if each.check == "ignored-file"]
    assert found == ["data.csv", "src/tiny_model/schema.py"]
    (root / "data.csv.dvc").write_text("")
    assert "data.csv" not in [each.path for each in examine(root) if each.check == "ignored-file"]
