"""`seatrial adopt`: an existing repository gets what is missing, and nothing changes unseen."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.template.commands import git, quick, seatrial, write_table

from seatrial.core.project import find_project
from seatrial.core.version import read_version
from seatrial.template.render import files_of

OURS = '''"""Our way to predict who leaves."""

from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def churn_pipeline() -> Pipeline:
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["plan"]))
    return make_pipeline(columns, LogisticRegression())
'''
PYPROJECT = """# Our own comment.
[project]
name = "leaving"
version = "3.2.1"
dependencies = ["requests>=2"]

[tool.black]
line-length = 99
"""


@pytest.fixture
def repository(tmp_path) -> Path:
    folder = tmp_path / "leaving"
    (folder / "src/leaving").mkdir(parents=True)
    (folder / "tables").mkdir()
    write_table(folder / "tables/customers.csv")
    (folder / "src/leaving/__init__.py").write_text('"""Who leaves?"""\n')
    (folder / "src/leaving/ours.py").write_text(OURS)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "README.md").write_text("# Ours\n")
    (folder / ".gitignore").write_text("*.log\n")
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "Ours", cwd=folder)
    return folder


def adopt(folder: Path, *words: str):
    return quick("adopt", "--data", "tables/customers.csv", "--target", "left", *words, cwd=folder)


def there(folder: Path) -> dict[str, bytes]:
    return {path: content for path, content in files_of(folder).items() if not path.startswith(".git/")}


def test_changes_are_shown_and_need_a_yes(repository):
    before = there(repository)
    done = adopt(repository)
    assert done.returncode == 1
    assert there(repository) == before
    assert "The pipeline is built by leaving.ours:churn_pipeline." in done.stderr
    assert "  new      src/leaving/schema.py" in done.stdout
    assert "  stays    README.md" in done.stdout
    assert "  changes  pyproject.toml" in done.stdout
    assert "+[tool.seatrial]" in done.stdout
    assert "hint: Review the changes above; --yes writes them." in done.stderr


def test_an_adopted_repository_keeps_what_it_had_and_trains(repository):
    done = adopt(repository, "--yes")
    assert done.returncode == 0, done.stderr
    text = (repository / "pyproject.toml").read_text()
    assert text.startswith('# Our own comment.\n[project]\nname = "leaving"\nversion = "3.2.1"\n')
    assert '"requests>=2"' in text
    assert "seatrial>=0.1" in text
    assert "[tool.black]" in text
    assert (repository / "README.md").read_text() == "# Ours\n"
    assert (repository / "src/leaving/ours.py").read_text() == OURS
    assert not (repository / "data").exists()
    project = find_project(repository)
    assert project.data == repository / "tables/customers.csv"
    assert project.version == "3.2.1"
    assert read_version(project.version_file) == "3.2.1"
    bumped = quick("bump", cwd=repository)
    assert bumped.returncode == 1
    assert "error: The version of leaving is in pyproject.toml (3.2.1)" in bumped.stderr
    again = adopt(repository, "--yes")
    assert "Nothing to add or change." in again.stderr
    assert seatrial("train", cwd=repository).returncode == 0
    updated = quick("update", cwd=repository)
    assert updated.returncode == 1
    assert " uncommitted change" in updated.stderr
    metadata = (repository / "src/leaving/artifacts/release.json").read_text()
    assert '"plan"' in metadata
    assert '"spent"' not in metadata.split('"inputs"')[1].split("]")[0]  # which their pipeline does not use


def test_the_examined_table_becomes_the_projects(repository):
    path = repository / "pyproject.toml"
    path.write_text(f'{PYPROJECT}\n[tool.seatrial]\ndata = "old.csv"\ntarget = "left"\nseed = 7\n')
    assert adopt(repository, "--yes").returncode == 0
    project = find_project(repository)
    assert (project.data, project.seed) == (repository / "tables/customers.csv", 7)


def test_a_rendered_readme_names_the_path_of_the_table(repository):
    (repository / "README.md").unlink()
    assert adopt(repository, "--yes").returncode == 0
    text = (repository / "README.md").read_text()
    assert "The model predicts `left` in `tables/customers.csv`" in text
    assert "data/" not in text


@pytest.mark.parametrize("need", ["seatrial~=0.1", "Seatrial<0.2", "seatrial; python_version > '3'", "seatrial!=0.1.1"])
def test_an_existing_dependency_on_the_toolkit_is_not_repeated(repository, need):
    path = repository / "pyproject.toml"
    path.write_text(PYPROJECT.replace("requests>=2", need))
    assert adopt(repository, "--yes").returncode == 0
    assert f'dependencies = ["{need}"]' in path.read_text()


def test_the_library_of_a_boosted_model_is_asked_for_once(repository):
    imports = "from lightgbm import LGBMClassifier\nfrom sklearn.pipeline import Pipeline\n"
    (repository / "src/leaving/other.py").write_text(imports)
    assert adopt(repository, "--yes").returncode == 0
    groups = tomllib.loads((repository / "pyproject.toml").read_text())["dependency-groups"]
    assert groups == {"dev": ["seatrial[lightgbm]"]}
    assert adopt(repository, "--yes").returncode == 0
    assert tomllib.loads((repository / "pyproject.toml").read_text())["dependency-groups"] == groups


def test_an_invalid_dependency_is_reported(repository):
    path = repository / "pyproject.toml"
    path.write_text(PYPROJECT.replace("requests>=2", "requests >> 2"))
    done = adopt(repository, "--yes")
    assert done.returncode == 1
    assert "error: pyproject.toml: the dependency 'requests >> 2' is not a valid requirement." in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--pipeline", "nosuch.model:build"),
            "nosuch.model is not in src/leaving/, and a release contains nothing else.",
        ),
        (("--pipeline", "leaving ours"), "'leaving ours' does not name a function."),
        (("--fitted", "model.pkl"), "model.pkl is a pickle, and loading it runs any code that it contains."),
        (("--fitted", "model.skops"), "model.skops cannot be read with skops:"),
        (("--fitted", "no.skops"), "no.skops does not exist."),
    ],
)
def test_what_cannot_be_adopted_is_reported(repository, words, message):
    (repository / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    (repository / "model.skops").write_bytes(b"nothing")
    before = there(repository)
    done = adopt(repository, "--yes", *words)
    assert done.returncode == 1
    assert f"error: {message}" in done.stderr
    assert there(repository) == before


def test_a_fitted_model_becomes_code(repository):
    make = (
        "import skops.io, sys; sys.path.insert(0, 'src'); from leaving.ours import churn_pipeline;"
        "import pandas; t = pandas.read_csv('tables/customers.csv');"
        "skops.io.dump(churn_pipeline().set_params(logisticregression__C=0.5).fit(t[['age', 'plan']], t['left']), 'm.skops')"
    )
    subprocess.run([sys.executable, "-c", make], cwd=repository, check=True)
    done = adopt(repository, "--yes", "--fitted", "m.skops")
    assert done.returncode == 0, done.stderr
    text = (repository / "src/leaving/pipeline.py").read_text()
    assert "LogisticRegression(C=0.5)" in text
    assert "from sklearn.linear_model import LogisticRegression" in text
    assert seatrial("train", cwd=repository).returncode == 0


def test_a_package_outside_src_has_to_move(repository):
    (repository / "src/leaving").rename(repository / "leaving")
    done = adopt(repository)
    assert done.returncode == 1
    assert "error: The package is in leaving/, but a project needs it in src/leaving/." in done.stderr


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("setup.cfg", "[metadata]\nname = leaving\n", "setup.cfg"),
        ("setup.py", 'from setuptools import setup\nsetup(name="leaving")\n', "setup.py"),
        ("pyproject.toml", '[tool.poetry]\nname = "leaving"\nversion = "1.4.0"\n', "[tool.poetry]"),
    ],
)
def test_metadata_in_another_place_has_to_move(repository, file, text, place):
    (repository / "pyproject.toml").unlink()
    (repository / file).write_text(text)
    before = there(repository)
    done = adopt(repository, "--yes")
    assert done.returncode == 1
    message = f"pyproject.toml has no [project] table: the name and the dependencies are in {place}."
    assert message in done.stderr
    assert there(repository) == before


POETRY = PYPROJECT + '\n[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
SETUPTOOLS = PYPROJECT + '\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


def test_poetry_ships_the_artifacts(repository):
    (repository / "pyproject.toml").write_text(POETRY)
    assert adopt(repository, "--yes").returncode == 0
    document = tomllib.loads((repository / "pyproject.toml").read_text())
    assert document["project"]["dependencies"] == ["requests>=2", "seatrial>=0.1,<0.2"]
    assert document["tool"]["poetry"]["include"] == [{"path": "src/leaving/artifacts/*", "format": ["sdist", "wheel"]}]
    assert "hatch" not in document["tool"]
    assert "Nothing to add or change." in adopt(repository, "--yes").stderr


def test_setuptools_ships_the_artifacts(repository):
    (repository / "pyproject.toml").write_text(SETUPTOOLS)
    assert adopt(repository, "--yes").returncode == 0
    document = tomllib.loads((repository / "pyproject.toml").read_text())
    assert document["tool"]["setuptools"]["package-data"] == {"leaving": ["artifacts/*"]}


def test_a_fitted_model_in_the_repository_is_mentioned(repository):
    (repository / "src/leaving/ours.py").unlink()
    (repository / "models").mkdir()
    (repository / "models/best.joblib").write_bytes(b"")
    done = adopt(repository)
    assert "  This may be a fitted model: --fitted models/best.joblib\n" in done.stderr
