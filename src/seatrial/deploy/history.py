"""The history of a target: one line of JSON for each deployment, in `deploy/<target>/history.jsonl`, for git."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError

HEALTHY, FAILED, INTERRUPTED = "healthy", "failed", "interrupted"


@dataclass(frozen=True)
class Entry:
    """One deployment. `verdict` sums up its trial; `before` is the version that ran until then; times are UTC."""

    id: str
    kind: str  # deploy, rollback
    when: str
    who: str
    why: str
    release: str
    version: str
    sha256: str
    package: str
    pin: str  # the digest of the pin's text
    before: str = ""
    outcome: str = HEALTHY
    said: str = ""  # a failed release's last words
    verdict: dict[str, Any] | None = None
    commit: str = ""  # of the project

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=False)


def read_history(path: Path) -> list[Entry]:
    """Read the deployments, from old to new; SeatrialError names a damaged line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}.", hint=_restore(path)) from None
    return [_entry(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def healthy_releases(history: Sequence[Entry]) -> list[Entry]:
    """The newest healthy deployment of each release that ever was healthy there, from old to new."""
    found: dict[str, Entry] = {}
    for entry in history:
        if entry.outcome == HEALTHY:
            found.pop(entry.sha256, None)
            found[entry.sha256] = entry
    return list(found.values())


def previous(history: Sequence[Entry], current: str) -> Entry | None:
    """Where a rollback from the release with the hash `current` leads; None where there is nothing before it.

    Deployments lie on one another as on a stack, and a rollback takes off what it leaves. So two in a row go back two
    releases, and none leads to a release that was rolled back before.
    """
    stack: list[Entry] = []
    for entry in history:
        if entry.outcome != HEALTHY:
            continue
        under = [i for i, each in enumerate(stack) if each.sha256 == entry.sha256]
        if entry.kind == "rollback" and under:
            del stack[under[-1] + 1 :]
        elif not stack or stack[-1].sha256 != entry.sha256:
            stack.append(entry)
    while stack and stack[-1].sha256 == current:
        stack.pop()
    return stack[-1] if stack else None


def _entry(path: Path, number: int, line: str) -> Entry:
    try:
        document = json.loads(line)
        known = {field.name for field in fields(Entry)}
        return Entry(**{key: value for key, value in document.items() if key in known})
    except (ValueError, TypeError, AttributeError):
        raise SeatrialError(f"{path}, line {number}, is no deployment.", hint=_restore(path)) from None


def _restore(path: Path) -> str:
    return f"Restore it from git: `git checkout -- {path}`."
