"""What a library may contain and a model may not: hooks, commands, native code, pickles, data that cannot be checked.

A model is one package of Python and data. Its code runs when it is imported, like that of any package; everything else
that would or could run is a complaint.
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
# The first bytes of gzip, bzip2, xz, lzma, zstd and lz4.
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x28\xb5\x2f\xfd", b'\x04"M\x18')
CALLS = frozenset({"REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "INST"})
GLOBAL_NAME = re.compile(r"[A-Za-z_][\w.]* [A-Za-z_][\w.]*")
PLAIN = re.compile(r"[<>|=]?[?biufcSUmMV]\d*(\[\w+\])?")  # the type in a .npy file: numbers, text, times; no objects
OPCODES = 10_000  # this many valid opcodes in a row are not a coincidence
ARTIFACT_LIMIT = 1 << 30
DEPTH = 3
LIMIT = 5  # complaints reported

EntryPoints = dict[str, dict[str, str]]


def entry_points(content: bytes) -> EntryPoints:
    """Parse entry_points.txt; raises ValueError, with the name of the file, where it is not valid."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(content.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"its entry_points.txt cannot be read: {str(error).splitlines()[0]}") from None
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
    """List what makes this wheel unsafe as a model; `folder` is its .dist-info folder, `name` its canonical name."""
    result = [complaint for member in archive.infolist() if (complaint := _member(archive, member, folder, package))]
    result += _commands(commands, name)
    if not filename.endswith("-none-any.whl"):
        result.append("it is built for one platform")
    if release is None:
        result.append(f"it has no {package}/artifacts/release.json, so it is not a model")
    elif str(release.get("name", "")).replace("_", "-").lower() != name:
        result.append(f"its release.json is for {release.get('name')!r}")
    elif not isinstance(release.get("format"), int):
        result.append("its release.json has no format number")
    return tuple(result[:LIMIT])


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: str, package: str) -> str:
    name = member.filename
    suffixes = {suffix.lower() for suffix in PurePosixPath(name).suffixes}
    if name.partition("/")[0] not in (folder, package):
        return f"{name} is outside of {package}/"
    if name.endswith(".pth"):
        return f"{name} would run every time Python starts"
    if member.is_dir():
        return ""
    if member.file_size > ARTIFACT_LIMIT:
        return f"{name} is over {ARTIFACT_LIMIT >> 30} GiB"
    with archive.open(member) as file:
        head = file.read(64)
    if suffixes & NATIVE or head.startswith(BINARIES):
        return f"{name} is native code"
    if suffixes & PICKLES:
        return f"{name} is a pickle, which can run any code"
    if suffixes & ARCHIVES:
        return f"{name} is an archive, whose content is not checked"
    with archive.open(member) as file:
        complaint = _hidden(file, 0)
    if complaint:
        return f"{name} {complaint}"
    if name.endswith(".onnx") and has_external_data(archive.read(member)):
        return f"{name} takes data from other files, or cannot be read"
    return ""


def _hidden(file: IO[bytes], depth: int) -> str:
    """Find a pickle in a file, whatever its name; compressed data is refused without being read."""
    head = file.read(4096)
    if head.startswith(PACKED) or _is_zlib(head) or depth > DEPTH:
        return "is compressed, so it cannot be checked"
    file.seek(0)
    if _is_pickle(head, file):
        return "is a pickle, which can run any code"
    if head.startswith(b"\x93NUMPY"):
        return "contains pickled objects, which can run any code" if _of_objects(head) else ""
    file.seek(0)
    return _in_zip(file.read(), depth) if head.startswith(b"PK\x03\x04") else ""


def _in_zip(content: bytes, depth: int) -> str:
    """Check a nested zip file, such as an npz or skops file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            for member in inner.infolist():
                if PurePosixPath(member.filename).suffix.lower() in PICKLES | NATIVE | ARCHIVES:
                    return f"contains {member.filename}"
                if member.file_size > ARTIFACT_LIMIT:
                    return f"contains {member.filename}, which is over {ARTIFACT_LIMIT >> 30} GiB"
                if not member.is_dir():
                    with inner.open(member) as file:
                        complaint = _hidden(file, depth + 1)
                    if complaint:
                        return f"contains {member.filename}, which {complaint}"
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError, OSError):
        return "is a zip file that cannot be read"
    return ""


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


def _is_pickle(head: bytes, file: IO[bytes]) -> bool:
    """Whether a file is a pickle: by the header, or, in old formats without one, by importing and calling a name.

    Unpickling executes while it reads, so a pickle that is damaged after the call is no safer.
    """
    if len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    named = False
    try:
        for opcode in _opcodes(file):
            if opcode in ("GLOBAL", "STACK_GLOBAL"):
                named = True
            elif opcode == "INST" or (named and opcode in CALLS):
                return True
    except Exception:
        return False
    return False


def _opcodes(file: IO[bytes]) -> Iterator[str]:
    for seen, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if opcode.name in ("GLOBAL", "INST") and not GLOBAL_NAME.fullmatch(str(argument)):
            return
        yield opcode.name
        if seen > OPCODES:
            yield "INST"
            return


def _commands(entries: EntryPoints, name: str) -> list[str]:
    """Complaints about hooks, and about commands under other names, which could replace those of other packages."""
    result = []
    own = (name, name.replace("-", "_"))
    for group, commands in entries.items():
        if group not in ("console_scripts", "gui_scripts"):
            result.append(f"it hooks into {group}")
            continue
        result += [f"it installs the command {c!r}" for c in commands if c not in own and not c.startswith(f"{name}-")]
    return result
