"""What proving a gate finds: what was tried on it and what came of each, as frozen records that become one document."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from seatrial.core.errors import SeatrialError

SCHEMA = 1  # of the document; raised when a reader of the old one would misread the new one

Family = Literal["features", "preprocessing", "output", "columns", "training code", "training data", "harmless"]
FAMILIES: tuple[Family, ...] = (
    "features", "preprocessing", "output", "columns", "training code", "training data", "harmless",
)  # fmt: skip
Came = Literal["caught", "missed", "unchanged", "passed", "blocked"]


@dataclass(frozen=True)
class Tried:
    """One fault that was seeded, or one harmless change that was made, and what the trial said of it.

    A fault is "caught" or "missed", or "unchanged" where no answer changes, so that there is nothing to catch; a
    harmless change has "passed", or was "blocked". `check` is the failed check that tells the cause, `cause` its
    sentence, `failed` the names of all that failed, of those that ran. Of `rows` answers that the trial looks at,
    `changed` differ from those of the sound release. `closing` are sentences on what would close a gap.
    """

    name: str
    family: Family
    sentence: str  # what is wrong, in words
    came: Came
    columns: tuple[str, ...] = ()
    check: str = ""
    cause: str = ""
    failed: tuple[str, ...] = ()
    changed: int = 0
    rows: int = 0
    closing: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateProof:
    """How a project's gate fares with its model, its data and its policy. `untried` says what could not be, and why."""

    name: str
    version: str
    sha256: str
    kind: str
    tried: tuple[Tried, ...]
    rows: dict[str, int]
    policy: dict[str, Any]
    untried: dict[str, str]
    seconds: float = 0.0
    started: str = ""  # UTC, ISO 8601
    seatrial: str = ""
    schema: int = SCHEMA

    def of(self, *came: Came) -> tuple[Tried, ...]:
        """What came to this, as "missed"."""
        return tuple(each for each in self.tried if each.came in came)

    @property
    def exit_code(self) -> int:
        """0 where every fault that changes anything was caught and nothing harmless was blocked, 1 otherwise."""
        return int(bool(self.of("missed", "blocked")) or not self.of("caught"))

    @property
    def headline(self) -> str:
        """The result in one line."""
        caught, missed = len(self.of("caught")), len(self.of("missed"))
        blocked, harmless = len(self.of("blocked")), len(self.of("blocked", "passed"))
        same = len(self.of("unchanged"))
        unchanged = f", {same} change{'s' if same == 1 else ''} nothing" if same else ""
        return (
            f"{caught} of {caught + missed} seeded faults {'was' if caught == 1 else 'were'} caught{unchanged}; "
            f"{blocked or 'none'} of {harmless} harmless changes {'was' if blocked < 2 else 'were'} blocked"
        )

    def to_document(self) -> dict[str, Any]:
        """Give the JSON document."""
        return asdict(self)


def counted(proof: GateProof) -> Iterable[tuple[str, int, int, int]]:
    """Give each family's counts: caught, missed, changes nothing; for harmless changes: passed, blocked, 0."""
    for family in FAMILIES:
        mine: list[str] = [each.came for each in proof.tried if each.family == family]
        if mine:
            good, bad = ("passed", "blocked") if family == "harmless" else ("caught", "missed")
            yield family, mine.count(good), mine.count(bad), mine.count("unchanged")


def read_proof(document: Any, where: str) -> GateProof:
    """Read a result back; `where` names it in errors."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise SeatrialError(f"{where} is no proof of schema {SCHEMA}.", hint="Run `seatrial prove` again.")
    try:
        given = {f.name: document[f.name] for f in fields(GateProof)}
        given["tried"] = tuple(_read(each) for each in given["tried"])
        return GateProof(**given)
    except (KeyError, TypeError, AttributeError) as error:
        raise SeatrialError(f"{where} is damaged: {error}", hint="Run `seatrial prove` again.") from None


def _read(each: dict[str, Any]) -> Tried:
    lists = {name: tuple(each[name]) for name in ("columns", "failed", "closing")}
    return Tried(**{**each, **lists})
