"""Pipeline files onto the disk: written, compared, and never over somebody's own changes without being told to."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic


@dataclass(frozen=True)
class Difference:
    """A file that is not as it would be written; `diff` leads from what is there to what would be."""

    path: Path
    missing: bool
    diff: str


def differences(files: Mapping[Path, str]) -> list[Difference]:
    """Compare files with what is on the disk."""
    found = []
    for path, wanted in files.items():
        try:
            there = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            found.append(Difference(path, True, ""))
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise SeatrialError(f"{path} cannot be read: {error}") from None
        if there != wanted:
            lines = difflib.unified_diff(
                there.splitlines(), wanted.splitlines(), str(path), "as it would be written", lineterm=""
            )
            found.append(Difference(path, False, "\n".join(lines)))
    return found


def write(files: Mapping[Path, str], *, force: bool = False) -> list[Path]:
    """Write the files that differ, and give their paths.

    Raises SeatrialError, and writes none, where one that is there has other content and `force` is not set.
    """
    found = differences(files)
    for each in found:
        if not each.missing and not force:
            raise SeatrialError(
                f"{each.path} is there with other content; nothing was written.",
                hint="Look at the difference above; --force writes over it, git keeps what it was.",
            )
    for each in found:
        write_atomic(each.path, files[each.path])
    return [each.path for each in found]
