"""The conditions in which a release is asked besides the usual ones: another day, another place, another machine."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAY = 86_400  # seconds
OTHER_ZONE = "KIR-14"  # 14 hours ahead of UTC, written so that no table of time zones is needed
LOCALES = ("tr_TR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "en_US.UTF-8")  # the first that is installed is used
ARGUMENTS = ("--host", "0.0.0.0", "--port", "8080")  # noqa: S104 - what a server's command line looks like


@dataclass(frozen=True)
class Conditions:
    """How a worker's process differs from the usual one; what is left out is as usual.

    `clock` is how many seconds its clock is ahead when the release is loaded, and `clocks` at the beginning of some
    jobs, by their names. `variables` are added to its environment, which is empty otherwise if `bare`. `locales` are
    tried in their order. What the model reads is watched while it is loaded and during the jobs that `watched` names.
    """

    clock: int = 0
    clocks: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False
    folder: Path | None = None
    locales: Sequence[str] = ()
    arguments: Sequence[str] = ()
    threads: int = 1
    watched: Sequence[str] = ()

    def for_start(self) -> dict[str, Any]:
        """How the worker's process is started."""
        return {"threads": self.threads, "place": self.folder, "variables": self.variables, "bare": self.bare}

    def as_sent(self) -> dict[str, Any]:
        """What the worker's request says of them."""
        return {
            "clock": self.clock,
            "clocks": dict(self.clocks),
            "locales": list(self.locales),
            "arguments": list(self.arguments),
            "watched": list(self.watched),
        }


def dates(now: float | None = None) -> dict[str, int]:
    """The other dates, by their names, as seconds ahead: next year comes first, and the hours differ too."""
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    leap = today.year + 1
    while leap % 4 or (leap % 100 == 0 and leap % 400):
        leap += 1
    days = {
        "next year": today + timedelta(days=366, hours=11),
        "next week": today + timedelta(days=7, hours=5),
        "29 February": datetime(leap, 2, 29, 23, 30, tzinfo=UTC),
    }
    return {name: int((day - today).total_seconds()) for name, day in days.items()}


def single_conditions(threads: int, more_threads: int) -> dict[str, tuple[str, Conditions]]:
    """Each condition alone, by its short name, with the words for it; first another process and nothing else.

    `more_threads` are those of the condition "threads"; it is left out if they are as many as usual.
    """
    usual = Conditions(threads=threads)
    single = {
        "process": ("in another process, where Python hashes texts differently", usual),
        "date": ("on another date (next year)", replace(usual, clock=dates()["next year"])),
        "zone": ("in another time zone (UTC+14)", replace(usual, variables={"TZ": OTHER_ZONE})),
        "locale": ("in another locale", replace(usual, locales=LOCALES)),
        "folder": ("in another working directory", replace(usual, folder=Path("/"))),
        "variables": ("without environment variables", replace(usual, bare=True)),
        "arguments": ("with other arguments on the command line", replace(usual, arguments=ARGUMENTS)),
        "threads": (f"with {more_threads} threads", replace(usual, threads=more_threads)),
    }
    return {name: each for name, each in single.items() if name != "threads" or more_threads != threads}


def all_conditions(first: str, clocks: Mapping[str, int], watched: Sequence[str], threads: int) -> Conditions:
    """All other conditions at once, with the clock of the date `first` while the release is loaded."""
    return Conditions(
        clock=dates()[first], clocks=clocks, variables={"TZ": OTHER_ZONE}, bare=True, folder=Path("/"), locales=LOCALES,
        arguments=ARGUMENTS, threads=threads, watched=watched,
    )  # fmt: skip
