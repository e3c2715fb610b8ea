"""One form for the workflows of all three services: jobs, their order, their branch filters, and their commands.

A reach says which commits get to a command: those of ANY branch, of some branches or tags only (LIMITED), of PULL
requests only, or those that pass a condition that is not understood (UNKNOWN).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from seatrial.ci.doctor.shell_lines import NOTHING, STRICT, Command, commands
from seatrial.ci.doctor.yaml_nodes import YamlNode

Jobs = dict[str, "Job"]
REACHES = ANY, UNKNOWN, PULL, LIMITED = "any", "unknown", "pull", "limited"  # the widest one first
BRANCH = r"github\.ref(?:_name|_type)?|\$CI_COMMIT_(?:BRANCH|REF_NAME|TAG)|<< ?pipeline\.git\.(?:branch|tag) ?>>"
NARROWS = re.compile(
    rf"(?:{BRANCH})\s*(?:==|=~)|startsWith\(github\.ref|\$CI_COMMIT_TAG$|== '(?:schedule|release|\w+dispatch)'$"
    r"|^<< ?pipeline\.parameters\.\w+ ?>>$"
)
PULLS = re.compile(r"== *['\"](?:merge_request_event|pull_request)['\"]|\$CI_MERGE_REQUEST_\w+$")
PUSHES = re.compile(r"== *['\"]push['\"]|!= *['\"](?:pull_request|merge_request_event)['\"]")
WIDE = re.compile(rf"(?:true|(?:{BRANCH})\s*!=.*|!?(?:always|success|failure|cancelled)\(\))?")
AFTER_FAILURE = re.compile(r"(?s)^(?!.*\.result\b).*(always\(\)|(?<!!)failure\(\)|cancelled\(\))")
SETUP = re.compile(
    r"checkout|(save|restore)_cache|store_\w+|persist_to_workspace|attach_workspace|setup_\w+|add_ssh_keys"
    r"|(actions/(checkout|setup-\w+|cache(/\w+)?|(upload|download)-artifact)|astral-sh/setup-uv)@.*"
)


@dataclass
class Job:
    """One job; `needs` are the jobs that it waits for, `unread` the steps that are not understood, with their lines."""

    name: str
    line: int
    needs: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)
    contradiction: bool = False

    def add_steps(self, steps: YamlNode, document: YamlNode, base: Command, shell: str) -> None:
        """Add the steps of GitHub or CircleCI, with those of the file's own commands in their place."""
        for step in steps.parts:
            (kind, inner), run, uses = step.single, step["run"], step["uses"].text
            script, own = (run["command"], run) if run.entries else (run, step)
            own_shell = own["shell"].text or shell
            if script.text and re.match(r"(/bin/)?(ba)?sh\b", own_shell):
                self.commands += commands(script.text, script.line, _within(own, base), own_shell)
            elif kind in ("when", "unless"):
                within = replace(base, reach=_when(kind, inner["condition"], base.reach))
                self.add_steps(inner["steps"], document, within, shell)
            elif kind in document["commands"].entries:
                self.add_steps(document["commands"][kind]["steps"], document, base, shell)
            elif not SETUP.fullmatch(uses or kind):
                self.unread.append((step.line, uses or f"{kind} {own_shell}"))


def before(jobs: Jobs, name: str) -> list[Job]:
    """Every job that one waits for, directly or not."""
    names = list(jobs[name].needs)
    for each in names:  # more are added on the way
        names += [need for need in (jobs[each].needs if each in jobs else ()) if need not in names]
    return [jobs[each] for each in names if each in jobs and each != name]


def limited(condition: str, reach: str, pushes: str = ANY) -> str:
    """The reach of what an `if` lets through: alternatives (||) of comparisons that must all hold (&&)."""
    text, reaches = re.sub(r"(?s)^\$\{\{(.*)\}\}$", r"\1", condition.strip()), set[str]()
    for alternative in text.split("||") if not re.search(r"(?<!\w)\(", text) else ["?"]:
        parts = [each.strip() for each in alternative.split("&&")]
        narrow = any(NARROWS.search(part) or (pushes == LIMITED and PUSHES.search(part)) for part in parts)
        unknown = reach == ANY and not all(WIDE.fullmatch(part) or PUSHES.search(part) for part in parts)
        otherwise = PULL if any(PULLS.search(part) for part in parts) else UNKNOWN if unknown else reach
        reaches.add(LIMITED if narrow else otherwise)
    return _widest(reaches)


def _widest(reaches: set[str]) -> str:
    return ANY if {PULL, LIMITED} <= reaches else min(reaches, key=REACHES.index)


def _within(part: YamlNode, base: Command, pushes: str = ANY) -> Command:
    """When the commands of a job or step count, by its conditions."""
    late = AFTER_FAILURE.search(part["if"].text) or part["when"].text in ("always", "on_fail", "on_failure")
    keys = {part["continue-on-error"].text, part["allow_failure"].text, *part["allow_failure"]["exit_codes"].texts}
    ignored, reach = bool(keys & {"true", "${{ true }}", "1"}), limited(part["if"].text, base.reach, pushes)
    return replace(base, ignored=base.ignored or ignored, after_failure=base.after_failure or bool(late), reach=reach)


