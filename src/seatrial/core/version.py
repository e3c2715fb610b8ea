"""The literal `__version__` in a package's `__init__.py`: read, written, and recognized in a git diff."""

import ast
import re
from pathlib import Path

from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.git import ask_git

PARTS = ("patch", "minor", "major")
LINE = re.compile(r"""__version__\s*=\s*["']([^"'\\]+)["']\s*(?:#.*)?""")


def read_version(init: Path) -> str:
    """Read the literal `__version__` of a package without importing it."""
    return _text(_only_literal(init, init.read_bytes()))


def write_version(init: Path, version: str) -> None:
    """Replace the version, and no other byte of the file."""
    data = init.read_bytes()
    node = _only_literal(init, data)
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        raise _unreadable(init)
    lines = data.splitlines(keepends=True)
    line = lines[node.lineno - 1]
    quote = line[node.col_offset : node.col_offset + 1]
    if quote not in (b'"', b"'") or line[node.col_offset :].startswith(3 * quote):
        raise _unreadable(init)
    lines[node.lineno - 1] = line[: node.col_offset] + quote + version.encode() + quote + line[node.end_col_offset :]
    mode = init.stat().st_mode
    write_atomic(init.resolve(), b"".join(lines))
    init.chmod(mode & 0o777)


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


def _only_literal(init: Path, data: bytes) -> ast.expr:
    try:
        body = ast.parse(data).body
    except (SyntaxError, ValueError) as error:
        raise SeatrialError(f"{init} is not valid Python: {error}.") from None
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__version__" for t in node.targets)
    ]
    if len(values) != 1 or not (isinstance(values[0], ast.Constant) and isinstance(values[0].value, str)):
        raise _unreadable(init)
    return values[0]


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _unreadable(init: Path) -> SeatrialError:
    return SeatrialError(f'{init} needs one line `__version__ = "0.1.0"`.', hint="The wheel takes its version from it.")
