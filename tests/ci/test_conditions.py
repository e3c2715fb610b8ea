"""Conditions: yes, no, sometimes, unknown. What is not known hides no fault and invents none."""

from pathlib import Path

import pytest
from tests.ci.trees import CIRCLE, GITLAB, WORKFLOW, circle, github, looked_at, run

from seatrial.ci.doctor.expressions import github_expression, gitlab_expression
from seatrial.ci.doctor.truth import Truth, every, some

NO, SOMETIMES, YES, UNKNOWN = Truth.NO, Truth.SOMETIMES, Truth.YES, Truth.UNKNOWN
TRIAL = run("seatrial trial")
DEPLOY = "railway up"


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("github.ref == 'refs/heads/main'", YES),
        ("github.ref == 'refs/heads/main' && github.event_name != 'push'", NO),
        ("(github.ref == 'refs/heads/x' || github.ref_name == 'MAIN') && !false", YES),
        ("github.ref == 'x' || github.ref == 'y' && true", NO),
        ("true || github.ref == 'y' && false", YES),
        ("startsWith(github.ref, 'refs/heads/')", YES),
        ('contains(fromJSON(\'["dev", "main"]\'), github.ref_name)', YES),
        ("contains('a''b', '''')", YES),
        ("vars.DEPLOY == 'true'", UNKNOWN),
        ("vars.DEPLOY == 'true' && github.ref == 'refs/heads/x'", NO),
        ("vars.DEPLOY == 'true' || github.ref == 'refs/heads/main'", YES),
        ("!(vars.DEPLOY == 'true')", UNKNOWN),
        ("github.actor == 'dependabot[bot]'", SOMETIMES),
        ("github.event.inputs['where'] == 'here'", UNKNOWN),
        ("${{ false }}", NO),
        ("${{ false }} && true", YES),  # GitHub makes a text of it, and no text but "" is false
        ("${{ false }}\n", YES),
        ("some(thing, we['do'].not.know, 1.5) >= 3", UNKNOWN),
        ("&& nonsense", UNKNOWN),
        ("(" * 9000, UNKNOWN),
        ("!" * 9000 + "true", UNKNOWN),
    ],
)
def test_an_expression_of_github_is_read_whole(text: str, truth: Truth):
    from seatrial.ci.doctor.events import Event
    from seatrial.ci.doctor.github import _asked
    from seatrial.ci.doctor.jobs import Situation

    assert _asked(github_expression(text), Situation(Event("push", "main")), YES, False, set()) is truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ('$CI_COMMIT_BRANCH == "main"', YES),
        ("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_COMMIT_TAG == null", YES),
        ("$CI_COMMIT_BRANCH =~ /^release\\/.*$/", NO),
        ("$CI_COMMIT_BRANCH !~ /^rel/i && ($CI_PIPELINE_SOURCE == 'schedule' || $CI_PIPELINE_SOURCE == 'push')", YES),
        ("$CI_COMMIT_TAG", NO),
        ("$DEPLOY == 'yes'", UNKNOWN),
        ("$DEPLOY == 'yes' && $CI_COMMIT_TAG", NO),
        ("$CI_COMMIT_MESSAGE =~ /deploy/", SOMETIMES),
        ("$CI_COMMIT_BRANCH =~ /(unclosed/", UNKNOWN),
        ("$CI_COMMIT_BRANCH =~ $PATTERN", UNKNOWN),
    ],
)
def test_an_expression_of_gitlab_is_read_whole(text: str, truth: Truth):
    from seatrial.ci.doctor.events import Event
    from seatrial.ci.doctor.gitlab import _variable

    names = gitlab_expression(text)
    assert names.truth(lambda name: _variable(name.strip("${}"), Event("push", "main"))) is truth