def _when(kind: str, condition: YamlNode, reach: str) -> str:
    """The reach of what CircleCI's `when` or `unless` lets through: by hand with a parameter, or on a branch."""
    equal = sorted(condition["equal"].texts, key=lambda text: "<<" not in text)
    text = condition.text or " == ".join(equal) or "?"
    return limited("true" if kind == "unless" and text != "?" else text, reach)


def read_github(document: YamlNode) -> Iterator[Jobs]:
    """The jobs of a workflow. One for pull requests runs for every branch: its filter is of the target."""
    jobs, on, push = Jobs(), document["on"], document["on"]["push"]
    filters, events = [*push["branches"].texts, *push["tags"].texts], {*on.entries, *on.texts}
    pushes = LIMITED if filters and "**" not in filters else ANY
    wide = events & {"pull_request", "pull_request_target"} or (pushes == ANY and "push" in events)
    for name, part in document["jobs"].entries.items():
        base = _within(part, replace(NOTHING, reach=ANY if wide else LIMITED), pushes)
        called = [(part["uses"].line, each) for each in part["uses"].texts]
        job = jobs[name] = Job(name, part.key_line, part["needs"].texts, unread=called)
        shells = [each["defaults"]["run"]["shell"].text for each in (part, document)]
        job.add_steps(part["steps"], document, base, next(filter(None, shells), "bash -e"))
    yield jobs


def read_circleci(document: YamlNode) -> Iterator[Jobs]:
    """The jobs of each workflow."""
    for flow in document["workflows"].entries.values():
        jobs, reach = Jobs(), ANY
        for kind in {"when", "unless"} & set(flow.entries):
            reach = _when(kind, flow[kind], reach)
        for line, (defined, details) in [(each.line, each.single) for each in flow["jobs"].parts]:
            part, required = document["jobs"][defined], [each.single for each in details["requires"].parts]
            late = any(set(status.texts) - {"success", "not_run"} for _, status in required)
            filters, job = details["filters"]["branches"], Job(details["name"].text or defined, line)
            only, without = set(filters["only"].texts), set(filters["ignore"].texts)
            own = LIMITED if (only and "/.*/" not in only) or "/.*/" in without else reach
            job.needs, job.contradiction = [needed for needed, _ in required], bool(only) and only <= without
            base = replace(NOTHING, after_failure=late, reach=own)
            job.add_steps(part["steps"], document, base, part["shell"].text or STRICT)
            job.unread += [(line, defined)] if not part.entries and details["type"].text != "approval" else []
            jobs[job.name] = job
        yield jobs


def read_gitlab(document: YamlNode) -> Iterator[Jobs]:
    """The jobs of a pipeline, in the order of their needs or of their stages."""
    stages = [".pre", *(document["stages"].texts or ["build", "test", "deploy"])]
    names = [name for name in document.entries if not name.startswith(".")]
    parts = {name: part for name in names if {"script", "trigger"} & set((part := _inherited(document, name)).entries)}
    stage_of, jobs = {name: part["stage"].text or "test" for name, part in parts.items()}, Jobs()
    position = {name: [*stages, stage].index(stage) for name, stage in stage_of.items()}
    for name, part in parts.items():
        needs = [need["job"].text or need.text for need in part["needs"].parts]
        earlier = [each for each in parts if position[each] < position[name]]
        job = jobs[name] = Job(name, part.key_line, needs if "needs" in part.entries else earlier)
        base, rules, refs = NOTHING, part["rules"].parts, {*part["only"].texts, *part["only"]["refs"].texts}
        for each in (part, *rules):
            base = _within(each, base)
        filtered = LIMITED if refs and not {"branches", "merge_requests"} & refs else ANY
        reach = UNKNOWN if "variables" in part["only"].entries else filtered
        base = replace(base, reach=_by_rules(rules, _by_rules(document["workflow"]["rules"].parts, reach)))
        scopes = [each for each in (part, document["default"], document) if "before_script" in each.entries]
        for line in [*(line for each in scopes[:1] for line in each["before_script"].parts), *part["script"].parts]:
            job.commands += commands(line.text, line.line, base)
            job.unread += [(line.line, "a part of the script")] if not line.text else []
        for line in part["after_script"].parts:
            job.commands += commands(line.text, line.line, replace(base, ignored=True, after_failure=True))
    yield jobs


def _inherited(document: YamlNode, name: str) -> YamlNode:
    """A job with the keys of those that it extends."""
    part, merged = document[name], YamlNode(None, document[name].key_line)
    parents = [_inherited(document, parent).entries for parent in part["extends"].texts]
    merged.entries = {key: value for entries in [*parents, part.entries] for key, value in entries.items()}
    return merged


def _by_rules(rules: list[YamlNode], reach: str) -> str:
    """The reach of what rules let through; one that excludes all but a branch is as good as a filter for it."""
    reaches = set[str]()
    for condition, when in [(rule["if"].text, rule["when"].text) for rule in rules]:
        if when != "never":
            reaches.add(limited(condition, reach))
        else:
            left = reach if PULLS.search(condition) or NARROWS.search(condition) else UNKNOWN
            reach = LIMITED if re.fullmatch(rf"(?:{BRANCH})\s*!=[^&|]*", condition) else left
    return _widest(reaches) if reaches else reach
