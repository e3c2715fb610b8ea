"""Deployments and publications: only of the main branch, only after a trial, never after a failure; and test jobs that test."""

from pathlib import Path

import pytest
from tests.ci.trees import CIRCLE, GITLAB, WORKFLOW, circle, diagnosed, examine, github, not_checked, run

TRIAL, DEPLOY = run("seatrial trial"), "railway up"
AFTER = ("ignored-failure", "- run: railway up")
ON_MAIN = "          filters: {branches: {only: main}}\n"


@pytest.mark.parametrize(
    ("condition", "checks"),
    [
        ("github.ref == 'refs/heads/main'", []),
        ("${{ github.ref_name == 'main' }}", []),
        ("startsWith(github.ref, 'refs/tags/v')", []),
        ("github.ref == 'refs/heads/main' && github.actor != 'x'", []),
        ("github.ref == 'refs/heads/main' || github.ref == 'refs/heads/x'", []),
        ("github.ref != 'refs/heads/main'", ["any-branch"]),
        ("github.ref == 'refs/heads/main' || true", ["any-branch"]),
        ("success()", ["any-branch"]),
        ("github.event_name == 'push'", ["any-branch"]),  # on every branch
        ("github.event_name == 'pull_request'", ["any-branch"]),
        ("vars.DEPLOY == 'true'", []),  # it may be the filter that is looked for
        ("(github.ref == 'x' || vars.X) && true", []),
    ],
)
def test_the_condition_of_a_job_of_github(condition: str, checks: list[str], tmp_path: Path):
    text = github(TRIAL + run(DEPLOY), job=f"    if: {condition}\n", on="{push: {branches: ['**']}}")
    assert [check for check, _ in diagnosed(tmp_path, {WORKFLOW: text})] == checks
    is_unknown = "vars" in condition
    assert any("under a condition that is not checked" in each for each in not_checked(tmp_path)) is is_unknown


@pytest.mark.parametrize(
    ("on", "condition", "checks"),
    [
        ("{push: {branches: [main]}}", "success()", []),
        ("{push: {tags: ['v*']}}", "success()", []),
        ("{schedule: [{cron: 1 2 3 4 5}]}", "success()", []),
        ("push", "success()", ["any-branch"]),
        ("[push, pull_request]", "success()", ["any-branch"]),
        ("{push: {branches: [main]}, pull_request: }", "success()", ["any-branch"]),
        ("{push: {branches: [main]}, pull_request: }", "github.event_name == 'push'", []),
        ("{push: {branches: [main]}, pull_request: }", "github.event_name != 'pull_request'", []),
    ],
)
def test_the_triggers_of_a_workflow_of_github(on: str, condition: str, checks: list[str], tmp_path: Path):
    text = github(TRIAL + run(DEPLOY), job=f"    if: {condition}\n", on=on)
    assert [check for check, _ in diagnosed(tmp_path, {WORKFLOW: text})] == checks


def test_a_step_of_github_may_have_its_own_condition(tmp_path: Path):
    text = github(TRIAL + run(DEPLOY, **{"if": "github.ref == 'refs/heads/main'"}))
    assert diagnosed(tmp_path, {WORKFLOW: text}) == []
    text = github(TRIAL + run(DEPLOY, **{"if": "github.ref != 'refs/heads/main'"}))
    assert diagnosed(tmp_path, {WORKFLOW: text}) == [("any-branch", "- run: railway up")]


def two_jobs(deploy: str, trial: str = "") -> str:
    """A workflow on main whose trial is in a job before that of the deployment."""
    more = f"  deploy:\n    needs: [work]\n    runs-on: x\n{deploy}    steps:\n      - run: {DEPLOY}\n"
    return github(TRIAL, job=trial, on="{push: {branches: [main]}}", more=more)


