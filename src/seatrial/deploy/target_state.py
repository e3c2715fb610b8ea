"""A target's files: the lockfile and the history in `deploy/<target>/`, which git keeps, and a store in `.seatrial/`.

The lockfile is the single source of truth; a rename puts it in place, in one step. A journal is written before a
deployment and removed after it, so that the next command can finish an interrupted one: the lockfile shows whether the
interruption came before or after that step.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, remove_left, sha256, to_json, touch_as_newest, write_atomic
from seatrial.core.project import ProjectSettings
from seatrial.core.quoting import shell
from seatrial.deploy.current import Current, read_current, rebuilt_entry
from seatrial.deploy.git import Git
from seatrial.deploy.history import HEALTHY, INTERRUPTED, RUNNING, Entry, parse_entry, read_history
from seatrial.deploy.target import PinnedRelease
from seatrial.wheels.attestation import STATEMENT, wheel_of
from seatrial.wheels.lockfile import Lockfile, read_lockfile
from seatrial.wheels.pylock import PYLOCK, differences
from seatrial.wheels.wheel import parse_wheel_name

WRITTEN_LIMIT = 100  # hashes of files that we wrote
STORE_LIMIT = 20  # lockfiles with their wheels, to roll back to
COMPANIONS = (PYLOCK, STATEMENT)  # files next to the lockfile that say more of what it names


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
        """The lockfile, its companions and the history, to be committed: those that exist, or that git has."""
        companions = tuple(self.folder / name for name in COMPANIONS)
        kept = tuple(path for path in companions if path.exists() or self.git.tracks(path))
        return (*(path for path in (self.requirements, self.history_path) if path.exists()), *kept)

    def version_bump(self) -> tuple[Path, ...]:
        """The package's `__init__.py`, if its only uncommitted change is the bump to the deployed version."""
        current = self.current()
        bumped = current is not None and self.git.bumped_to(self._version_file) == current.version
        return (self._version_file,) if bumped else ()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other commands out while this one deploys."""
        from filelock import FileLock, Timeout

        with self.writable():
            self._private.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._private / "lock", timeout=1.0)
            try:
                lock.acquire()
            except Timeout:
                raise SeatrialError(
                    f"Another command is deploying to {self.target}.", hint="Wait until it has finished."
                ) from None
        try:
            for path in (self.requirements, self.history_path, self._journal, self._written):
                remove_left(path)
            yield
        finally:
            lock.release()

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Raise SeatrialError where a file of the deployment cannot be written."""
        try:
            yield
        except OSError as error:
            raise SeatrialError(
                f"Cannot write {error.filename or self.folder}: {error.strerror or error}.",
                hint="Nothing was changed. Check the free disk space and the permissions, and try again.",
            ) from None

    def current(self) -> Current | None:
        """Read the lockfile; None if nothing was ever deployed. Raises SeatrialError where it is damaged."""
        return read_current(self.requirements)

    def refuse_lost(self) -> None:
        """Raise SeatrialError where there is no lockfile, although the history has a healthy deployment."""
        healthy = [entry for entry in self.history() if entry.outcome == HEALTHY]
        if healthy and not self.requirements.exists():
            raise SeatrialError(
                f"{self.requirements} is missing, although {healthy[-1].version} was deployed there.",
                hint=f"Restore it from git: `git checkout -- {self.requirements}`.",
            )

    def history(self) -> list[Entry]:
        """The deployments, oldest first."""
        return read_history(self.history_path)

    def running_canaries(self) -> set[str]:
        """The ids of the canaries of which the history says that they run."""
        return {entry.id for entry in self.history() if entry.outcome == RUNNING}

    def refuse_edited(self) -> None:
        """Refuse to overwrite what somebody edited by hand and did not commit."""
        ours = set(self._written_hashes())
        for path in (self.requirements, self.history_path, *(self.folder / name for name in COMPANIONS)):
            if path.exists() and sha256(path) in ours:
                continue
            removed = not path.exists() and path.name in COMPANIONS  # written again below
            if not removed and (self.git.changed(path) if self.git.present else ours and path.exists()):
                raise SeatrialError(
                    f"{path} was edited by hand and is not committed.",
                    hint=f"Commit it, or restore it: `git checkout -- {shell(str(path))}`.",
                )

    def write_lockfile(self, entry: Entry, lockfile: Lockfile, index: str) -> None:
        """Put a lockfile in place: the one step that decides a deployment. Its companions are never of another one."""
        header = f"# Deployment {entry.id} of {entry.release} {entry.version} ({entry.package}) to {self.target}.\n"
        origin = f"# Written by `seatrial {entry.kind}`; our own wheels are on the index {index!r}.\n"
        for name in COMPANIONS:
            (self.folder / name).unlink(missing_ok=True)
        self._write(self.requirements, f"{header}{origin}{lockfile.text}")
        self.write_companions(lockfile)

    def write_companions(self, lockfile: Lockfile) -> list[str]:
        """Write the files next to a lockfile that say more of what it names; without one for it, none stays there.

        Returns the names of those that were there, and not of this lockfile.
        """
        wrong = []
        for name in COMPANIONS:
            path, text = self.folder / name, self.companion(lockfile, name)
            content = path.read_bytes() if path.is_file() else None
            if content != (text.encode() if text else None):
                wrong += [name] * (content is not None)
                self._write(path, text) if text else path.unlink()
        return wrong

    def companion(self, lockfile: Lockfile, name: str) -> str:
        """The file of this name for a lockfile: from the store, next to the lockfile, or from git; "" if none fits."""
        for content in self._companions(lockfile.digest, name):
            text = content.decode(errors="replace")
            if not differences(text, lockfile) if name == PYLOCK else wheel_of(content) in lockfile.model.hashes:
                return text
        return ""

    def _companions(self, digest: str, name: str) -> Iterator[bytes]:
        for path in (self._stored_at(digest) / name, self.folder / name):
            with suppress(OSError):
                yield path.read_bytes()
        yield from self.git.versions(self.folder / name)

    def record(self, entry: Entry) -> None:
        """Write a deployment into the history."""
        history = {each.id: each for each in self.history()} | {entry.id: entry}  # a known one keeps its place
        self._write(self.history_path, "".join(f"{each.to_json()}\n" for each in history.values()))

    def begin(self, entry: Entry) -> None:
        """Write the journal."""
        write_atomic(self._journal, to_json({"entry": entry.to_json()}))

    def end(self) -> None:
        """Remove the journal: the history has the outcome."""
        self._journal.unlink(missing_ok=True)

    def finish_interrupted(self) -> bool:
        """Write the outcome of an interrupted deployment into the history; returns whether there was one.

        Where the journal is damaged or lost, the lockfile says what was deployed.
        """
        known, current = {each.id for each in self.history()}, self.current()
        interrupted = self._journal.exists()
        entry = self._begun()
        if entry is None and current is not None:
            entry = rebuilt_entry(current)
        if entry is not None and entry.id not in known:
            committed = current is not None and current.id == entry.id
            self.record(replace(entry, outcome=HEALTHY if committed else INTERRUPTED))
            interrupted = True
        self.end()
        return interrupted

    def _begun(self) -> Entry | None:
        """The deployment in the journal; None where there is none, or it is damaged."""
        try:
            return parse_entry(read_json(self._journal)["entry"])
        except (SeatrialError, KeyError, TypeError, ValueError, RecursionError):
            return None

    def store(self, lockfile: Lockfile, wheels: Sequence[Path], companions: Mapping[str, str] | None = None) -> None:
        """Store a lockfile with our own wheels, to install it now and to roll back to it without the index."""
        folder = self._stored_at(lockfile.digest)
        if self.stored(lockfile.digest) is None:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                with self.writable():
                    (folder / "wheels").mkdir(parents=True)
                    for wheel in wheels:
                        write_atomic(folder / "wheels" / wheel.name, wheel.read_bytes())
                    write_atomic(folder / "requirements.txt", lockfile.text)
            except SeatrialError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        with self.writable():
            for name in COMPANIONS:
                if text := (companions or {}).get(name) or self.companion(lockfile, name):
                    write_atomic(folder / name, text)
        (folder / "requirements.txt").touch()
        with suppress(OSError):
            touch_as_newest(folder / "requirements.txt", folder.parent.glob("*/requirements.txt"))
            self._prune_store()

    def stored(self, digest: str) -> Lockfile | None:
        """The stored lockfile with this digest; None unless it and its wheels are complete and undamaged."""
        folder = self._stored_at(digest)
        try:
            lockfile = read_lockfile((folder / "requirements.txt").read_text("utf-8"), str(folder))
            hashes = {line.name: line.hashes for line in lockfile.requirements}
            wheels = {parse_wheel_name(path)[0]: sha256(path) for path in (folder / "wheels").glob("*.whl")}
        except (OSError, UnicodeDecodeError, SeatrialError):
            return None
        complete = lockfile.digest == digest and lockfile.model.name in wheels
        return lockfile if complete and all(h in hashes.get(name, ()) for name, h in wheels.items()) else None

    def stored_lockfiles(self, model: str) -> list[Lockfile]:
        """The lockfiles of the release with this hash that were deployed from here, newest first."""
        digests = dict.fromkeys(entry.pin for entry in reversed(self.history()) if entry.sha256 == model)
        return [lockfile for lockfile in map(self.stored, digests) if lockfile]

    def committed_lockfile(self, digest: str) -> Lockfile | None:
        """Look for a lockfile in the git history of the requirements file."""
        for content in self.git.versions(self.requirements):
            with suppress(SeatrialError, UnicodeDecodeError):
                lockfile = read_lockfile(content.decode(), str(self.requirements))
                if lockfile.digest == digest:
                    return lockfile
        return None

    def pinned(self, deployment: Current | Entry) -> PinnedRelease:
        """The release of a deployment, in the form that a target takes."""
        folder = self._stored_at(deployment.pin)
        return PinnedRelease(
            deployment.id,
            deployment.release,
            deployment.version,
            deployment.sha256,
            deployment.package,
            requirements=folder / "requirements.txt",
            wheels=folder / "wheels",
        )

    def _stored_at(self, digest: str) -> Path:
        return self._private / "pins" / digest[:24]

    def _prune_store(self) -> None:
        lockfiles = (self._private / "pins").glob("*/requirements.txt")
        for lockfile in sorted(lockfiles, key=lambda path: path.stat().st_mtime)[:-STORE_LIMIT]:
            shutil.rmtree(lockfile.parent, ignore_errors=True)

    def _written_hashes(self) -> list[str]:
        try:
            return [str(digest) for digest in read_json(self._written)]
        except (SeatrialError, TypeError):
            return []

    def _write(self, path: Path, text: str) -> None:
        """Write a file that git keeps, and record its hash, to distinguish it from an edited one."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_atomic(self._written, to_json([*self._written_hashes(), digest][-WRITTEN_LIMIT:]))
        write_atomic(path, text)
