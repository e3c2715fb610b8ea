"""What is between a commit and production: the branch, the trial, and tests and uploads whose failure counts."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor import NOT_CHECKED, Advice
from seatrial.ci.doctor.pipelines import all_commands, pipelines
from seatrial.ci.doctor.shell_lines import DEPLOYS, PUBLISHES, TESTS, TRIES, UPLOADS, commands
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.workflow import ANY, PULL, UNKNOWN, Job, Jobs, before

Fault = tuple[int, str, str, str]  # line, check, message, hint
FAILS = re.compile(r" (--fail\S*|-[a-zA-Z]*f[a-zA-Z]*)( |$)")
OPTION = re.compile(r" -[a-zA-Z]+ ?('[^']*'|\"[^\"]*\"|[^ -]\S*)?| --[\w-]+( (?=[^-])|=)?\S*")  # with its value
TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$")


def check(tree: Tree) -> Iterator[Advice]:
    """The first fault of each kind in a job; and uploads by curl, also in scripts and makefiles."""
    for path, jobs in pipelines(tree):
        for job in jobs.values():
            faults = [*_releases(jobs, job), *_ignored(job), *_empty_tests(tree, job)]
            for line, kind, message, hint in {fault[1]: fault for fault in reversed(faults)}.values():
                yield Advice(path, line, kind, f"The job {job.name} {message}.", hint)
    scripts = [name for name in tree.files if re.search(r"\.(ba)?sh$|(^|/)Makefile$", name)]
    for path, each in [*all_commands(tree), *((name, each) for name in scripts for each in commands(tree.text(name)))]:
        if each.text.startswith("curl ") and UPLOADS.match(each.text) and not FAILS.search(each.text):
            message, hint = "curl treats a refused upload, 403 or 500, as success.", "Use curl --fail-with-body"
            yield Advice(path, each.line, "unchecked-upload", message, f"{hint}, or `seatrial publish`.")


def _releases(jobs: Jobs, job: Job) -> Iterator[Fault]:
    """A deployment or a publication from any branch or none, without a trial, or after a failure."""
    if job.contradiction:
        hint = "Let a branch through, or remove the job."
        yield job.line, "unreachable-job", "runs on no branch: its conditions contradict", hint
    for position, command in enumerate(job.commands):
        verb = "deploys" if DEPLOYS.match(command.text) else "publishes" if PUBLISHES.match(command.text) else ""
        if not verb:
            continue
        earlier = [*job.commands[:position], *(each for other in before(jobs, job.name) for each in other.commands)]
        gates = [each for each in earlier if not each.ignored]
        if command.reach in (ANY, PULL):
            yield command.line, "any-branch", f"{verb} every branch", "Limit this job to the main branch by a filter."
        if command.reach == UNKNOWN:
            yield command.line, NOT_CHECKED, f"{verb} under a condition that is not checked", ""
        # A trial that runs on pull requests alone does not precede a release from the main branch.
        if not any(each.is_trial and (each.reach != PULL or command.reach == PULL) for each in gates):
            hint = "Make it need a job that runs `seatrial trial`, so that a failed trial stops it."
            yield command.line, "no-trial", f"{verb} a release that has not passed a trial", hint
        failed = [each.text for each in gates if each.is_trial or TESTS.match(each.text)]
        if command.after_failure and failed:
            hint = "Remove always(), failure(), `when: always` and statuses other than success."
            yield command.line, "ignored-failure", f"{verb} even if `{failed[0]}` fails", hint


def _ignored(job: Job) -> Iterator[Fault]:
    """A test, a trial or an upload whose failure leaves the job green."""
    hint = "Remove what hides it: `|| true`, `set +e`, `&`, a pipe without pipefail, continue-on-error."
    for command in [each for each in job.commands if each.ignored]:
        kinds = {"a failed trial": TRIES, "failed tests": TESTS, "a failed upload": PUBLISHES}
        for what in [what for what, pattern in kinds.items() if pattern.match(command.text)][:1]:
            yield command.line, "ignored-failure", f"ignores {what}", hint


def _empty_tests(tree: Tree, job: Job) -> Iterator[Fault]:
    """A job named after tests that runs none, or only lists them; pytest whose paths have no test file."""
    may_test = job.unread or any(TESTS.match(each.text) or each.is_unknown for each in job.commands)
    if re.search(r"(^|[-_ ])tests?($|[-_ ])", job.name) and job.commands and not may_test:
        yield job.line, "no-tests", "runs no test: none of its commands is one", "Make it run `python -m pytest`."
    for command in job.commands:
        if re.match(r"(pytest|py\.test)\b[^$*`<>]*$", command.text):
            for word in OPTION.sub("", command.text).split()[1:]:
                path = word.partition("::")[0].strip("./")
                inside = [each for each in tree.files if f"/{path}/" in f"/{each}/"]
                if path and not any(TEST_FILE.search(each) or each.endswith(path) for each in inside):
                    why = "has no test file" if inside else "does not exist"
                    yield command.line, "no-tests", f"runs no test: {path} {why}", "Name tests that exist."
