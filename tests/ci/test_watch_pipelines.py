"""The job that watches: on a schedule of its own, with its own secrets; an alarm opens the retrain if the policy says so."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.ci.circle import ordered
from tests.ci.test_pipeline_files import SCHEMAS
from tests.commands import run_here
from tests.conftest import copy_titanic

from seatrial.ci import render
from seatrial.ci.doctor import examine
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project

TOKENS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SEATRIAL_WATCH_WEBHOOK", "SEATRIAL_WATCH_SECRET"]
LOG = '\n[tool.seatrial.log]\nto = "s3://bucket/log"\n'
OPEN = '[tool.seatrial.watch]\nretrain = "open"\n'


def watched(folder: Path, more: str = LOG, cron: str = "17 6 * * *") -> Path:
    """A project whose pipeline watches."""
    settings = copy_titanic(folder) / "pyproject.toml"
    text = settings.read_text().replace("[tool.seatrial.ci]", f'[tool.seatrial.ci]\nwatch = "{cron}"', 1)
    settings.write_text(text + more)
    return folder


def files(folder: Path, provider: str) -> dict[str, str]:
    return {path.name: text for path, text in render(find_project(folder), provider).items()}


def lines_of(document: Any) -> str:
    return yaml.safe_dump(document, width=1_000)


@pytest.mark.parametrize("provider", SCHEMAS)
def test_the_files_are_valid_and_the_doctor_finds_nothing(tmp_path: Path, provider: str) -> None:
    folder = watched(tmp_path / "titanic", LOG + OPEN)
    written = render(find_project(folder), provider)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[provider]]
    done = subprocess.run([*check, *map(str, written)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    own = {str(path.relative_to(folder)) for path in written}
    assert [finding for finding in examine(folder) if finding.is_fault and finding.path in own] == []


def test_github_has_a_workflow_with_its_schedule_and_its_secrets(tmp_path: Path) -> None:
    made = files(watched(tmp_path / "titanic"), "github")
    assert set(made) == {"seatrial.yml", "seatrial-watch.yml"}
    document = yaml.safe_load(made["seatrial-watch.yml"])
    assert document[True]["schedule"] == [{"cron": "17 6 * * *"}]
    job = document["jobs"]["watch"]
    assert (job["permissions"], job["environment"]) == ({"contents": "read"}, "seatrial-watch")
    [look] = [step for step in job["steps"] if step.get("id") == "look"]
    assert list(look["env"]) == TOKENS
    assert "refresh" not in made["seatrial-watch.yml"]
    assert "17 6" not in made["seatrial.yml"]


def test_gitlab_runs_nothing_else_on_the_schedule_of_the_watch(tmp_path: Path) -> None:
    document = yaml.safe_load(files(watched(tmp_path / "titanic"), "gitlab")[".gitlab-ci.yml"])
    jobs = {name: job for name, job in document.items() if isinstance(job, dict) and "script" in job}
    assert jobs.pop("watch")["rules"] == [{"if": '$SEATRIAL_WATCH == "1"'}]
    assert len(jobs) == 8
    for job in jobs.values():
        assert job["rules"][0] == {"if": "$SEATRIAL_WATCH", "when": "never"}
        assert len(job["rules"]) > 1


def test_circleci_has_a_workflow_for_a_parameter(tmp_path: Path) -> None:
    document = yaml.safe_load(files(watched(tmp_path / "titanic"), "circleci")["config.yml"])
    workflows = document["workflows"]
    assert workflows["watch"]["jobs"] == [{"watch": {"context": ["seatrial-watch"]}}]
    assert "<< pipeline.parameters.watch >>" in workflows["release"]["unless"]["or"]
    assert "watch" not in ordered(workflows["release"])


@pytest.mark.parametrize(("provider", "opens"), [("github", "gh pr create"), ("gitlab", "merge_request.create"), ("circleci", "git push")])  # fmt: skip
def test_the_policy_opens_the_retrain(tmp_path: Path, provider: str, opens: str) -> None:
    folder = watched(tmp_path / "titanic", LOG + OPEN)
    text = list(files(folder, provider).values())[-1]
    text = text[text.index("seatrial watch -v") :]
    steps = [
        text.index(words) for words in ("seatrial watch -v", "seatrial refresh --from-log", "seatrial bump", opens)
    ]
    assert steps == sorted(steps)
    never = "".join(files(watched(tmp_path / "other"), provider).values())
    assert "--from-log" not in never


def test_each_of_several_projects_has_its_own(tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = watched(tmp_path / name)
        settings = folder / "pyproject.toml"
        text = settings.read_text().replace('repository = "."', 'repository = ".."')
        settings.write_text(text.replace('name = "titanic-model"', f'name = "{name}-model"'))
        (folder / "src" / "titanic_model").rename(folder / "src" / f"{name}_model")
    folder = tmp_path / "first"
    made = files(folder, "github")
    assert set(made) == {"seatrial.yml", "seatrial-first-model-watch.yml", "seatrial-second-model-watch.yml"}
    gitlab = yaml.safe_load(files(folder, "gitlab")[".gitlab-ci.yml"])
    assert gitlab["first-model-watch"]["rules"] == [{"if": '$SEATRIAL_WATCH == "first-model"'}]
    assert gitlab[".first-model"]["rules"][0] == {"if": "$SEATRIAL_WATCH", "when": "never"}
    circle = yaml.safe_load(files(folder, "circleci")["config.yml"])
    assert circle["workflows"]["second-model-watch"]["when"]["equal"][0] == "second-model"


def test_a_project_that_is_not_watched_has_no_such_job(tmp_path: Path) -> None:
    folder = copy_titanic(tmp_path / "titanic")
    for provider in SCHEMAS:
        text = "".join(files(folder, provider).values())
        assert "SEATRIAL_WATCH" not in text
        assert "seatrial watch" not in text


@pytest.mark.parametrize(
    ("more", "cron", "message"),
    [
        ("", "17 6 * * *", "no pipeline can read the log"),
        ('\n[tool.seatrial.log]\nto = "logs"\n', "17 6 * * *", "no pipeline can read the log"),
        (LOG, "17 6 * *", "watch must have five fields"),
        (LOG, "daily; rm", "cannot be used in a pipeline"),
        (LOG + '[tool.seatrial.watch]\nretrain = "yes"\n', "17 6 * * *", 'neither "never" nor "open"'),
    ],
)
def test_what_cannot_be_watched_says_why(tmp_path: Path, more: str, cron: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        render(find_project(watched(tmp_path / "titanic", more, cron)), "github")


def test_a_workflow_of_a_watch_that_is_no_longer_in_the_settings_is_reported(tmp_path: Path) -> None:
    folder = watched(tmp_path / "titanic")
    assert run_here("ci", "github", "--force", cwd=folder).returncode == 0
    own = folder / ".github" / "workflows" / "my-own-watch.yml"
    own.write_text("on: push\n")
    assert run_here("ci", "github", "--check", cwd=folder).returncode == 0
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('watch = "17 6 * * *"', ""))
    assert (
        "seatrial-watch.yml is of a watch that is no longer" in run_here("ci", "github", "--force", cwd=folder).stderr
    )
    assert run_here("ci", "github", "--check", cwd=folder).returncode == 1
    (own.parent / "seatrial-watch.yml").unlink()
    assert run_here("ci", "github", "--check", cwd=folder).returncode == 0


SEATRIAL = """#!/bin/sh
case "$1" in
watch) mkdir -p .seatrial/watch && echo alarm > .seatrial/watch/watch.md; exit 1 ;;
refresh) echo row >> data/titanic.csv ;;
esac
"""
GH = """#!/bin/sh
case "$2" in view) grep -qs . "$REQUESTS" ;; create) echo opened >> "$REQUESTS" ;; esac
"""


@pytest.mark.parametrize("provider", SCHEMAS)
def test_a_branch_that_is_not_merged_is_left_alone(tmp_path: Path, provider: str) -> None:
    folder, origin, programs = tmp_path / "titanic", tmp_path / "origin.git", tmp_path / "bin"
    script = _retrain(files(watched(folder, LOG + OPEN), provider))
    programs.mkdir()
    for name, text in {"seatrial": SEATRIAL, "gh": GH}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    person = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    requests = {"REQUESTS": str(tmp_path / "requests")}
    environment = {**os.environ, **person, **requests, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(*command: str, at: Path = folder) -> str:
        done = subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def look() -> str:
        run("git", "checkout", "--force", "main")
        run("bash", "-e", "-c", script)
        return run("git", "log", "--format=%s", "seatrial-retrain", at=origin)

    run("git", "init", "--bare", "-b", "main", str(origin), at=tmp_path)
    run("git", "config", "receive.advertisePushOptions", "true", at=origin)
    for words in ("init -b main", f"remote add origin {origin}", "add .", "commit -m Start", "push origin main"):
        run("git", *words.split())
    first = look()
    assert first.startswith("Train again")
    run("git", "commit", "--allow-empty", "-m", "By a person")
    run("git", "push", "origin", "HEAD:seatrial-retrain")
    assert look() == f"By a person\n{first}"
    run("git", "checkout", "--force", "main")
    run("git", "merge", "origin/seatrial-retrain")
    (tmp_path / "requests").unlink(missing_ok=True)
    assert look().startswith("Train again on labelled rows: the watch raised an alarm\nBy a person")
    if provider == "github":
        assert (tmp_path / "requests").read_text() == "opened\n"


def _retrain(made: dict[str, str]) -> str:
    """The lines of the pipeline that look, and open the retrain."""
    if "seatrial-watch.yml" in made:
        steps = yaml.safe_load(made["seatrial-watch.yml"])["jobs"]["watch"]["steps"]
        return str(next(step["run"] for step in steps if step.get("name") == "Open the retrain"))
    if ".gitlab-ci.yml" in made:
        return str(yaml.safe_load(made[".gitlab-ci.yml"])["watch"]["script"][0])
    steps = yaml.safe_load(made["config.yml"])["jobs"]["watch"]["steps"]
    runs = [step["run"]["command"] for step in steps if isinstance(step, dict) and "run" in step]
    return "echo 1 > look\n" + runs[-1].replace("/tmp/look", "look").replace("~/tools/bin/", "")
