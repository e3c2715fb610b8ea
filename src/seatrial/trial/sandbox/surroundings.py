"""Puts a worker where production may be, before it loads the release. Loaded by path, in the sandbox's environment.

The folder, the environment variables and the time zone are set by whoever starts the process. The rest is done here:
the clock, the locale, the arguments of the command line. Only the standard library is used.
"""

import importlib
import importlib.util
import locale
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Any

# Imported before the watch: they read much when they start, and what is not loaded cannot be watched.
LIBRARIES = ("numpy.random", "secrets", "sqlite3", "seatrial.model.release")
GLOBALS_KEPT = 20
LONGEST = 20_000  # characters of a value that are compared
PLAIN = (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


class Surroundings:
    """The conditions of one worker, as its request has them, and what it was found to read."""

    def __init__(
        self, conditions: dict[str, Any], clock_module: Any, watch_module: Any, sources: Any, package: str
    ) -> None:
        self._conditions, self._package = conditions, package
        self._clock = clock_module.install() if conditions["clock"] or conditions["clocks"] else None
        self._watch: Any = None
        self._watched_jobs = conditions["watched"]
        self._libraries: tuple[str, ...] = ()
        self.locale = ""
        self._reads: list[Any] = []
        self._globals: dict[tuple[str, str], str] = {}
        if conditions["watched"]:
            self._prepare_watch(watch_module, sources)

    def _prepare_watch(self, watch_module: Any, sources: Any) -> None:
        found = importlib.util.find_spec(self._package)
        places = (found.submodule_search_locations if found else None) or []
        kept = [sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib", "platstdlib")]
        for place in list(places)[:1]:
            self._watch = watch_module.Watch(str(place), (*kept, *places, "/usr/share/zoneinfo"), self._clock, sources)
        self._libraries = (*LIBRARIES, *sources.MODULES)

    def enter(self) -> None:
        """Apply the conditions; the release has not been imported yet."""
        if self._conditions["arguments"]:
            sys.argv[1:] = self._conditions["arguments"]
        for name in self._conditions["locales"]:
            with suppress(locale.Error):
                self.locale = locale.setlocale(locale.LC_ALL, name)
                break
        for name in self._libraries:
            with suppress(Exception):  # whatever is wrong will be seen when the release is loaded
                importlib.import_module(name)
        if self._clock:
            self._clock.move(self._conditions["clock"])
        if self._watch:
            self._watch.start()

    def loaded(self) -> None:
        """Say that the release has been imported and loaded."""
        if self._watch:
            self._watch.loaded()

    def before(self, job: dict[str, Any]) -> None:
        """Apply what changes before a job."""
        if self._watch and job["name"] not in self._watched_jobs:
            self._end_watch()
        if self._clock and job["name"] in self._conditions["clocks"]:
            self._clock.move(self._conditions["clocks"][job["name"]])

    def _end_watch(self) -> None:
        if self._watch:
            self._reads, self._watch = self._watch.stop(), None
            self._globals = self._values()

    def result(self) -> dict[str, Any]:
        """What becomes part of the answer."""
        self._end_watch()
        now = self._values()
        changed = [place for place, value in now.items() if self._globals.get(place, value) != value]
        return {
            "clock_moved": self._clock is not None,
            "locale": self.locale,
            "reads": self._reads,
            "changed_globals": changed[:GLOBALS_KEPT],
        }

    def _values(self) -> dict[tuple[str, str], str]:
        """The plain values that the package's modules have as globals, as text; by file and name."""
        values = {}
        for name, module in list(sys.modules.items()):
            if name != self._package and not name.startswith(f"{self._package}."):
                continue
            file = Path(getattr(module, "__file__", None) or name).name
            for variable, value in list(vars(module).items()):
                if not variable.startswith("__") and isinstance(value, PLAIN):
                    with suppress(Exception):
                        values[file, variable] = f"{len(value) if hasattr(value, '__len__') else ''} {value!r}"[
                            :LONGEST
                        ]
        return values
