"""CircleCI's files as jobs."""

from collections.abc import Iterator
from typing import Any

from seatrial.ci.doctor.events import Condition, Event, anything, matches, sample
from seatrial.ci.doctor.jobs import Job, Pipeline, Script
from seatrial.ci.doctor.lined import Mapping, line_of


def read_circle(path: str, document: Mapping) -> list[Pipeline]:
    """Every workflow of a file; jobs that none of them has are `idle` in the first."""
    defined = _mapping(document.get("jobs"))
    workflows = {name: flow for name, flow in _mapping(document.get("workflows")).items() if isinstance(flow, Mapping)}
    found = [_workflow(path, flow, defined, document) for flow in workflows.values()]
    used = {entry["job"] for flow in workflows.values() for entry in _entries(flow)}
    idle = {name: defined.lines[name] for name in defined if name not in used}
    if not workflows and "build" in idle:  # what CircleCI runs where there is no workflow
        found.append(Pipeline(path, {"build": _job("build", idle.pop("build"), defined["build"], document)}))
    if idle:
        found = found or [Pipeline(path)]
        found[0].idle = idle
    return found


def _workflow(path: str, flow: Mapping, defined: Mapping, document: Mapping) -> Pipeline:
    pipeline = Pipeline(path)
    gates = [_logic(flow["when"])] if "when" in flow else []
    if "unless" in flow:
        logic = _logic(flow["unless"])
        gates.append(lambda event: logic is anything or not logic(event))
    for entry in _entries(flow):
        name, details = entry["name"], entry["details"]
        job = _job(name, entry["line"], defined.get(entry["job"], Mapping()), document)
        requires = details.get("requires", [])
        for each in requires if isinstance(requires, list) else [requires]:
            needed = next(iter(each)) if isinstance(each, Mapping) else str(each)
            job.needs[needed] = line_of(each, entry["line"])
        filters = _mapping(details.get("filters"))
        job.allows = [*gates, _filter(filters, flow)]
        pipeline.names |= {sample(p) for kind in ("branches", "tags") for p in _patterns(filters.get(kind))}
        pipeline.jobs[name] = job
    return pipeline


def _entries(flow: Mapping) -> Iterator[dict[str, Any]]:
    """The jobs that a workflow lists, each with its name there."""
    for entry in flow.get("jobs", []):
        if isinstance(entry, Mapping):
            job, details = next(iter(entry.items()))
            details = _mapping(details)
            if details.get("type") == "approval":
                job = ""
            yield {
                "job": job,
                "name": str(details.get("name", job or next(iter(entry)))),
                "details": details,
                "line": entry.line,
            }
        else:
            yield {"job": str(entry), "name": str(entry), "details": Mapping(), "line": line_of(entry)}


def _job(name: str, line: int, what: Any, document: Mapping) -> Job:
    job = Job(name, line)
    executor = _mapping(document.get("executors")).get(str(_mapping(what).get("executor")), {})
    folder = _mapping(what).get("working_directory", _mapping(executor).get("working_directory", "~/project"))
    job.elsewhere = folder.rstrip("/").count("/") > 1
    job.scripts = list(_scripts(_mapping(what).get("steps", []), _mapping(document.get("commands")), ()))
    return job


def _scripts(steps: Any, commands: Mapping, above: tuple[str, ...]) -> Iterator[Script]:
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, Mapping):
            if step in commands and step not in above:
                yield from _scripts(_mapping(commands[step]).get("steps"), commands, (*above, step))
            continue
        kind, details = next(iter(step.items()))
        if kind == "run":
            text = details.get("command", "") if isinstance(details, Mapping) else details
            yield Script(str(text), line_of(text, step.line))
        elif kind in ("when", "unless"):
            yield from _scripts(_mapping(details).get("steps"), commands, above)
        elif kind in commands and kind not in above:
            yield from _scripts(_mapping(commands[kind]).get("steps"), commands, (*above, kind))


def _filter(filters: Mapping, flow: Mapping) -> Condition:
    branches, tags = _mapping(filters.get("branches")), _mapping(filters.get("tags"))
    scheduled = "triggers" in flow

    def allows(event: Event) -> bool:
        if event.kind == "pull_request" or (event.kind == "schedule" and not scheduled):
            return False  # CircleCI builds the branch, not the request; schedules are pushes with a parameter
        if event.kind == "tag":
            return bool(tags) and _passes(tags, event.name)
        return _passes(branches, event.name)

    return allows


def _passes(rules: Mapping, name: str) -> bool:
    only, ignore = _listed(rules.get("only")), _listed(rules.get("ignore"))
    # CircleCI's regular expressions must fit the whole name.
    return (only is None or any(_whole(p, name) for p in only)) and not any(_whole(p, name) for p in ignore or [])


def _whole(pattern: str, name: str) -> bool:
    return matches(f"/^(?:{pattern[1:-1]})$/" if pattern.startswith("/") else pattern, name)


def _patterns(rules: Any) -> list[str]:
    return [p for key in ("only", "ignore") for p in _listed(_mapping(rules).get(key)) or []]


def _listed(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _logic(value: Any) -> Condition:
    """A `when`: false, or a comparison with the branch; parameters are not known here."""
    if isinstance(value, str) and value == "false":
        return lambda _: False
    if isinstance(value, Mapping) and isinstance(value.get("equal"), list):
        words = [str(each) for each in value["equal"]]
        if any("pipeline.git.branch" in word for word in words):
            names = [word for word in words if "<<" not in word]
            return lambda event: event.name in names
    return anything


def _mapping(value: Any) -> Mapping:
    if isinstance(value, Mapping):
        return value
    empty = Mapping()
    empty.lines = {}
    return empty
