"""Finds out what a model reads besides its arguments. Runs inside a sandbox's environment, loaded by path.

While a `Watch` is on, it notes clock reads, files, environment variables, random numbers, and what differs between
machines and processes (`outside_sources`), each with the function of the model's package that caused it. What was read
through a library counts for the function that called the library. While the package is being imported, only what its
own modules do directly is noted: libraries read much then. Files of the environment, which include the package's own,
are not noted, and neither are imports and logging. Only the standard library is used.
"""

import builtins
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

READS_KEPT = 100
# Modules whose frames are between a function and what it reads, and say nothing about who reads it.
PASSING = (
    *("os", "posixpath", "genericpath", "pathlib", "io", "codecs", "csv", "random", "uuid", "secrets", "tempfile"),
    *("platform", "socket", "getpass", "locale", "threading", "multiprocessing", "subprocess", "shutil", "glob"),
)
PASSING_FILES = ("<frozen os>", "<frozen posixpath>", "<frozen genericpath>", "<frozen _collections_abc>")
# Whoever calls these wants no date from them, and what they read decides no prediction.
EXCUSED = ("logging", "warnings", "linecache", "traceback", "joblib", "seatrial", "importlib")
ALWAYS_CLOCK = ("time", "time_ns", "now", "today", "utcnow")  # whatever their arguments
OWN = __file__
_address = id  # bound before it is watched