@pytest.mark.parametrize(
    ("condition", "faults"),
    [
        ("always()", [AFTER]),
        ("${{ !cancelled() }}", [AFTER]),
        ("failure()", [AFTER]),
        ("success() || failure()", [AFTER]),
        ("!failure()", []),
        ("success()", []),
        ("always() && needs.work.result == 'success'", []),
        ("github.ref == 'refs/heads/main'", []),
    ],
)
def test_a_deployment_after_a_failed_trial_at_github(condition: str, faults: list, tmp_path: Path):
    assert diagnosed(tmp_path, {WORKFLOW: two_jobs(f"    if: {condition}\n")}) == faults
    if "needs" not in condition:
        text = github(TRIAL + run(DEPLOY, **{"if": condition}), on="{push: {branches: [main]}}")
        assert diagnosed(tmp_path, {WORKFLOW: text}) == faults


@pytest.mark.parametrize(
    ("value", "checks"),
    [
        ("true", ["ignored-failure", "no-trial"]),
        ("${{ true }}", ["ignored-failure", "no-trial"]),
        ("false", []),
        ("${{ matrix.experimental }}", []),
    ],
)
def test_a_job_of_github_that_may_fail(value: str, checks: list[str], tmp_path: Path):
    text = two_jobs("", trial=f"    continue-on-error: {value}\n")
    assert sorted(check for check, _ in diagnosed(tmp_path, {WORKFLOW: text})) == checks


@pytest.mark.parametrize(
    ("requires", "faults"),
    [
        ("[work]", []),
        ("[{work: success}]", []),
        ("[{work: [success, failed]}]", [AFTER]),
        ("[{work: failed}]", [AFTER]),
        ("[{work: [success, canceled]}]", [AFTER]),
        ("[{work: [success, not_run]}]", []),
        ("[{work: terminal}]", [AFTER]),
    ],
)
def test_a_deployment_after_a_failed_trial_at_circleci(requires: str, faults: list, tmp_path: Path):
    more = f"  deploy:\n    docker: [{{image: x}}]\n    steps:\n      - run: {DEPLOY}\n"
    jobs = f"      - work\n      - deploy:\n          requires: {requires}\n{ON_MAIN}"
    text = circle("      - run: seatrial trial\n", jobs=jobs, more=more)
    assert diagnosed(tmp_path, {CIRCLE: text}) == faults


def test_a_step_of_circleci_that_always_runs(tmp_path: Path):
    jobs = f"      - work:\n{ON_MAIN}"
    for when, checks in (("always", ["ignored-failure"]), ("on_fail", ["ignored-failure"]), ("on_success", [])):
        steps = f"      - run: seatrial trial\n      - run: {{command: {DEPLOY}, when: {when}}}\n"
        assert [check for check, _ in diagnosed(tmp_path, {CIRCLE: circle(steps, jobs=jobs)})] == checks
    harmless = "      - run: {command: echo done, when: always}\n"
    text = circle(f"      - run: seatrial trial\n{harmless}      - run: {DEPLOY}\n", jobs=jobs)
    assert diagnosed(tmp_path, {CIRCLE: text}) == []


@pytest.mark.parametrize(
    ("gate", "checks"),
    [
        ("unless: << pipeline.parameters.go >>", ["any-branch"]),
        ("when: << pipeline.parameters.go >>", []),
        ("when: {equal: [main, << pipeline.git.branch >>]}", []),
        ("when: {not: {equal: [main, << pipeline.git.branch >>]}}", []),  # not checked, see below
    ],
)
def test_a_workflow_of_circleci_behind_a_condition(gate: str, checks: list[str], tmp_path: Path):
    text = circle(f"      - run: seatrial trial\n      - run: {DEPLOY}\n", jobs="      - work\n")
    assert [
        check for check, _ in diagnosed(tmp_path, {CIRCLE: text.replace("  w:\n", f"  w:\n    {gate}\n")})
    ] == checks
    assert any("condition that is not checked" in each for each in not_checked(tmp_path)) is ("not:" in gate)


def gitlab(trial: str = "", deploy: str = "", head: str = "") -> str:
    return (
        f"{head}trial:\n  stage: test\n  script: [seatrial trial]\n{trial}"
        f"deploy:\n  stage: deploy\n  script:\n    - {DEPLOY}\n{deploy}"
    )


