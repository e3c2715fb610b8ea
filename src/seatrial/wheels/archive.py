"""A wheel as a zip file: one that every installer reads alike, unpacks within bounds, and lists in its RECORD.

Installers differ in which of a zip's two directories they believe, so a file that can be read in two ways may be
looked into as one thing and installed as another.
"""

import base64
import csv
import hashlib
import re
import stat
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from seatrial.core.errors import SeatrialError

TOTAL_LIMIT = 4 * 2**30  # bytes of all members together, unpacked
MEMBER_LIMIT = 20_000
RATIO_LIMIT, RATIO_FROM = 100, 64 * 2**20  # unpacked to packed, for what is large at all
END = b"PK\x05\x06"  # of a zip: 22 bytes and a comment
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # names that Windows gives to devices
UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # which RECORD need not list


def check_whole(path: Path, content: bytes) -> None:
    """Refuse what is more than a zip: bytes before it, behind it, or a comment."""
    if not content.startswith(b"PK\x03\x04"):
        raise SeatrialError(f"{path} is damaged: it is no zip file.", hint="Build or fetch it again.")
    if END in content[-65_557:] and content[-22:-18] != END:
        raise SeatrialError(f"{path} is refused: something follows the end of the zip file.")


def check_members(path: Path, content: bytes, members: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse what no wheel has: names that leave the folder or come twice, links, encryption, absurd sizes.

    `directory` is where the zip file's own list begins.
    """
    seen: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        _check_name(path, member)
        folded = unicodedata.normalize("NFKC", name).casefold().rstrip("/")
        if folded in seen:
            raise SeatrialError(f"{path} is refused: it holds {name!r} twice.")
        seen[folded] = name
        if member.flag_bits & 1:
            raise SeatrialError(f"{path} is refused: {name!r} is encrypted.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SeatrialError(f"{path} is refused: {name!r} is packed in a way that wheels are not.")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise SeatrialError(f"{path} is refused: {name!r} is a link or a device.")
    files = {folded for folded, name in seen.items() if not name.endswith("/")}
    for folded, name in seen.items():
        if any(str(parent) in files for parent in PurePosixPath(folded).parents):
            raise SeatrialError(f"{path} is refused: {name!r} lies in a file.")
    total = sum(member.file_size for member in members)
    if len(members) > MEMBER_LIMIT or total > TOTAL_LIMIT:
        raise SeatrialError(
            f"{path} is refused: unpacked it is over {TOTAL_LIMIT >> 30} GiB or {MEMBER_LIMIT:,} files."
        )
    if total > RATIO_FROM and total > RATIO_LIMIT * len(content):
        raise SeatrialError(f"{path} is refused: unpacked it is {total // len(content):,} times its size.")
    _check_places(path, content, members, directory)


def check_record(path: Path, archive: zipfile.ZipFile, folder: str) -> None:
    """Hold every file against its hash in RECORD, which pip and uv do not do."""
    name = f"{folder}/RECORD"
    try:
        rows = list(csv.reader(archive.read(name).decode("utf-8").splitlines()))
    except (csv.Error, UnicodeDecodeError):
        raise SeatrialError(f"{path} is damaged: its RECORD cannot be read.") from None
    told = {row[0]: row[1] for row in rows if len(row) >= 2}
    excepted = {f"{folder}/{each}" for each in UNLISTED}
    there = {member for member in archive.namelist() if not member.endswith("/")}
    for member in sorted(there - excepted):
        if member not in told:
            raise SeatrialError(f"{path} is refused: its RECORD does not list {member}.")
        kind, _, digest = told[member].partition("=")
        if kind not in ("sha256", "sha384", "sha512"):
            raise SeatrialError(f"{path} is refused: its RECORD has no hash of {member} that counts.")
        with archive.open(member) as file:
            found = hashlib.file_digest(file, kind).digest()  # type: ignore[arg-type]
        if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest:
            raise SeatrialError(f"{path} is refused: {member} is not the one in its RECORD.")
    missing = sorted(set(told) - there - excepted)
    if missing:
        raise SeatrialError(f"{path} is refused: its RECORD lists {missing[0]}, which is not there.")


def _check_name(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name:
        raise SeatrialError(f"{path} is refused: it holds the path {name!r}.")
    if not name.isascii() and not member.flag_bits & 0x800:
        raise SeatrialError(f"{path} is refused: it holds a name that is not UTF-8, {name!r}.")
    if not name.isprintable() or any(RESERVED.match(p) or p != p.rstrip(". ") for p in parts):
        raise SeatrialError(f"{path} is refused: it holds the path {name!r}, which not every system can write.")


def _check_places(path: Path, content: bytes, members: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse members that share bytes, by which a small file unpacks to a huge one, and bytes that belong to none.

    Installers that read a zip file as it comes in would unpack a member that only stands between the others.
    """
    at = slack = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        start = member.header_offset
        if start < at:
            raise SeatrialError(f"{path} is refused: {member.filename!r} shares bytes with another member.")
        if start > at + slack:
            raise SeatrialError(f"{path} is refused: something that it does not list lies before {member.filename!r}.")
        name, extra = (int.from_bytes(content[start + n : start + n + 2], "little") for n in (26, 28))
        at = start + 30 + name + extra + member.compress_size
        slack = 24 if member.flag_bits & 8 else 0  # sizes and a checksum may follow, if they were not known before
    if not at <= directory <= at + slack:
        raise SeatrialError(f"{path} is refused: something that it does not list lies before its directory.")
