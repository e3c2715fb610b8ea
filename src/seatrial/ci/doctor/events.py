"""What starts a pipeline, and which conditions let it through; what cannot be decided from the file counts as true."""

import re
from collections.abc import Callable
from dataclasses import dataclass

Condition = Callable[["Event"], bool]
SOME_BRANCH = "some/feature-branch"  # stands for every branch that no file names


@dataclass(frozen=True, order=True)
class Event:
    """A push to a branch, a tag, a pull request from a branch, or the schedule (which runs on the main branch)."""

    kind: str  # push, tag, pull_request, schedule, manual
    name: str

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.name}"


def candidates(names: set[str]) -> list[Event]:
    """The events worth asking about: those of the names that a file mentions, and of one that it does not."""
    branches = {"main", "master", SOME_BRANCH} | {name for name in names if name}
    found = [Event(kind, name) for name in sorted(branches) for kind in ("push", "pull_request")]
    found += [Event(kind, name) for name in ("main", "master") for kind in ("schedule", "manual")]
    return [*found, *(Event("tag", name) for name in sorted({"v1.0.0"} | {name for name in names if name}))]


def sample(pattern: str) -> str:
    """A name that a simple pattern matches, /release-.*/ or release-*; empty where we find none."""
    if not pattern.startswith("/"):
        return pattern.replace("**", "x").replace("*", "x")
    inner = pattern.strip("/").removeprefix("^").removesuffix("$")
    for old, new in ((r"\d+", "1"), (r"\d", "1"), (".*", "x"), (".+", "x"), (r"\.", "."), (r"\/", "/")):
        inner = inner.replace(old, new)
    inner = re.sub(r"\((?:\?:)?([^|()]+)(?:\|[^()]*)?\)", r"\1", inner)
    inner = re.sub(r"\[([^\]\-^])[^\]]*\][+*]?", r"\1", inner)
    return inner.partition("|")[0] if matches(pattern, inner.partition("|")[0]) else ""


def matches(pattern: str, name: str) -> bool:
    """Whether a branch or tag pattern, /regular expression/ or glob, fits a name."""
    try:
        if len(pattern) > 1 and pattern.startswith("/"):
            return re.search(pattern.rstrip("i").strip("/"), name) is not None
    except re.error:
        return True
    glob = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(glob, name) is not None


def anything(_event: Event) -> bool:
    """Let every event through."""
    return True


def github_condition(text: str) -> Condition:
    """An `if:` of GitHub Actions."""
    words = {
        "github.ref": lambda e: (
            ("refs/tags/" if e.kind == "tag" else "refs/heads/") + e.name
            if e.kind != "pull_request"
            else "refs/pull/1/merge"
        ),
        "github.ref_name": lambda e: e.name if e.kind != "pull_request" else "1/merge",
        "github.head_ref": lambda e: e.name if e.kind == "pull_request" else "",
        "github.base_ref": lambda e: "main" if e.kind == "pull_request" else "",
        "github.event_name": lambda e: {"tag": "push", "manual": "workflow_dispatch"}.get(e.kind, e.kind),
    }
    return _condition(re.sub(r"^\$\{\{(.*)\}\}$", r"\1", text.strip(), flags=re.DOTALL), words)


def gitlab_condition(text: str) -> Condition:
    """An `if:` of a GitLab rule."""
    words = {
        "$CI_COMMIT_BRANCH": lambda e: e.name if e.kind in ("push", "schedule", "manual") else "",
        "$CI_COMMIT_REF_NAME": lambda e: e.name,
        "$CI_COMMIT_TAG": lambda e: e.name if e.kind == "tag" else "",
        "$CI_DEFAULT_BRANCH": lambda _: "main",
        "$CI_MERGE_REQUEST_IID": lambda e: "1" if e.kind == "pull_request" else "",
        "$CI_PIPELINE_SOURCE": lambda e: {"pull_request": "merge_request_event", "tag": "push", "manual": "web"}.get(
            e.kind, e.kind
        ),
    }
    return _condition(text, words)


def _condition(text: str, words: dict[str, Callable[[Event], str]]) -> Condition:
    """Build the meaning of ATOM && ATOM || ATOM; parentheses and functions are beyond us, hence true."""
    if "(" in text.replace("()", ""):
        inner = re.match(r"^startsWith\(github\.ref, *'refs/tags/.*'\)$", text.strip())
        return (lambda e: e.kind == "tag") if inner else anything
    either = [[_atom(atom.strip(), words) for atom in part.split("&&")] for part in text.split("||")]
    return lambda event: any(all(atom(event) for atom in part) for part in either)


def _atom(text: str, words: dict[str, Callable[[Event], str]]) -> Condition:
    if text in ("false", "'false'"):
        return lambda _: False
    if text in words:
        return lambda event: bool(words[text](event))
    found = re.fullmatch(r"(\S+)\s*(==|!=|=~|!~)\s*(.+)", text)
    if not found or found.group(1) not in words:
        return anything
    left, operator, right = words[found.group(1)], found.group(2), found.group(3).strip()
    literal = right[1:-1] if right[:1] in "'\"" else right
    value: Callable[[Event], str] = words.get(right, lambda _: "" if right == "null" else literal)

    def holds(event: Event) -> bool:
        if operator in ("=~", "!~"):
            return matches(right, left(event)) == (operator == "=~")
        return (left(event) == value(event)) == (operator == "==")

    return holds
