"""The names that are a project's own: they are only ever asked of the project's index, and never of a public one.

A name is own by the setting `own`, because it is the project's, or because a lockfile in `deploy/` took it from the
project's index: a dependency that this index suddenly lacks must not come from somewhere else. The same the other way
round: a name that a lockfile took from the public index does not move to the project's, where anyone may have put it.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError

TOOLKIT = "seatrial"  # comes from an index of ours while it runs from a checkout, and else from the public one
KEYS = {
    "own": 'names and prefixes that are only ever asked of this project\'s index: own = ["acme-*"]',
    "public": "names that come from the public index although `own` covers them, or although they were on ours before",
}
PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\*?")
ORIGIN = re.compile(r"^# From the index (\S+): (.*)$", re.MULTILINE)
LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==", re.MULTILINE)
LOCKFILES = "deploy/*/requirements.txt"


@dataclass(frozen=True)
class OwnNames:
    """Canonical names, or prefixes with `*`, by the settings; and names by where lockfiles took them from."""

    own: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    pinned_own: frozenset[str] = frozenset()
    pinned_public: frozenset[str] = frozenset()

    def owns(self, name: str) -> bool:
        """Whether a canonical name is only ever asked of the project's index."""
        if name == TOOLKIT or _matches(name, self.public):
            return False
        return _matches(name, self.own) or name in self.pinned_own

    def declared(self, name: str) -> bool:
        """Whether the settings say of a canonical name where it comes from."""
        return _matches(name, self.own) or _matches(name, self.public)

    def refuse_public(self, name: str, where: str) -> None:
        """Raise SeatrialError for an own name that the project's index, `where`, does not have."""
        if self.owns(name):
            why = "is one of the project's own names" if _matches(name, self.own) else "came from there before"
            raise SeatrialError(
                f"{where} has no {name}, which {why}, so it is not looked up on the public index.",
                hint=f'Publish it there; if it is public, add it to `public` in [tool.seatrial.index]: ["{name}"].',
            )

    def refuse_moved(self, name: str, where: str) -> None:
        """Raise SeatrialError for a name on the project's index, `where`, that came from the public one before."""
        if name in self.pinned_public and name != TOOLKIT and not _matches(name, self.own):
            raise SeatrialError(
                f"{where} now has {name}, which came from the public index before.",
                hint=f'Remove it there; if it is meant, add it to `own` in [tool.seatrial.index]: ["{name}"].',
            )

    def of_project(self, name: str, root: Path) -> "OwnNames":
        """Add the project's own name, and what its lockfiles say."""
        own, public = _pinned(root)
        name = canonicalize_name(name)
        known = self.own if name in self.own else (*self.own, name)
        return replace(self, own=known, pinned_own=own, pinned_public=public)


def read_own_names(table: dict[str, object], where: str) -> OwnNames:
    """Read the settings `own` and `public` of [tool.seatrial.index]."""
    own, public = (_patterns(table.get(key, []), f"{where}: [tool.seatrial.index] {key}") for key in KEYS)
    return OwnNames(own, public)


def _patterns(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SeatrialError(f"{where} is not a list of names.", hint=f"It is {KEYS['own']}.")
    for each in value:
        if not isinstance(each, str) or not PATTERN.fullmatch(each):
            raise SeatrialError(
                f"{where} has {each!r}, which is not a name or a prefix.", hint='Examples: "acme-utils", "acme-*".'
            )
    return tuple(canonicalize_name(each.removesuffix("*")) + "*" * each.endswith("*") for each in value)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns)


def origin_line(index: str, names: list[str]) -> str:
    """The line of a lockfile that says which names came from the project's index; all others are public."""
    return f"# From the index {re.sub(r'[^A-Za-z0-9._-]', '-', index)}: {', '.join(names)}\n"


def origins(lockfile: str) -> frozenset[str] | None:
    """The names that a lockfile took from the project's index; None where it does not say."""
    found = ORIGIN.search(lockfile)
    return frozenset(canonicalize_name(name.strip()) for name in found[2].split(",")) if found else None


def _pinned(root: Path) -> tuple[frozenset[str], frozenset[str]]:
    own: set[str] = set()
    public: set[str] = set()
    for path in sorted(root.glob(LOCKFILES)):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # whoever uses it says what is wrong
        known = origins(text)
        if known is not None:
            own |= known
            public |= {canonicalize_name(name) for name in LOCKED.findall(text)} - known
    return frozenset(own), frozenset(public - own)
