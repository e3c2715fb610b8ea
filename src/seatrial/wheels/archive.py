"""A wheel as a zip file: read the same way by every installer, bounded in size, and matching its RECORD.

Installers differ in which of a zip file's two directories they trust, so an ambiguous file could be inspected as one
thing and installed as another.
"""

import base64
import csv
import hashlib
import re
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from seatrial.core.errors import SeatrialError
from seatrial.wheels.budget import InspectionBudget
from seatrial.wheels.zip_layout import check_layout, unpacked

NAME_LIMIT, DEPTH_LIMIT = 400, 24  # characters of a member's name, and folders in it
DIRECTORY_LIMIT = 8 * 2**20  # bytes of a zip file's own list of members
RECORD_LIMIT = 8 * 2**20
END, END64, ENTRY = b"PK\x05\x06", b"PK\x06\x07", b"PK\x01\x02"  # the end of a zip file is 22 bytes and a comment
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # device names on Windows
UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # files that RECORD need not list


def open_archive(file: IO[bytes], budget: InspectionBudget) -> zipfile.ZipFile:
    """Open a zip file after checking how many members it has, since reading their list takes time and memory.

    Raises BadZipFile where the file has something before its start or after its end, which installers read differently.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if file.read(4) not in (b"PK\x03\x04", END):
        raise zipfile.BadZipFile("it is not a zip file")
    file.seek(max(0, size - 65_557))
    tail = file.read()
    if END not in tail:
        raise zipfile.BadZipFile("it has no end record")
    if tail[-22:-18] != END:
        raise zipfile.BadZipFile("something follows the end of the zip file")
    disks, first, count, length, start, comment = struct.unpack("<I2H2IH", tail[-18:])
    if tail[-42:-38] == END64 or length > DIRECTORY_LIMIT:
        raise zipfile.BadZipFile(f"its list of members is over {DIRECTORY_LIMIT >> 20} MiB, or cannot be read")
    if (disks, first, start + length, comment) != (0, count, size - 22, 0):
        raise zipfile.BadZipFile("its end record contradicts the file")
    file.seek(size - 22 - length)
    budget.take_members(max(count, file.read(length).count(ENTRY)))
    budget.check_time()
    archive = zipfile.ZipFile(file)
    if len(archive.infolist()) != count:
        raise zipfile.BadZipFile("its end record has another number of members than its list")
    budget.take_bytes(sum(member.file_size for member in archive.infolist()))
    return archive


def ends_as_zip(file: IO[bytes], size: int) -> bool:
    """Whether a file ends with a zip file's list of members, so that it is read as one whatever it begins with."""
    file.seek(max(0, size - 65_577))
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < 22:
        return False
    if tail[at - 20 : at - 16] == END64:
        return True
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    file.seek(max(0, size - len(tail) + at - length))
    return file.read(4) == ENTRY


def check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what no wheel contains: paths outside of it, duplicate names, links, encryption, hidden bytes."""
    members = archive.infolist()
    for member in members:
        name = member.orig_filename
        if not name.isascii() and not member.flag_bits & 0x800:
            raise _refused(path, f"it contains a name that is not UTF-8, {name!r}")
        if member.flag_bits & 1:
            raise _refused(path, f"{name!r} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(path, f"{name!r} has a compression method that wheels do not use")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(path, f"{name!r} is a link or a device")
    check_names(path, (member.orig_filename for member in members))
    check_layout(path, archive)


def check_names(path: Path, names: Iterable[str]) -> None:
    """Refuse names that some system cannot write, or writes in the place of another member's."""
    files: set[str] = set()
    folders: dict[str, str] = {}
    for name in names:
        _check_name(path, name)
        plain = name.rstrip("/")
        folded = _folded(plain)
        if folded in files or (folded in folders and not name.endswith("/")):
            raise _refused(path, f"it contains {name!r} twice")
        for parent in (*_parents(plain), *([plain] if name.endswith("/") else [])):
            if folders.setdefault(_folded(parent), parent) != parent:
                raise _refused(path, f"it contains the folder {parent!r} twice, in two spellings")
        if not name.endswith("/"):
            files.add(folded)
    for folded in files & folders.keys():
        raise _refused(path, f"a member is inside another file, {folders[folded]!r}")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _parents(name: str) -> Iterator[str]:
    at = name.find("/")
    while at > 0:
        yield name[:at]
        at = name.find("/", at + 1)


def check_record(path: Path, archive: zipfile.ZipFile, folder: str, budget: InspectionBudget) -> dict[str, str]:
    """Check every file against its hash in RECORD, which pip and uv do not do; returns the hashes as RECORD has them.

    `folder` is the name of the .dist-info folder.
    """
    recorded = _read_record(path, archive, f"{folder}/RECORD")
    unlisted = {f"{folder}/{name}" for name in UNLISTED}
    members = {member for member in archive.namelist() if not member.endswith("/")}
    for name in sorted(members):
        kind = "sha256" if name in unlisted else recorded.get(name, "").partition("=")[0]
        if name not in recorded and name not in unlisted:
            raise _refused(path, f"its RECORD does not list {name}")
        if kind not in ("sha256", "sha384", "sha512"):
            raise _refused(path, f"its RECORD has no secure hash of {name}")
        digest = hashlib.new(kind)
        for data in unpacked(archive, archive.getinfo(name)):
            budget.check_time()
            digest.update(data)
        if name not in unlisted and _notation(kind, digest.digest()) != recorded[name]:
            raise _refused(path, f"{name} does not have the hash in its RECORD")
    missing = sorted(set(recorded) - members - unlisted)
    if missing:
        raise _refused(path, f"its RECORD lists {missing[0][:NAME_LIMIT]}, which is missing")
    return recorded


def _read_record(path: Path, archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    if archive.getinfo(name).file_size > RECORD_LIMIT:
        raise _refused(path, f"its RECORD is over {RECORD_LIMIT >> 20} MiB")
    recorded: dict[str, str] = {}
    limit = len(archive.infolist()) + len(UNLISTED)
    try:
        for row in csv.reader(archive.read(name).decode("utf-8").splitlines()):
            if row and row[0] in recorded:
                raise _refused(path, f"its RECORD lists {row[0][:NAME_LIMIT]} twice")
            if len(row) >= 2:
                recorded[row[0]] = row[1]
            if len(recorded) > limit:
                raise _refused(path, "its RECORD lists more files than it contains")
    except (csv.Error, UnicodeDecodeError):
        raise SeatrialError(f"{path} is damaged: its RECORD cannot be read.") from None
    return recorded


def record_hash(file: IO[bytes], kind: str) -> str:
    """Hash a file in the notation of RECORD: `sha256=` and base64."""
    return _notation(kind, hashlib.file_digest(file, kind).digest())  # type: ignore[arg-type]


def _notation(kind: str, digest: bytes) -> str:
    return f"{kind}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _check_name(path: Path, name: str) -> None:
    if len(name) > NAME_LIMIT or name.count("/") > DEPTH_LIMIT:
        raise _refused(path, f"it contains the path {name[:60]!r}..., which is too long")
    parts = PurePosixPath(name).parts
    steps = name.rstrip("/").split("/")
    if not parts or name.startswith("/") or not {"", ".", ".."}.isdisjoint(steps) or "\\" in name or ":" in name:
        raise _refused(path, f"it contains the path {name!r}")
    if not name.isprintable() or any(RESERVED.match(p) or p != p.rstrip(". ") for p in parts):
        raise _refused(path, f"it contains the path {name!r}, which some systems cannot write")


def _refused(path: Path, reason: str) -> SeatrialError:
    return SeatrialError(f"{path} is refused: {reason}.")
