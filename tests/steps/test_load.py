"""A release is loaded from its wheel into this interpreter, apart from others of the same name, and not installed."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.projects.tiny import make_wheel

import seatrial
from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import find_project, importable
from seatrial.core.state import state_home
from seatrial.release import FolderIndex

JACK = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20.0}
LATE_IMPORT = """

def title(name: str) -> str:
    from titanic_model import __version__, constants  # found only while the release is at work

    constants.CALLS.append(__version__)
    return _title(name)
"""


def wheel_of(project: Path, folder: Path, version: str, **more: bytes) -> Path:
    """A wheel of the trained project under another version, made by hand in milliseconds."""
    package = project / "src" / "titanic_model"
    files = {
        f"titanic_model/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    init = files["titanic_model/__init__.py"].replace(b'"0.1.0"', f'"{version}"'.encode())
    files |= {"titanic_model/__init__.py": init, **{f"titanic_model/{name}.py": text for name, text in more.items()}}
    return make_wheel(folder, "titanic-model", version, requires=("seatrial>=0.1,<0.2",), release=None, more=files)


@pytest.fixture(scope="module")
def index(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    index = FolderIndex(folder / "index")
    index.publish([wheel_of(titanic_project, folder, "0.1.0")])
    features = (titanic_project / "src/titanic_model/features.py").read_bytes()
    text = features.replace(b"def title(", b"def _title(") + LATE_IMPORT.encode()
    index.publish([wheel_of(titanic_project, folder, "0.2.0", features=text, constants=b"CALLS = []\n")])
    return folder / "index"


def test_a_release_of_an_index_predicts_as_the_project_does(index: Path, titanic):
    release = seatrial.load("titanic-model==0.1.0", index=str(index))
    assert (release.name, release.version) == ("titanic-model", "0.1.0")
    assert release.predict(JACK) == titanic.predict(JACK)
    assert release.explain(JACK) == titanic.explain(JACK)
    assert repr(release) == "<Release titanic-model 0.1.0>"


def test_a_wheel_is_loaded_by_its_path_and_unpacked_once(titanic_project: Path, tmp_path: Path):
    wheel = wheel_of(titanic_project, tmp_path, "0.1.7")
    assert seatrial.load(wheel).version == "0.1.7"
    folder = state_home() / "loaded" / sha256(wheel)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.onnx")}
    assert len(before) == 1
    assert seatrial.load(str(wheel)).version == "0.1.7"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.onnx")} == before
    assert not list(folder.parent.glob(".unpacking-*"))


def test_two_releases_and_the_project_work_side_by_side(index: Path, titanic_project: Path):
    old, new = (seatrial.load(f"titanic-model=={version}", index=str(index)) for version in ("0.1.0", "0.2.0"))
    frame = pd.DataFrame([JACK, {**JACK, "sex": "female"}])
    for _ in range(2):  # whichever was at work last
        assert (old.version, new.version) == ("0.1.0", "0.2.0")
        pd.testing.assert_frame_equal(old.predict(frame), new.predict(frame))
        assert old.explain(JACK) == new.explain(JACK)
    with importable(find_project(titanic_project)):
        import titanic_model

        assert Path(titanic_model.__file__).is_relative_to(titanic_project)
        assert new.predict(JACK) == old.predict(JACK)
        assert sys.modules["titanic_model"] is titanic_model


def test_an_import_within_a_function_finds_the_release_that_it_belongs_to(index: Path):
    new = seatrial.load("titanic-model==0.2.0", index=str(index))
    seatrial.load("titanic-model==0.1.0", index=str(index))
    calls = new._modules["titanic_model.constants"].CALLS
    calls.clear()
    new.predict(JACK)
    assert calls == ["0.2.0"]


def test_nothing_is_left_on_the_path_or_among_the_modules(index: Path):
    path, modules = list(sys.path), {name for name in sys.modules if name.startswith("titanic_model")}
    seatrial.load("titanic-model==0.1.0", index=str(index)).predict(JACK)
    assert sys.path == path
    assert {name for name in sys.modules if name.startswith("titanic_model")} == modules


def test_an_unsafe_wheel_is_not_unpacked(tmp_path: Path):
    wheel = make_wheel(tmp_path, more={"tiny_model/hook.pth": b"import os"})
    with pytest.raises(SeatrialError, match="is refused"):
        seatrial.load(wheel)
    assert not (state_home() / "loaded" / sha256(wheel)).exists()


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        ("no-such-thing-anywhere>=1", r"requires no-such-thing-anywhere>=1 \(not installed\)"),
        ("numpy>=99", r"requires numpy>=99 \(installed: "),
    ],
)
def test_a_missing_requirement_of_the_wheel_is_named(tmp_path: Path, requires: str, message: str):
    wheel = make_wheel(tmp_path, requires=(requires, "no-such-extra; extra == 'x'"))
    with pytest.raises(SeatrialError, match=message) as raised:
        seatrial.load(wheel)
    assert "no-such-extra" not in raised.value.message


def test_a_missing_module_is_named(tmp_path: Path):
    wheel = make_wheel(tmp_path, content="import no_such_module_anywhere")
    with pytest.raises(SeatrialError, match="needs no_such_module_anywhere, which is not installed here"):
        seatrial.load(wheel)


def test_outside_a_project_an_index_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SeatrialError, match="No index to load titanic-model from"):
        seatrial.load("titanic-model")
