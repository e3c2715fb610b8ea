"""Inspecting a wheel: its metadata is read, and bad wheels are refused with a reason."""

import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.wheels import wheel as wheel_module
from seatrial.wheels.wheel import REMEMBERED, WheelInfo, inspect, read_release, refuse_unsafe

PICKLE = b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01x\x94."


def test_a_wheel_is_inspected(tmp_path: Path) -> None:
    wheel = inspect(make_wheel(tmp_path, requires=("seatrial >=0.1,<0.2", "numpy")))
    assert (wheel.name, wheel.version, wheel.package) == ("tiny-model", "0.1.0", "tiny_model")
    assert wheel.summary == "Tiny & <small>"
    assert wheel.requires_python == ">=3.8"
    assert wheel.requires_dist == ("seatrial<0.2,>=0.1", "numpy")
    assert wheel.release is not None
    assert wheel.release["task"] == "binary"
    assert wheel.release == read_release(wheel.path)
    assert "tiny_model/__init__.py" in wheel.record
    assert not wheel.complaints
    assert not wheel.complaints
    refuse_unsafe(wheel)


def test_a_wheel_that_is_not_a_model_has_no_release(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, release=None)
    assert inspect(path).release is None
    assert read_release(path) is None


UNSAFE: dict[str, tuple[dict[str, bytes], str]] = {
    "a second package": ({"numpy/__init__.py": b""}, "outside of tiny_model/"),
    "a module next to it": ({"sitecustomize.py": b""}, "outside of tiny_model/"),
    "a hook at start": ({"evil.pth": b"import os"}, "outside of tiny_model/"),
    "a hook inside": ({"tiny_model/evil.pth": b"import os"}, "every time Python starts"),
    "scripts": ({"tiny_model-0.1.0.data/scripts/ls": b""}, "outside of tiny_model/"),
    "files of the environment": ({"tiny_model-0.1.0.data/data/bin/ls": b""}, "outside of tiny_model/"),
    "a pickle": ({"tiny_model/model.pkl": b"anything"}, "is a pickle"),
    "a joblib file": ({"tiny_model/artifacts/model.joblib": b"anything"}, "is a pickle"),
    "a pickle in disguise": ({"tiny_model/artifacts/model.bin": PICKLE}, "is a pickle"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_an_unsafe_model_is_refused(tmp_path: Path, case: str) -> None:
    more, reason = UNSAFE[case]
    with pytest.raises(SeatrialError, match=reason):
        refuse_unsafe(inspect(make_wheel(tmp_path, more=more)))


def test_a_link_in_a_wheel_is_refused(tmp_path: Path) -> None:
    def link(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("tiny_model/link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")

    with pytest.raises(SeatrialError, match="is a link"):
        refuse_unsafe(inspect(changed(make_wheel(tmp_path), link)))


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda p: p.with_name("gone-1.0-py3-none-any.whl"), "does not exist"),
    "a folder": (lambda p: folder(p.with_name("dir-1.0-py3-none-any.whl")), "cannot be read"),
    "not named as a wheel": (lambda p: p.rename(p.with_name("model.whl")), "does not have the file name of a wheel"),
    "another file's name": (lambda p: p.rename(p.with_name("other-0.1.0-py3-none-any.whl")), "METADATA says"),
    "another version's name": (
        lambda p: p.rename(p.with_name("tiny_model-0.2.0-py3-none-any.whl")),
        "METADATA says",
    ),
    "not a zip file": (lambda p: written(p, b"<html>not found</html>"), "damaged"),
    "empty": (lambda p: written(p, b""), "damaged"),
    "cut off": (lambda p: written(p, p.read_bytes()[:-100]), "damaged"),
    "a byte flipped": (lambda p: written(p, flipped(p.read_bytes())), "damaged|refused"),
    "a path to the parent folder": (lambda p: changed(p, lambda a: a.writestr("../evil.py", "")), "contains the path"),
    "an absolute path": (lambda p: changed(p, lambda a: a.writestr("/etc/evil", "")), "contains the path"),
    "a Windows path": (lambda p: changed(p, lambda a: a.writestr("C:/evil", "")), "contains the path"),
    "a name twice": (lambda p: changed(p, lambda a: a.writestr("TINY_model/__init__.py", "")), "twice"),
    "two METADATA": (lambda p: changed(p, lambda a: a.writestr("b-1.dist-info/METADATA", "")), "has 2"),
}


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def flipped(content: bytes) -> bytes:
    place = content.index(b"tiny_model/__init__.py") + 30
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def changed(path: Path, change: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        change(archive)
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_not_a_valid_wheel_is_refused(tmp_path: Path, case: str) -> None:
    damage, reason = BAD[case]
    path = damage(make_wheel(tmp_path))
    with pytest.raises(SeatrialError, match=reason) as error:
        inspect(path)
    assert path.name in str(error.value)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.2.0\n\n", "METADATA says tiny-model 0.2.0"),
        ("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1.0\n\n", "METADATA says numpy 0.1.0"),
        ("Metadata-Version: 2.1\n\n", "METADATA says"),
        ("Metadata-Version: 2.1\nName: tiny-model\nVersion: soon\n\n", "METADATA says tiny-model soon"),
        ("Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1.0\nRequires-Dist: ???\n\n", "requirement"),
    ],
)
def test_contradictory_metadata_is_refused(tmp_path: Path, metadata: str, reason: str) -> None:
    with pytest.raises(SeatrialError, match=reason):
        inspect(make_wheel(tmp_path, metadata=metadata))


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_an_invalid_release_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = make_wheel(tmp_path, release=None, more={"tiny_model/artifacts/release.json": content})
    with pytest.raises(SeatrialError, match=r"release\.json"):
        inspect(path)
    assert read_release(path) is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_wheel_raises_an_error_and_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    good = make_wheel(tmp_path / "good").read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        bad = bad[: data.draw(st.integers(0, len(bad)))]
    path = tmp_path / "tiny_model-0.1.0-py3-none-any.whl"
    path.write_bytes(bytes(bad))
    try:
        inspect(path)
    except SeatrialError:
        return  # anything else that is raised fails this test
    assert len(bad) == len(good)


