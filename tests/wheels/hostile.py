"""Wheels and sdists that try to get past the inspection, or to keep it busy; each kind is made from a seed."""

import base64
import gzip
import hashlib
import importlib.util
import io
import marshal
import os
import pickle
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.projects.tiny import RELEASE

INFO, HOLD = "tiny_model-0.1.0.dist-info", "tiny_model/artifacts"
TOP = "tiny_model-0.1.0"
METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
Files = dict[str, bytes]
Make = Callable[[random.Random], Files]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def make_hostile_wheel(folder: Path, files: Files, *, release: bool = True) -> Path:
    """Write a compressed wheel whose RECORD is right; `files` replaces and adds members."""
    own = {f"{HOLD}/release.json": str(RELEASE).replace("'", '"').encode()} if release else {}
    members = {"tiny_model/__init__.py": b'__version__ = "0.1.0"\n', **own, f"{INFO}/METADATA": METADATA.encode()}
    members |= {f"{INFO}/WHEEL": WHEEL.encode(), **files}
    if f"{INFO}/RECORD" not in members:
        digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()  # noqa: E731
        record = "".join(f'"{name}",sha256={digest(data)},{len(data)}\n' for name, data in members.items())
        members[f"{INFO}/RECORD"] = f"{record}{INFO}/RECORD,,\n".encode()
    path = folder / f"{TOP}-py3-none-any.whl"
    path.write_bytes(packed(members))
    return path


def member(name: str, data: bytes = b"", kind: bytes = b"0", size: int | None = None) -> bytes:
    """Write a member of a tar file by hand."""
    head = tarfile.TarInfo(name)
    head.type, head.size = kind, len(data) if size is None else size
    return head.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512)


def make_hostile_sdist(folder: Path, content: bytes) -> Path:
    path = folder / f"{TOP}.tar.gz"
    path.write_bytes(gzip.compress(content, 1))
    return path


def extended(fields: dict[str, str]) -> bytes:
    """Write an extended header, whose fields replace those of the next member."""
    lines = [f" {key}={value}\n" for key, value in fields.items()]
    return member("x", "".join(f"{len(line) + 2}{line}" for line in lines).encode(), b"x")


def sparse(size: int) -> bytes:
    """Write a member that unpacks to a file of this size and has one byte."""
    fields = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(size)}
    return extended(fields) + member(f"{TOP}/a", b"1\n0\n1\n".ljust(512, b"\0") + b"x")


def bytecode() -> bytes:
    return importlib.util.MAGIC_NUMBER + b"\0" * 12 + marshal.dumps(compile("x = 1", "x", "exec"))


def graph_of(content: bytes) -> bytes:
    size = len(content)
    return b"\x3a" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21]) + content


def nested(depth: int, content: bytes) -> bytes:
    for _ in range(depth):
        content = packed({f"{number}.x": content for number in range(16)})
    return content


def word(random: random.Random) -> str:
    return "".join(random.choices("abcdefgh", k=8))


def odd_pickle(start: bytes) -> Make:
    """A pickle that begins with opcodes that a reader may stumble over, and then calls os.system."""
    return lambda r: {f"{HOLD}/{word(r)}.csv": start + b"cos\nsystem\n(S'true'\ntR."}


def module(source: bytes, name: str = "features") -> Make:
    return lambda _: {f"tiny_model/{name}.py": source}


