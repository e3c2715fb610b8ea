"""What the METADATA and WHEEL files of a wheel, and the PKG-INFO of an sdist, say: read within bounds.

A few lines can describe work without end: thousands of requirements, tags that stand for a product of tags.
"""

import math
import re
import unicodedata
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename

from seatrial.core.errors import SeatrialError

HEADERS_LIMIT, HEADER_LINES = 256 * 2**10, 2_000
REQUIREMENTS_LIMIT = 64 * 2**10  # characters of all requirements together, each of which takes time to parse
SHOWN = 200  # characters of what a wheel says that a message repeats
TAGS_LIMIT = 500  # combinations in one compressed tag set
ONCE = ("metadata-version", "name", "version", "requires-python")
HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):(.*)")
BREAKS = frozenset({"Cc", "Zl", "Zp"})  # control characters and other line ends
REBUILD = "Build it again with `seatrial build`."


def read_headers(path: Path, metadata: bytes) -> RawMetadata:
    """Read METADATA or PKG-INFO, within bounds: each requirement takes time to parse."""
    head = re.split(rb"\r?\n\r?\n", metadata, maxsplit=1)[0]
    if len(head) > HEADERS_LIMIT or head.count(b"\n") > HEADER_LINES:
        raise SeatrialError(f"{path} is refused: its metadata has over {HEADER_LINES:,} lines of headers.")
    fields = plain_headers(path, "metadata", head)
    for name in ONCE:
        if sum(field == name for field, _ in fields) > 1:
            raise SeatrialError(f"{path} is refused: its metadata has {name} more than once.", hint=REBUILD)
    return parse_email(head + b"\n\n")[0]


def plain_headers(path: Path, what: str, content: bytes) -> list[tuple[str, str]]:
    """Read lines of `Name: value` into (name in lower case, value).

    Refuse lines that readers of such headers understand in different ways: one could see a requirement where another
    one sees the end of the headers, or an encoding that it cannot read.
    """
    fields: list[tuple[str, str]] = []
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise SeatrialError(f"{path} is refused: its {what} is not UTF-8.", hint=REBUILD) from None
    for number, line in enumerate((line.removesuffix("\r") for line in lines), 1):
        field = HEADER.fullmatch(line)
        continues = bool(fields) and line[:1] in (" ", "\t")
        odd = next((c for c in line if unicodedata.category(c) in BREAKS and c != "\t"), "")
        if odd:
            shown = "".join(filter(str.isprintable, line))[:20]
            raise SeatrialError(
                f"{path} is refused: line {number} of its {what} ({shown}) contains U+{ord(odd):04X}.",
                hint="Remove that character from pyproject.toml, and build again.",
            )
        if not (field or continues or not line):
            raise SeatrialError(f"{path} is refused: line {number} of its {what} is not a header.", hint=REBUILD)
        if field and not continues:
            fields.append((field[1].lower(), field[2].strip()))
    return fields


def check_tags(path: Path, content: bytes) -> None:
    """Compare the tags in WHEEL with those in the file name, which installers use."""
    fields = plain_headers(path, "WHEEL", content)
    declared = {value for name, value in fields if name == "tag"}
    if sum(map(tag_count, declared)) > TAGS_LIMIT:
        raise SeatrialError(f"{path} is refused: its WHEEL is for more than {TAGS_LIMIT} platforms.", hint=REBUILD)
    expected = set(map(str, parse_wheel_filename(path.name)[3]))
    if {str(tag) for text in declared for tag in parse_tag(text)} != expected:
        shown = ", ".join(sorted(declared))[:SHOWN] or "no platform"
        raise SeatrialError(
            f"{path} is refused: its WHEEL is for {shown}, which does not match its file name.", hint=REBUILD
        )
    if [value in ("true", "false") for name, value in fields if name == "root-is-purelib"] not in ([], [True]):
        raise SeatrialError(f"{path} is refused: its WHEEL does not have one Root-Is-Purelib.", hint=REBUILD)
    versions = [value for name, value in fields if name == "wheel-version"]
    if len(versions) != 1 or not re.fullmatch(r"1\.\d{1,3}", versions[0]):
        raise SeatrialError(
            f"{path} is refused: its WHEEL has the format version {', '.join(versions)[:SHOWN] or 'none'}, not 1.x."
        )


def tag_count(text: str) -> int:
    """How many tags one such as py2.py3-none-any stands for: the product of its three parts."""
    return math.prod(part.count(".") + 1 for part in text.split("-")[-3:])


def read_requirements(path: Path, lines: list[str]) -> tuple[str, ...]:
    """Parse the requirements; a direct URL is refused, since it could be anybody's."""
    if sum(map(len, lines)) > REQUIREMENTS_LIMIT:
        raise SeatrialError(f"{path} is refused: its requirements have over {REQUIREMENTS_LIMIT >> 10} kB.")
    try:
        requirements = [Requirement(line) for line in lines]
    except InvalidRequirement as error:
        shown = str(error).splitlines()[0][:SHOWN]
        raise SeatrialError(f"{path} is damaged: METADATA has an invalid requirement: {shown}") from None
    for requirement in requirements:
        if requirement.url:
            raise SeatrialError(
                f"{path} is refused: it pins {requirement.name[:SHOWN]} to a direct URL.",
                hint="Require a version of it instead, and publish that to the index.",
            )
    return tuple(map(str, requirements))


def read_requires_python(path: Path, specifier: str | None) -> str | None:
    """Check the Python versions; returns them as they are."""
    if len(specifier or "") > 1000:
        raise SeatrialError(f"{path} is refused: its Requires-Python is too long.", hint=REBUILD)
    try:
        SpecifierSet(specifier or "")
    except InvalidSpecifier:
        raise SeatrialError(f"{path} is refused: its Requires-Python is {specifier!r}.", hint=REBUILD) from None
    return specifier
