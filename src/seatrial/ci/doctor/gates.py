"""What stands between a commit and production: the branch, and the trial."""

from collections.abc import Iterator

from seatrial.ci.doctor.events import SOME_BRANCH, Event
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.jobs import Job, Pipeline
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.shell import Call
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.work import deploys, publishes, tries


def releases_of_any_branch(tree: Tree) -> Iterator[Finding]:
    """A deployment or a publication that every branch, or every pull request, comes to."""
    for pipeline, name, call, verb in _releasing(tree):
        reach = pipeline.reach(name)
        if Event("push", SOME_BRANCH) in reach or Event("pull_request", SOME_BRANCH) in reach:
            yield Finding(
                pipeline.path,
                call.line,
                "any-branch",
                f"The job {name} {verb} every branch.",
                "Let only the main branch through, by a filter on this job.",
            )


def releases_without_trial(tree: Tree) -> Iterator[Finding]:
    """A deployment or a publication that does not wait for the trial."""
    for pipeline, name, call, verb in _releasing(tree):
        earlier = [pipeline.jobs[each] for each in sorted(pipeline.before(name))]
        within = [each for each in pipeline.jobs[name].calls if each.line < call.line]
        if not any(tries(each) and not each.ignored for each in (*within, *(c for job in earlier for c in job.calls))):
            yield Finding(
                pipeline.path,
                call.line,
                "no-trial",
                f"The job {name} {verb} what has not passed a trial.",
                "Let it need a job that runs `seatrial trial`, so that a failed trial stops it.",
            )


def _releasing(tree: Tree) -> Iterator[tuple[Pipeline, str, Call, str]]:
    """The first call of each job that deploys or publishes, with a word for it."""
    for pipeline in pipelines(tree):
        for name, job in pipeline.jobs.items():
            found = _first(job)
            if found:
                yield pipeline, name, *found


def _first(job: Job) -> tuple[Call, str] | None:
    for call in job.calls:
        if deploys(call):
            return call, "deploys"
        if publishes(call):
            return call, "publishes"
    return None


CHECKS = (releases_of_any_branch, releases_without_trial)
