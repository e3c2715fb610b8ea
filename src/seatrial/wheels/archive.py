"""A wheel as a zip file: read the same way by every installer, bounded in size, and matching its RECORD.

Installers differ in which of a zip file's two directories they trust, so an ambiguous file could be inspected as one
thing and installed as another.
"""

import base64
import csv
import hashlib
import re
import stat
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from seatrial.core.errors import SeatrialError

TOTAL_LIMIT = 4 * 2**30  # bytes of all members together, unpacked
MEMBER_LIMIT = 20_000
RATIO_LIMIT, RATIO_FROM = 100, 64 * 2**20  # unpacked size to file size, for archives that unpack to more than this
END = b"PK\x05\x06"  # the end record of a zip file: 22 bytes and a comment
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # device names on Windows
UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # files that RECORD need not list


def check_whole(path: Path, content: bytes) -> None:
    """Refuse a file that is more than a zip file: with bytes before or after it, or with a comment."""
    if not content.startswith(b"PK\x03\x04"):
        raise SeatrialError(f"{path} is damaged: it is not a zip file.", hint="Build it or fetch it again.")
    if END in content[-65_557:] and content[-22:-18] != END:
        raise _refused(path, "something follows the end of the zip file")


def check_members(path: Path, content: bytes, members: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse what no wheel contains: paths outside of it, duplicate names, links, encryption, excessive sizes.

    `directory` is the offset of the zip file's own list of members.
    """
    names: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        _check_name(path, member)
        folded = unicodedata.normalize("NFKC", name).casefold().rstrip("/")
        if folded in names:
            raise _refused(path, f"it contains {name!r} twice")
        names[folded] = name
        if member.flag_bits & 1:
            raise _refused(path, f"{name!r} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(path, f"{name!r} has a compression method that wheels do not use")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(path, f"{name!r} is a link or a device")
    files = {folded for folded, name in names.items() if not name.endswith("/")}
    for folded, name in names.items():
        if any(str(parent) in files for parent in PurePosixPath(folded).parents):
            raise _refused(path, f"{name!r} is inside another file")
    total = sum(member.file_size for member in members)
    if len(members) > MEMBER_LIMIT or total > TOTAL_LIMIT:
        raise _refused(path, f"it unpacks to more than {TOTAL_LIMIT >> 30} GiB or {MEMBER_LIMIT:,} files")
    if total > RATIO_FROM and total > RATIO_LIMIT * len(content):
        raise _refused(path, f"it unpacks to {total // len(content):,} times its size")
    _check_layout(path, content, members, directory)


def check_record(path: Path, archive: zipfile.ZipFile, folder: str) -> dict[str, str]:
    """Check every file against its hash in RECORD, which pip and uv do not do; returns the hashes as RECORD has them.

    `folder` is the name of the .dist-info folder.
    """
    try:
        rows = list(csv.reader(archive.read(f"{folder}/RECORD").decode("utf-8").splitlines()))
    except (csv.Error, UnicodeDecodeError):
        raise SeatrialError(f"{path} is damaged: its RECORD cannot be read.") from None
    recorded = {row[0]: row[1] for row in rows if len(row) >= 2}
    unlisted = {f"{folder}/{name}" for name in UNLISTED}
    members = {member for member in archive.namelist() if not member.endswith("/")}
    for member in sorted(members - unlisted):
        if member not in recorded:
            raise _refused(path, f"its RECORD does not list {member}")
        kind = recorded[member].partition("=")[0]
        if kind not in ("sha256", "sha384", "sha512"):
            raise _refused(path, f"its RECORD has no secure hash of {member}")
        with archive.open(member) as file:
            if record_hash(file, kind) != recorded[member]:
                raise _refused(path, f"{member} does not have the hash in its RECORD")
    missing = sorted(set(recorded) - members - unlisted)
    if missing:
        raise _refused(path, f"its RECORD lists {missing[0]}, which is missing")
    return recorded


def record_hash(file: IO[bytes], kind: str) -> str:
    """Hash a file in the notation of RECORD: `sha256=` and base64."""
    digest = hashlib.file_digest(file, kind).digest()  # type: ignore[arg-type]
    return f"{kind}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _check_name(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name:
        raise _refused(path, f"it contains the path {name!r}")
    if not name.isascii() and not member.flag_bits & 0x800:
        raise _refused(path, f"it contains a name that is not UTF-8, {name!r}")
    if not name.isprintable() or any(RESERVED.match(p) or p != p.rstrip(". ") for p in parts):
        raise _refused(path, f"it contains the path {name!r}, which some systems cannot write")


def _check_layout(path: Path, content: bytes, members: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse members that share bytes, which lets a small file unpack to a huge one, and bytes outside of any member.

    An installer that reads a zip file as a stream would also unpack a member that is hidden between the others.
    """
    end = slack = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        start = member.header_offset
        if start < end:
            raise _refused(path, f"{member.filename!r} shares bytes with another member")
        if start > end + slack:
            raise _refused(path, f"there are bytes before {member.filename!r} that belong to no listed member")
        name, extra = (int.from_bytes(content[start + n : start + n + 2], "little") for n in (26, 28))
        end = start + 30 + name + extra + member.compress_size
        slack = 24 if member.flag_bits & 8 else 0  # sizes and a checksum may follow if they were not known before
    if not end <= directory <= end + slack:
        raise _refused(path, "there are bytes before its directory that belong to no listed member")


def _refused(path: Path, reason: str) -> SeatrialError:
    return SeatrialError(f"{path} is refused: {reason}.")


def unpack_sdist(path: Path, folder: Path) -> None:
    """Unpack an sdist into a folder: files and folders only, and nothing outside of it."""
    import tarfile

    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
            return
        root = folder.resolve()  # Python 3.11.0 to 3.11.3 has no filters
        for member in archive.getmembers():
            inside = (root / member.name).resolve().is_relative_to(root)
            if not inside or not (member.isfile() or member.isdir()):
                raise SeatrialError(f"{path.name} is not safe to unpack: {member.name!r} is not a file inside it.")
        archive.extractall(folder)  # noqa: S202 - checked above
