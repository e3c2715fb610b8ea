"""Jobs that nothing can start: contradicting filters, needs that never run, jobs that no workflow has."""

from collections.abc import Iterator

from seatrial.ci.doctor.events import Event
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.tree import Tree


def unreachable_jobs(tree: Tree) -> Iterator[Finding]:
    """A job that no branch, tag, pull request or schedule can reach."""
    for pipeline in pipelines(tree):
        for name, line in pipeline.idle.items():
            yield _finding(
                pipeline.path, line, f"No workflow has the job {name}.", "List it in a workflow, or remove it."
            )
        for name, job in pipeline.jobs.items():
            missing = next((each for each in job.needs if each not in pipeline.jobs), None)
            if missing is not None and pipeline.partial:
                continue
            if missing is not None:
                message = f"The job {name} needs {missing}, which this workflow does not have."
                yield _finding(
                    pipeline.path, job.needs[missing], message, f"Add {missing}, or take it out of the needs."
                )
            elif not pipeline.own(name):
                message = f"No branch can reach the job {name}: its conditions contradict each other."
                yield _finding(pipeline.path, job.line, message, "Let a branch through, or remove the job.")
            elif not pipeline.reach(name):
                needed = next((each for each in job.needs if not pipeline.own(name) & pipeline.reach(each)), None)
                where = "" if needed is None else _where(pipeline.reach(needed))
                message = (
                    f"No branch can reach the job {name}: it needs {needed}, which runs {where}."
                    if needed is not None
                    else f"No branch can reach the job {name}: what it needs never runs together."
                )
                yield _finding(pipeline.path, job.line, message, "Give both the same filter.")


def _where(events: set[Event]) -> str:
    return f"only on {', '.join(sorted({event.name for event in events})[:3])}" if events else "never"


def _finding(path: str, line: int, message: str, hint: str) -> Finding:
    return Finding(path, line, "unreachable-job", message, hint)


CHECKS = (unreachable_jobs,)
