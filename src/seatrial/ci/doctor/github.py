"""GitHub's workflows as jobs."""

import json
import re
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from typing import Any

from seatrial.ci.doctor.events import Event, matches, sample
from seatrial.ci.doctor.expressions import Expression, Value, github_expression
from seatrial.ci.doctor.jobs import Condition, Job, Pipeline, Script, Situation, ended_well
from seatrial.ci.doctor.lined import Mapping, Text, line_of, listed, mapping, texts
from seatrial.ci.doctor.shell import Shell, entered
from seatrial.ci.doctor.truth import Truth, every, known, some

NAMES = re.compile(r"refs/heads/([\w./-]+)'|(?:ref_name|head_ref)\s*==\s*'([\w./-]+)'")
SECRET = re.compile(r"\bsecrets\.(\w+)")
STATUS = {"always", "success", "failure", "cancelled"}
# What is true on some pushes to any branch, and not on others.
ANYBODY = re.compile(
    r"github\.(actor|triggering_actor|repository|repository_owner|event\.(head_commit|commits|sender))\b"
)
# Actions that bring tools and files, and do no work of their own.
HARMLESS = re.compile(
    r"^(actions/(checkout|setup-\w+|cache(/\w+)?|upload-artifact|download-artifact)|astral-sh/setup-uv)@"
)
CHANGED = re.compile(r"\bseatrial ci changed\b")  # its outputs say which projects a push changes


def read_github(path: str, document: Mapping, top: str | None) -> list[Pipeline]:
    """The one pipeline of a workflow file."""
    pipeline = Pipeline(path)
    told = document.get("on")
    triggers = told if isinstance(told, Mapping) else Mapping((str(each), None) for each in listed(told))
    for trigger in triggers.values():
        for key in ("branches", "branches-ignore", "tags"):
            pipeline.names |= {sample(p) for p in _listed(trigger, key) or []}
    jobs = mapping(document.get("jobs"))
    changed = {name for name, what in jobs.items() if any(CHANGED.search(text) for text in texts(what))}
    for name, what in jobs.items():
        if not isinstance(what, Mapping):
            continue
        job = pipeline.jobs[name] = Job(name, jobs.lines.get(name, 1))
        for each in listed(what.get("needs")):
            job.needs[str(each)] = line_of(each, job.line)
        text = what.get("if")
        if isinstance(text, Text):
            pipeline.names |= {name for found in NAMES.findall(text) for name in found if name}
        job.condition = _condition(triggers, job, text, changed)
        job.opaque = "uses" in what
        job.lenient = _is_true(what.get("continue-on-error"))
        if "environment" not in what:
            job.secrets = _secrets(document.get("env"), what)
        _steps(job, what, document, changed, top)
    return [pipeline]


def _condition(triggers: Mapping, job: Job, text: Any, changed: set[str]) -> Condition:
    expression = github_expression(str(text)) if isinstance(text, Text) else None
    plain = expression is None or not STATUS & expression.functions

    def condition(situation: Situation) -> Truth:
        told = [_triggered(triggers, situation.event)]
        needed = [ended_well(situation.results.get(each, "skipped")) for each in job.needs]
        if plain:  # GitHub puts success() before what names none of these functions itself
            told += needed
        if expression:
            failed = "failure" in situation.results.values()
            told.append(_asked(expression, situation, every(needed), failed, changed))
        return every(told)

    return condition


def _asked(expression: Expression, situation: Situation, well: Truth, failed: bool, changed: set[str]) -> Truth:
    def called(name: str, words: list[Value]) -> Value:
        if name in STATUS:
            return {"always": True, "success": well, "failure": failed, "cancelled": False}[name]
        open_ = [word for word in words if isinstance(word, Truth)]
        if open_:
            return every(open_)
        return _function(name, words)

    return expression.truth(lambda name: _named(name, situation, changed), called)


def _function(name: str, words: list[Value]) -> Value:
    lowered = [str(word).lower() if isinstance(word, str) else word for word in words]
    if name == "fromjson" and len(words) == 1:
        try:
            return json.loads(str(words[0]))
        except ValueError:
            return Truth.UNKNOWN
    if len(words) != 2 or lowered[0] is None or lowered[1] is None:
        return Truth.UNKNOWN
    one, other = lowered
    if name == "contains" and isinstance(one, list):
        return known(other in [str(each).lower() for each in one])
    tests: dict[str, Callable[[], bool]] = {
        "contains": lambda: str(other) in str(one),
        "startswith": lambda: str(one).startswith(str(other)),
        "endswith": lambda: str(one).endswith(str(other)),
    }
    return known(tests[name]()) if name in tests else Truth.UNKNOWN


def _named(name: str, situation: Situation, changed: set[str]) -> Value:
    event, name = situation.event, name.lower()
    pull = event.kind == "pull_request"
    kind = "tags" if event.kind == "tag" else "heads"
    told = {
        "github.ref": "refs/pull/1/merge" if pull else f"refs/{kind}/{event.name}",
        "github.ref_name": "1/merge" if pull else event.name,
        "github.ref_type": "tag" if event.kind == "tag" else "branch",
        "github.head_ref": event.name if pull else "",
        "github.base_ref": "main" if pull else "",
        "github.event_name": {"tag": "push", "manual": "workflow_dispatch"}.get(event.kind, event.kind),
        "github.event.repository.default_branch": "main",
    }  # fmt: skip
    if name in told:
        return told[name]
    kind, _, rest = name.partition(".")
    if kind == "needs":
        needed, _, what = rest.partition(".")
        if what == "result":
            results = {each.lower(): result for each, result in situation.results.items()}
            return results.get(needed, Truth.UNKNOWN)
        return Truth.SOMETIMES if needed in {each.lower() for each in changed} else Truth.UNKNOWN
    return Truth.SOMETIMES if ANYBODY.match(name) else Truth.UNKNOWN


