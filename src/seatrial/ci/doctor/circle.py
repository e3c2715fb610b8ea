"""CircleCI's files as jobs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seatrial.ci.doctor.events import Event, matches, sample
from seatrial.ci.doctor.jobs import Condition, Job, Pipeline, Result, Script, Situation, always, unless_failed
from seatrial.ci.doctor.lined import Mapping, Text, line_of, listed, mapping
from seatrial.ci.doctor.shell import Shell, entered
from seatrial.ci.doctor.truth import Truth, every, known, some

HOME = "~/project"
BUILT_IN = {
    "checkout", "save_cache", "restore_cache", "store_artifacts", "store_test_results", "persist_to_workspace",
    "attach_workspace", "setup_remote_docker", "add_ssh_keys", "setup_docker",
}  # fmt: skip


@dataclass(frozen=True)
class _Entry:
    """A job as a workflow lists it; `job` is the one that is defined, "" for an approval."""

    job: str
    name: str
    details: Mapping
    line: int


def read_circle(path: str, document: Mapping, top: str | None) -> list[Pipeline]:
    """Every workflow of a file; jobs that none of them has are `idle` in the first."""
    defined = mapping(document.get("jobs"))
    flows = [flow for flow in mapping(document.get("workflows")).values() if isinstance(flow, Mapping)]
    found = [_workflow(path, flow, defined, document, top) for flow in flows]
    used = {entry.job for flow in flows for entry in _entries(flow)}
    idle = {name: defined.lines.get(name, 1) for name in defined if name not in used}
    if not flows and "build" in idle:  # what CircleCI runs where there is no workflow
        found.append(Pipeline(path, {"build": _job("build", idle.pop("build"), defined["build"], document, top)}))
    if idle:
        found = found or [Pipeline(path)]
        found[0].idle = idle
    return found


def _workflow(path: str, flow: Mapping, defined: Mapping, document: Mapping, top: str | None) -> Pipeline:
    pipeline = Pipeline(path)
    for entry in _entries(flow):
        job = _job(entry.name, entry.line, defined.get(entry.job), document, top)
        statuses: dict[str, list[str]] = {}
        for each in listed(entry.details.get("requires")):
            told = each.items() if isinstance(each, Mapping) else [(str(each), "success")]
            for needed, wanted in told:
                job.needs[needed] = line_of(each, entry.line)
                statuses[needed] = [str(status) for status in listed(wanted)]
        filters = entry.details.get("filters")
        job.condition = _condition(flow, filters, statuses, _Logic(mapping(document.get("parameters"))))
        for kind in ("branches", "tags"):
            pipeline.names |= {sample(pattern) for pattern in _patterns(mapping(filters).get(kind))}
        pipeline.jobs[entry.name] = job
    return pipeline


def _entries(flow: Mapping) -> Iterator[_Entry]:
    for entry in listed(flow.get("jobs")):
        if isinstance(entry, Mapping) and entry:
            job, told = next(iter(entry.items()))
            details = mapping(told)
            name = str(details.get("name", job))
            yield _Entry("" if details.get("type") == "approval" else job, name, details, entry.line)
        elif isinstance(entry, Text):
            yield _Entry(str(entry), str(entry), Mapping(), entry.line)


def _condition(flow: Mapping, filters: Any, statuses: dict[str, list[str]], logic: "_Logic") -> Condition:
    def condition(situation: Situation) -> Truth:
        event = situation.event
        told = [_filtered(filters, flow, event)]
        if "when" in flow:
            told.append(logic.truth(flow["when"], event))
        if "unless" in flow:
            told.append(logic.truth(flow["unless"], event).negated)
        told += [_status(situation.results.get(needed, "skipped"), wanted) for needed, wanted in statuses.items()]
        return every(told)

    return condition


def _status(result: Result, wanted: list[str]) -> Truth:
    if "terminal" in wanted:
        return Truth.YES
    if isinstance(result, Truth):
        return result if "success" in wanted else Truth.UNKNOWN
    if result == "failure":  # which stands for every end but a good one
        return known(bool({"failed", "canceled", "unauthorized"} & set(wanted)))
    return known(("not_run" if result == "skipped" else result) in wanted)


def _job(name: str, line: int, told: Any, document: Mapping, top: str | None) -> Job:
    what, job = mapping(told), Job(name, line)
    executor = what.get("executor")
    executor = mapping(executor).get("name", executor)
    machine = mapping(mapping(document.get("executors")).get(str(executor)))
    steps = _Steps(mapping(document.get("commands")), _Logic(mapping(document.get("parameters"))))
    steps.home = steps.folder = str(what.get("working_directory", machine.get("working_directory", HOME)))
    steps.shell = what.get("shell", machine.get("shell"))
    steps.top = top
    steps.read(what.get("steps"), always, ())
    job.scripts = steps.scripts
    job.opaque = steps.opaque or "steps" not in what
    return job


class _Steps:
    """The steps of a job, those of commands written out."""

    def __init__(self, commands: Mapping, logic: "_Logic") -> None:
        self.commands, self.logic = commands, logic
        self.scripts: list[Script] = []
        self.opaque = False
        self.home = self.folder = HOME
        self.top: str | None = ""
        self.sources: str | None = None  # where the repository lies on the machine, once it is there
        self.shell: Any = None

    def read(self, steps: Any, gate: Condition, above: tuple[str, ...]) -> None:
        for step in listed(steps):
            kind, details = next(iter(step.items()), ("", None)) if isinstance(step, Mapping) else (str(step), None)
            if kind == "run":
                self._run(step, details, gate)
            elif kind in ("when", "unless"):
                self.read(mapping(details).get("steps"), self._gated(gate, mapping(details), kind), above)
            elif kind in self.commands and kind not in above:
                self.read(mapping(self.commands[kind]).get("steps"), gate, (*above, kind))
            elif kind == "checkout":
                self.sources = str(mapping(details).get("path", self.home))
            elif kind not in BUILT_IN:
                self.opaque = True  # of an orb

    def _run(self, step: Any, details: Any, gate: Condition) -> None:
        told = mapping(details)
        text = told.get("command", "") if told else details
        shell = str(told.get("shell", self.shell) or "bash -eo pipefail")
        if not isinstance(text, Text) or not re.search(r"\b(ba|da|z|a)?sh\b", shell):
            self.opaque = True  # another language
            return
        where = str(told.get("working_directory", self.home))
        if not where.startswith(("~", "/")):
            where = f"{self.home}/{where}"
        strict = Shell(bool(re.search(r"\s-\w*e|errexit", shell)), "pipefail" in shell)
        condition = gate if told.get("when") in ("always", "on_fail") else _early(gate)
        line = line_of(text, line_of(step))
        self.scripts.append(Script([(line, str(text))], self._place(where), shell=strict, condition=condition))

    def _gated(self, gate: Condition, details: Mapping, kind: str) -> Condition:
        def condition(situation: Situation) -> Truth:
            told = self.logic.truth(details.get("condition"), situation.event)
            return every([gate(situation), told if kind == "when" else told.negated])

        return condition

    def _place(self, where: str) -> str | None:
        """A folder of the machine, relative to the one that is looked at."""
        if self.sources is None or self.top is None:
            return None
        where, sources = where.rstrip("/"), self.sources.rstrip("/")
        if where == sources:
            return self.top
        return entered(self.top, where[len(sources) + 1 :]) if where.startswith(sources + "/") else None


def _early(gate: Condition) -> Condition:
    return lambda situation: every([gate(situation), unless_failed(situation)])


def _filtered(told: Any, flow: Mapping, event: Event) -> Truth:
    if event.kind == "pull_request" or (event.kind == "schedule" and "triggers" not in flow):
        return Truth.NO  # CircleCI builds the branch, not the request; schedules are pushes with a parameter
    if isinstance(told, Text):
        return Truth.UNKNOWN if told else known(event.kind != "tag")  # an expression on the pipeline's values
    filters = mapping(told)
    branches, tags = mapping(filters.get("branches")), mapping(filters.get("tags"))
    if event.kind == "tag":
        return _passes(tags, event.name) if tags else Truth.NO
    return _passes(branches, event.name)


def _passes(rules: Mapping, name: str) -> Truth:
    only = some(_whole(str(p), name) for p in listed(rules["only"])) if rules.get("only") else Truth.YES
    ignored = some(_whole(str(p), name) for p in listed(rules.get("ignore")))
    return every([only, ignored.negated])


def _whole(pattern: str, name: str) -> Truth:
    """CircleCI's regular expressions must fit the whole name."""
    return matches(f"/^(?:{pattern[1:-1]})$/" if pattern.startswith("/") else pattern, name)


