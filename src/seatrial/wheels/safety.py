"""What a library may contain and a model may not: hooks, commands, native code, pickles, data that cannot be checked.

A model is one package of Python and data. Its code runs when it is imported, like that of any package; everything else
that would or could run is a complaint.
"""

import ast
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from seatrial.wheels.archive import ends_as_zip, open_archive
from seatrial.wheels.budget import InspectionBudget
from seatrial.wheels.entry_points import EntryPoints
from seatrial.wheels.libraries import COMMAND_GROUPS, foreign_commands, is_taken
from seatrial.wheels.onnx_files import has_external_data
from seatrial.wheels.pickles import is_pickle
from seatrial.wheels.source_code import bytecode, is_bytecode, shadowed_modules, source_complaint

PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth.tar"})
NATIVE = frozenset({".so", ".pyd", ".dll", ".dylib", ".exe"})
ARCHIVES = frozenset(
    {".whl", ".egg", ".pyz", ".pyzw", ".jar", ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".z", ".bz2", ".xz"}
    | {".lzma", ".lz", ".lz4", ".br", ".7z", ".rar", ".zst"}
)
# The first bytes of ELF, WebAssembly, Mach-O, LLVM's bitcode, and libraries of object files.
BINARIES = (
    *(b"\x7fELF", b"\0asm", b"BC\xc0\xde", b"!<arch>\n", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe"),
    *(b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"),
)
ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
# The first bytes of gzip, compress, bzip2, xz, lzma, lzip, zstd, lz4, snappy, 7z, RAR, and of joblib's old files.
PACKED = (
    *(b"\x1f\x8b", b"\x1f\x9d", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"LZIP\x01", b"\x28\xb5\x2f\xfd"),
    *(b'\x04"M\x18', b"\x02!L\x18", b"\xff\x06\x00\x00sNaPpY", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"ZF0x"),
)
HDF5, ORT = b"\x89HDF\r\n\x1a\n", b"\0\0ORTM"  # HDF5 may contain pickles; onnxruntime's own format, data of other files
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
# What a .dist-info folder contains, by the standards.
METADATA_FILES = re.compile(
    r"(METADATA|WHEEL|RECORD|RECORD\.(jws|p7s)|entry_points\.txt|top_level\.txt|zip-safe|(licenses|sboms)(/.*)?"
    r"|(AUTHORS|COPYING|LICEN[CS]E|NOTICE)[\w.-]*|)$"
)
PLAIN = re.compile(r"[<>|=]?[?biufcSUmMV]\d*(\[\w+\])?")  # the type in a .npy file: numbers, text, times; no objects
ARTIFACT_LIMIT = 1 << 30
DEPTH = 3
LIMIT, COMPLAINT = 5, 500  # complaints reported, and characters of each


@dataclass(frozen=True)
class VettedWheel:
    """The wheel that is checked; `folder` is its .dist-info folder, `name` its canonical name."""

    archive: zipfile.ZipFile
    folder: str
    package: str
    name: str
    filename: str


def complaints(
    wheel: VettedWheel, commands: EntryPoints, release: dict[str, Any] | None, budget: InspectionBudget
) -> tuple[str, ...]:
    """List what makes a wheel unsafe as a model."""
    result: list[str] = []
    for member in wheel.archive.infolist():
        budget.check_time()
        if complaint := _member(wheel, member, budget):
            result.append(complaint)
        if len(result) >= LIMIT:
            break
    result += shadowed_modules(wheel.archive.namelist())
    result += [f"it hooks into {group}" for group in commands if group not in COMMAND_GROUPS]
    result += foreign_commands(commands, wheel.name)
    if wheel.package != wheel.name.replace("-", "_") or is_taken(wheel.package):
        result.append(f"its package {wheel.package} is not one of its own name")
    if not wheel.filename.endswith("-none-any.whl"):
        result.append("it is built for one platform")
    if release is None:
        result.append(f"it has no {wheel.package}/artifacts/release.json, so it is not a model")
    elif str(release.get("name", "")).replace("_", "-").lower() != wheel.name:
        result.append(f"its release.json is for {str(release.get('name'))[:100]!r}")
    elif type(release.get("format")) is not int:
        result.append("its release.json has no format number")
    return tuple(complaint[:COMPLAINT] for complaint in result[:LIMIT])


def _member(wheel: VettedWheel, member: zipfile.ZipInfo, budget: InspectionBudget) -> str:
    name = member.filename
    top, _, rest = name.partition("/")
    if top not in (wheel.folder, wheel.package):
        return f"{name} is outside of {wheel.package}/"
    if top == wheel.folder and not METADATA_FILES.match(rest):
        return f"{name} is not a file that describes a wheel"
    if name.lower().endswith(".pth"):
        return f"{name} would run every time Python starts"
    if member.is_dir():
        return ""
    if complaint := bytecode(name) or _by_suffix(name):
        return complaint
    if member.file_size > ARTIFACT_LIMIT:
        return f"{name} is over {ARTIFACT_LIMIT >> 30} GiB"
    with wheel.archive.open(member) as file:
        complaint = hidden(file, member.file_size, budget)
    if complaint:
        return f"{name} {complaint}"
    if name.lower().endswith(".py"):
        return source_complaint(name, wheel.archive.read(member))
    if name.lower().endswith(".onnx"):
        with wheel.archive.open(member) as file:
            if has_external_data(file, member.file_size, budget):
                return f"{name} takes data from other files, or cannot be read"
    return ""


def _by_suffix(name: str) -> str:
    suffixes = {suffix.lower() for suffix in PurePosixPath(name).suffixes}
    if suffixes & NATIVE:
        return f"{name} is native code"
    if suffixes & PICKLES:
        return f"{name} is a pickle, which can run any code"
    if suffixes & ARCHIVES:
        return f"{name} is an archive, whose content is not checked"
    return ""


def hidden(file: IO[bytes], size: int, budget: InspectionBudget, depth: int = 0) -> str:
    """Find code in a data file, whatever its name; compressed data is refused without being read."""
    head = file.read(4096)
    if head.startswith(BINARIES) or _is_windows_program(head) or is_bytecode(head):
        return "is native code or compiled Python code"
    if head.startswith(PACKED) or head[257:262] == b"ustar" or _is_zlib(head) or depth > DEPTH:
        return "is compressed or an archive, so it cannot be checked"
    if head.startswith(HDF5) or head[2:8] == ORT:
        return "is in a format that cannot be checked"
    file.seek(0)
    if is_pickle(head, file, budget):
        return "is a pickle, which can run any code"
    if not head.startswith(ZIPS) and ends_as_zip(file, size):
        return "is a zip file that begins with something else"
    if head.startswith(b"\x93NUMPY"):
        return "contains pickled objects, which can run any code" if _of_objects(head) else ""
    if not head.startswith(ZIPS):
        return ""
    file.seek(0)
    with budget.copy(file, size=size) as copied:
        return _in_zip(copied, budget, depth)


def _in_zip(content: IO[bytes], budget: InspectionBudget, depth: int) -> str:
    """Check a nested zip file, such as an npz or skops file."""
    try:
        with open_archive(content, budget) as inner:
            names = [member.filename for member in inner.infolist()]
            if len(set(names)) < len(names):
                return "is a zip file with two members of one name"
            for member in inner.infolist():
                budget.check_time()
                if member.is_dir():
                    continue
                if complaint := bytecode(member.filename) or _by_suffix(member.filename):
                    return f"contains {complaint}"
                if member.filename.lower().endswith(".py"):
                    return f"contains {member.filename}, which is code"
                with inner.open(member) as file:
                    complaint = hidden(file, member.file_size, budget, depth + 1)
                if complaint:
                    return f"contains {member.filename}, which {complaint}"
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError):
        return "is a zip file that cannot be read"
    return ""


def _is_windows_program(head: bytes) -> bool:
    start = int.from_bytes(head[60:64], "little")
    return head.startswith(b"MZ") and (head[2:4] == b"\x90\0" or head[start : start + 4] == b"PE\0\0")


def _is_zlib(head: bytes) -> bool:
    """Whether these bytes are compressed by zlib, and do not only start as if they were."""
    if not head.startswith(ZLIB):
        return False
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False


def _of_objects(head: bytes) -> bool:
    """Whether a .npy file contains anything but plain values, by the dictionary in its header."""
    start = 10 if head[6:7] == b"\x01" else 12
    size = int.from_bytes(head[8:start], "little")
    try:
        kind = ast.literal_eval(head[start : start + size].decode("latin-1"))["descr"]
    except Exception:  # the header cannot be read, so assume the worst
        return True
    return not _is_plain(kind)


def _is_plain(kind: object) -> bool:
    """Whether a numpy type, as in a .npy file, cannot contain objects; fields are (name, type, shape)."""
    if isinstance(kind, list):
        return all(isinstance(field, tuple) and len(field) >= 2 and _is_plain(field[1]) for field in kind)
    return isinstance(kind, str) and PLAIN.fullmatch(kind) is not None
