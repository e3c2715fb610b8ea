"""A target's files: the pin and the history in `deploy/<target>/`, for git, and what is kept beside in `.seatrial/`.

The pin is the truth; it is renamed into place, in one step. A journal is written before a deployment and removed after
it, so that the next command finishes what was interrupted: what the pin says tells on which side of that step it was.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, sha256, to_json, write_atomic
from seatrial.core.project import ProjectSettings
from seatrial.deploy.git import Git
from seatrial.deploy.history import HEALTHY, INTERRUPTED, Entry, read_history
from seatrial.deploy.target import Pinned
from seatrial.wheels.lockfile import Lockfile, read_lockfile
from seatrial.wheels.wheel import parse_wheel_name

HEADER = re.compile(r"^# Deployment (\S+) of (\S+) (\S+) \((\S+)\)", re.MULTILINE)
REMEMBERED = 50  # of the files that we wrote, by hash
KEPT = 20  # pins with their wheels, to go back to


@dataclass(frozen=True)
class Current:
    """What the pin says."""

    id: str
    name: str
    version: str
    sha256: str
    package: str
    pin: Lockfile


class TargetState:
    """The files of one target of one project."""

    def __init__(self, project: ProjectSettings, target: str) -> None:
        self.target = target
        self.folder = project.root / "deploy" / target
        self.requirements = self.folder / "requirements.txt"
        self.history_path = self.folder / "history.jsonl"
        self.git = Git(project.root)
        self._version_file = project.version_file
        self._private = project.root / ".seatrial" / "deploy" / target
        self._journal = self._private / "journal.json"
        self._written = self._private / "written.json"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files for git, those that there are."""
        return tuple(path for path in (self.requirements, self.history_path) if path.exists())

    def raised_version(self) -> tuple[Path, ...]:
        """The package's `__init__.py`, if all that was done to it is to raise the version to the pinned one."""
        current = self.current()
        found = current is not None and self.git.raised_to(self._version_file) == current.version
        return (self._version_file,) if found else ()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others out, for as long as a command is at it."""
        from filelock import FileLock, Timeout

        try:
            self._private.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._private / "lock", timeout=1.0)
            lock.acquire()
        except Timeout:
            raise SeatrialError(
                f"Another command is deploying to {self.target} at this moment.", hint="Wait until it has ended."
            ) from None
        except OSError as error:
            raise SeatrialError(f"{self._private} cannot be written: {error.strerror}.") from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Remove what a killed command left half-written beside its files."""
        for path in (self.requirements, self.history_path, self._journal, self._written):
            for left in path.parent.glob(f".{path.name}.*"):
                with suppress(OSError):
                    left.unlink()

    def current(self) -> Current | None:
        """Read the pin; None where nothing was ever deployed. SeatrialError where it is damaged."""
        try:
            text = self.requirements.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SeatrialError(f"{self.requirements} cannot be read: {error}.") from None
        pin, head = read_lockfile(text, str(self.requirements)), HEADER.search(text)
        if head is None:
            raise SeatrialError(
                f"{self.requirements} does not say which deployment it is of.",
                hint=f"Restore it from git: `git checkout -- {self.requirements}`.",
            )
        version = pin.model.requirement.partition("==")[2].partition(";")[0].strip()
        return Current(head[1], pin.model.name, version, pin.model.hashes[0], head[4], pin)

    def history(self) -> list[Entry]:
        """The deployments, from old to new."""
        return read_history(self.history_path)

    def refuse_changed(self) -> None:
        """Refuse to write over what somebody changed by hand and did not commit."""
        mine = set(self._remembered())
        for path in (self.requirements, self.history_path):
            if path.exists() and sha256(path) in mine:
                continue
            if self.git.changed(path) if self.git.present else mine and path.exists():
                raise SeatrialError(
                    f"{path} was changed by hand, and not committed.",
                    hint=f"Commit it, or take it back: `git checkout -- {path}`.",
                )

    def text_of(self, entry: Entry, pin: Lockfile, index: str) -> str:
        """Write a pin as a requirements file."""
        head = f"# Deployment {entry.id} of {entry.release} {entry.version} ({entry.package}) to {self.target}.\n"
        return f"{head}# Written by `seatrial {entry.kind}`; our own wheels lie on the index {index!r}.\n{pin.text}"

    def write_pin(self, text: str) -> None:
        """Put a pin in place: the one step that decides."""
        self._write(self.requirements, text)

    def record(self, entry: Entry) -> None:
        """Put a deployment into the history."""
        kept = [each for each in self.history() if each.id != entry.id]
        self._write(self.history_path, "".join(f"{each.to_json()}\n" for each in [*kept, entry]))

    def begin(self, entry: Entry) -> None:
        """Note what is about to happen."""
        write_atomic(self._journal, to_json({"entry": entry.to_json()}))

    def end(self) -> None:
        """It has happened, or it has not; the history says which."""
        self._journal.unlink(missing_ok=True)

    def finish_interrupted(self) -> Entry | None:
        """Write into the history what became of a deployment that was cut off; gives it if there was one."""
        try:
            line = read_json(self._journal)["entry"]
        except (SeatrialError, KeyError, TypeError):
            return None
        entry = Entry(**json.loads(line))
        known = {each.id: each for each in self.history()}
        if entry.id not in known:
            current = self.current()
            done = current is not None and current.id == entry.id
            entry = replace(entry, outcome=HEALTHY if done else INTERRUPTED)
            self.record(entry)
        self.end()
        return known.get(entry.id, entry)

    def keep(self, pin: Lockfile, wheels: Sequence[Path]) -> Path:
        """Keep a pin with the wheels of ours, to install it and to come back to it, also without the index."""
        folder = self._folder_of(pin.digest)
        if self.kept(pin.digest) is None:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                (folder / "wheels").mkdir(parents=True)
                for wheel in wheels:
                    write_atomic(folder / "wheels" / wheel.name, wheel.read_bytes())
                write_atomic(folder / "requirements.txt", pin.text)
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        (folder / "requirements.txt").touch()
        with suppress(OSError):
            self._throw_away_old()
        return folder

    def kept(self, digest: str) -> Path | None:
        """Where a pin is kept, whole; None where it is not."""
        folder = self._folder_of(digest)
        try:
            pin = read_lockfile((folder / "requirements.txt").read_text("utf-8"), str(folder))
            hashes = {line.name: line.hashes for line in pin.requirements}
            wheels = {parse_wheel_name(path)[0]: sha256(path) for path in (folder / "wheels").glob("*.whl")}
        except (OSError, UnicodeDecodeError, SeatrialError):
            return None
        whole = pin.digest == digest and pin.model.name in wheels
        return folder if whole and all(h in hashes.get(name, ()) for name, h in wheels.items()) else None

    def kept_pins(self, model: str) -> list[Lockfile]:
        """The pins of the release with this hash that were deployed from here, the newest first."""
        digests = dict.fromkeys(entry.pin for entry in reversed(self.history()) if entry.sha256 == model)
        folders = [folder for folder in map(self.kept, digests) if folder]
        return [read_lockfile((folder / "requirements.txt").read_text("utf-8"), str(folder)) for folder in folders]

    def committed_pin(self, digest: str) -> Lockfile | None:
        """Look for a pin in git's history of the requirements file."""
        for content in self.git.versions(self.requirements):
            with suppress(SeatrialError, UnicodeDecodeError):
                pin = read_lockfile(content.decode(), str(self.requirements))
                if pin.digest == digest:
                    return pin
        return None

    def pinned(self, current: Current | Entry, digest: str) -> Pinned:
        """What a target is told to run."""
        folder = self._folder_of(digest)
        name = current.release if isinstance(current, Entry) else current.name
        return Pinned(
            id=current.id,
            name=name,
            version=current.version,
            sha256=current.sha256,
            package=current.package,
            requirements=folder / "requirements.txt",
            wheels=folder / "wheels",
        )

    def _folder_of(self, digest: str) -> Path:
        return self._private / "pins" / digest[:24]

    def _throw_away_old(self) -> None:
        folders = [path for path in (self._private / "pins").iterdir() if (path / "requirements.txt").exists()]
        for folder in sorted(folders, key=lambda path: (path / "requirements.txt").stat().st_mtime)[:-KEPT]:
            shutil.rmtree(folder, ignore_errors=True)

    def _remembered(self) -> list[str]:
        try:
            return [str(each) for each in read_json(self._written)]
        except (SeatrialError, TypeError):
            return []

    def _write(self, path: Path, text: str) -> None:
        """Write a file that git keeps, and remember that it was us."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_atomic(self._written, to_json([*self._remembered(), digest][-REMEMBERED:]))
        write_atomic(path, text)