def _patterns(rules: Any) -> list[str]:
    return [str(p) for key in ("only", "ignore") for p in listed(mapping(rules).get(key))]


@dataclass(frozen=True)
class _Logic:
    """A `when`: comparisons with the branch, the tag and the pipeline's parameters, and what is made of them.

    A push has the parameters' defaults; whoever starts a pipeline by hand or by a schedule may give others.
    """

    parameters: Mapping

    def truth(self, value: Any, event: Event) -> Truth:
        if isinstance(value, Text):
            word = self._word(str(value), event)
            return word if isinstance(word, Truth) else known(word.lower() not in ("false", ""))
        told = mapping(value)
        if "and" in told:
            return every(self.truth(each, event) for each in listed(told["and"]))
        if "or" in told:
            return some(self.truth(each, event) for each in listed(told["or"]))
        if "not" in told:
            return self.truth(told["not"], event).negated
        if "equal" in told:
            words = [self._word(str(each), event) for each in listed(told["equal"])]
            open_ = [word for word in words if isinstance(word, Truth)]
            return every(open_) if open_ else known(len(set(words)) == 1)
        if "matches" in told:
            pattern, name = (str(mapping(told["matches"]).get(key, "")) for key in ("pattern", "value"))
            found = self._word(name, event)
            return found if isinstance(found, Truth) else matches(f"/{pattern.strip('/')}/", found)
        return Truth.UNKNOWN

    def _word(self, word: str, event: Event) -> str | Truth:
        """What a word stands for, or why that is not known."""
        if "<<" not in word:
            return word
        inner = word.strip().removeprefix("<<").removesuffix(">>").strip()
        if inner == "pipeline.git.branch":
            return "" if event.kind == "tag" else event.name
        if inner == "pipeline.git.tag":
            return event.name if event.kind == "tag" else ""
        default = mapping(self.parameters.get(inner.removeprefix("pipeline.parameters."))).get("default")
        if default is None or not inner.startswith("pipeline.parameters."):
            return Truth.UNKNOWN
        return str(default) if event.kind in ("push", "tag") else Truth.SOMETIMES
