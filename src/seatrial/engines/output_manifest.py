"""The driver's side of a table in parts: what is in the folder, what counts, and when it is complete.

The files of the tasks that count are moved to `part-*`, and to `_bad/` those of bad rows. `_seatrial.json` is written
after each group of input files, so that an interrupted job goes on behind it; `_SUCCESS` is written last.
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.files import to_json
from seatrial.engines.input_files import states_of
from seatrial.engines.output_parts import (
    ATTEMPTS,
    OnBadPartRows,
    PartTarget,
    WrittenPart,
    file_system,
    in_words,
    written_parts,
)
from seatrial.engines.worker import error_of_engine, error_of_worker
from seatrial.model.arrow_sources import names_of
from seatrial.model.bad_rows import BadLimit
from seatrial.model.output_folder import MANIFEST, MARKER
from seatrial.stores.shown_urls import shown_url

if TYPE_CHECKING:
    from seatrial.model.release import Release

OWN_PART = re.compile(r"(_bad/)?part-[0-9a-f]{32}\.parquet")
MOST_ROWS = 2**62  # of a limit that is infinite
WritesParts = Callable[[Any, PartTarget], list[WrittenPart]]  # predicts a table of the engine, and writes its parts


@dataclass(frozen=True)
class Manifest:
    """What is in a folder of parts: each part, and the input files that they were made from, if these are known.

    `sha256` is that of the release's files, as workers compare it. `states` has each input file's size and time.
    """

    release: str
    sha256: str
    options: Mapping[str, Any]
    parts: tuple[WrittenPart, ...] = ()
    inputs: tuple[str, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """How many rows came; as many as are good and bad together, which each task has checked."""
        return sum(part.rows_in for part in self.parts)

    @property
    def bad(self) -> int:
        """How many rows break the schema."""
        return sum(part.bad for part in self.parts)

    @property
    def files(self) -> set[str]:
        """The files that count."""
        return {file for part in self.parts for file in (part.file, part.bad_file) if file}

    def to_json(self) -> str:
        """Return the content of _seatrial.json."""
        return to_json({**asdict(self), "rows_in": self.rows_in, "good": self.rows_in - self.bad, "bad": self.bad})


def write_table(
    release: "Release",
    folder: str,
    key: str | Sequence[str],
    tables: Iterable[tuple[Sequence[str], Any]],
    write_parts: WritesParts,
    *,
    on_bad_rows: OnBadPartRows,
    max_bad: float | None,
    resume: bool = False,
) -> Manifest:
    """Write the predictions of tables into a folder, one table after the other, and mark it as complete.

    Each table comes with the names of the files that it is read from, if these are known; with `resume`, tables of
    which all files are in the folder's manifest are skipped. More bad rows than `max_bad` (a share below 1, or a
    number) raise SeatrialError, as does a folder that already has something. Without `resume`, a failure leaves
    nothing.
    """
    if on_bad_rows not in (policies := get_args(OnBadPartRows)):
        raise UsageError(f"on_bad_rows is {on_bad_rows!r}.", hint=f"It is one of {', '.join(policies)}.")
    if max_bad is not None and not max_bad >= 0:
        raise UsageError(f"max_bad is {max_bad}.", hint="Give a share below 1, such as 0.01, or a number of rows.")
    limit = _limit(max_bad)
    with in_words(folder, "write"):
        output = _Output(folder)
        return _written(release, output, key, tables, write_parts, on_bad_rows, limit, resume=resume)


def _written(
    release: "Release",
    output: "_Output",
    key: str | Sequence[str],
    tables: Iterable[tuple[Sequence[str], Any]],
    write_parts: WritesParts,
    on_bad_rows: OnBadPartRows,
    limit: BadLimit | None,
    *,
    resume: bool,
) -> Manifest:
    options = {"on_bad_rows": on_bad_rows, "key": list(names_of(key))}
    wanted = Manifest(f"{release.name} {release.version}", _sha256(release), options)
    manifest = output.begin(wanted, resume=resume)
    try:
        gone = set(manifest.inputs)
        for inputs, table in tables:
            gone -= set(inputs)
            states = states_of(inputs)
            if inputs and set(inputs) <= set(manifest.inputs):
                output.check_states(manifest, states)
                continue
            output.check(manifest, inputs)
            parts = write_parts(table, PartTarget(output.place, on_bad_rows))
            manifest = replace(
                manifest,
                parts=(*manifest.parts, *parts),
                inputs=(*manifest.inputs, *inputs),
                states={**manifest.states, **states},
            )
            _check_bad(manifest, limit, complete=False)
            output.take(parts)
            output.write(MANIFEST, manifest.to_json())
        output.check_gone(gone)
        _check_bad(manifest, limit, complete=True)
    except BaseException as error:
        with suppress(OSError):  # of a store that cannot be reached any more, as `error` says
            output.keep_only(manifest.files if resume else set())
        if (ours := error_of_worker(error) or error_of_engine(error)) and not isinstance(error, SeatrialError):
            raise ours from error
        raise
    output.keep_only(manifest.files)
    output.write(MANIFEST, manifest.to_json())
    output.write(MARKER, "")
    return manifest


def _sha256(release: "Release") -> str:
    """The hash of the release's files that it is pickled with."""
    arguments: Any = release.__reduce__()[1]
    return str(arguments[3])


