"""GitHub's workflows as jobs."""

import re
from typing import Any

from seatrial.ci.doctor.events import Condition, Event, github_condition, matches, sample
from seatrial.ci.doctor.jobs import Job, Pipeline, Script
from seatrial.ci.doctor.lined import Mapping, line_of

NAMES = re.compile(r"refs/heads/([\w./-]+)'|ref_name == '([\w./-]+)'")


def read_github(path: str, document: Mapping) -> list[Pipeline]:
    """The one pipeline of a workflow file."""
    pipeline = Pipeline(path)
    triggers = document.get("on", Mapping())
    if not isinstance(triggers, Mapping):
        triggers = dict.fromkeys([triggers] if isinstance(triggers, str) else triggers)
    for trigger in triggers.values():
        for key in ("branches", "branches-ignore", "tags"):
            pipeline.names |= {sample(p) for p in _listed(trigger, key) or []}
    jobs = document.get("jobs", Mapping())
    for name, what in jobs.items():
        if not isinstance(what, Mapping):
            continue
        job = pipeline.jobs[name] = Job(name, jobs.lines[name])
        needs = what.get("needs", [])
        for each in needs if isinstance(needs, list) else [needs]:
            job.needs[str(each)] = line_of(each, job.line)
        job.allows = [_triggered(triggers)]
        if "if" in what:
            job.allows.append(github_condition(what["if"]))
            pipeline.names |= {name for found in NAMES.findall(what["if"]) for name in found if name}
        # A job in a folder of its own works elsewhere; so does a step.
        job.elsewhere = "working-directory" in str(what) or "working-directory" in str(document.get("defaults", ""))
        for step in what.get("steps", []):
            if isinstance(step, Mapping) and "run" in step:
                going_on = step.get("continue-on-error") == "true" or what.get("continue-on-error") == "true"
                job.scripts.append(Script(step["run"], line_of(step["run"], step.line), going_on))
    return [pipeline]


def _triggered(triggers: Any) -> Condition:
    def allows(event: Event) -> bool:
        kind = {"tag": "push", "manual": "workflow_dispatch"}.get(event.kind, event.kind)
        if kind not in triggers:
            return False
        only, tags = _listed(triggers[kind], "branches"), _listed(triggers[kind], "tags")
        ignored = _listed(triggers[kind], "branches-ignore")
        if event.kind == "tag":
            return any(matches(p, event.name) for p in tags) if tags is not None else only is None
        if event.kind == "pull_request":
            return True  # `branches` there are those that it is to go into
        if event.kind == "push" and tags is not None and only is None and ignored is None:
            return False
        return (only is None or any(matches(p, event.name) for p in only)) and not any(
            matches(p, event.name) for p in ignored or []
        )

    return allows


def _listed(trigger: Any, key: str) -> list[str] | None:
    value = trigger.get(key) if isinstance(trigger, Mapping) else None
    if value is None:
        return None
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
