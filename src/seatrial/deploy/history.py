"""The history of a target: one JSON line per deployment, in `deploy/<target>/history.jsonl`, which git keeps."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.quoting import shell

HEALTHY, FAILED, INTERRUPTED = "healthy", "failed", "interrupted"
RUNNING, TAKEN_BACK, PROMOTED = "running", "taken back", "promoted"  # of a canary, which is never rolled back to


@dataclass(frozen=True)
class Entry:
    """One deployment. `verdict` summarises its trial; `before` is the version that it replaced; times are UTC."""

    id: str
    kind: str  # deploy, rollback, canary
    when: str
    who: str
    why: str
    release: str
    version: str
    sha256: str
    package: str
    pin: str  # the digest of the lockfile
    before: str = ""
    outcome: str = HEALTHY
    said: str = ""  # the error of a failed deployment
    verdict: dict[str, Any] | None = None
    commit: str = ""  # of the project
    uncommitted: list[str] = field(default_factory=list)  # files of the release that this commit does not have

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)


def read_history(path: Path) -> list[Entry]:
    """Read the deployments, oldest first. SeatrialError names a damaged line."""
    try:
        lines = path.read_text("utf-8").split("\n")  # a reason may contain what else counts as a line break
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"Cannot read {path}: {error}.", hint=_restore(path)) from None
    return [_parse(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def healthy_releases(history: Sequence[Entry]) -> list[Entry]:
    """The newest healthy deployment of each release that has one, oldest first."""
    newest: dict[str, Entry] = {}
    for entry in history:
        if entry.outcome == HEALTHY:
            newest.pop(entry.sha256, None)
            newest[entry.sha256] = entry
    return list(newest.values())


def previous(history: Sequence[Entry], current: str) -> Entry | None:
    """The deployment that a rollback from the release with the hash `current` returns to; None if there is none.

    Deployments form a stack, and a rollback pops what it leaves. So two rollbacks in a row go back two releases, and
    no rollback returns to a release that was itself rolled back.
    """
    stack: list[Entry] = []
    for entry in history:
        if entry.outcome != HEALTHY:
            continue
        same = [i for i, earlier in enumerate(stack) if earlier.sha256 == entry.sha256]
        if entry.kind == "rollback" and same:
            del stack[same[-1] + 1 :]
        elif not stack or stack[-1].sha256 != entry.sha256:
            stack.append(entry)
    while stack and stack[-1].sha256 == current:
        stack.pop()
    return stack[-1] if stack else None


def parse_entry(line: str) -> Entry:
    """Parse a deployment; raises ValueError where it is damaged."""
    document = json.loads(line)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    values = {each.name: document[each.name] for each in fields(Entry) if each.name in document}
    for each in fields(Entry):
        if each.type is str and not isinstance(values.get(each.name, each.default), str):
            raise ValueError(f"{each.name} is not text")
    return Entry(**values)


def _parse(path: Path, number: int, line: str) -> Entry:
    try:
        return parse_entry(line)
    except (ValueError, RecursionError):
        raise SeatrialError(f"{path}, line {number}, is not a deployment.", hint=_restore(path)) from None


def _restore(path: Path) -> str:
    return f"Restore it from git: `git checkout -- {shell(str(path))}`."
