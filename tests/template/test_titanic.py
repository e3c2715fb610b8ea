"""The reference project is what the template renders from its answers, except for its own model code."""

import compileall
import shutil
from pathlib import Path

import pytest
from tests.conftest import TITANIC, copy_titanic

from seatrial.core.project import find_project
from seatrial.steps.project_files import project_files
from seatrial.template.render import ANSWERS, TEMPLATE, files_of, render
from seatrial.template.template_answers import schema_answers
from seatrial.template.template_update import EDITABLE, read_answers, version_of


def rendered(folder: Path) -> dict[str, bytes]:
    """The template rendered with the answers of titanic."""
    render(read_answers(TITANIC), folder)
    return {path: content for path, content in files_of(folder).items() if path not in EDITABLE}


def test_compiled_python_files_of_the_template_are_not_rendered(tmp_path):
    template = Path(shutil.copytree(TEMPLATE, tmp_path / "template"))
    assert compileall.compile_dir(template, quiet=1)
    assert list(template.rglob("*.pyc"))
    render(read_answers(TITANIC), tmp_path / "project", template=template)
    assert not [path for path in files_of(tmp_path / "project") if "__pycache__" in path]


def differing(project: Path, files: dict[str, bytes]) -> list[str]:
    return [p for p, content in files.items() if not (project / p).is_file() or (project / p).read_bytes() != content]


def test_titanic_is_what_the_template_renders(tmp_path):
    files = rendered(tmp_path)
    assert {"README.md", "pyproject.toml", "Makefile", ".gitignore", "LICENSE", "tests/test_model.py", ANSWERS} <= {
        *files
    }
    assert differing(TITANIC, files) == []


def test_its_answers_match_the_template_and_its_schema():
    answers = read_answers(TITANIC)
    assert answers["template"] == version_of(Path("src/seatrial/template/project").resolve())
    schema = (TITANIC / "src/titanic_model/schema.py").read_text()
    assert {key: answers[key] for key in ("columns", "more_columns", "example")} == schema_answers(schema)


def test_its_ci_and_deployment_files_are_as_generated():
    answers = read_answers(TITANIC)
    files = project_files(find_project(TITANIC), answers["ci"], answers["deploy"])
    assert {path.name for path in files} >= {"config.yml", "Dockerfile", "railway.json"}
    assert [path for path, text in files.items() if path.read_text() != text] == []


@pytest.mark.parametrize(
    "path", ["README.md", "pyproject.toml", "tests/test_model.py", "src/titanic_model/__init__.py"]
)
def test_a_line_changed_by_hand_is_detected(tmp_path, path):
    project = copy_titanic(tmp_path / "titanic")
    shutil.copy(TITANIC / ANSWERS, project)
    (project / path).write_text((project / path).read_text() + "\n# one more line\n")
    assert path in differing(project, rendered(tmp_path / "rendered"))
