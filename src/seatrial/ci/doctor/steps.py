"""Steps that are green whatever happens: tests that run no test, uploads and trials whose failure is ignored."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.selection import why_no_test
from seatrial.ci.doctor.shell import Call, calls
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.work import may_test, plain, publishes, tests, tries, unwrapped, uploads

REMEDY = "Take out what lets the job go on: `|| true`, `set +e`, `&`, a pipe without pipefail, leave by the service."


def tests_that_run_nothing(tree: Tree) -> Iterator[Finding]:
    """A test command without a test, or a job named after tests that runs none."""
    for pipeline in pipelines(tree):
        for name, job in pipeline.jobs.items():
            for call in job.calls:
                inner = unwrapped(call)
                if inner.words[0] in ("pytest", "py.test"):
                    why = why_no_test(tree, list(inner.words[1:]), inner.folder)
                    if why:
                        message = f"The job {name} runs no test: {why}."
                        yield Finding(pipeline.path, call.line, "no-tests", message, "Name tests that exist.")
            tested = job.opaque or any(may_test(call) for call in job.calls)
            if re.search(r"(^|[-_ ])tests?($|[-_ ])", name) and job.scripts and not tested:
                message = f"The job {name} runs no test: none of its commands is one."
                yield Finding(pipeline.path, job.line, "no-tests", message, "Let it run `python -m pytest`.")


def failures_that_are_ignored(tree: Tree) -> Iterator[Finding]:
    """A test, a trial or an upload after whose failure the job goes on and is green."""
    for pipeline in pipelines(tree):
        for name, job in pipeline.jobs.items():
            for call in job.calls:
                what = "a failed trial" if tries(call) else "failed tests" if tests(call) else ""
                what = what or ("a failed upload" if publishes(call) else "")
                if what and call.ignored:
                    message = f"The job {name} passes over {what}: {plain(call).split()[0]}'s exit code is dropped."
                    hint = REMEDY
                    yield Finding(pipeline.path, call.line, "ignored-failure", message, hint)


def uploads_without_status(tree: Tree) -> Iterator[Finding]:
    """An upload by curl that takes a refusal, 403 or 500, for a success."""
    for path, call in _scripts(tree):
        fails = any(w.startswith("--fail") or re.fullmatch(r"-[a-zA-Z]*f[a-zA-Z]*", w) for w in call.words[1:])
        if uploads(call) and call.program == "curl" and not fails:
            message = "curl takes a refused upload, 403 or 500, for a success."
            yield Finding(
                path, call.line, "unchecked-upload", message, "Use `seatrial publish`, or curl --fail-with-body."
            )


def _scripts(tree: Tree) -> Iterator[tuple[str, Call]]:
    """The calls of pipelines, and of the shell scripts and makefiles that they may use."""
    for pipeline in pipelines(tree):
        for job in pipeline.jobs.values():
            yield from ((pipeline.path, call) for call in job.calls)
    for path in tree.files:
        if path.endswith((".sh", ".bash")) or path.rpartition("/")[2] == "Makefile":
            yield from ((path, call) for call in calls(tree.text(path)))


CHECKS = (tests_that_run_nothing, failures_that_are_ignored, uploads_without_status)
