"""Zip files written byte by byte, so that their parts can contradict each other."""

import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Member:
    """One member. `local` replaces fields of the header before it: signature, flags, name, crc, packed, size, extra."""

    name: str
    data: bytes
    flags: int = 0
    method: int = zipfile.ZIP_DEFLATED
    after: bytes = b""  # compressed data that follows the end of the member's own
    local: dict[str, Any] = field(default_factory=dict)

    def packed(self) -> bytes:
        if self.method == zipfile.ZIP_STORED:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(self.data) + packer.flush() + self.after


def members_of(path: Path) -> list[Member]:
    with zipfile.ZipFile(path) as archive:
        return [Member(name, archive.read(name)) for name in archive.namelist()]


def forge(
    path: Path, members: list[Member], *, count: int = 0, offset: int = 0, disk: int = 0, comment: int = 0
) -> Path:
    """Write the members; `count` replaces their number, and `offset` moves where their list is said to be."""
    out = listed = b""
    for member in members:
        packed, crc = member.packed(), zlib.crc32(member.data)
        later = bool(member.flags & 8)
        sizes = (0, 0, 0) if later else (crc, len(packed), len(member.data))
        said = dict(zip(("crc", "packed", "size"), sizes, strict=True))
        said |= {"signature": b"PK\3\4", "flags": member.flags, "name": member.name, "extra": b""} | member.local
        name, start = said["name"].encode(), len(out)
        out += said["signature"] + struct.pack("<5H3I2H", 20, said["flags"], member.method, 0, 33, said["crc"],
                                              said["packed"], said["size"], len(name), len(said["extra"]))  # fmt: skip
        out += name + said["extra"] + packed
        if later:
            out += b"PK\x07\x08" + struct.pack("<3I", crc, len(packed), len(member.data))
        name = member.name.encode()
        listed += b"PK\1\2" + struct.pack("<6H3I5H2I", 788, 20, member.flags, member.method, 0, 33, crc, len(packed),
                                          len(member.data), len(name), 0, 0, 0, 0, 0o100644 << 16, start) + name  # fmt: skip
    number = count or len(members)
    end = struct.pack("<4H2IH", disk, 0, number, number, len(listed), len(out) + offset, comment)
    path.write_bytes(out + listed + b"PK\5\6" + end)
    return path
