"""A folder of predictions, one part for each input file: what is done stays done when a run is killed.

    part-00000.parquet     the predictions of the first input
    _bad/part-00000.…      its bad rows, where they are put aside
    _parts/00000.json      what is known of a part, while the run is not complete
    _seatrial.json         the release, the options, the inputs; and the parts, when all are there
    _SUCCESS               written last, and empty: the folder is complete

Each file is renamed into place, and the record of a part comes after its files, so a run that was killed at any moment
goes on behind the last part that has a record, and ends with the same bytes. Engines read neither names with `_` nor
with `.`.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.model.table_inputs import TableInput

MANIFEST, MARKER, BAD, PARTS = "_seatrial.json", "_SUCCESS", "_bad", "_parts"
AGAIN = "Name another folder, or remove this one."


@dataclass(frozen=True)
class InputRecord:
    """An input file as it was when the run began."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class PartRecord:
    """What was written for one input: the names of the files, and how many rows came, and what became of them."""

    file: str
    bad_file: str | None
    rows_in: int
    good: int
    bad: int
    warned: int


@dataclass(frozen=True)
class FolderJob:
    """What the parts of a folder have in common: the release, by name, version and hash, and the options."""

    release: str
    sha256: str
    options: Mapping[str, Any]


def record_of(source: TableInput) -> InputRecord:
    """Note what a file is like, so that a change of it is noticed. Raises SeatrialError where there is none."""
    try:
        status = source.path.stat()
    except FileNotFoundError:
        raise SeatrialError(f"{source.name} does not exist.", hint="Check its name.") from None
    return InputRecord(source.name, status.st_size, status.st_mtime_ns)


class OutputFolder:
    """The folder of a run; with `resume`, of one that goes on. Raises SeatrialError where it has something else."""

    def __init__(self, path: Path, job: FolderJob, inputs: Sequence[TableInput], suffix: str, *, resume: bool) -> None:
        self.path, self.suffix = path, suffix
        self._job = job
        self._inputs = [record_of(each) for each in inputs]
        self.done: dict[int, PartRecord] = {}
        self._begin(resume=resume)

    def part(self, number: int) -> Path:
        """Where the part of an input is written."""
        return self.path / f"part-{number:05}{self.suffix}"

    def bad_part(self, number: int) -> Path:
        """Where the bad rows of an input are written."""
        return self.path / BAD / self.part(number).name

    def record(self, number: int, part: PartRecord) -> None:
        """Note that a part is complete; its files are in place."""
        if part.rows_in != part.good + part.bad:
            raise SeatrialError(
                f"{self._inputs[number].name}: {part.rows_in:,} rows came, and {part.good + part.bad:,} were answered.",
                hint="This is a bug in Seatrial.",
            )
        write_atomic(self.path / PARTS / f"{number:05}.json", to_json(asdict(part)))
        self.done[number] = part

    def finish(self) -> None:
        """Write the manifest with all parts, and mark the folder as complete."""
        parts = [self.done[number] for number in range(len(self._inputs))]
        write_atomic(self.path / MANIFEST, self._manifest(parts))
        shutil.rmtree(self.path / PARTS, ignore_errors=True)
        with suppress(OSError):  # without bad rows it is empty
            (self.path / BAD).rmdir()
        write_atomic(self.path / MARKER, "")

    def remove(self) -> None:
        """Remove what a failed run has written, and the folder if nothing else is in it."""
        for number in range(len(self._inputs)):
            for file in (self.part(number), self.bad_part(number)):
                file.unlink(missing_ok=True)
        shutil.rmtree(self.path / PARTS, ignore_errors=True)
        (self.path / MANIFEST).unlink(missing_ok=True)
        with suppress(OSError):
            (self.path / BAD).rmdir()
        with suppress(OSError):
            self.path.rmdir()

    def _manifest(self, parts: Sequence[PartRecord]) -> str:
        counts = {"rows_in": sum(part.rows_in for part in parts), "bad": sum(part.bad for part in parts)}
        counts["good"] = counts["rows_in"] - counts["bad"]
        return to_json({**self._common(), **(counts if parts else {}), "parts": [asdict(part) for part in parts]})

    def _common(self) -> dict[str, Any]:
        inputs = [asdict(each) for each in self._inputs]
        # as it is read again
        return dict(json.loads(json.dumps({**asdict(self._job), "suffix": self.suffix, "inputs": inputs})))

    def _begin(self, *, resume: bool) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise SeatrialError(f"{self.path} is a file.", hint="Name a folder for the parts.")
        found = self.path.iterdir() if self.path.is_dir() else ()
        names = {file.name for file in found if not file.name.startswith(".")}  # killed runs leave such ones
        if names and not resume:
            if MARKER in names:
                raise SeatrialError(f"{self.path} is complete already.", hint=AGAIN)
            begun = MANIFEST in names
            hint = f"Go on with what was begun there with --resume. {AGAIN}" if begun else "Name another folder."
            raise SeatrialError(f"{self.path} is not empty.", hint=hint)
        if MANIFEST in names:
            self._continue()
            return
        if names - {PARTS, BAD}:
            raise SeatrialError(f"{self.path} has files of something else.", hint="Name another folder.")
        write_atomic(self.path / MANIFEST, self._manifest(()))

    def _continue(self) -> None:
        earlier = read_json(self.path / MANIFEST, hint=AGAIN)
        try:
            self._check_same(earlier)
            found = dict(enumerate(earlier["parts"]))
            for file in sorted((self.path / PARTS).glob("*.json")):
                found[int(file.stem)] = read_json(file, hint=AGAIN)
            self.done = {number: PartRecord(**part) for number, part in found.items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise SeatrialError(f"{self.path / MANIFEST} is damaged.", hint=AGAIN) from None
        for number, part in list(self.done.items()):
            if not all((self.path / name).is_file() for name in (part.file, part.bad_file) if name):
                del self.done[number]  # somebody removed it: it is made again
        if len(self.done) < len(self._inputs):
            (self.path / MARKER).unlink(missing_ok=True)

    def _check_same(self, earlier: dict[str, Any]) -> None:
        mine = self._common()
        if (earlier["release"], earlier["sha256"]) != (mine["release"], mine["sha256"]):
            which = earlier["release"] if earlier["release"] != mine["release"] else "another build of it"
            raise SeatrialError(
                f"{self.path} was begun with {which}, and this is {mine['release']}: its parts would not agree.",
                hint=f"Resume with the same release. {AGAIN}",
            )
        for name, value in {**mine["options"], "format": mine["suffix"]}.items():
            before = earlier["suffix"] if name == "format" else earlier["options"][name]
            if before != value:
                raise SeatrialError(
                    f"{self.path} was begun with {name} {_shown(before)}, and this run has {_shown(value)}.",
                    hint=f"Resume with the same options. {AGAIN}",
                )
        before, now = ({each["name"]: each for each in inputs} for inputs in (earlier["inputs"], mine["inputs"]))
        changed = [name for name in before if name in now and before[name] != now[name]]
        if changed:
            raise SeatrialError(f"{changed[0]} has changed since {self.path} was begun.", hint=AGAIN)
        if list(before) != list(now):
            other = next(iter({**before, **now}.keys() - (before.keys() & now.keys())), "")
            what = f"{other} is {'gone' if other in before else 'new'}" if other else "their order is another"
            raise SeatrialError(f"The input files are not those that {self.path} was begun with: {what}.", hint=AGAIN)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
