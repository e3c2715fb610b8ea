"""The bytes of a zip file, member by member: each is described in one way, and nothing is hidden in or between them.

pip reads a zip file by the list at its end. Others unpack it as a stream, by the header before each member, and by
where the compressed data ends. Where these differ, a file could be inspected as one thing and installed as another.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from seatrial.core.errors import SeatrialError

HEADER, UNKNOWN = 30, 0xFFFFFFFF  # bytes of a header; a size that is in the extra field for large members
LARGE, UNICODE_PATH = 0x0001, 0x7075  # extra fields of a member: its sizes, and another name for it
DESCRIPTOR = 8  # the flag of a member whose sizes and checksum follow it
CHUNK = 1 << 20


def check_layout(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse members that share bytes, which lets a small file unpack to a huge one, and bytes outside of any member.

    An installer that reads a zip file as a stream would also unpack a member that is hidden between the others.
    """
    file = archive.fp
    assert file is not None
    end = slack = 0
    for member in sorted(archive.infolist(), key=lambda m: m.header_offset):
        start = member.header_offset
        if start < end:
            raise _refused(path, f"{member.filename!r} shares bytes with another member")
        if start > end + slack:
            raise _refused(path, f"there are bytes before {member.filename!r} that belong to no listed member")
        if member.is_dir() and (member.file_size or member.compress_size):
            raise _refused(path, f"the folder {member.filename!r} has content")
        file.seek(start)
        header = file.read(HEADER)
        length, extra = _lengths(header)
        if not _is_same(member, header, file.read(length), file.read(extra)) or _field(member.extra, UNICODE_PATH):
            raise zipfile.BadZipFile(f"{member.filename!r} is described in two ways")
        end = start + HEADER + length + extra + member.compress_size
        slack = 24 if member.flag_bits & DESCRIPTOR else 0
    if not end <= archive.start_dir <= end + slack:
        raise _refused(path, "there are bytes before its directory that belong to no listed member")


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a member; raises BadZipFile where its compressed data ends before the member does, or after it."""
    file = archive.fp
    assert file is not None
    file.seek(member.header_offset)
    at = member.header_offset + HEADER + sum(_lengths(file.read(HEADER)))
    end = at + member.compress_size
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    stored = member.compress_type == zipfile.ZIP_STORED
    size = crc = 0
    rest = b""
    while at < end or rest:
        if not rest:
            file.seek(at)
            rest = file.read(min(CHUNK, end - at))
            at += len(rest)
            if not rest:
                break
        data, rest = (rest, b"") if stored else (inflate.decompress(rest, CHUNK), inflate.unconsumed_tail)
        size, crc = size + len(data), zlib.crc32(data, crc)
        if size > member.file_size or inflate.unused_data or (inflate.eof and at < end):
            raise zipfile.BadZipFile(f"{member.filename!r} contains more than one file")
        yield data
    if (size, crc) != (member.file_size, member.CRC) or not (stored or inflate.eof):
        raise zipfile.BadZipFile(f"{member.filename!r} is incomplete or changed")


def _lengths(header: bytes) -> tuple[int, int]:
    """The lengths of the name and of the extra fields that follow a header."""
    return int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")


def _is_same(member: zipfile.ZipInfo, header: bytes, name: bytes, extra: bytes) -> bool:
    """Whether the header before a member says the same as the zip file's list of members, which not everybody reads."""
    flags, method = (int.from_bytes(header[a : a + 2], "little") for a in (6, 8))
    crc, packed, size = (int.from_bytes(header[a : a + 4], "little") for a in (14, 18, 22))
    encoding = "utf-8" if flags & 0x800 else "cp437"
    if name.decode(encoding, "replace") != member.orig_filename or _field(extra, UNICODE_PATH):
        return False
    if (header[:4], flags, method) != (b"PK\x03\x04", member.flag_bits, member.compress_type):
        return False
    if UNKNOWN in (packed, size):
        large = _field(extra, LARGE)
        size, packed = (int.from_bytes(large[a : a + 8], "little") for a in (0, 8))
    known = (crc, packed, size) == (member.CRC, member.compress_size, member.file_size)
    if flags & DESCRIPTOR:  # where stored data ends, only the list of members says
        return (known or (crc, packed, size) == (0, 0, 0)) and (method != zipfile.ZIP_STORED or not member.file_size)
    return known


def _field(extra: bytes, wanted: int) -> bytes:
    """The extra field of this kind; empty where there is none."""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        if kind == wanted:
            return extra[4 : 4 + size] or b"\0"
        extra = extra[4 + size :]
    return b""


def _refused(path: Path, reason: str) -> SeatrialError:
    return SeatrialError(f"{path} is refused: {reason}.")
