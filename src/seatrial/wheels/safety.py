"""What a library may have and a model may not: hooks, commands, native code, pickles, data that nobody can look into.

A model is one package of Python and data. Its code runs when it is imported, like anybody's; everything else that
would run, or could, is a complaint.
"""

import ast
import configparser
import io
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from seatrial.wheels.onnx_files import has_external_data

PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth.tar"})
NATIVE = frozenset({".so", ".pyd", ".dll", ".dylib", ".exe"})
ARCHIVES = frozenset({".whl", ".egg", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".zst"})
BINARIES = (b"\x7fELF", b"MZ\x90\x00", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
# How gzip, bzip2, xz, lzma, zstd and lz4 begin.
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x28\xb5\x2f\xfd", b'\x04"M\x18')
CALLS = frozenset({"REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "INST"})
GLOBAL_NAME = re.compile(r"[A-Za-z_][\w.]* [A-Za-z_][\w.]*")
PLAIN = re.compile(r"[<>|=]?[?biufcSUmMV]\d*(\[\w+\])?")  # a .npy file's type: numbers, texts, times; no objects
OPCODES = 10_000  # of what may be a pickle: so many in a row are no chance any more
ARTIFACT_LIMIT = 1 << 30
DEPTH = 3
LIMIT = 5  # complaints shown

EntryPoints = dict[str, dict[str, str]]


def entry_points(content: bytes) -> EntryPoints:
    """Read entry_points.txt; ValueError where it cannot be read."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(content.decode("utf-8"))
    except configparser.Error as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return {group: dict(parser.items(group)) for group in parser.sections()}


def complaints(
    archive: zipfile.ZipFile,
    folder: str,
    package: str,
    name: str,
    commands: EntryPoints,
    release: dict[str, Any] | None,
    filename: str,
) -> tuple[str, ...]:
    """Say what would be wrong with this wheel as a model; `folder` is its .dist-info, `name` canonical."""
    found = [said for member in archive.infolist() if (said := _member(archive, member, folder, package))]
    found += _commands(commands, name)
    if not filename.endswith("-none-any.whl"):
        found.append("it is built for one platform")
    if release is None:
        found.append(f"{package}/artifacts/release.json is not there, so it is no model")
    elif str(release.get("name", "")).replace("_", "-").lower() != name:
        found.append(f"its release.json is of {release.get('name')!r}")
    elif not isinstance(release.get("format"), int):
        found.append("its release.json does not say its format")
    return tuple(found[:LIMIT])


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: str, package: str) -> str:
    name = member.filename
    suffixes = {suffix.lower() for suffix in PurePosixPath(name).suffixes}
    if name.partition("/")[0] not in (folder, package):
        return f"{name} lies outside of {package}/"
    if name.endswith(".pth"):
        return f"{name} would run whenever Python starts"
    if member.is_dir():
        return ""
    if member.file_size > ARTIFACT_LIMIT:
        return f"{name} is over {ARTIFACT_LIMIT >> 30} GiB"
    with archive.open(member) as file:
        head = file.read(64)
    if suffixes & NATIVE or head.startswith(BINARIES):
        return f"{name} is native code"
    if suffixes & PICKLES:
        return f"{name} is a pickle, which can run anything"
    if suffixes & ARCHIVES:
        return f"{name} is an archive, whose content nobody has vetted"
    with archive.open(member) as file:
        said = _hidden(file, 0)
    if said:
        return f"{name} {said}"
    if name.endswith(".onnx"):
        with archive.open(member) as file:
            if has_external_data(file.read()):
                return f"{name} takes data from other files, or cannot be read"
    return ""


def _hidden(file: IO[bytes], depth: int) -> str:
    """Find a pickle in a file, whatever it is called; what is packed is not looked into but refused."""
    head = file.read(4096)
    if head.startswith(PACKED) or _is_zlib(head) or depth > DEPTH:
        return "is packed, and nobody can look into it"
    if _is_pickle(head, file):
        return "is a pickle, which can run anything"
    if head.startswith(b"\x93NUMPY"):
        return "holds pickled objects, which can run anything" if _of_objects(head) else ""
    return _in_zip(head + file.read(), depth) if head.startswith(b"PK\x03\x04") else ""


def _in_zip(content: bytes, depth: int) -> str:
    """Look into a zip file inside, as npz and skops files are."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            for member in inner.infolist():
                if PurePosixPath(member.filename).suffix.lower() in PICKLES | NATIVE | ARCHIVES:
                    return f"holds {member.filename}"
                if member.file_size > ARTIFACT_LIMIT:
                    return f"holds {member.filename}, which is over {ARTIFACT_LIMIT >> 30} GiB"
                if not member.is_dir():
                    with inner.open(member) as file:
                        said = _hidden(file, depth + 1)
                    if said:
                        return f"holds {member.filename}, which {said}"
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError):
        return "is a zip file that cannot be read"
    return ""


def _is_zlib(head: bytes) -> bool:
    """Whether these bytes are packed by zlib, and do not only begin as if they were."""
    if not head.startswith(ZLIB):
        return False
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False


def _of_objects(head: bytes) -> bool:
    """Whether a .npy file holds anything but plain values, by the dictionary at its beginning."""
    start = 10 if head[6:7] == b"\x01" else 12
    size = int.from_bytes(head[8:start], "little")
    try:
        told = ast.literal_eval(head[start : start + size].decode("latin-1"))["descr"]
    except Exception:  # nobody knows what it says
        return True
    return not _is_plain(told)


def _is_plain(kind: object) -> bool:
    """Whether a numpy type, as a .npy file writes it, has no place for objects; fields are (name, type, shape)."""
    if isinstance(kind, list):
        return all(isinstance(field, tuple) and len(field) >= 2 and _is_plain(field[1]) for field in kind)
    return isinstance(kind, str) and PLAIN.fullmatch(kind) is not None


def _is_pickle(head: bytes, rest: IO[bytes]) -> bool:
    """Whether these bytes are a pickle: by their header, or, of the old ones without, by naming and calling something.

    Unpickling runs as it reads, so that a pickle which is damaged behind the call is no safer.
    """
    if len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    named = False
    try:
        for opcode in _opcodes(head, rest):
            if opcode in ("GLOBAL", "STACK_GLOBAL"):
                named = True
            elif opcode == "INST" or (named and opcode in CALLS):
                return True
    except Exception:
        return False
    return False


def _opcodes(head: bytes, rest: IO[bytes]) -> Iterator[str]:
    operations = pickletools.genops(_Joined(head, rest))  # type: ignore[arg-type]
    for seen, (opcode, argument, _) in enumerate(operations):
        if opcode.name in ("GLOBAL", "INST") and not GLOBAL_NAME.fullmatch(str(argument)):
            return
        yield opcode.name
        if seen > OPCODES:
            yield "INST"
            return


class _Joined:
    """Bytes that were read already, and the file that they came from, as one file."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, size: int) -> bytes:
        told = self._head.read(size)
        return told if len(told) == size else told + self._rest.read(size - len(told))

    def readline(self) -> bytes:
        line = self._head.readline()
        return line if line.endswith(b"\n") else line + self._rest.readline()


def _commands(found: EntryPoints, name: str) -> list[str]:
    """Complain of commands under another name, which may stand in the way of somebody else's, and of hooks."""
    said = []
    for group, entries in found.items():
        if group not in ("console_scripts", "gui_scripts"):
            said.append(f"it hooks into {group}")
            continue
        own = (name, name.replace("-", "_"))
        said += [f"it installs the command {c!r}" for c in entries if c not in own and not c.startswith(f"{name}-")]
    return said
