"""Write and compare pipeline files. A file that was edited by hand is overwritten only with `force`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic


@dataclass(frozen=True)
class Difference:
    """A file that differs from what would be written; `diff` leads from the file to that."""

    path: Path
    missing: bool
    diff: str


def differences(files: Mapping[Path, str]) -> list[Difference]:
    """Compare files with those on disk."""
    differing = []
    for path, expected in files.items():
        try:
            current = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            differing.append(Difference(path, True, ""))
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise SeatrialError(
                f"{path} cannot be read: {error}.", hint="Check its permissions and its encoding."
            ) from None
        if current != expected:
            lines = difflib.unified_diff(
                current.splitlines(), expected.splitlines(), str(path), "as it would be written", lineterm=""
            )
            differing.append(Difference(path, False, "\n".join(lines)))
    return differing


def write(files: Mapping[Path, str], *, force: bool = False) -> list[Path]:
    """Write the files that differ, and return their paths.

    Raises SeatrialError, and writes none, if an existing file has other content and `force` is not set.
    """
    differing = differences(files)
    for each in differing:
        if not each.missing and not force:
            raise SeatrialError(
                f"{each.path} exists with other content; nothing was written.",
                hint="Review the difference above. --force overwrites the file; git has the old one.",
            )
    for each in differing:
        write_atomic(each.path, files[each.path])
    return [each.path for each in differing]
