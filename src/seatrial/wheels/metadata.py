"""What the METADATA and WHEEL files of a wheel, and the PKG-INFO of an sdist, say: read within bounds.

A few lines can describe work without end: thousands of requirements, tags that stand for a product of tags.
"""

import math
import re
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
REBUILD = "Build it again with `seatrial build`."


def read_headers(path: Path, metadata: bytes) -> RawMetadata:
    """Read METADATA or PKG-INFO, within bounds: each requirement takes time to parse."""
    head = re.split(rb"\r?\n\r?\n", metadata, maxsplit=1)[0]
    if len(head) > HEADERS_LIMIT or head.count(b"\n") > HEADER_LINES:
        raise SeatrialError(f"{path} is refused: its metadata has over {HEADER_LINES:,} lines of headers.")
    return parse_email(head + b"\n\n")[0]


def check_tags(path: Path, content: bytes) -> None:
    """Compare the tags in WHEEL with those in the file name, which installers use."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    declared = {line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")}
    if sum(map(tag_count, declared)) > TAGS_LIMIT:
        raise SeatrialError(f"{path} is refused: its WHEEL is for more than {TAGS_LIMIT} platforms.", hint=REBUILD)
    expected = set(map(str, parse_wheel_filename(path.name)[3]))
    if {str(tag) for text in declared for tag in parse_tag(text)} != expected:
        shown = ", ".join(sorted(declared))[:SHOWN] or "no platform"
        raise SeatrialError(
            f"{path} is refused: its WHEEL is for {shown}, which does not match its file name.", hint=REBUILD
        )
    versions = [line.partition(":")[2].strip() for line in lines if line.startswith("Wheel-Version:")]
    if len(versions) != 1 or not versions[0].startswith("1."):
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
        raise SeatrialError(f"{path} is damaged: METADATA has an invalid requirement: {str(error)[:SHOWN]}") from None
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
