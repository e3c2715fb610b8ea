"""`seatrial bump`: raises the version, always or only when a retrain needs it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import TITANIC, copy_titanic

from seatrial.cli import app
from seatrial.core.project import find_project
from seatrial.release import build_release, built_release, open_index

INIT = Path("src") / "titanic_model" / "__init__.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_titanic(tmp_path / "titanic")


@pytest.fixture(scope="module")
def index(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with 0.1.0, trained on the unchanged table."""
    settings = find_project(titanic_project)
    folder = tmp_path_factory.mktemp("index") / "index"
    open_index(folder).publish(build_release(settings).files)
    return folder


def bump(project: Path, *words: str) -> int:
    return app.run(["bump", *words, "--project", str(project)])


def built_bytes(project: Path) -> tuple[bytes, bytes]:
    built = built_release(find_project(project))
    return built.wheel.path.read_bytes(), built.sdist.read_bytes()


def version(project: Path) -> str:
    return find_project(project).version


def write_version(project: Path, text: str) -> None:
    path = project / INIT
    path.write_text(path.read_text().replace('__version__ = "0.1.0"', text))


def grow(project: Path) -> None:
    table = project / "data" / "titanic.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1].replace("Allen", "Alan") + "\n")


def test_bump_raises_one_part_and_changes_nothing_else(project: Path, capsys: pytest.CaptureFixture[str]):
    before = (project / INIT).read_text()
    assert bump(project) == 0
    assert capsys.readouterr().out == "0.1.0 -> 0.1.1\n"
    assert (project / INIT).read_text() == before.replace('"0.1.0"', '"0.1.1"')
    assert bump(project, "minor", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"old": "0.1.1", "new": "0.2.0", "raised": True, "why": ""}
    assert bump(project, "major") == 0
    assert version(project) == "1.0.0"
    assert bump(project, "huge") == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('__version__ = "newest"', "'newest' is not a version."),
        ("__version__ = read()", 'needs one line `__version__ = "0.1.0"`.'),
        ('__version__ = "0.1.0"\n__version__ = "0.2.0"', 'needs one line `__version__ = "0.1.0"`.'),
    ],
)
def test_a_version_that_cannot_be_read_is_refused(
    line: str, message: str, project: Path, capsys: pytest.CaptureFixture[str]
):
    write_version(project, line)
    before = (project / INIT).read_bytes()
    assert bump(project) == 1
    assert message in capsys.readouterr().err
    assert (project / INIT).read_bytes() == before


def test_a_version_in_pyproject_is_refused(project: Path, capsys: pytest.CaptureFixture[str]):
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace('dynamic = ["version"]', 'version = "0.3.0"'))
    assert bump(project) == 1
    assert "The version of titanic-model is in pyproject.toml (0.3.0)" in capsys.readouterr().err


def test_a_version_that_can_stay_is_reported_with_the_reason(
    project: Path, index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ("--when-needed", "--index")
    assert bump(project, *words, str(tmp_path / "empty")) == 0
    assert "0.1.0 stays: there is no release of titanic-model on the index yet." in capsys.readouterr().out
    assert bump(project, *words, str(index)) == 0
    assert "0.1.0 stays: the table is the one that 0.1.0 was trained on." in capsys.readouterr().out
    grow(project)
    write_version(project, '__version__ = "0.2.0"')
    assert bump(project, *words, str(index)) == 0
    assert "0.2.0 stays: the newest release on the index is 0.1.0." in capsys.readouterr().out
    (project / "data" / "titanic.csv").unlink()
    assert bump(project, *words, str(index)) == 1
    assert "titanic.csv does not exist." in capsys.readouterr().err


@pytest.mark.parametrize("own", ["0.1.0", "0.0.4"])
def test_a_needed_version_is_above_the_newest_release(
    own: str, project: Path, index: Path, capsys: pytest.CaptureFixture[str]
):
    grow(project)
    write_version(project, f'__version__ = "{own}"')
    assert bump(project, "--when-needed", "--index", str(index)) == 0
    said = capsys.readouterr().out
    assert f"{own} -> 0.1.1: the table is not the one that 0.1.0 was trained on" in " ".join(said.split())
    assert version(project) == "0.1.1"


def test_an_unreachable_index_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]):
    before = (project / INIT).read_bytes()
    assert bump(project, "--when-needed", "--index", "http://127.0.0.1:9/simple/") == 1
    assert "127.0.0.1:9" in capsys.readouterr().err
    assert (project / INIT).read_bytes() == before


@pytest.mark.slow
def test_a_retrain_that_was_interrupted_after_publishing_is_continued(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The index has a release that git does not know of: the same version, and so the same bytes, are built again."""

    def ran(*words: str) -> None:
        assert app.run([*words, "--project", str(project)]) == 0, capsys.readouterr()

    shutil.copy(TITANIC / ".gitignore", project)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Begin"]):
        who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *who, "-C", str(project), *command], check=True)
    ran("bump")
    ran("train")
    ran("build")
    files = built_bytes(project)
    index = tmp_path / "index"
    open_index(index).publish(built_release(find_project(project)).files)
    subprocess.run(["git", "-C", str(project), "checkout", "--quiet", "."], check=True)
    shutil.rmtree(project / "dist")
    capsys.readouterr()
    ran("bump", "--when-needed", "--index", str(index))
    assert "0.1.0 -> 0.1.1: the index has the release of this table" in " ".join(capsys.readouterr().out.split())
    ran("train")
    ran("build")
    assert built_bytes(project) == files
