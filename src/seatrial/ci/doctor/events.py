"""What starts a pipeline: the events worth asking a condition about, and patterns that choose among their branches."""

import re
from dataclasses import dataclass

from seatrial.ci.doctor.expressions import fits
from seatrial.ci.doctor.truth import Truth, known

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
    found = inner.partition("|")[0]
    return found if matches(pattern, found) is Truth.YES else ""


def matches(pattern: str, name: str) -> Truth:
    """Whether a branch or tag pattern, /regular expression/ or glob, fits a name."""
    if ("$" in pattern or "<<" in pattern) and not pattern.startswith("/"):
        return Truth.UNKNOWN  # a variable or a parameter
    if len(pattern) > 1 and pattern.startswith("/"):
        return fits(pattern if pattern.rfind("/") > 0 else pattern + "/", name)
    glob = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return known(re.fullmatch(glob, name) is not None)