def test_truths_are_joined_so_that_what_is_known_decides():
    assert every([YES, UNKNOWN, NO]) is NO
    assert every([SOMETIMES, UNKNOWN]) is UNKNOWN
    assert every([SOMETIMES, YES]) is SOMETIMES
    assert some([NO, UNKNOWN, YES]) is YES
    assert some([UNKNOWN, SOMETIMES]) is SOMETIMES
    assert every([]) is YES
    assert some([]) is NO
    assert [each.negated for each in (YES, NO, SOMETIMES, UNKNOWN)] == [NO, YES, SOMETIMES, UNKNOWN]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("github.ref == 'refs/heads/main'", []),
        ("vars.DEPLOY == 'true'", []),  # it may be the filter that is looked for
        ("vars.DEPLOY == 'true' && github.ref == 'refs/heads/main'", []),
        ("github.repository == 'acme/models'", ["any-branch"]),
        ("contains(github.event.head_commit.message, 'deploy')", ["any-branch"]),
        ("contains(github.event.head_commit.message, 'deploy') || vars.X", ["any-branch"]),
        ("contains(vars.BRANCHES, github.ref_name) && github.ref == 'refs/tags/v1'", ["unreachable-job"]),
        ("env.NOT_UNDERSTOOD ?? 'x'", []),
    ],
)
def test_a_condition_that_is_not_known_neither_hides_nor_invents(condition: str, found: list[str], tmp_path: Path):
    text = github(TRIAL + run(DEPLOY), job=f"    if: {condition}\n", on="{push: {branches: ['**']}}")
    assert [check for check, _ in looked_at(tmp_path, {WORKFLOW: text})] == found


def test_a_step_may_have_the_filter_of_its_own(tmp_path: Path):
    text = github(TRIAL + run(DEPLOY, **{"if": "github.ref == 'refs/heads/main'"}))
    assert looked_at(tmp_path, {WORKFLOW: text}) == []
    text = github(TRIAL + run(DEPLOY, **{"if": "github.ref != 'refs/heads/main'"}))
    assert looked_at(tmp_path, {WORKFLOW: text}) == [("any-branch", "- run: railway up")]


def two_jobs(deploy: str, trial: str = "") -> str:
    """A workflow on main whose trial is a job before that of the deployment."""
    more = f"  deploy:\n    needs: [work]\n    runs-on: x\n{deploy}    steps:\n      - run: {DEPLOY}\n"
    return github(TRIAL, job=trial, on="{push: {branches: [main]}}", more=more)


AFTER = ("ignored-failure", "- run: railway up")


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("always()", [AFTER]),
        ("${{ !cancelled() }}", [AFTER]),
        ("failure()", [AFTER]),
        ("success() || failure()", [AFTER]),
        ("!failure()", []),
        ("success()", []),
        ("always() && needs.work.result == 'success'", []),
        ("always() && needs.work.result != 'failure'", []),
        ("always() && contains(needs.*.result, 'success')", []),  # beyond us, hence not accused
        ("github.ref == 'refs/heads/main'", []),
    ],
)
def test_a_deployment_after_a_failed_trial_is_found_at_github(condition: str, found: list, tmp_path: Path):
    assert looked_at(tmp_path, {WORKFLOW: two_jobs(f"    if: {condition}\n")}) == found


@pytest.mark.parametrize("condition", ["always()", "failure()", "${{ !cancelled() }}"])
def test_a_step_after_a_failed_one_is_found_at_github(condition: str, tmp_path: Path):
    text = github(TRIAL + run(DEPLOY, **{"if": condition}), on="{push: {branches: [main]}}")
    assert looked_at(tmp_path, {WORKFLOW: text}) == [AFTER]


def test_a_trial_that_is_skipped_where_it_is_deployed_is_none(tmp_path: Path):
    skipped = "    if: github.event_name == 'pull_request'\n"
    text = two_jobs("    if: always() && github.ref == 'refs/heads/main'\n", trial=skipped)
    text = text.replace("{push: {branches: [main]}}", "[push, pull_request]")
    assert ("no-trial", "- run: railway up") in looked_at(tmp_path, {WORKFLOW: text})


def test_a_job_of_github_that_may_fail(tmp_path: Path):
    for told, found in (("true", ["ignored-failure", "no-trial"]), ("${{ true }}", ["ignored-failure", "no-trial"]),
                        ("false", []), ("${{ matrix.experimental }}", [])):  # fmt: skip
        text = two_jobs("", trial=f"    continue-on-error: {told}\n")
        assert sorted(check for check, _ in looked_at(tmp_path, {WORKFLOW: text})) == found, told


ON_MAIN = "          filters: {branches: {only: main}}\n"
DEPLOYS = f"  deploy:\n    docker: [{{image: x}}]\n    steps:\n      - run: {DEPLOY}\n"