MAIN = '  rules:\n    - if: $CI_COMMIT_BRANCH == "main"\n'


@pytest.mark.parametrize(
    ("trial", "deploy", "checks"),
    [
        ("", MAIN, []),
        ("", MAIN + "      when: always\n", ["ignored-failure"]),
        ("", "  when: always\n  only: [main]\n", ["ignored-failure"]),
        ("", MAIN + "      when: on_failure\n", ["ignored-failure"]),
        ("", MAIN + "  needs: []\n", ["no-trial"]),
        ("  allow_failure: true\n", MAIN, ["ignored-failure", "no-trial"]),
        ("  allow_failure: {exit_codes: [1]}\n", MAIN, ["ignored-failure", "no-trial"]),
        ("  allow_failure: {exit_codes: [137]}\n", MAIN, []),
        ("  rules: [{when: on_success, allow_failure: true}]\n", MAIN, ["ignored-failure", "no-trial"]),
        ("  rules: [{if: $CI_MERGE_REQUEST_IID}]\n", MAIN, ["no-trial"]),  # on main there is no trial
        ("", MAIN + "  needs: [{job: trial, optional: true}]\n", []),
        ("", "  rules: [{changes: [src/**]}]\n", ["any-branch"]),
        ("", "  rules: [{if: $DEPLOY}]\n", []),
        ("", "  rules: [{if: $DEPLOY, when: never}, {when: on_success}]\n", []),
        ("", "  rules: [{if: '$CI_COMMIT_BRANCH != \"main\"', when: never}, {when: on_success}]\n", []),
        ("", "  rules: [{if: '$CI_COMMIT_BRANCH == \"main\"', when: never}, {when: on_success}]\n", ["any-branch"]),
        ("", "  rules: [{if: '$CI_COMMIT_BRANCH == \"main\"', when: manual}]\n", []),
        ("", "  when: manual\n", ["any-branch"]),
        ("", "  only: [main]\n", []),
        ("", "  only: {refs: [branches], changes: [a]}\n", ["any-branch"]),
        ("", "  only: {variables: [$DEPLOY]}\n", []),
    ],
)
def test_the_rules_of_a_job_of_gitlab(trial: str, deploy: str, checks: list[str], tmp_path: Path):
    assert sorted({check for check, _ in diagnosed(tmp_path, {GITLAB: gitlab(trial, deploy)})}) == checks


def test_an_after_script_that_releases_does_so_after_failures(tmp_path: Path):
    text = gitlab(deploy=MAIN).replace(f"    - {DEPLOY}\n", f"    - seatrial trial\n  after_script: [{DEPLOY}]\n")
    assert {check for check, _ in diagnosed(tmp_path, {GITLAB: text})} >= {"ignored-failure"}


def test_needs_that_form_a_circle_are_no_traceback(tmp_path: Path):
    text = gitlab(deploy="  needs: [deploy]\n") + "a: {needs: [b], script: x}\nb: {needs: [a], script: x}\n"
    assert {check for check, _ in diagnosed(tmp_path, {GITLAB: text})} == {"any-branch", "no-trial"}


PROJECT = {"titanic/tests/test_a.py": "def test_one(): ...\n", "titanic/src/m.py": ""}
RUNS = [
    "pytest", "python -m pytest", "pytest -n auto", "pytest -p no:cacheprovider -n 2", "pytest --junitxml out/x.xml",
    "pytest -o junit_family=x tests", "pytest --rootdir . tests", "pytest -q -rA --tb short", "pytest titanic/tests",
    "pytest tests/test_a.py::test_one", "pytest -k three", "pytest -m ''", "pytest --cov src --cov-report term tests",
    "uv run pytest", "poetry run python -m pytest tests", "coverage run -m pytest", "timeout 10m pytest tests",
    "pytest tests > log.txt 2>&1", "pytest tests | tee log.txt", "make test", "tox -e py311", "nox -s tests", "just test",
    "./scripts/run_tests.sh", "npm test", "docker run image pytest api", "pytest $PATHS", "FOO=1 pytest tests",
]  # fmt: skip
RUNS_NOTHING = {
    "pytest api": "api does not exist", "python3.11 -m pytest -n auto api": "api does not exist",
    "pytest --junitxml out/x.xml api": "api does not exist", "pytest titanic/src": "titanic/src has no test file",
    "pytest --collect-only": "none of its commands", "pytest --co -q": "none of its commands", "pytest --setup-only": "none of its commands",
    "uv run pytest --version": "none of its commands", "coverage run -m pytest api": "api does not exist",
    "poetry run pytest api": "api does not exist", "timeout 10m pytest api": "api does not exist",
    "echo tested": "none of its commands", "pip install pytest": "none of its commands",
}  # fmt: skip


