"""`seatrial export` writes a SELECT with what was proven of it, and says what cannot be translated."""

import json
from pathlib import Path

from tests.commands import run_here
from tests.conftest import copy_titanic


def test_the_select_and_its_proof(titanic_project: Path, tmp_path: Path) -> None:
    file = tmp_path / "predict.sql"
    words = ["--dialect", "postgres", "--table", "passengers", "--keep", "id", "--rows", "200", "-o", str(file)]
    done = run_here("export", "sql", *words, cwd=titanic_project)
    assert done.returncode == 0, done.stderr
    assert "FROM passengers" in file.read_text("utf-8")
    assert "Proven in DuckDB on" in done.stderr
    assert "written for postgres here, which was not run" in done.stderr


def test_the_result_as_json(titanic_project: Path) -> None:
    done = run_here("export", "sql", "--dialect", "duckdb", "--rows", "50", "--json", cwd=titanic_project)
    found = json.loads(done.stdout)
    assert found["proof"]["labels_differ"] == 0
    assert found["sql"].startswith("-- titanic-model")
    assert "ticket" not in found["reads"]


def test_a_function_without_translation_is_named_with_its_line(titanic_project: Path, tmp_path: Path) -> None:
    project = copy_titanic(tmp_path / "titanic")
    package = Path("src") / "titanic_model"
    (project / package / "artifacts").symlink_to(titanic_project / package / "artifacts")
    features = project / package / "features.py"
    text = features.read_text("utf-8")
    features.write_text(text.replace("return 1 + sibsp + parch", "return sum([1, sibsp, parch])"), "utf-8")
    done = run_here("export", "sql", "--dialect", "duckdb", cwd=project)
    assert done.returncode == 1
    assert "family_size, line" in done.stderr
    assert "cannot be exported as SQL" in done.stderr
    assert "docs/exports.md" in done.stderr


def test_what_is_no_table_is_refused(titanic_project: Path) -> None:
    done = run_here("export", "sql", "--dialect", "duckdb", "--table", 'x"; drop', cwd=titanic_project)
    assert done.returncode == 1
    assert "is not the name of a table in duckdb" in done.stderr


def test_a_folder_with_other_files_is_kept(titanic_project: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    done = run_here("export", "browser", str(tmp_path), cwd=titanic_project)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