@pytest.mark.parametrize("content", ["", "x = 1"])
def test_a_changed_or_missing_file_of_the_package_is_named(tmp_path: Path, content: str) -> None:
    wheel = inspect(make_wheel(tmp_path, content="answer = 42"))
    with zipfile.ZipFile(wheel.path) as archive:
        archive.extractall(tmp_path / "site")
    wheel.path.unlink()  # what is compared is known from the inspection
    assert wheel.changed_file(tmp_path / "site", required=True) == ""
    init = tmp_path / "site" / "tiny_model" / "__init__.py"
    init.write_text(content)
    assert wheel.changed_file(tmp_path / "site", required=False) == "tiny_model/__init__.py"
    init.unlink()
    assert wheel.changed_file(tmp_path / "site", required=False) == ""
    assert wheel.changed_file(tmp_path / "site", required=True) == "tiny_model/__init__.py"


def test_changed_code_is_named_but_not_a_raised_version(tmp_path: Path) -> None:
    def wheel(version: str, **code: str) -> WheelInfo:
        more = {f"tiny_model/{name}.py": text.encode() for name, text in code.items()}
        return inspect(make_wheel(tmp_path / version, version=version, more=more))

    old = wheel("0.1.0", features="A = 1", pipeline="B = 1")
    assert wheel("0.1.1", features="A = 1", pipeline="B = 1").changed_code(old) == []
    changed = wheel("0.2.0", features="A = 2", more="C = 1")
    assert changed.changed_code(old) == ["features.py", "more.py", "pipeline.py"]
    extended = inspect(make_wheel(tmp_path / "0.3.0", version="0.3.0", content="D = 1"))
    assert "__init__.py" in extended.changed_code(old)


def test_changed_new_and_missing_files_of_a_folder_are_named(tmp_path: Path) -> None:
    wheel = inspect(make_wheel(tmp_path, more={"tiny_model/features.py": b"A = 1"}))
    with zipfile.ZipFile(wheel.path) as archive:
        archive.extractall(tmp_path / "site")
    package = tmp_path / "site" / "tiny_model"
    assert wheel.changed_files(tmp_path / "site") == []
    init = package / "__init__.py"
    init.write_text(init.read_text().replace("0.1.0", "0.2.0"))
    assert wheel.changed_files(tmp_path / "site") == []
    init.write_text(init.read_text() + "B = 1")
    (package / "new.py").touch()
    (package / "features.py").unlink()
    assert wheel.changed_files(tmp_path / "site") == [f"tiny_model/{n}.py" for n in ("__init__", "features", "new")]


def test_the_same_bytes_under_the_same_name_are_inspected_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspected: list[Path] = []
    real = wheel_module._inspect
    monkeypatch.setattr(wheel_module, "_inspect", lambda path, *more: inspected.append(path) or real(path, *more))
    path = make_wheel(tmp_path, content="once = True")
    copy = written(folder(tmp_path / "copy") / path.name, path.read_bytes())
    first, other = inspect(path), inspect(copy)
    assert (inspected, other.path) == ([path], copy)
    assert replace(other, path=path) == first
    assert first.release is not None
    first.release["name"] = "changed by its caller"
    assert inspect(copy).release == other.release != first.release
    assert inspect(make_wheel(tmp_path, more={"evil.pth": b"import os"})).complaints
    assert inspected == [path, path]
    for number in range(REMEMBERED):
        inspect(make_wheel(tmp_path / "others", version=f"{number}.0", content="once = True"))
    inspect(copy)
    assert inspected[-1] == copy  # forgotten meanwhile
    assert len(wheel_module._inspected) == REMEMBERED


def test_a_wheel_that_is_remembered_is_refused_under_another_name(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    inspect(path)
    with pytest.raises(SeatrialError, match=r"METADATA says tiny-model 0\.1\.0"):
        inspect(path.rename(path.with_name("tiny_model-0.2.0-py3-none-any.whl")))
