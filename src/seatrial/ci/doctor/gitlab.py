"""GitLab's pipelines as jobs."""

import re
from collections.abc import Iterator
from typing import Any

from seatrial.ci.doctor.events import Event, matches, sample
from seatrial.ci.doctor.expressions import Value, gitlab_expression
from seatrial.ci.doctor.jobs import Condition, Job, Pipeline, Script, Situation, always, ended_well
from seatrial.ci.doctor.lined import Mapping, Sequence, Text, line_of, listed, mapping, texts
from seatrial.ci.doctor.truth import Truth, every, known, some

WORDS = {
    "stages", "workflow", "variables", "default", "include", "image", "services", "cache", "before_script",
    "after_script", "spec",
}  # fmt: skip
STAGES = [".pre", "build", "test", "deploy", ".post"]
NAME = re.compile(r"(?:BRANCH|REF_NAME)\s*==\s*['\"]([\w./-]+)")
ANYBODY = {"CI_COMMIT_MESSAGE", "CI_COMMIT_TITLE", "CI_COMMIT_DESCRIPTION", "CI_COMMIT_AUTHOR", "GITLAB_USER_LOGIN"}
DEEPEST = 10  # of `extends` and !reference, as with GitLab itself


def read_gitlab(path: str, document: Mapping, top: str | None) -> list[Pipeline]:
    """The one pipeline of a file. Without `needs`, a job waits for all jobs of the stages before its own."""
    pipeline = Pipeline(path, partial="include" in document)
    stages = [".pre", *(str(each) for each in listed(document.get("stages"))), ".post"]
    stages = stages if "stages" in document else STAGES
    found = {
        name: _extended(what, document)
        for name, what in document.items()
        if name not in WORDS and not name.startswith(".") and isinstance(what, Mapping)
    }
    workflow = mapping(document.get("workflow"))
    for name, what in found.items():
        job = pipeline.jobs[name] = Job(name, document.lines.get(name, 1))
        for text in (*texts(what), *texts(workflow)):
            pipeline.names |= set(NAME.findall(text))
        for key in ("only", "except"):
            pipeline.names |= {sample(ref) for ref in _refs(what, key) or []}
        optional = _needs(job, what, found, stages)
        job.condition = _condition(workflow, what, optional)
        parents = [str(each) for each in listed(what.get("extends"))]
        job.opaque = "trigger" in what or any(parent not in document for parent in parents)
        job.lenient = _may_fail(what)
        job.scripts = list(_scripts(what, document, top, job))
    return [pipeline]


def _needs(job: Job, what: Mapping, found: dict[str, Mapping], stages: list[str]) -> set[str] | None:
    """Note what a job waits for, and give those that it does without; None where it waits for whole stages."""
    if "needs" not in what:
        own = _place(stages, what)
        job.needs = {name: job.line for name, other in found.items() if _place(stages, other) < own}
        return None
    optional: set[str] = set()
    for each in listed(what["needs"]):
        told = mapping(each)
        if told and ("job" not in told or "project" in told or "pipeline" in told):
            continue  # of another pipeline
        needed = str(told["job"]) if told else str(each)
        if str(told.get("optional")) == "true":
            optional.add(needed)
            if needed not in found:
                continue
        job.needs[needed] = line_of(each, job.line)
    return optional


def _place(stages: list[str], what: Mapping) -> int:
    stage = str(what.get("stage", "test"))
    return stages.index(stage) if stage in stages else -1


def _extended(what: Mapping, document: Mapping, depth: int = 0) -> Mapping:
    """A job with what it inherits; mappings are merged, all else is replaced."""
    whole = Mapping()
    whole.line, whole.lines = what.line, dict(what.lines)
    for parent in listed(what.get("extends")):
        there = document.get(str(parent))
        if isinstance(there, Mapping) and depth < DEEPEST:
            whole.update(_extended(there, document, depth + 1))
    whole.update(what)
    return whole


def _may_fail(what: Mapping) -> bool:
    told = [what.get("allow_failure"), *(mapping(rule).get("allow_failure") for rule in listed(what.get("rules")))]
    codes = [str(code) for each in told for code in listed(mapping(each).get("exit_codes"))]
    return any(str(each) == "true" for each in told) or "1" in codes


def _scripts(what: Mapping, document: Mapping, top: str | None, job: Job) -> Iterator[Script]:
    """before_script and script, which one shell runs line by line; and after_script, which another one does."""
    default = mapping(document.get("default"))

    def told(key: str) -> Any:
        return what.get(key, default.get(key, document.get(key)))

    pieces = [
        (text.line, str(text))
        for part in (told("before_script"), what.get("script"))
        for text in _lines(part, document, job)
    ]
    yield Script(pieces, top, ignored=job.lenient)
    after = [(text.line, str(text)) for text in _lines(told("after_script"), document, job)]
    if after:  # it runs after a failure as well, and its own changes nothing
        yield Script(after, top, ignored=True, condition=always)


def _lines(value: Any, document: Mapping, job: Job, depth: int = 0) -> Iterator[Text]:
    for each in listed(value):
        if isinstance(each, Text):
            yield each
        elif isinstance(each, Sequence) and depth < DEEPEST:
            there: Any = each
            if each.tag == "!reference":
                there = document
                for name in each:
                    there = mapping(there).get(str(name))
                job.opaque = job.opaque or there is None
            yield from _lines(there, document, job, depth + 1)


