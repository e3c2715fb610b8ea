"""GitLab's pipelines as jobs."""

import re
from typing import Any

from seatrial.ci.doctor.events import Condition, Event, anything, gitlab_condition, matches, sample
from seatrial.ci.doctor.jobs import Job, Pipeline, Script
from seatrial.ci.doctor.lined import Mapping, line_of

WORDS = {
    "stages",
    "workflow",
    "variables",
    "default",
    "include",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "pages",
    "spec",
}
STAGES = [".pre", "build", "test", "deploy", ".post"]


def read_gitlab(path: str, document: Mapping) -> list[Pipeline]:
    """The one pipeline of a file. Without `needs`, a job waits for all jobs of the stages before its own."""
    pipeline = Pipeline(path)
    stages = [str(each) for each in document.get("stages", STAGES)]
    found = {
        name: _extended(what, document)
        for name, what in document.items()
        if name not in WORDS and not name.startswith(".") and isinstance(what, Mapping)
    }
    default = document.get("default")
    workflow = document.get("workflow")
    for name, what in found.items():
        job = pipeline.jobs[name] = Job(name, document.lines[name])
        job.allows = [_rules(workflow), _rules(what)]
        for text in re.findall(r"(?:BRANCH|REF_NAME)\s*==\s*['\"]([\w./-]+)", str(what) + str(workflow)):
            pipeline.names.add(text)
        for key in ("only", "except"):
            refs = what.get(key, [])
            refs = refs.get("refs", []) if isinstance(refs, Mapping) else refs
            pipeline.names |= {sample(str(ref)) for ref in (refs if isinstance(refs, list) else [refs])}
        if "needs" in what:
            for each in what["needs"]:
                if isinstance(each, Mapping) and each.get("optional") in (True, "true"):
                    continue  # waited for where it runs, and done without where it does not
                if isinstance(each, Mapping) and each.get("optional") in (True, "true"):
                    continue  # waited for where it runs, and done without where it does not
                needed = str(each.get("job", "")) if isinstance(each, Mapping) else str(each)
                job.needs[needed] = line_of(each, job.line)
        else:
            own = _place(stages, what)
            job.needs = {n: job.line for n, other in found.items() if _place(stages, other) < own}
        going_on = what.get("allow_failure") == "true"
        before = what.get("before_script", default.get("before_script", []) if isinstance(default, Mapping) else [])
        for script in (before, what.get("script", [])):
            for text in script if isinstance(script, list) else [script]:
                job.scripts.append(Script(str(text), line_of(text, job.line), going_on))
    return [pipeline]


def _place(stages: list[str], what: Mapping) -> int:
    stage = str(what.get("stage", "test"))
    return stages.index(stage) if stage in stages else -1


def _extended(what: Mapping, document: Mapping) -> Mapping:
    parents = what.get("extends", [])
    whole = Mapping()
    whole.line, whole.lines = what.line, dict(what.lines)
    for parent in parents if isinstance(parents, list) else [parents]:
        if isinstance(document.get(parent), Mapping):
            whole.update(_extended(document[parent], document))
    whole.update(what)
    return whole


def _rules(what: Any) -> Condition:
    if not isinstance(what, Mapping):
        return anything
    if "rules" in what and isinstance(what["rules"], list):
        rules = [
            (gitlab_condition(rule["if"]) if "if" in rule else anything, rule.get("when") != "never")
            for rule in what["rules"]
            if isinstance(rule, Mapping)
        ]
        return lambda event: next((runs for holds, runs in rules if holds(event)), False)
    only, excluded = _refs(what, "only"), _refs(what, "except")
    if only is None and excluded is None:
        return anything
    return lambda event: (
        (only is None or _named(only, event)) and not (excluded is not None and _named(excluded, event))
    )


def _refs(what: Mapping, key: str) -> list[str] | None:
    value = what.get(key)
    value = value.get("refs") if isinstance(value, Mapping) else value
    if value is None:
        return None
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _named(refs: list[str], event: Event) -> bool:
    words = {"branches": "push", "tags": "tag", "merge_requests": "pull_request", "schedules": "schedule"}
    return any(
        event.kind == words[ref] if ref in words else event.kind != "pull_request" and matches(ref, event.name)
        for ref in refs
    )