def _triggered(triggers: Mapping, event: Event) -> Truth:
    kind = {"tag": "push", "manual": "workflow_dispatch"}.get(event.kind, event.kind)
    if event.kind == "pull_request" and "pull_request" not in triggers and "pull_request_target" in triggers:
        kind = "pull_request_target"
    if kind not in triggers:
        # Started otherwise, by a release, another workflow, or a call; on which branch cannot be said.
        others = set(triggers) - {"push", "pull_request", "pull_request_target", "schedule", "workflow_dispatch"}
        return Truth.UNKNOWN if others and event.kind in ("manual", "tag") else Truth.NO
    told = triggers[kind]
    some_files = any(_listed(told, key) is not None for key in ("paths", "paths-ignore"))
    found = [Truth.SOMETIMES] if some_files and event.kind in ("push", "pull_request") else []
    only, tags, ignored = (_listed(told, key) for key in ("branches", "tags", "branches-ignore"))
    if event.kind == "tag":
        return some(matches(p, event.name) for p in tags) if tags is not None else known(only is None)
    if event.kind == "push":
        if tags is not None and only is None and ignored is None:
            return Truth.NO
        if only is not None:
            found.append(_chosen(only, event.name))
        found.append(some(matches(p, event.name) for p in ignored or []).negated)
    return every(found)  # of a pull request, `branches` are those that it is to go into


def _chosen(patterns: list[str], name: str) -> Truth:
    """Whether a list of patterns chooses a name: the last one that fits decides, and `!` takes it out again."""
    found = Truth.NO
    for pattern in patterns:
        truth = matches(pattern.removeprefix("!"), name)
        if truth is Truth.YES:
            found = known(not pattern.startswith("!"))
        elif truth is not Truth.NO:
            found = Truth.UNKNOWN
    return found


def _steps(job: Job, what: Mapping, document: Mapping, changed: set[str], top: str | None) -> None:
    base: str | None = None  # where the repository lies, once it is there
    for step in listed(what.get("steps")):
        if not isinstance(step, Mapping):
            continue
        uses = step.get("uses")
        if isinstance(uses, Text):
            given = mapping(step.get("with"))
            if uses.startswith("actions/checkout@") and "repository" not in given:
                base = str(given.get("path", ""))
            job.opaque = job.opaque or not HARMLESS.match(uses)
        if not isinstance(step.get("run"), Text):
            continue
        defaults = [mapping(mapping(mapping(each.get("defaults")).get("run"))) for each in (what, document)]
        settings = {**defaults[1], **defaults[0], **step}
        shell = str(settings.get("shell", ""))
        if shell and not re.match(r"^(\S*/)?(ba|da|z)?sh\b", shell):
            job.opaque = True  # another language
            continue
        job.scripts.append(
            Script(
                [(line_of(step["run"], step.line), str(step["run"]))],
                _place(top, base, settings),
                _is_true(step.get("continue-on-error")) or job.lenient,
                _shell(shell),
                _step_condition(step.get("if"), changed),
            )
        )  # fmt: skip


def _shell(told: str) -> Shell:
    """Without `shell`, GitHub runs bash -e; with it, bash -eo pipefail, or what is written there."""
    ends = "{0}" not in told or bool(re.search(r"\s-\w*e|errexit", told))
    return Shell(ends, told == "bash" or "pipefail" in told)


def _place(top: str | None, base: str | None, settings: AnyMapping[str, Any]) -> str | None:
    """Where a step works, relative to the folder that is looked at; None before the repository is there."""
    if top is None or base is None:
        return None
    told = re.sub(r"^\$\{\{\s*github\.workspace\s*\}\}/?", "", str(settings.get("working-directory", "")))
    if base:
        base = base.rstrip("/")
        if told != base and not told.startswith(base + "/"):
            return None
        told = told[len(base) + 1 :]
    return entered(top, told) if told else top


def _step_condition(text: Any, changed: set[str]) -> Condition:
    if not isinstance(text, Text):
        return lambda situation: known(not situation.failed)
    expression = github_expression(str(text))
    plain = not STATUS & expression.functions

    def condition(situation: Situation) -> Truth:
        told = _asked(expression, situation, known(not situation.failed), situation.failed, changed)
        return Truth.NO if plain and situation.failed else told

    return condition


def _secrets(env: Any, what: Mapping) -> dict[str, int]:
    """The secrets that a job takes, with the line of each; its own token is none of the repository's."""
    found: dict[str, int] = {}
    for text in (*texts(env), *texts(what)):
        for name in SECRET.findall(text):
            if name.upper() != "GITHUB_TOKEN":
                found.setdefault(name, text.line)
    return found


def _is_true(value: Any) -> bool:
    if not isinstance(value, Text):
        return False
    return github_expression(str(value)).truth(lambda _name: Truth.UNKNOWN) is Truth.YES


def _listed(trigger: Any, key: str) -> list[str] | None:
    value = mapping(trigger).get(key)
    return None if value is None else [str(each) for each in listed(value)]