def _limit(max_bad: float | None) -> BadLimit | None:
    """The most bad rows: a share of all if it is below 1, or a number of them."""
    if max_bad is None:
        return None
    text = f"{max_bad:g}"
    return BadLimit(text, share=max_bad) if 0 < max_bad < 1 else BadLimit(text, rows=int(min(max_bad, MOST_ROWS)))


def _check_bad(manifest: Manifest, limit: BadLimit | None, *, complete: bool) -> None:
    """Raise SeatrialError where there are too many bad rows."""
    if limit and limit.exceeded(manifest.bad, manifest.rows_in, complete=complete):
        raise SeatrialError(
            f"{manifest.bad:,} of {manifest.rows_in:,} rows break the schema, more than max_bad allows ({limit.text}).",
            hint='See which with on_bad_rows="quarantine" and without max_bad.',
        )


def _described(manifest: Manifest) -> str:
    options = ", ".join(f"{name} {value}" for name, value in manifest.options.items())
    return f"{manifest.release} (hash {manifest.sha256[:12]}), {options}"


class _Output:
    """The files in the folder of a table in parts."""

    def __init__(self, folder: str) -> None:
        self._shown = shown_url(folder) if "://" in folder else folder
        self._system, self._root = file_system(folder)
        self.place = self._root if self._system.type_name == "local" else folder  # workers have other current folders

    def begin(self, wanted: Manifest, *, resume: bool) -> Manifest:
        """Return the manifest to go on with; raises SeatrialError where the folder has something else."""
        from pyarrow.fs import FileType

        if self._system.get_file_info(self._root).type == FileType.File:
            raise SeatrialError(f"{self._shown} is a file.", hint="Name a folder.")
        names = self._names()
        if MARKER in names:
            raise SeatrialError(f"{self._shown} is complete already.", hint="Name another folder, or remove it.")
        if names and not resume:
            raise SeatrialError(f"{self._shown} is not empty.", hint="Name another folder, or resume its job.")
        if MANIFEST not in names:
            if any(not _part(name) for name in names):
                raise SeatrialError(f"{self._shown} has files of something else.", hint="Name another folder.")
            self.keep_only(set())
            self.write(MANIFEST, wanted.to_json())
            return wanted
        earlier = self._read()
        if replace(earlier, parts=(), inputs=(), states={}) != wanted:
            raise SeatrialError(
                f"{self._shown} was begun with {_described(earlier)}, and this job has {_described(wanted)}.",
                hint="Resume it with the same, or name another folder.",
            )
        return earlier

    def check(self, manifest: Manifest, inputs: Sequence[str]) -> None:
        """Raise SeatrialError where only some files of a group are predicted: their rows would be there twice."""
        if again := sorted(set(inputs) & set(manifest.inputs)):
            raise SeatrialError(
                f"{self._shown} was begun with other groups of input files: {again[0]} is predicted already, and not "
                "all files of its group are.",
                hint="Resume with the same input files in groups of the same size, or name another folder.",
            )

    def check_states(self, manifest: Manifest, states: Mapping[str, str]) -> None:
        """Raise SeatrialError where a file that is predicted has another size or time now."""
        known = manifest.states
        if changed := [name for name, state in states.items() if known.get(name, state) != state]:
            raise SeatrialError(
                f"{changed[0]} has changed since it was predicted into {self._shown}.",
                hint="Name another folder, and predict all files again.",
            )

    def check_gone(self, gone: set[str]) -> None:
        """Raise SeatrialError where files that are predicted are not among the input files any more."""
        if gone:
            raise SeatrialError(
                f"{self._shown} has the predictions of {min(gone)}, which is not among the input files any more.",
                hint="Resume with the same input files, or name another folder.",
            )

    def _read(self) -> Manifest:
        with self._system.open_input_stream(f"{self._root}/{MANIFEST}") as stream:
            text = stream.read()
        try:
            document = json.loads(text)
            parts = tuple(written_parts(json.dumps(part) for part in document["parts"]))
            release, sha256, options = (document[name] for name in ("release", "sha256", "options"))
            return Manifest(
                release, sha256, options, parts, tuple(document["inputs"]), dict(document.get("states", {}))
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SeatrialError(f"{self._shown}/{MANIFEST} is damaged: {error}", hint="Remove the folder.") from None

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all: object stores do that, others rename."""
        path = f"{self._root}/{name}"
        self._system.create_dir(self._root, recursive=True)
        renames = self._system.type_name in ("local", "hdfs")
        with self._system.open_output_stream(f"{path}.part" if renames else path) as stream:
            stream.write(text.encode())
        if renames:
            self._system.move(f"{path}.part", path)

    def take(self, parts: Sequence[WrittenPart]) -> None:
        """Move the files of these parts to their places."""
        for part in parts:
            for name in filter(None, (part.file, part.bad_file)):
                self._system.create_dir(posixpath.dirname(f"{self._root}/{name}"), recursive=True)
                try:
                    self._system.move(f"{self._root}/{ATTEMPTS}/{name}", f"{self._root}/{name}")
                except FileNotFoundError:
                    raise SeatrialError(
                        f"A worker has written {name} to {self._shown}, and it is not there on this machine.",
                        hint="Name a folder or a URL that this machine and all workers reach.",
                    ) from None

    def keep_only(self, files: set[str]) -> None:
        """Delete all parts except these, and without any the manifest too."""
        from pyarrow.fs import FileType

        for name in self._names():
            if (_part(name) and name not in files) or (name == MANIFEST and not files):
                self._system.delete_file(f"{self._root}/{name}")
        if self._system.get_file_info(f"{self._root}/{ATTEMPTS}").type == FileType.Directory:
            self._system.delete_dir(f"{self._root}/{ATTEMPTS}")

    def _names(self) -> set[str]:
        from pyarrow.fs import FileSelector, FileType

        found = self._system.get_file_info(FileSelector(self._root, recursive=True, allow_not_found=True))
        return {each.path[len(self._root) :].strip("/") for each in found if each.type == FileType.File}


def _part(name: str) -> bool:
    """Whether a file is one that `write_part` names, or half a manifest: others' parts are never deleted."""
    return name.startswith(f"{ATTEMPTS}/") or name == f"{MANIFEST}.part" or OWN_PART.fullmatch(name) is not None
