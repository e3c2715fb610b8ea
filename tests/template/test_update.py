"""`seatrial update`: from one version of the template to the next, with edits in every file that people may edit."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.template.commands import git, new, quick

from seatrial.template.merge import merge
from seatrial.template.render import ANSWERS, TEMPLATE
from seatrial.template.template_update import read_answers, version_of

EDITS = {
    "src/churn_model/schema.py": ('title="Age"', 'title="Age in years"'),
    "src/churn_model/features.py": (None, "\n\ndef doubled(age: int) -> int:\n    return 2 * age\n"),
    "src/churn_model/pipeline.py": (None, "\n# mine\n"),
    "src/churn_model/__init__.py": ('"0.1.0"', '"0.3.0"'),
    "tests/test_features.py": (None, "\n\ndef test_mine() -> None:\n    assert True\n"),
    "tests/test_model.py": (None, "\n\ndef test_mine() -> None:\n    assert True\n"),
    "tests/test_api.py": (None, "\n\ndef test_mine() -> None:\n    assert True\n"),
    "tests/test_differential.py": (None, "\n# mine\n"),
    "data/README.md": ("Add here who collected the data", "We collected it ourselves. Ask"),
    "pyproject.toml": ('target = "left"\n', 'target = "left"\nseed = 7\n'),
    "README.md": ("## Maintain", "## Our team\n\nAsk us.\n\n## Maintain"),
    "Makefile": (None, "\nmine:\n\t@echo mine\n"),
    ".gitignore": (None, "mine/\n"),
    ".gitattributes": (None, "*.png binary\n"),
    "LICENSE": (None, "\nAnd ours.\n"),
    "AGENTS.md": (None, "\nAsk us first.\n"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return new(tmp_path_factory.mktemp("made"), "--licence", "mit")


@pytest.fixture
def project(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "churn"))


@pytest.fixture
def template(tmp_path) -> Path:
    """The next version of the template: a changed line, a new file, a removed file."""
    folder = Path(shutil.copytree(TEMPLATE, tmp_path / "next"))
    change(folder / "copier.yml", f'default: "{version_of(TEMPLATE)}"', 'default: "99.0"')
    change(folder / "files/README.md.jinja", "# {{ name | markdown }}\n", "# {{ name | markdown }}, a model\n")
    change(folder / "files/pyproject.toml.jinja", "hatchling==1.33.0", "hatchling==1.34.0")
    change(folder / "files/tests/test_model.py.jinja", '"""Tests that every trained', '"""Tests which every trained')
    change(folder / "files/tests/test_features.py.jinja", '"""Tests of the feature', '"""All tests of the feature')
    (folder / "files/tests/test_more.py").write_text('"""More."""\n')
    (folder / "files/src/{{ package }}/py.typed").unlink()
    return folder


def change(path: Path, before: str | None, after: str) -> None:
    text = path.read_text()
    assert before is None or before in text
    path.write_text(text + after if before is None else text.replace(before, after))


def commit(project: Path) -> None:
    git("commit", "--quiet", "--all", "--message", "Edit", cwd=project)


def test_edits_are_kept_and_template_changes_applied(project, template):
    files = {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file() and ".git" not in p.parts}
    assert files - set(EDITS) == {ANSWERS, "data/churn.csv", "reading.toml", "src/churn_model/py.typed"}
    for path, (before, after) in EDITS.items():
        change(project / path, before, after)
    commit(project)
    done = quick("update", "--template", str(template), cwd=project)
    assert done.returncode == 0, done.stderr
    for path, (_, after) in EDITS.items():
        assert after in (project / path).read_text(), path
    assert "# churn-model, a model\n" in (project / "README.md").read_text()
    assert "Age in years: whole number" in (project / "README.md").read_text()  # from the current schema.py
    assert "hatchling==1.34.0" in (project / "pyproject.toml").read_text()
    assert "Tests which every trained" in (project / "tests/test_model.py").read_text()
    assert (
        "All tests of the feature" not in (project / "tests/test_features.py").read_text()
    )  # left alone once it is edited
    assert (project / "tests/test_more.py").exists()
    assert not (project / "src/churn_model/py.typed").exists()
    assert read_answers(project)["template"] == "99.0"
    assert "From template 1.0 to 99.0" in done.stderr


def test_a_second_update_changes_nothing(project, template):
    assert quick("update", "--template", str(template), cwd=project).returncode == 0
    git("add", "--all", cwd=project)
    commit(project)
    done = quick("update", "--template", str(template), cwd=project)
    assert (done.returncode, done.stdout) == (0, "")
    assert "The project already has template 99.0." in done.stderr


def test_an_update_can_be_reviewed_and_undone(project, template):
    done = quick("update", "--template", str(template), cwd=project)
    look, back = re.findall(r"`(git .*?)`", done.stderr.splitlines()[-1])
    shown = subprocess.run(look, shell=True, cwd=project, capture_output=True, text=True, check=True).stdout
    for line in ("+++ b/tests/test_more.py", "deleted file mode 100644", "+# churn-model, a model"):
        assert f"\n{line}\n" in shown
    subprocess.run(back, shell=True, cwd=project, check=True)
    assert git("status", "--porcelain", cwd=project) == ""
    assert not (project / "tests/test_more.py").exists()
    assert (project / "src/churn_model/py.typed").exists()


def test_a_changed_template_needs_a_new_version(project, template):
    change(template / "copier.yml", 'default: "99.0"', f'default: "{version_of(TEMPLATE)}"')
    done = quick("update", "--template", str(template), cwd=project)
    assert f"If you changed {template}, raise `template` in its copier.yml; it is now 1.0." in done.stderr
    assert "raise `template`" not in quick("update", cwd=project).stderr


def test_a_conflict_is_marked_listed_and_exit_code_1(project, template):
    change(project / "README.md", "# churn-model\n", "# Who leaves us?\n")
    commit(project)
    done = quick("update", "--template", str(template), cwd=project)
    assert done.returncode == 1
    assert "  conflict  README.md" in done.stdout
    assert "You and the template changed the same lines in 1 file: README.md." in done.stderr
    assert "Traceback" not in done.stderr
    text = (project / "README.md").read_bytes()
    for mark in (b"<<<<<<< yours\n", b"\n=======\n", b"\n>>>>>>> the template now\n"):
        assert mark in text
    assert b"# Who leaves us?" in text
    assert b"# churn-model, a model" in text
    assert "hatchling==1.34.0" in (project / "pyproject.toml").read_text()


def test_a_removed_file_stays_removed(project, template):
    (project / "tests/test_model.py").unlink()
    commit(project)
    done = quick("update", "--template", str(template), cwd=project)
    assert done.returncode == 0
    assert "kept      tests/test_model.py: you removed it" in done.stdout
    assert not (project / "tests/test_model.py").exists()


def test_uncommitted_edits_are_refused_and_nothing_is_written(project, template):
    change(project / "Makefile", None, "# mine\n")
    done = quick("update", "--template", str(template), cwd=project)
    assert done.returncode == 1
    assert "has 1 uncommitted change, the first in Makefile." in done.stderr
    assert git("status", "--porcelain", cwd=project) == " M Makefile\n"


def test_without_a_repository_it_is_refused(project, template):
    shutil.rmtree(project / ".git")
    done = quick("update", "--template", str(template), cwd=project)
    assert done.returncode == 1
    assert f"error: {project} is not in a git repository." in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist: the project was not made from the template."),
        ("name: [", "cannot be read: while parsing"),
        ("name: churn-model\n", "has no `package`."),
        (
            "name: a\npackage: a\ntemplate: '100.0'\n",
            "was made with template 100.0, and this Seatrial has the older 1.0.",
        ),
        ("name: a\npackage: a\ntemplate: '0.1'\n", "was made with template 0.1, which this Seatrial does not have."),
    ],
)
def test_damaged_answers_are_reported(project, text, message):
    (project / ANSWERS).unlink()
    if text is not None:
        (project / ANSWERS).write_text(text)
    git("add", "--all", cwd=project)
    commit(project)
    done = quick("update", cwd=project)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_windows_line_ends_are_not_an_edit(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\nmine\r\nthree\r\nfour\r\nfive\r\n")
    old, new_ = b"one\ntwo\nthree\nfour\nfive\n", b"one\ntwo\nthree\nfour\n5\n"
    done = merge(tmp_path, {"a.txt": old}, {"a.txt": new_})
    assert done.files == {"a.txt": b"one\r\nmine\r\nthree\r\nfour\r\n5\r\n"}
    assert not done.conflicts
