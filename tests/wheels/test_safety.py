"""Bad wheels: each is refused with a reason, before any part of it is installed."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.projects.tiny import RELEASE, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex
from seatrial.wheels.wheel import inspect, refuse_unsafe

HOLD = "tiny_model/artifacts"
INFO = "tiny_model-0.1.0.dist-info"


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def npy(array: np.ndarray) -> bytes:
    made = io.BytesIO()
    np.save(made, array, allow_pickle=True)
    return made.getvalue()


def field(number: int, content: bytes) -> bytes:
    size = len(content)
    assert size < 128
    return bytes([number << 3 | 2, size]) + content


OUTSIDE = field(7, field(5, field(13, field(1, b"location") + field(2, b"../../etc/passwd"))))
IN_AN_ATTRIBUTE = field(7, field(1, field(5, field(5, bytes([14 << 3, 1])))))
OLD_PICKLES = [pickle.dumps(Evil(), protocol) for protocol in (0, 1)]

# What a model may not have: members of the wheel, correctly listed in its RECORD.
CLOSED = "so it cannot be checked"
OBJECTS = "contains pickled objects"


def headed(text: str) -> bytes:
    """A .npy file of format 2 with this header."""
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text.encode("latin-1")


IN_A_MODEL: dict[str, tuple[dict[str, bytes], str]] = {
    "another top-level package": ({"numpy/__init__.py": b""}, "outside of tiny_model/"),
    "a top-level module": ({"usercustomize.py": b""}, "outside of tiny_model/"),
    "a .pth next to the package": ({"evil.pth": b"import os"}, "outside of tiny_model/"),
    "a .pth in the package": ({"tiny_model/evil.pth": b"import os"}, "every time Python starts"),
    "scripts in .data": ({"tiny_model-0.1.0.data/scripts/ls": b""}, "outside of tiny_model/"),
    "a pickle": ({f"{HOLD}/model.pkl": b"x"}, "model.pkl is a pickle"),
    "a renamed pickle": ({f"{HOLD}/model.bin": pickle.dumps(Evil())}, "model.bin is a pickle"),
    "a pickle of protocol 0": ({f"{HOLD}/notes.txt": OLD_PICKLES[0]}, "notes.txt is a pickle"),
    "a pickle of protocol 1": ({f"{HOLD}/notes.txt": OLD_PICKLES[1]}, "notes.txt is a pickle"),
    "a pickle by INST": ({f"{HOLD}/a.csv": b"(S'true'\nios\nsystem\n."}, "a.csv is a pickle"),
    "a pickle that breaks off": ({f"{HOLD}/a.csv": OLD_PICKLES[0][:-1] + b"\xff"}, "a.csv is a pickle"),
    "a pickle after a long text": (
        {f"{HOLD}/a.csv": b"V" + b"a" * 100_000 + b"\n" + OLD_PICKLES[0]},
        "a.csv is a pickle",
    ),
    "a zlib-compressed pickle, as joblib writes": ({f"{HOLD}/m.bin": zlib.compress(pickle.dumps(Evil()))}, CLOSED),
    "a gzip-compressed pickle": ({f"{HOLD}/m.bin": gzip.compress(pickle.dumps(Evil()))}, CLOSED),
    "a bzip2-compressed pickle": ({f"{HOLD}/m.bin": bz2.compress(pickle.dumps(Evil()))}, CLOSED),
    "an xz-compressed pickle": ({f"{HOLD}/m.bin": lzma.compress(pickle.dumps(Evil()))}, CLOSED),
    "a pickle far inside of gzip": (
        {f"{HOLD}/m.bin": gzip.compress(b"V" + b"a" * 100_000 + b"\n" + OLD_PICKLES[0])},
        CLOSED,
    ),
    "gzip of a text": ({f"{HOLD}/m.bin": gzip.compress(b"hello" * 100)}, CLOSED),
    "a pickle after other operations": ({f"{HOLD}/a.csv": b"N0" + pickle.dumps(Evil(), 4)}, "a.csv is a pickle"),
    "a new pickle without its header": ({f"{HOLD}/a.csv": pickle.dumps(Evil(), 4)[2:]}, "a.csv is a pickle"),
    "a pickle after thousands of operations": ({f"{HOLD}/a.csv": b"N0" * 5001 + OLD_PICKLES[0]}, "a.csv is a pickle"),
    "something compressed by zstd": ({f"{HOLD}/m.bin": b"\x28\xb5\x2f\xfd" + b"a" * 50}, "cannot be checked"),
    "objects in .npy": ({f"{HOLD}/a.npy": npy(np.array([{}], dtype=object))}, "pickled objects"),
    **{
        f"objects in .npy, written {kind}": (
            {f"{HOLD}/a.npy": headed(f"{{'descr': {kind}, 'fortran_order': False}}")},
            OBJECTS,
        )
        for kind in ('"|O"', "'object'", "'\\x4f'", "'i4,O'", "[('a', '|O')]", " " * 5000 + "'|O'", "'|O")
    },
    "objects in .npz": (
        {f"{HOLD}/a.npz": packed({"a.npy": npy(np.array([{}]))})},
        "contains a.npy, which contains pickled",
    ),
    "a pickle in a zip": ({f"{HOLD}/a.skops": packed({"x": pickle.dumps(Evil())})}, "contains x, which is a pickle"),
    "a .pkl in a zip": ({f"{HOLD}/a.skops": packed({"data.pkl": b""})}, "contains data.pkl"),
    "a zip that cannot be read": ({f"{HOLD}/a.skops": packed({"x": b"1"})[:-9]}, "zip file that cannot be read"),
    "a wheel in the wheel": ({"tiny_model/more-1-py3-none-any.whl": packed({})}, "is an archive"),
    "native code": ({"tiny_model/fast.cpython-311-x86_64-linux-gnu.so": b""}, "is native code"),
    "native code by another name": ({"tiny_model/fast.bin": b"\x7fELF\x02"}, "is native code"),
    "ONNX with data outside": ({f"{HOLD}/model.onnx": OUTSIDE}, "takes data from other files"),
    "ONNX with data outside, of a node": ({f"{HOLD}/model.onnx": IN_AN_ATTRIBUTE}, "takes data from other files"),
    # protobuf knows groups, and reads 32 bits of a tag
    "ONNX after an unknown group": (
        {f"{HOLD}/model.onnx": b"\xc3\x3e\xc4\x3e" + OUTSIDE},
        "takes data from other files",
    ),
    "ONNX by an overlong tag": (
        {f"{HOLD}/model.onnx": b"\xba\x80\x80\x80\x10" + OUTSIDE[1:]},
        "takes data from other files",
    ),
    "invalid ONNX": ({f"{HOLD}/model.onnx": b"\xff" * 30}, "takes data from other files"),
    "the command pip": ({f"{INFO}/entry_points.txt": b"[console_scripts]\npip = tiny_model:x\n"}, "the command 'pip'"),
    "a hook of pytest": ({f"{INFO}/entry_points.txt": b"[pytest11]\nx = tiny_model\n"}, "hooks into pytest11"),
}


@pytest.mark.parametrize("case", IN_A_MODEL)
def test_content_that_a_model_may_not_have_is_refused(tmp_path: Path, case: str) -> None:
    more, reason = IN_A_MODEL[case]
    path = make_wheel(tmp_path, more=more)
    with pytest.raises(SeatrialError, match="is refused") as error:
        refuse_unsafe(inspect(path))
    assert reason in error.value.message
    with pytest.raises(SeatrialError, match="is refused"):
        FolderIndex(tmp_path / "index").publish([path])
    assert not (tmp_path / "index").exists()


RELEASES = {
    "no release.json": (None, "it has no tiny_model/artifacts/release.json, so it is not a model"),
    "a release.json of another model": ({**RELEASE, "name": "other-model"}, "release.json is for 'other-model'"),
    "a release.json without a format": (
        {k: v for k, v in RELEASE.items() if k != "format"},
        "its release.json has no format number",
    ),
}


@pytest.mark.parametrize("case", RELEASES)
def test_a_release_json_of_another_model_is_refused(tmp_path: Path, case: str) -> None:
    release, reason = RELEASES[case]
    more = {} if release is None else {f"{HOLD}/release.json": json.dumps(release).encode()}
    with pytest.raises(SeatrialError, match=reason):
        refuse_unsafe(inspect(make_wheel(tmp_path, release=None, more=more)))


def changed(path: Path, change: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        change(archive)
    return path


def again(path: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """Write the wheel again, with each member changed or left out."""
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in old.items():
            if changed := change(name, data):
                archive.writestr(zipfile.ZipInfo(changed[0]), changed[1])
    return path


def without(path: Path, gone: str) -> Path:
    return again(path, lambda name, data: None if name.endswith(gone) else (name, data))


def edited(path: Path, member: str, old: bytes, new: bytes) -> Path:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        return name, data.replace(old, new) if name.endswith(member) else data

    return again(path, change)


def patched(path: Path, old: bytes, new: bytes, count: int = -1) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, count))
    return path


def special(name: str, kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


def bzip2(archive: zipfile.ZipFile) -> None:
    archive.writestr("tiny_model/a.txt", b"a" * 100, compress_type=zipfile.ZIP_BZIP2)


def overlapping(path: Path) -> Path:
    """Let two entries of the directory lead to the same bytes, as zip bombs do."""
    content = bytearray(changed(path, lambda a: a.writestr("tiny_model/zz.py", b"x")).read_bytes())
    place = content.rindex(b"tiny_model/zz.py") - 46
    content[place + 42 : place + 46] = struct.pack("<I", 0)
    path.write_bytes(bytes(content))
    return path


def unlisted(path: Path) -> Path:
    """Put a file between the others that the zip file's own list does not have."""
    with zipfile.ZipFile(path) as archive:
        members = [(zipfile.ZipInfo(member.filename), archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for turn, (member, data) in enumerate(members):
            archive.writestr(member, data)
            if turn == 0:
                archive.writestr("hidden.pth", "import os")
                del archive.NameToInfo[archive.filelist.pop().filename]
    return path


def before_directory(path: Path) -> Path:
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    at = int.from_bytes(content[end + 16 : end + 20], "little")
    moved = content[end : end + 16] + (at + 9).to_bytes(4, "little") + content[end + 20 :]
    path.write_bytes(content[:at] + b"hidden by" + content[at:end] + moved)
    return path


def bomb(path: Path) -> Path:
    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr("tiny_model/zeros", b"\0" * (70 << 20), compress_type=zipfile.ZIP_DEFLATED)

    return changed(path, write)


def lying(path: Path) -> Path:
    """Declare less than is there."""
    content = bytearray(path.read_bytes())
    place = content.rindex(b"tiny_model/__init__.py") - 46
    content[place + 24 : place + 28] = struct.pack("<I", 3)
    path.write_bytes(bytes(content))
    return path


def encrypted(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    place = content.rindex(b"tiny_model/__init__.py") - 46
    content[place + 8] |= 1
    path.write_bytes(bytes(content))
    return path


def not_utf8(path: Path) -> Path:
    changed(path, lambda a: a.writestr("tiny_model/QQ.txt", b""))
    return patched(path, b"tiny_model/QQ.txt", b"tiny_model/\xe9\xe8.txt")


# What is refused in any wheel, also in that of a library.
IN_ANY: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a path to the parent folder": (lambda p: changed(p, lambda a: a.writestr("../evil.py", "")), "contains the path"),
    "a path to the parent folder, inside": (lambda p: changed(p, lambda a: a.writestr("tiny_model/../../e.py", "")), "contains the path"),
    "an absolute path": (lambda p: changed(p, lambda a: a.writestr("/etc/evil", "")), "contains the path"),
    "a drive": (lambda p: changed(p, lambda a: a.writestr("C:/evil", "")), "contains the path"),
    "a backslash": (
        lambda p: patched(changed(p, lambda a: a.writestr("tiny_model/a|b", "")), b"a|b", b"a\\b"),
        "contains the path",
    ),
    "a stream of a file": (lambda p: changed(p, lambda a: a.writestr("tiny_model/a.py:x", "")), "contains the path"),
    "a NUL in a name": (
        lambda p: patched(changed(p, lambda a: a.writestr("tiny_model/a|b", "")), b"a|b", b"a\0b"),
        "some systems cannot write|damaged",
    ),
    "a device's name": (lambda p: changed(p, lambda a: a.writestr("tiny_model/nul.py", "")), "some systems cannot write"),
    "a dot at the end": (lambda p: changed(p, lambda a: a.writestr("tiny_model./x", "")), "some systems cannot write"),
    "a name that is not UTF-8": (not_utf8, "not UTF-8"),
    "a name in other case": (lambda p: changed(p, lambda a: a.writestr("TINY_model/__init__.py", "")), "twice"),
    "a name in wide letters": (
        lambda p: changed(p, lambda a: a.writestr("tiny_model/\uff3f\uff3finit__.py", "")),
        "twice",
    ),
    "a file that is a folder": (lambda p: changed(p, lambda a: a.writestr("tiny_model/__init__.py/x", "")), "is inside another file"),
    "a symbolic link": (
        lambda p: changed(p, lambda a: a.writestr(special("tiny_model/l", stat.S_IFLNK), "/etc/passwd")),
        "is a link or a device",
    ),
    "a device": (
        lambda p: changed(p, lambda a: a.writestr(special("tiny_model/d", stat.S_IFBLK), "")),
        "is a link or a device",
    ),
    "encryption": (encrypted, "is encrypted"),
    "another compression": (lambda p: changed(p, bzip2), "a compression method that wheels do not use"),
    "a bomb": (bomb, r"it unpacks to [\d,]+ times its size"),
    "shared bytes": (overlapping, "shares bytes"),
    "a file between the others that is not listed": (unlisted, "there are bytes before .* that belong to no listed member"),
    "bytes before the directory": (before_directory, "there are bytes before its directory that belong to no listed member"),
    "a false size": (lying, "damaged"),
    "something after the end": (lambda p: patched(p, p.read_bytes(), p.read_bytes() + b"#!/bin/sh"), "follows the end"),
    "something before the start": (lambda p: patched(p, p.read_bytes(), b"MZ" + p.read_bytes()), "not a zip file"),
    "no WHEEL": (lambda p: without(p, "/WHEEL"), "has no .*WHEEL"),
    "no RECORD": (lambda p: without(p, "/RECORD"), "has no .*RECORD"),
    "no METADATA": (lambda p: without(p, "/METADATA"), "has 0 .dist-info/METADATA"),
    "a file that RECORD does not list": (
        lambda p: changed(p, lambda a: a.writestr("tiny_model/more.py", "")),
        "RECORD does not list tiny_model/more.py",
    ),
    "another file than RECORD's": (
        lambda p: edited(p, "__init__.py", b"0.1.0", b"0.1.1"),
        "does not have the hash in its RECORD",
    ),
    "a RECORD without hashes": (lambda p: edited(p, "RECORD", b"sha256=", b"md5="), "no secure hash of "),
    "a file that is not there": (lambda p: without(p, "__init__.py"), "lists tiny_model/__init__.py, which is missing"),
    "other tags inside": (
        lambda p: p.rename(p.with_name("tiny_model-0.1.0-py3-none-win32.whl")),
        "its WHEEL is for py3-none-any",
    ),
    "another version inside": (lambda p: p.rename(p.with_name("tiny_model-0.2.0-py3-none-any.whl")), "METADATA says"),
    "another project inside": (lambda p: p.rename(p.with_name("other-0.1.0-py3-none-any.whl")), "METADATA says"),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_ANY)
@pytest.mark.parametrize("kind", ["model", "library"])
def test_a_wheel_that_installers_could_misread_is_refused(tmp_path: Path, case: str, kind: str) -> None:
    damage, reason = IN_ANY[case]
    path = damage(make_wheel(tmp_path, release=RELEASE if kind == "model" else None))
    with pytest.raises(SeatrialError, match=reason):
        inspect(path)
    with pytest.raises(SeatrialError, match=reason):
        FolderIndex(tmp_path / "index").publish([path])
    assert not (tmp_path / "index").exists()


def test_requirements_with_a_url_and_an_invalid_python_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="pins numpy to a direct URL"):
        inspect(make_wheel(tmp_path, requires=("numpy @ https://evil.example/numpy-9-py3-none-any.whl",)))
    with pytest.raises(SeatrialError, match="Requires-Python is 'three'"):
        inspect(make_wheel(tmp_path, requires_python="three"))


def test_a_model_for_one_platform_is_refused(tmp_path: Path) -> None:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        return name, data.replace(b"py3-none-any", b"py3-none-win32") if name.endswith("WHEEL") else data

    import base64
    import hashlib

    path = make_wheel(tmp_path)
    with zipfile.ZipFile(path) as archive:
        old = archive.read(f"{INFO}/WHEEL")
    new = old.replace(b"py3-none-any", b"py3-none-win32")

    def recorded(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") + b",%d" % len(data)

    again(path, change)
    edited(path, "RECORD", recorded(old), recorded(new))
    with pytest.raises(SeatrialError, match="is built for one platform"):
        refuse_unsafe(inspect(path.rename(path.with_name("tiny_model-0.1.0-py3-none-win32.whl"))))


def test_a_library_may_have_native_code_and_entry_points_of_its_own(tmp_path: Path) -> None:
    more = {
        "a_library/fast.so": b"\x7fELF",
        "_a_library.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
        "a_library.libs/libx.so": b"\x7fELF",
        "a_library-0.1.0.dist-info/entry_points.txt": b"[a_library.plugins]\nx = a_library\n[console_scripts]\na-library = a:b\n",
    }
    path = make_wheel(tmp_path, "a-library", release=None, more=more)
    assert FolderIndex(tmp_path / "index").publish([path]).name == "a-library"
    with pytest.raises(SeatrialError, match="native code"):
        refuse_unsafe(inspect(path))


HARMLESS = {
    "a table": (b"cabin,age\nB5,1\n0.5,2\n" * 100),
    "a table of one column": b"cabin\nB5\n0.1\n",
    "code": b"class X:\n    pass\n",
    "numbers": npy(np.arange(9.0)),
    "arrays": packed({"a.npy": npy(np.arange(9.0)), "schema.json": b"{}"}),
    "a graph with a node called location": field(7, field(1, field(1, b"location"))),
    "the nodes of a tree": npy(np.zeros(3, dtype=[("left", "<i8"), ("value", "<f8", (2,)), ("at", [("x", "|u1")])])),
    "a text that begins as zlib does": b"x\x9c is not the start of zlib data",
    **{
        f"numbers of type {kind}": npy(np.zeros(3, dtype=kind))
        for kind in ("<f4", ">i8", "?", "c16", "U5", "S3", "M8[ns]")
    },
}


@pytest.mark.parametrize("case", HARMLESS)
def test_harmless_content_passes(tmp_path: Path, case: str) -> None:
    suffix = "onnx" if "graph" in case else "bin"
    refuse_unsafe(inspect(make_wheel(tmp_path, more={f"{HOLD}/data.{suffix}": HARMLESS[case]})))


def test_a_model_may_have_its_own_command(tmp_path: Path) -> None:
    more = {
        f"{INFO}/entry_points.txt": b"[console_scripts]\ntiny-model = tiny_model:main\ntiny-model-card = tiny_model:x\n"
    }
    refuse_unsafe(inspect(make_wheel(tmp_path, more=more)))
