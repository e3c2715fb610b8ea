"""The literal `__version__` in a package's `__init__.py`: read, written, and recognized in a git diff."""

import re
from pathlib import Path

from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.git import ask_git

PARTS = ("patch", "minor", "major")
ASSIGNMENT = re.compile(rb"(?m)(?:^|;[ \t]*)__version__[ \t]*=(?!=)")
STATEMENT = re.compile(ASSIGNMENT.pattern + rb"""[ \t]*(["'])([^"'\\\r\n]+)\1[ \t]*(?=[#;\r\n]|\Z)""")
LINE = re.compile(r"""__version__\s*=\s*["']([^"'\\]+)["']\s*(?:#.*)?""")


def read_version(init: Path) -> str:
    """Read the literal `__version__` of a package without importing it."""
    return _statement(init)[2].decode()


def write_version(init: Path, version: str) -> None:
    """Replace the version, and no other byte of the file."""
    found = _statement(init)
    start, end = found.span(2)
    write_atomic(init.resolve(), found.string[:start] + version.encode() + found.string[end:])


def parse_version(text: str, where: Path) -> Version:
    """Parse a PEP 440 version; SeatrialError names `where`, the file that has it."""
    try:
        return Version(text)
    except InvalidVersion:
        raise SeatrialError(
            f"{where}: {text!r} is not a version.", hint='Write it as __version__ = "0.1.0" (PEP 440).'
        ) from None


def next_version(version: Version, part: str = "patch") -> str:
    """The next version; after a pre-release, that is the release itself."""
    major, minor, patch = (*version.release, 0, 0)[:3]
    pre = version.is_prerelease
    if part == "major":
        number = (major + (not pre or bool(minor or patch)), 0, 0)
    elif part == "minor":
        number = (major, minor + (not pre or bool(patch)), 0)
    else:
        number = (major, minor, patch + (not pre))
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, number))


def version_in_diff(diff: str) -> str | None:
    """The new version in a diff of one file (`--unified=0`); None where the diff changes anything else too."""
    head, mark, hunks = diff.partition("\n@@ ")
    if not mark or "\nold mode " in head or "\n@@ " in hunks:
        return None
    lines = [line for line in hunks.split("\n")[1:] if line and line[0] != "\\"]  # "\\ No newline at end of file"
    matches = [LINE.fullmatch(line[1:].rstrip("\r")) for line in lines]
    if [line[0] for line in lines] != ["-", "+"] or not all(matches):
        return None
    assert matches[1] is not None
    return matches[1][1]


def version_diff(root: Path, *commits: str, path: Path) -> str:
    """Git's diff of a package's `__init__.py`, for `version_in_diff`; empty without changes or where git fails."""
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--unified=0")
    return ask_git(root, "diff", *options, *commits, "--", str(path)) or ""


def _statement(init: Path) -> re.Match[bytes]:
    data = init.read_bytes()
    found = list(STATEMENT.finditer(data))
    if len(found) != 1 or len(ASSIGNMENT.findall(data)) != 1:
        raise SeatrialError(
            f'{init} needs one line `__version__ = "0.1.0"`.', hint="The wheel takes its version from it."
        )
    return found[0]