# Content that runs in place of what people review, or is read as something else.
RUNS: dict[str, tuple[Make, str]] = {
    "__pycache__": (lambda r: {f"tiny_model/__pycache__/{word(r)}.cpython-311.pyc": bytecode()}, "compiled Python code"),
    "__PyCache__": (lambda r: {f"tiny_model/__PyCache__/{word(r)}.pyc": bytecode()}, "compiled Python code"),
    "a source file in __pycache__": (lambda r: {f"tiny_model/__pycache__/{word(r)}.py": b""}, "compiled Python code"),
    "a .pyc beside the source": (lambda r: {"tiny_model/features.py": b"", "tiny_model/features.pyc": bytecode()}, "compiled"),
    "a .pyc without source": (lambda r: {f"tiny_model/{word(r)}.pyc": bytecode()}, "compiled Python code"),
    "a .PYC": (lambda r: {f"tiny_model/{word(r)}.PYC": bytecode()}, "compiled Python code"),
    "a .pyo": (lambda r: {f"tiny_model/{word(r)}.pyo": bytecode()}, "compiled Python code"),
    "a .pyc by another name": (lambda r: {f"{HOLD}/{word(r)}.bin": bytecode()}, "compiled Python code"),
    "a .pyc of another Python": (lambda r: {f"{HOLD}/{word(r)}.bin": (3600 + r.randrange(90)).to_bytes(2, "little") + b"\r\n1"}, "compiled"),
    "a .pyc in a zip": (lambda r: {f"{HOLD}/{word(r)}.skops": packed({"x.pyc": bytecode()})}, "compiled Python code"),
    "a .pyw": (lambda r: {f"tiny_model/{word(r)}.pyw": b""}, "second kind of source file"),
    "an __init__.so": (lambda _: {"tiny_model/__init__.so": b"\x7fELF"}, "is native code"),
    "an abi3 module": (lambda _: {"tiny_model/features.abi3.so": b""}, "is native code"),
    "a .PYD": (lambda _: {"tiny_model/features.PYD": b""}, "is native code"),
    "WebAssembly": (lambda r: {f"{HOLD}/{word(r)}.bin": b"\0asm\1\0\0\0"}, "native code"),
    "a package beside a module": (lambda _: {"tiny_model/features.py": b"", "tiny_model/features/__init__.py": b""}, "are the same module"),
    "a module in other case": (lambda _: {"tiny_model/features.py": b"", "tiny_model/Features.py": b""}, "twice"),
    "a folder in other case": (lambda _: {"tiny_model/a/x.txt": b"", "tiny_model/A/y.txt": b""}, "twice"),
    "a folder in wide letters": (lambda _: {"tiny_model/a/x.txt": b"", "tiny_model/\uff41/y.txt": b""}, "twice"),
    "a name that is no identifier": (module(b"", "not-a-module"), "not a module"),
    "a name with a look-alike letter": (module(b"", "fe\u0430tures"), "not a module"),
    "another encoding": (module(b"# coding: utf-7\n+AGEAPQAx-\n"), "declares the encoding"),
    "rot13": (module(b"# -*- coding: rot13 -*-\n"), "declares the encoding|not UTF-8"),
    "an encoding on the second line": (module(b"#!x\n# vim: set fileencoding=unicode_escape :\n"), "declares the encoding"),
    "bytes that are not UTF-8": (module(b"x = '\xff'\n"), "not UTF-8"),
    "line ends that are not shown": (module(b"# harmless\rimport os\n"), "line ends"),
    "letters in another order": (module("x = 1  # \u202e\n".encode()), "U+202E"),
    "an isolated order": (module("x = '\u2066'\n".encode()), "U+2066"),
    "a letter without width": (module("x\u200b = 1\n".encode()), "U+200B"),
    "a NUL in the source": (module(b"x = 1\0\n"), "U+0000"),
    "a hidden line": (module(b"x = 1\x1b[2Kimport os\n"), "U+001B"),
    "a second .dist-info": (lambda _: {"pip-99.dist-info/entry_points.txt": b""}, "outside of tiny_model/"),
    "a direct_url.json": (lambda _: {f"{INFO}/direct_url.json": b"{}"}, "does not? ?describe|not a file that describes"),
    "code in .dist-info": (lambda _: {f"{INFO}/x.py": b""}, "not a file that describes"),
    "a .PTH": (lambda _: {"tiny_model/x.PTH": b"import os"}, "every time Python starts"),
    "a command after an indent": (lambda _: {f"{INFO}/entry_points.txt": b"[x]\na = b\n [console_scripts]\n python3 = x:y\n"}, "entry_points.txt"),
    "a command by a colon": (lambda _: {f"{INFO}/entry_points.txt": b"[console_scripts]\npython3 : x:y\n"}, "entry_points.txt"),
    "a command with a path": (lambda _: {f"{INFO}/entry_points.txt": b"[console_scripts]\ntiny-model-/../../x = x:y\n"}, "installs the command"),
    "a group twice": (lambda _: {f"{INFO}/entry_points.txt": b"[a]\n[a]\nx = y\n"}, "entry_points.txt"),
    "a pickle after a strange name": (odd_pickle(b"cos.path\nno such name\n0"), "is a pickle"),
    "a pickle after a folder's name": (odd_pickle(b"ctitanic-model\n__class__\n0"), "is a pickle"),
    "a pickle after a strange number": (odd_pickle(b"I 1_0\n0"), "is a pickle"),
    "a pickle after a strange text": (odd_pickle(b"Sno quotes\n0"), "is a pickle"),
    "a pickle after a strange float": (odd_pickle(b"Fnan?\n0"), "is a pickle"),
    "a pickle after bytes that are not ASCII": (odd_pickle(b"S'\xff'\n0"), "is a pickle"),
    "a pickle after a long": (odd_pickle(b"L7\n0"), "is a pickle"),
    "a pickle after another pickle": (odd_pickle(b"N."), "is a pickle"),
    "a pickle after marks": (odd_pickle(b"((N1" * 50), "is a pickle"),
    "a pickle of protocol 0 by its header": (odd_pickle(b"\x80\x00"), "is a pickle"),
    "a pickle by a memo": (lambda r: {f"{HOLD}/{word(r)}": b"cos\nsystem\np1\n0g1\n(S'true'\ntR."}, "is a pickle"),
    "a pickle that changes a module": (lambda r: {f"{HOLD}/{word(r)}": b"csys\npath\nS'x'\na."}, "is a pickle"),
    "a pickle by BUILD": (lambda r: {f"{HOLD}/{word(r)}": b"cos\nenviron\n}b."}, "is a pickle"),
    "a pickle by OBJ": (lambda r: {f"{HOLD}/{word(r)}": b"(cos\nsystem\nS'true'\no."}, "is a pickle"),
    "a pickle by NEWOBJ": (lambda r: {f"{HOLD}/{word(r)}": b"N0cos\nsystem\n(S'true'\nt\x81."}, "is a pickle"),
    "a pickle in a zip in a zip": (lambda r: {f"{HOLD}/{word(r)}.skops": packed({"a": packed({"b": pickle.dumps(Evil())})})}, "is a pickle"),
    "one name twice in a zip": (lambda r: {f"{HOLD}/{word(r)}.skops": packed({"a": b"1", "c": b"2"}).replace(b"c", b"a")}, "cannot be read|of one name"),
    "a zip after something else": (lambda r: {f"{HOLD}/{word(r)}.npy": b"hello" + packed({"a": pickle.dumps(Evil())})}, "begins with something else"),
    "code in a zip": (lambda r: {f"{HOLD}/{word(r)}.npz": packed({"evil.py": b"import os"})}, "which is code"),
    "a pickle in an old file of joblib": (lambda r: {f"{HOLD}/{word(r)}": b"ZF0x10".ljust(21) + zlib.compress(pickle.dumps(Evil()))}, "cannot be checked"),
    "a tar file": (lambda r: {f"{HOLD}/{word(r)}": member("a.pkl", pickle.dumps(Evil()))}, "an archive"),
    "a 7z file": (lambda r: {f"{HOLD}/{word(r)}": b"7z\xbc\xaf\x27\x1c" + bytes(50)}, "an archive"),
    "a RAR file": (lambda r: {f"{HOLD}/{word(r)}": b"Rar!\x1a\x07\x01\x00"}, "an archive"),
    "something compressed by snappy": (lambda r: {f"{HOLD}/{word(r)}": b"\xff\x06\x00\x00sNaPpY"}, "an archive"),
    "an HDF5 file": (lambda r: {f"{HOLD}/{word(r)}": b"\x89HDF\r\n\x1a\n" + bytes(40)}, "cannot be checked"),
    "a program that Python starts": (lambda r: {f"tiny_model/{word(r)}.pyz": b""}, "an archive"),
    "a graph in another format": (lambda _: {f"{HOLD}/model.onnx": b"\x42\x06\0\0ORTM"}, "cannot be checked"),
    "a Windows program": (lambda r: {f"{HOLD}/{word(r)}": b"MZ".ljust(60, b"x") + b"\x40\0\0\0PE\0\0"}, "native code"),
    "a library of object files": (lambda r: {f"{HOLD}/{word(r)}": b"!<arch>\n"}, "native code"),
    "a folder with a look-alike letter": (lambda _: {"tiny_model/f\u0435at/__init__.py": b""}, "not a module"),
    "a name in mathematical letters": (module("\U0001d452\U0001d463\U0001d44e\U0001d459('1')\n".encode()), "Python reads as 'eval'"),
    "such a name in a long module": (module("\uff45val('1')\n".encode() + b"#\n" * 200_000), "reads as others"),
    "a name without a shape": (module("\u3164 = 1\n".encode()), "U+3164"),
    "a text in variation selectors": (module("x = 'a\ufe01\U000e0141'\n".encode()), "U+FE01"),
    "a number without end": (lambda _: {f"{HOLD}/release.json": b'{"name": "tiny-model", "format": ' + b"9" * 99 + b"}"}, "64 bits"),
    "a number that is none": (lambda _: {f"{HOLD}/release.json": b'{"name": "tiny-model", "format": NaN}'}, "not a number"),
    "another package": (lambda _: {"numpy/artifacts/release.json": b"{}"}, "outside of tiny_model/"),
    "a format that is true": (lambda _: {f"{HOLD}/release.json": b'{"name": "tiny-model", "format": true}'}, "no format number"),
}  # fmt: skip