@pytest.mark.parametrize(
    ("requires", "found"),
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
def test_a_deployment_after_a_failed_trial_is_found_at_circleci(requires: str, found: list, tmp_path: Path):
    jobs = f"      - work\n      - deploy:\n          requires: {requires}\n{ON_MAIN}"
    text = circle("      - run: seatrial trial\n", jobs=jobs, more=DEPLOYS)
    assert looked_at(tmp_path, {CIRCLE: text}) == found


def test_a_step_of_circleci_that_always_runs_is_found_where_it_releases(tmp_path: Path):
    jobs = f"      - work:\n{ON_MAIN}"
    for when, found in (("always", ["ignored-failure"]), ("on_fail", ["ignored-failure"]), ("on_success", [])):
        steps = f"      - run: seatrial trial\n      - run: {{command: {DEPLOY}, when: {when}}}\n"
        assert [check for check, _ in looked_at(tmp_path, {CIRCLE: circle(steps, jobs=jobs)})] == found
    reported = "      - run: {command: echo done, when: always}\n"
    text = circle(f"      - run: seatrial trial\n{reported}      - run: {DEPLOY}\n", jobs=jobs)
    assert looked_at(tmp_path, {CIRCLE: text}) == []


def test_parameters_of_circleci_have_their_defaults_on_a_push(tmp_path: Path):
    text = circle(f"      - run: seatrial trial\n      - run: {DEPLOY}\n", jobs="      - work\n")
    text = text.replace("version: 2.1\n", "version: 2.1\nparameters: {go: {type: boolean, default: false}}\n")
    gated = {
        "unless: << pipeline.parameters.go >>": ["any-branch"],
        "when: << pipeline.parameters.go >>": [],
        "when: {equal: [main, << pipeline.git.branch >>]}": [],
        "when: {not: {equal: [main, << pipeline.git.branch >>]}}": ["any-branch"],
        "when: {and: [true, {matches: {pattern: '^main$', value: << pipeline.git.branch >>}}]}": [],
        "when: << pipeline.trigger_parameters.github_app.commit_message >>": [],
    }
    for gate, found in gated.items():
        told = text.replace("  w:\n", f"  w:\n    {gate}\n")
        assert [check for check, _ in looked_at(tmp_path, {CIRCLE: told})] == found, gate


def gitlab(trial: str = "", deploy: str = "", head: str = "") -> str:
    return (
        f"{head}trial:\n  stage: test\n  script: [seatrial trial]\n{trial}"
        f"deploy:\n  stage: deploy\n  script:\n    - {DEPLOY}\n{deploy}"
    )


MAIN = '  rules:\n    - if: $CI_COMMIT_BRANCH == "main"\n'


@pytest.mark.parametrize(
    ("trial", "deploy", "found"),
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
def test_what_lets_a_job_of_gitlab_run(trial: str, deploy: str, found: list[str], tmp_path: Path):
    # A tag's or a merge request's pipeline is refused here, so that only branches are asked about.
    head = "workflow: {rules: [{if: $CI_COMMIT_TAG, when: never}, {when: always}]}\n"
    got = sorted({check for check, _ in looked_at(tmp_path, {GITLAB: gitlab(trial, deploy, head)})})
    assert got == found


def test_an_after_script_that_releases_does_so_after_failures(tmp_path: Path):
    text = gitlab(deploy=MAIN).replace(f"    - {DEPLOY}\n", f"    - seatrial trial\n  after_script: [{DEPLOY}]\n")
    assert {check for check, _ in looked_at(tmp_path, {GITLAB: text})} >= {"ignored-failure"}


def test_a_stage_that_has_no_job_on_main_makes_the_next_one_no_less_reachable(tmp_path: Path):
    text = gitlab(deploy=MAIN) + "review:\n  stage: test\n  script: [echo]\n  rules: [{if: $CI_MERGE_REQUEST_IID}]\n"
    assert looked_at(tmp_path, {GITLAB: text}) == []


def test_needs_in_a_circle_and_on_oneself_are_no_traceback(tmp_path: Path):
    text = gitlab(deploy="  needs: [deploy]\n") + "a: {needs: [b], script: x}\nb: {needs: [a], script: x}\n"
    assert {check for check, _ in looked_at(tmp_path, {GITLAB: text})} >= {"unreachable-job"}