def _condition(workflow: Mapping, what: Mapping, optional: set[str] | None) -> Condition:
    def condition(situation: Situation) -> Truth:
        started = _ruled(workflow, situation, Truth.YES) if "rules" in workflow else Truth.YES
        return every([started, _runs(workflow, what, situation, _well(what, optional, situation))])

    return condition


def _well(what: Mapping, optional: set[str] | None, situation: Situation) -> Truth:
    """Whether what a job waits for has ended well; what was never in the pipeline is not waited for."""
    failed = "failure" in situation.results.values()
    if optional is None:
        return known(not failed)
    needed = [str(mapping(each).get("job", each)) for each in listed(what.get("needs"))]
    waited = [situation.results[name] for name in needed if name in situation.results and name not in optional]
    return every([*map(ended_well, waited), known(not failed or not optional)])


def _runs(workflow: Mapping, what: Mapping, situation: Situation, well: Truth) -> Truth:
    if isinstance(what.get("rules"), list):
        return _ruled(what, situation, well)
    event, only, excluded = situation.event, _refs(what, "only"), _refs(what, "except")
    when = _when(str(what.get("when", "on_success")), situation, well)
    if "only" not in what and "except" not in what:
        if event.kind == "pull_request" and "rules" not in workflow:
            return Truth.NO  # without rules anywhere, jobs are for branches and tags
        return when
    chosen = [_named(only, event)] if only is not None else []
    if excluded is not None:
        chosen.append(_named(excluded, event).negated)
    for told in (mapping(what.get("only")), mapping(what.get("except"))):
        chosen += [Truth.SOMETIMES] if "changes" in told else []
        chosen += [Truth.UNKNOWN] if "variables" in told or "kubernetes" in told else []
    return every([*chosen, when])


def _ruled(what: Mapping, situation: Situation, well: Truth) -> Truth:
    """What the first rule that holds says; where that one is not known, what the ones after it say counts too."""
    found = Truth.NO
    for rule in reversed(listed(what.get("rules"))):
        told = mapping(rule)
        outcome = _when(str(told.get("when", what.get("when", "on_success"))), situation, well)
        holds = _holds(told, situation.event)
        if holds is Truth.YES:
            found = outcome
        elif holds is not Truth.NO and outcome is not found:
            found = _either(holds, outcome, found)
    return found


def _either(holds: Truth, outcome: Truth, otherwise: Truth) -> Truth:
    if holds is Truth.SOMETIMES and (outcome.possible or otherwise.possible):
        return Truth.SOMETIMES
    return Truth.UNKNOWN


def _holds(rule: Mapping, event: Event) -> Truth:
    told = []
    if isinstance(rule.get("if"), Text):
        told.append(gitlab_expression(str(rule["if"])).truth(lambda name: _variable(name.strip("${}"), event)))
    if "changes" in rule:
        # Of a tag or a schedule there is nothing to compare with, and every file counts as changed.
        told.append(Truth.SOMETIMES if event.kind in ("push", "pull_request") else Truth.YES)
    if "exists" in rule:
        told.append(Truth.UNKNOWN)
    return every(told)


def _when(when: str, situation: Situation, well: Truth) -> Truth:
    if when == "never":
        return Truth.NO
    if when == "always":
        return Truth.YES
    if when == "on_failure":
        return known("failure" in situation.results.values())
    return every([well, Truth.SOMETIMES]) if when == "manual" else well


def _variable(name: str, event: Event) -> Value:
    pull, branch = event.kind == "pull_request", event.kind in ("push", "schedule", "manual")
    sources = {"pull_request": "merge_request_event", "tag": "push", "manual": "web"}
    told: dict[str, Value] = {
        "CI_COMMIT_BRANCH": event.name if branch else None,
        "CI_COMMIT_REF_NAME": event.name,
        "CI_COMMIT_TAG": event.name if event.kind == "tag" else None,
        "CI_DEFAULT_BRANCH": "main",
        "CI_MERGE_REQUEST_IID": "1" if pull else None,
        "CI_MERGE_REQUEST_ID": "1" if pull else None,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main" if pull else None,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": event.name if pull else None,
        "CI_PIPELINE_SOURCE": sources.get(event.kind, event.kind),
    }
    if name in told:
        return told[name]
    return Truth.SOMETIMES if name in ANYBODY else Truth.UNKNOWN


def _refs(what: Mapping, key: str) -> list[str] | None:
    value = what.get(key)
    value = value.get("refs") if isinstance(value, Mapping) else value
    return None if value is None else [str(each) for each in listed(value)]


def _named(refs: list[str], event: Event) -> Truth:
    words = {
        "branches": {"push", "schedule", "manual"}, "tags": {"tag"}, "pushes": {"push", "tag"}, "web": {"manual"},
        "merge_requests": {"pull_request"}, "schedules": {"schedule"},
    }  # fmt: skip

    def one(ref: str) -> Truth:
        if ref in words:
            return known(event.kind in words[ref])
        if ref in ("api", "pipelines", "triggers", "external", "chat", "external_pull_requests"):
            return Truth.UNKNOWN
        return every([known(event.kind != "pull_request"), matches(ref, event.name)])

    return some(one(ref) for ref in refs)
