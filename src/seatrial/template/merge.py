"""Applies the changes between two renderings to a project that people have edited since: a three-way merge by git.

copier's own update does this too, but needs the template as a git repository with a tag for each version, and writes
into the project step by step. This template is inside an installed package; the whole merge is computed first, with
`git merge-file`, which needs no repository.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.git import call_git, git_message
from seatrial.template.render import ANSWERS


@dataclass(frozen=True)
class Merge:
    """The result of a merge, not yet written. Paths are relative to the project.

    `files` are the new contents, None for a file to be removed. `conflicts` are those with conflict markers.
    `kept` are the files that stay as they are although the template changed them, each with the reason.
    """

    files: dict[str, bytes | None] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)


def merge(root: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Merge:
    """Apply the changes from `old` to `new` (contents by path) to the project at `root`."""
    files: dict[str, bytes | None] = {}
    conflicts: list[str] = []
    kept: dict[str, str] = {}
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        current = _read(root / path)
        if path == ANSWERS and after is not None:
            files[path] = after  # only the commands write it
        elif current == after:
            continue
        elif current is None:
            if before is None:
                files[path] = after
            else:
                kept[path] = "you removed it"
        elif current == before:
            files[path] = after
        elif after is None:
            kept[path] = "the template no longer has it, but you changed it"
        else:
            files[path], clean = _three_way(path, current, before or b"", after)
            if not clean:
                conflicts.append(path)
    return Merge(files, tuple(conflicts), kept)


def write(root: Path, files: Mapping[str, bytes | str | None]) -> None:
    """Write files of a project, or remove them (None): each atomically, and the answers last, to be repeatable."""
    for path in sorted(files, key=lambda path: (path == ANSWERS, path)):
        content = files[path]
        if content is None:
            (root / path).unlink(missing_ok=True)
        else:
            write_atomic(root / path, content)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror}.") from None


def _three_way(path: str, current: bytes, before: bytes, after: bytes) -> tuple[bytes, bool]:
    """Merge one file; returns its content, and whether there was no conflict."""
    windows = b"\r\n" in current and b"\r\n" not in before  # a checkout with other line ends is not an edit
    if windows:
        before, after = (text.replace(b"\n", b"\r\n") for text in (before, after))
    with tempfile.TemporaryDirectory() as folder:
        names = {"current": current, "before": before, "after": after}
        for name, content in names.items():
            (Path(folder) / name).write_bytes(content)
        labels = [word for label in ("yours", "the template before", "the template now") for word in ("-L", label)]
        done = call_git(Path(folder), "merge-file", "--stdout", "--diff3", *labels, *names)
    if not 0 <= done.returncode < 128:
        raise SeatrialError(f"{path} cannot be merged: {git_message(done)}")
    return done.stdout, done.returncode == 0