@pytest.mark.parametrize("command", RUNS)
def test_a_command_that_runs_tests_is_not_reported(command: str, tmp_path: Path):
    text = f't:\n  script:\n    - cd titanic\n    - "{command}"\ntest:\n  extends: t\n'
    assert [line for check, line in diagnosed(tmp_path, {**PROJECT, GITLAB: text}) if check == "no-tests"] == []


@pytest.mark.parametrize("command", RUNS_NOTHING)
def test_a_command_that_runs_none_is_found(command: str, tmp_path: Path):
    diagnosed(tmp_path, {**PROJECT, GITLAB: f'test:\n  script:\n    - cd titanic\n    - "{command}"\n'})
    assert [each.message for each in examine(tmp_path) if RUNS_NOTHING[command] in each.message]


def test_what_may_do_anything_is_reported_as_not_checked(tmp_path: Path):
    steps = "      - uses: acme/run-tests@v1\n" + run("make trial") + run("ls")
    assert diagnosed(tmp_path, {WORKFLOW: github(steps).replace("work:", "test:")}) == []
    assert not_checked(tmp_path) == [
        "In the job test, this step is not checked: acme/run-tests@v1.",
        "In the job test, this step is not checked: `make trial`.",
    ]
    called = "on: push\njobs:\n  test:\n    uses: ./.github/workflows/t.yml\n"
    assert diagnosed(tmp_path, {WORKFLOW: called}) == []
    assert not_checked(tmp_path) == ["In the job test, this step is not checked: ./.github/workflows/t.yml."]


def test_a_task_that_is_named_after_the_trial_is_taken_for_one(tmp_path: Path):
    for command in ("make trial", "nox -s differential", "pytest -m differential tests"):
        text = github(run(command) + run(DEPLOY), on="{push: {branches: [main]}}")
        assert [c for c, _ in diagnosed(tmp_path, {**PROJECT, WORKFLOW: text})] == [], command


def test_a_pipe_hides_a_failure_where_the_services_shell_lets_it(tmp_path: Path):
    piped = "pytest titanic | tee log"
    for shell, count in (("", 1), ("bash", 0), ("bash -e {0}", 1), ("bash -eo pipefail {0}", 0)):
        text = github(run(piped, **({"shell": shell} if shell else {})))
        assert [c for c, _ in diagnosed(tmp_path, {**PROJECT, WORKFLOW: text})] == ["ignored-failure"] * count, shell
    for shell, count in (("", 0), ("/bin/bash", 1), ("/bin/bash -eo pipefail", 0)):
        more = f", shell: {shell}" if shell else ""
        text = circle(f'      - run: {{command: "{piped}\\n\\necho done"{more}}}\n')
        assert [c for c, _ in diagnosed(tmp_path, {WORKFLOW: "jobs: {}", CIRCLE: text})] == ["ignored-failure"] * count


def test_a_tox_ini_with_an_extra_index_is_found(tmp_path: Path):
    text = "[testenv]\npassenv = PIP_EXTRA_INDEX_URL\ncommands = pytest\n"
    assert diagnosed(tmp_path, {"tox.ini": text}) == [("two-indexes", "passenv = PIP_EXTRA_INDEX_URL")]
    assert diagnosed(tmp_path, {"tox.ini": text + "install_command = pip install --require-hashes {packages}\n"}) == []