# Small files that cost a lot to look into.
COSTS: dict[str, tuple[Make, str]] = {
    "ONNX of millions of fields": (lambda _: {f"{HOLD}/m.onnx": b"\x08\x01" * 20_000_000}, "takes too long"),
    "ONNX of millions of nodes": (lambda _: {f"{HOLD}/m.onnx": graph_of(b"\x0a\x00" * 15_000_000)}, "takes too long"),
    "thousands of half pickles": (
        lambda r: {f"{HOLD}/{number}.bin": b"(" * 9_000 + b"\xff" for number in range(800)},
        "takes too long",
    ),
    "zips in zips in zips": (lambda r: {f"{HOLD}/a.skops": nested(3, b"\0" * 1_000_000)}, "times its size"),
    "many zips of zeros": (
        lambda r: {f"{HOLD}/{n}.skops": packed({"x": b"\0" * 1_500_000}) for n in range(99)},
        "times its size",
    ),
    "many members in zips": (
        lambda r: {f"{HOLD}/{n}.skops": packed(dict.fromkeys(map(str, range(4_000)), b"")) for n in range(3)},
        "contains more than",
    ),
    "many members": (lambda r: {f"{HOLD}/{number}.txt": b"" for number in range(11_000)}, "contains more than"),
    "one requirement of thousands": (
        lambda _: {f"{INFO}/METADATA": f"{METADATA}Requires-Dist: a{','.join(['>=1'] * 30_000)}\n\n".encode()},
        "requirements have over",
    ),
    "thousands of requirements": (
        lambda _: {f"{INFO}/METADATA": f"{METADATA}{'Requires-Dist: a>1' * 9_000}\n\n".encode()},
        "requirements have over|invalid requirement",
    ),
    "a marker in a marker": (
        lambda _: {f"{INFO}/METADATA": f"{METADATA}Requires-Dist: a; {'(' * 9_000}x{')' * 9_000}\n\n".encode()},
        "recursion|invalid requirement",
    ),
    "a long version": (
        lambda _: {f"{INFO}/METADATA": b"Name: tiny-model\nVersion: " + b"1." * 99_000 + b"1\n\n"},
        "METADATA says",
    ),
    "a long Python version": (
        lambda _: {f"{INFO}/METADATA": f"{METADATA}Requires-Python: {'>=3,' * 9_000}\n\n".encode()},
        "Requires-Python is too long",
    ),
    "thousands of headers": (lambda _: {f"{INFO}/METADATA": METADATA.encode() + b"a:\n" * 80_000}, "lines of headers"),
    "a long METADATA": (lambda _: {f"{INFO}/METADATA": METADATA.encode() + b"\n" * 9_000_000}, "is over 2 MiB"),
    "a product of tags": (
        lambda _: {f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nTag: {'-'.join(['a.' * 300 + 'a'] * 3)}\n".encode()},
        "for more than",
    ),
    "thousands of tags": (
        lambda _: {f"{INFO}/WHEEL": "".join(f"Tag: py{n}-none-any\n" for n in range(60_000)).encode()},
        "for more than",
    ),
    "deep JSON": (lambda _: {f"{HOLD}/release.json": b"[" * 2_000_000}, "recursion|cannot be read"),
    "wide JSON": (lambda _: {f"{HOLD}/release.json": b"[" + b"[]," * 600_000 + b"[]]"}, "not an object"),
    "a long number in JSON": (lambda _: {f"{HOLD}/release.json": b"1" * 2_000_000}, "cannot be read"),
    "a long release.json": (lambda _: {f"{HOLD}/release.json": b" " * 9_000_000}, "is over 2 MiB"),
    "long entry points": (lambda _: {f"{INFO}/entry_points.txt": b"[a]\n" + b"a " * 100_000}, "entry_points.txt"),
    "blanks in entry points": (
        lambda _: {f"{INFO}/entry_points.txt": b"[a]\na" + b" " * 200_000 + b"b"},
        "entry_points.txt",
    ),
    "a deep path": (lambda _: {"tiny_model/" + "a/" * 7_000 + "x": b""}, "too long"),
    "a long name": (lambda _: {"tiny_model/" + "a" * 60_000: b""}, "too long"),
    "a RECORD of thousands of lines": (lambda _: {f"{INFO}/RECORD": b"a,b,c\n" * 1_000_000}, "RECORD"),
    "a RECORD of thousands of names": (
        lambda _: {f"{INFO}/RECORD": b"".join(b"a%d,b,c\n" % n for n in range(500_000))},
        "more files than it contains",
    ),
    "a long module": (lambda _: {"tiny_model/x.py": b"x = 1\n" * 9_000_000}, "is over 4 MiB"),
    "a header of lists": (
        lambda _: {f"{HOLD}/a.npy": b"\x93NUMPY\x02\x00\xa0\x0f\0\0{'descr':" + b"[" * 3_000},
        "pickled objects",
    ),
    "a pickle without an end": (lambda _: {f"{HOLD}/a.bin": b"N0" * 20_000_000}, "is a pickle"),
    "zeros": (lambda _: {f"{HOLD}/a.txt": b"\0" * (90 << 20)}, "times its size"),
}

INFO_MEMBER = member(f"{TOP}/PKG-INFO", METADATA.encode() + b"\n")
SDISTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "zeros": (lambda: INFO_MEMBER + member(f"{TOP}/a", b"\0" * (120 << 20)), "times its size"),
    "a long extended header": (lambda: INFO_MEMBER + member("x", b"6 a=b\n" * 5_000_000, b"x"), "too long"),
    "headers without end": (lambda: INFO_MEMBER + member("x", b"6 a=b\n" * 1_300, b"x") * 3_000, "recursion"),
    "a long name": (lambda: INFO_MEMBER + member("x", b"a" * 20_000_000, b"L"), "too long"),
    "thousands of members": (
        lambda: INFO_MEMBER + b"".join(member(f"{TOP}/{number}") for number in range(11_000)),
        "contains more than",
    ),
    "a broken header": (lambda: INFO_MEMBER + b"x" * 512 + member("evil/x"), "cannot be read"),
    "something after the end": (lambda: INFO_MEMBER + b"\0" * 1024 + member("evil/x"), "cannot be read"),
    "a huge size": (lambda: INFO_MEMBER + member(f"{TOP}/a", size=8**11 - 1), "unexpected end"),
    "a link": (lambda: INFO_MEMBER + member(f"{TOP}/a", b"", b"2"), "is a link"),
    "a hard link": (lambda: INFO_MEMBER + member(f"{TOP}/a", b"", b"1"), "is a link"),
    "a device": (lambda: INFO_MEMBER + member(f"{TOP}/a", b"", b"3"), "is a device"),
    "compiled code": (lambda: INFO_MEMBER + member(f"{TOP}/__pycache__/a.pyc", b"x"), "compiled Python code"),
    "one name twice": (lambda: INFO_MEMBER * 2, "twice"),
    "one name in two cases": (lambda: INFO_MEMBER + member(f"{TOP}/a") + member(f"{TOP}/A"), "twice"),
    "a sparse file": (lambda: INFO_MEMBER + sparse(2**50), "is a sparse file"),
    "an old sparse file": (lambda: INFO_MEMBER + member(f"{TOP}/a", b"", b"S"), "is a sparse file"),
    "a size below zero": (lambda: INFO_MEMBER + extended({"size": "-5"}) + member(f"{TOP}/a"), "impossible size"),
    "a time that is none": (lambda: INFO_MEMBER + extended({"mtime": "nan"}) + member(f"{TOP}/a"), "impossible size"),
    "a time without end": (lambda: INFO_MEMBER + extended({"mtime": "1e400"}) + member(f"{TOP}/a"), "impossible size"),
    "a path in an extended header": (lambda: INFO_MEMBER + extended({"path": "/etc/x"}) + member("a"), "outside of"),
    "an absolute path": (lambda: INFO_MEMBER + member("/etc/x"), "outside of"),
    "a path to the parent folder": (lambda: INFO_MEMBER + member(f"{TOP}/../x"), "outside of"),
    "a name for a device": (lambda: INFO_MEMBER + member(f"{TOP}/nul.txt"), "some systems cannot write"),
    "thousands of headers": (
        lambda: member(f"{TOP}/PKG-INFO", METADATA.encode() + b"a:\n" * 80_000),
        "lines of headers",
    ),
}