class Watch:
    """Notes what the package in `folder` reads; `kept` are the folders whose files are part of the release.

    `sources` is outside_sources.py.

    `clock` is a moved clock, which counts; without one, clock reads are noticed by the names of functions only.
    """

    def __init__(self, folder: str, kept: tuple[str, ...], clock: Any, sources: Any) -> None:
        self.reads: dict[tuple[str, str, str, str], None] = {}  # kind, what, file, function
        self._folder, self._kept = folder.rstrip(os.sep) + os.sep, kept
        self._clock, self._loading, self._on = clock, True, False
        self._open: list[list[Any]] = []  # frames that were entered, and the clock reads at that time
        self._before_call = 0
        self._undo: list[Callable[[], None]] = []
        self._sources = sources
        # By their addresses: a code object's own hash is slow, and each call is looked up.
        self._unseeded = {_address(code): found for code, found in sources.unseeded().items()}
        sys.addaudithook(self._audit)

    def start(self) -> None:
        """Begin to watch, as it is while the package is imported and loaded."""
        self._on = True
        self._record_variables()
        self._record_calls(
            os, self._sources.LOOK_AT_FILES, lambda _, arguments: self._file(arguments[0] if arguments else "")
        )
        self._record_calls(os, ("urandom", "getrandom"), self._random_of("os"))
        shared = random._inst
        methods = [name for name, value in vars(random).items() if getattr(value, "__self__", None) is shared]
        self._record_calls(random, methods, self._random_of("random"))
        for module in ("secrets", "numpy.random"):
            if loaded := sys.modules.get(module):
                names = [name for name in dir(loaded) if name.islower() and callable(getattr(loaded, name, None))]
                self._record_calls(loaded, [n for n in names if n[0] != "_"], self._random_of(module))
        for kind, modules in self._sources.DIRECT.items():
            for module, names in modules.items():
                if loaded := sys.modules.get(module):
                    self._record_calls(loaded, names, self._direct(kind, module))
        self._record_calls(builtins, ("hash", "id"), self._hash)
        sys.setprofile(self._profile)

    def loaded(self) -> None:
        """Say that loading has ended: from now on, what is read through libraries counts too."""
        self._loading = False

    def stop(self) -> list[tuple[str, str, str, str]]:
        """End, leave everything as it was, and return (kind, what, file, function) of each read."""
        sys.setprofile(None)
        self._on = False
        for undo in reversed(self._undo):
            undo()
        self._undo = []
        return list(self.reads)

    # Who reads

    def _note(self, kind: str, what: str, *, direct: bool = False, start: FrameType | None = None) -> None:
        frame = self._reader(start or sys._getframe(1), direct=direct) if self._on else None
        if frame is not None:
            self._note_frame(kind, what, frame)

    def _note_frame(self, kind: str, what: str, frame: FrameType) -> None:
        place = os.path.relpath(frame.f_code.co_filename, self._folder)
        function = frame.f_code.co_name
        if len(self.reads) < READS_KEPT:
            self.reads[kind, what, place, "" if function == "<module>" else function] = None

    def _reader(self, frame: FrameType | None, *, direct: bool = False) -> FrameType | None:
        """The function of the package that causes what happens now: the feature function, where there is one.

        With `direct`, what a library does on its own account is nobody's.
        """
        direct = direct or self._loading
        found: FrameType | None = None
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                found = found or frame
                feature = os.path.basename(file) == "features.py"  # noqa: PTH119 - called often
                found = frame if feature and frame.f_code.co_name != "<module>" else found
            elif _excused(frame) or (direct and found is None and file != OWN and not _passing(frame)):
                break
            frame = frame.f_back
        return found

    # The clock, and what functions of C are called

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        file = frame.f_code.co_filename
        ours = file.startswith(self._folder)
        if event == "call" and _address(frame.f_code) in self._unseeded:
            self._note_unseeded(frame)
        if event == "c_call" and ours:
            self._before_call = self._clock.reads if self._clock else 0
            if self._clock is None and _is_clock(argument) and argument.__name__ in ALWAYS_CLOCK:
                self._note_clock(_named(argument), frame)
        elif event == "c_return" and ours and self._clock and self._clock.reads > self._before_call:
            if _is_clock(argument):
                self._note_clock(_named(argument), frame)
        elif event == "call" and self._clock and (ours or _excused(frame)):
            self._open.append([frame, self._clock.reads, ours])
        elif event == "return" and self._open and self._open[-1][0] is frame:
            _, before, ours = self._open.pop()
            if self._clock.reads > before:
                if ours:
                    self._note_clock("", frame)
                self._excuse()

    def _note_clock(self, what: str, frame: FrameType) -> None:
        reader = self._reader(frame)
        if reader is not None:
            self._note_frame("clock", what, reader)
        self._excuse()

    def _excuse(self) -> None:
        """Count the clock reads so far for nobody else."""
        for entry in self._open if self._clock else ():
            entry[1] = self._clock.reads

    # Files, variables and random numbers

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        kind = self._sources.EVENTS.get(event) if self._on else None
        if kind == "file":
            self._file(arguments[0])
        elif kind:
            self._note(kind, event)

    def _direct(self, kind: str, module: str) -> Callable[..., None]:
        return lambda name, _: self._note(kind, f"{module}.{name}", direct=True)

    def _hash(self, name: str, arguments: list[Any]) -> None:
        """Note hashes and addresses that differ between processes; those within a `__hash__` only order a dict."""
        caller = sys._getframe(2)
        own = caller.f_code.co_filename.startswith(self._folder) and caller.f_code.co_name != "__hash__"
        if own and arguments and (name == "id" or not isinstance(arguments[0], self._sources.STABLE)):
            self._note("hash", name, direct=True)

    def _note_unseeded(self, frame: FrameType) -> None:
        what, seed = self._unseeded[_address(frame.f_code)]
        caller = frame.f_back
        if (
            caller is None
            or (seed and frame.f_locals.get(seed) is not None)
            or _address(caller.f_code) in self._unseeded
        ):
            return
        self._note("random", what, start=caller)

    def _file(self, path: Any) -> None:
        if not self._on or not isinstance(path, (str, bytes, os.PathLike)):
            return
        self._on = False  # what is asked here is not the model's question
        try:
            if os.fsdecode(path) in self._sources.NO_FILES:
                return
            text = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - cheap, and does not follow links
            if not any(text == place or text.startswith(place.rstrip(os.sep) + os.sep) for place in self._kept):
                frame = self._reader(sys._getframe(1))
                if frame is not None:
                    self._note_frame("file", os.fsdecode(path), frame)
        finally:
            self._on = True

    def _record_variables(self) -> None:
        environ = os.environ
        before = environ._data  # type: ignore[attr-defined]
        note = self._note

        class Recorded(dict):  # type: ignore[type-arg]
            def __getitem__(self, key: Any) -> Any:
                note("variable", os.fsdecode(key))
                return dict.__getitem__(self, key)

            def __iter__(self) -> Any:
                note("variable", "all of them")
                return dict.__iter__(self)

        both = [environ, *([os.environb] if os.supports_bytes_environ else [])]  # they share one dictionary

        def share(data: dict[Any, Any]) -> None:
            for each in both:
                each._data = data  # type: ignore[attr-defined]

        def undo() -> None:
            share(dict(environ._data.items()))  # type: ignore[attr-defined]

        share(Recorded(before))

        self._undo.append(undo)

    def _random_of(self, module: str) -> Callable[..., None]:
        def noted(name: str, arguments: list[Any]) -> None:
            seeded = name in ("default_rng", "seed") and arguments not in ([], [None])
            if not seeded:
                self._note("random", f"{module}.{name}")

        return noted

    def _record_calls(self, module: Any, names: Any, note: Callable[..., None]) -> None:
        for name in names:
            original = getattr(module, name, None)
            if original is not None:
                with suppress(AttributeError, TypeError):
                    setattr(module, name, _recorded(original, name, note))
                    self._undo.append(lambda name=name, original=original: setattr(module, name, original))  # type: ignore[misc]


def _recorded(original: Any, name: str, note: Callable[..., None]) -> Any:
    def recorded(*arguments: Any, **named: Any) -> Any:
        note(name, [*arguments, *named.values()])
        return original(*arguments, **named)

    recorded.__name__ = recorded.__qualname__ = name
    return recorded


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _excused(frame: FrameType) -> bool:
    return _module(frame) in EXCUSED or frame.f_code.co_filename.startswith("<frozen importlib")


def _passing(frame: FrameType) -> bool:
    return _module(frame) in PASSING or frame.f_code.co_filename in PASSING_FILES


def _is_clock(function: Any) -> bool:
    """Whether a function of C is one that is known to return the date or the time of day."""
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    if getattr(owner, "__name__", "") == "time":
        return name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "clock_gettime", "asctime")
    return name in ("now", "today", "utcnow") and isinstance(owner, type)


def _named(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    return f"{getattr(owner, '__name__', '')}.{function.__name__}".lstrip(".")
