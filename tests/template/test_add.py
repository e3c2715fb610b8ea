"""`seatrial add`: CI services and targets added later, and nothing that was not chosen; several projects in one repository."""

import shutil
from pathlib import Path

import pytest
from tests.soak import few_of
from tests.template.commands import git, new, quick, write_table

from seatrial.ci import SERVICES
from seatrial.core.choices import PROVIDERS, TARGETS
from seatrial.deploy import target as deploy_targets
from seatrial.template.template_update import read_answers

TRACES = {
    "github": (".github/workflows/seatrial.yml", "github"),
    "gitlab": (".gitlab-ci.yml", "gitlab"),
    "circleci": (".circleci/config.yml", "circleci"),
    "docker": ("deploy/docker/Dockerfile", "docker"),
    "railway": ("deploy/railway/railway.json", "railway"),
    "kubernetes": (None, "kubernetes"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return new(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "churn"))


def mentions(project: Path, word: str) -> list[str]:
    files = [p for p in project.rglob("*") if p.is_file() and ".git" not in p.relative_to(project).parts]
    return sorted(p.relative_to(project).as_posix() for p in files if word in p.read_text().lower())


def test_every_service_and_target_can_be_added():
    assert tuple(SERVICES) == PROVIDERS
    assert tuple(deploy_targets.TARGETS) == TARGETS
    assert {*TRACES} == {*PROVIDERS, *TARGETS} - {"local"}


def test_a_project_has_no_trace_of_what_was_not_chosen(made):
    for _, word in TRACES.values():
        assert mentions(made, word) == [], word
    assert not (made / "deploy").exists()
    assert not (made / "LICENSE").exists()


@pytest.mark.parametrize("piece", few_of(TRACES, ("github", "docker")))
def test_adding_later_gives_the_same_as_choosing_at_first(project, tmp_path, piece):
    done = quick("add", piece, cwd=project)
    assert done.returncode == 0, done.stderr
    path, word = TRACES[piece]
    assert path is None or (project / path).is_file()
    assert {"README.md", "pyproject.toml"} & {*mentions(project, word)}
    option = ("--ci", piece) if piece in ("github", "gitlab", "circleci") else ("--deploy", piece)
    (tmp_path / "other").mkdir()
    chosen = new(tmp_path / "other", *option)
    for file in (p for p in chosen.rglob("*") if p.is_file() and ".git" not in p.relative_to(chosen).parts):
        assert (project / file.relative_to(chosen)).read_bytes() == file.read_bytes(), file
    again = quick("add", piece, cwd=project)
    assert (again.returncode, again.stdout) == (0, "")
    assert f"The project already has {piece}." in again.stderr


def test_a_second_ci_service_is_refused(project):
    assert quick("add", "github", cwd=project).returncode == 0
    done = quick("add", "gitlab", cwd=project)
    assert done.returncode == 1
    assert "error: The project uses github already, and two CI services would release twice." in done.stderr
    assert "hint: Remove .github/workflows/seatrial.yml, then add gitlab." in done.stderr
    assert not (project / ".gitlab-ci.yml").exists()


def test_a_ci_service_can_be_replaced_once_its_file_is_removed(project):
    assert quick("add", "github", cwd=project).returncode == 0
    (project / ".github/workflows/seatrial.yml").unlink()
    done = quick("add", "gitlab", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / ".gitlab-ci.yml").is_file()
    assert read_answers(project)["ci"] == "gitlab"
    assert mentions(project, "github") == []


def test_a_conflict_in_pyproject_is_reported_and_can_be_finished_later(project):
    path = project / "pyproject.toml"
    mine = path.read_text().replace("[tool.hatch.version]", "[tool.mine]\n[tool.hatch.version]")
    path.write_text(mine)
    done = quick("add", "docker", cwd=project)
    assert done.returncode == 1
    assert "  conflict  pyproject.toml" in done.stdout
    assert "You and the template changed the same lines in 1 file: pyproject.toml." in done.stderr
    assert "cannot be read" not in done.stderr
    path.write_text(mine + "\n[tool.seatrial.deploy.docker]\n")
    assert quick("add", "docker", cwd=project).returncode == 0
    assert (project / "deploy/docker/Dockerfile").is_file()


def test_written_files_are_not_reported_as_existing(project):
    assert quick("add", "docker", cwd=project).returncode == 0
    (project / "deploy/docker/Dockerfile").unlink()
    done = quick("add", "docker", cwd=project)
    assert (done.returncode, done.stdout) == (0, "  written   deploy/docker/Dockerfile\n")
    assert "is there" not in done.stderr


def test_a_users_own_file_is_reported_and_kept(project):
    (project / "deploy/docker").mkdir(parents=True)
    (project / "deploy/docker/Dockerfile").write_text("FROM mine\n")
    done = quick("add", "docker", cwd=project)
    assert (project / "deploy/docker/Dockerfile").read_text() == "FROM mine\n"
    assert done.returncode == 1
    assert "-FROM mine\n" in done.stdout
    assert "  kept      deploy/docker/Dockerfile: it exists with other content\n" in done.stderr
    assert (project / "deploy/docker/.dockerignore").is_file()


def test_one_repository_may_hold_several_projects(tmp_path):
    git("init", "--quiet", cwd=tmp_path)
    table = write_table(tmp_path / "customers.csv")
    first = new(tmp_path, "--ci", "github", name="churn", table=table)
    assert not (first / ".git").exists()
    assert not (first / ".github").exists()
    pipeline = (tmp_path / ".github/workflows/seatrial.yml").read_text()
    assert "churn" in pipeline
    second = new(tmp_path, name="upsell", table=table)
    assert not (second / ".git").exists()
    assert read_answers(second)["package"] == "upsell_model"
    assert (tmp_path / ".github/workflows/seatrial.yml").read_text() == pipeline
