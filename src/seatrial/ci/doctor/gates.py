"""What stands between a commit and production: the branch, the trial, and who may read the secrets."""

from collections.abc import Iterator

from seatrial.ci.doctor.events import SOME_BRANCH, Event
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.jobs import Job, Pipeline, Situation, Step
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.truth import Truth, every
from seatrial.ci.doctor.work import deploys, may_try, plain, publishes, tests, tries

ANY_BRANCH = [Event("push", SOME_BRANCH), Event("pull_request", SOME_BRANCH)]


def releases_of_any_branch(tree: Tree) -> Iterator[Finding]:
    """A deployment or a publication that every branch, or every pull request, comes to."""
    for pipeline, name, found in _releasing(tree):
        for call, verb in found:
            if any(pipeline.passes(name, call, event).possible for event in ANY_BRANCH):
                message = f"The job {name} {verb} every branch."
                hint = "Let only the main branch through, by a filter on this job."
                yield Finding(pipeline.path, call.line, "any-branch", message, hint)
                break


def releases_without_trial(tree: Tree) -> Iterator[Finding]:
    """A deployment or a publication that does not wait for the trial."""
    for pipeline, name, found in _releasing(tree):
        for call, verb in found:
            events = [e for e in pipeline.events if pipeline.passes(name, call, e) is not Truth.NO]
            trials = _trials(pipeline, name, call)
            if not trials or not all(
                any(pipeline.passes(at, t, e) is not Truth.NO for at, t in trials) for e in events
            ):
                message = f"The job {name} {verb} what has not passed a trial."
                hint = "Let it need a job that runs `seatrial trial`, so that a failed trial stops it."
                yield Finding(pipeline.path, call.line, "no-trial", message, hint)
                break


def releases_after_failures(tree: Tree) -> Iterator[Finding]:
    """A deployment or a publication that is come to though the tests or the trial failed."""
    for pipeline, name, found in _releasing(tree):
        for call, verb in found:
            what = _failure(pipeline, name, call)
            if what:
                message = f"The job {name} {verb} although {what} did not succeed."
                hint = "Take out always(), failure(), `when: always` and statuses other than success."
                yield Finding(pipeline.path, call.line, "ignored-failure", message, hint)
                break


def secrets_of_every_branch(tree: Tree) -> Iterator[Finding]:
    """A releasing job whose secrets are the repository's, so that a workflow on any branch can read them."""
    for pipeline, name, _ in _releasing(tree):
        for secret, line in sorted(pipeline.jobs[name].secrets.items(), key=lambda item: item[1])[:1]:
            message = (
                f"The job {name} takes {secret} from the repository's secrets, which any branch's workflow can read."
            )
            hint = "Put it into an environment that only the main branch may use, and name that: `environment: ...`."
            yield Finding(pipeline.path, line, "open-secret", message, hint)


def _releasing(tree: Tree) -> Iterator[tuple[Pipeline, str, list[tuple[Step, str]]]]:
    """The jobs that deploy or publish, with the calls that do, and a word for each."""
    for pipeline in pipelines(tree):
        for name, job in pipeline.jobs.items():
            found = [(call, verb) for call in job.calls if (verb := _verb(call))]
            if found:
                yield pipeline, name, found


def _verb(call: Step) -> str:
    return "deploys" if deploys(call) else "publishes" if publishes(call) else ""


def _earlier(job: Job, call: Step) -> list[Step]:
    """What a job calls before a call of its own."""
    return job.calls[: next(n for n, each in enumerate(job.calls) if each is call)]


def _trials(pipeline: Pipeline, name: str, call: Step) -> list[tuple[str, Step]]:
    """The trials on the way to a call, and what may be one for all that can be seen, each with its job."""
    waits = [(name, each) for each in _earlier(pipeline.jobs[name], call)]
    waits += [(before, each) for before in pipeline.before(name) for each in pipeline.jobs[before].calls]
    return [(at, each) for at, each in waits if may_try(each) and not each.ignored]


def _failure(pipeline: Pipeline, name: str, call: Step) -> str:
    """What may fail before a call without keeping it from being come to; "" where nothing does."""
    events = pipeline.events
    for before in pipeline.before(name):
        job = pipeline.jobs[before]
        if job.lenient or not any(_gates(each) for each in job.calls):
            continue  # told where the failure itself is passed over
        if any(pipeline.runs(before, e).possible and pipeline.passes(name, call, e, before).possible for e in events):
            return before
    for each in _earlier(pipeline.jobs[name], call):
        if _gates(each) and not each.ignored and each.condition is not call.condition:
            late = (every([pipeline.runs(name, e), call.condition(Situation(e, failed=True))]) for e in events)
            if any(truth.possible for truth in late):
                return f"`{plain(each)}`"
    return ""


def _gates(call: Step) -> bool:
    return tests(call) or tries(call) or publishes(call)


CHECKS = (releases_of_any_branch, releases_without_trial, releases_after_failures, secrets_of_every_branch)
