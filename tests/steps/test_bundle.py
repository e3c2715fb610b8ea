"""A bundle has what workers need to predict, and nothing that depends on when or where it was made."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.projects.tiny import make_wheel
from tests.steps.test_load import JACK, wheel_of

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import index_in_folder
from seatrial.engines.worker import BUNDLE_FILE
from seatrial.release import FolderIndex
from seatrial.steps import bundle as step
from seatrial.steps.bundle import _compatible, _exact, _installed_toolkit, _unpacked, _write, bundle
from seatrial.wheels.lockfile import read_lockfile
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import inspect

LOCK = "".join(
    f"{name}=={number} --hash=sha256:{hashlib.sha256(name.encode()).hexdigest()}\n"
    for name, number in {"numpy": "2.4.6", "onnxruntime": "1.32.0", "pyarrow": "26.0.1", "flatbuffers": "25.12"}.items()
)


def make_index(project: Path, folder: Path) -> Path:
    """An index with the trained project's wheel, and one of the running Seatrial, both made by hand in milliseconds."""
    root = Path(step.__file__).parents[2]
    names = [path.relative_to(root).as_posix() for path in (root / "seatrial").rglob("*.py")]
    some = ("__init__.py", "core", "engines", "model", "serve", "stores")
    more = {name: (root / name).read_bytes() for name in names if name.split("/")[1] in some}
    requires = ("numpy>=2.0", "onnxruntime>=1.24.4", 'pyarrow>=18; extra == "bulk"', 'httpx; extra == "cli"')
    index = FolderIndex(folder / "index")
    index.publish([make_wheel(folder, "seatrial", requires=requires, release=None, more=more)])
    index.publish([wheel_of(project, folder, "0.1.0")])
    return folder / "index"


@pytest.fixture(scope="module")
def index(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_index(titanic_project, tmp_path_factory.mktemp("index"))


@pytest.fixture
def resolution(index: Path):
    opened = FolderIndex(index)
    return resolve_release(opened.fetch_wheel(opened.find("titanic-model")), extras=("bulk",), index=opened)


def test_a_bundle_of_the_same_release_has_the_same_bytes(resolution, tmp_path: Path):
    versions = _exact(read_lockfile(LOCK, "here"))
    one, other = (_write(resolution, LOCK, versions, tmp_path / name) for name in ("one", "other"))
    assert one.archive.read_bytes() == other.archive.read_bytes()
    with zipfile.ZipFile(one.archive) as archive:
        names = archive.namelist()
        document = json.loads(archive.read(BUNDLE_FILE))
    assert names == sorted(names)
    assert {"titanic_model/artifacts/model.onnx", "seatrial/model/release.py", "seatrial/engines/spark.py"} <= set(
        names
    )
    assert not [name for name in names if name.startswith("seatrial/serve/")]
    assert document["release"] == "titanic-model 0.1.0"
    assert document["wheels"] == {each.wheel.filename: each.wheel.sha256 for each in resolution.wheels}
    assert document["versions"] == {"numpy": ["==2.4.6"], "onnxruntime": ["==1.32.0"], "pyarrow": ["==26.0.1"]}


def test_the_compatible_versions_are_those_that_the_wheels_allow(resolution):
    assert _compatible(resolution) == {"numpy": [">=2.0"], "onnxruntime": [">=1.24.4"], "pyarrow": [">=18"]}


@pytest.mark.parametrize(
    ("wanted", "floor"), [("numpy>=2.2", ">=2.2"), ("numpy>=1.9,<3", ">=2.0"), ("numpy~=2.10", ">=2.10"),
                          ("numpy==2.3.1", "==2.3.1"), ("numpy==2.*", ">=2"), ("numpy<3", ">=2.0")]
)  # fmt: skip
def test_a_release_s_own_requirements_count_as_those_of_seatrial(tmp_path: Path, wanted: str, floor: str):
    wheels = [make_wheel(tmp_path, name, requires=needs, release=None) for name, needs in
              (("churn-model", (wanted,)), ("seatrial", ("numpy>=2.0",)))]  # fmt: skip
    resolution = SimpleNamespace(wheels=[SimpleNamespace(wheel=inspect(path), extras=()) for path in wheels])
    assert _compatible(resolution) == {"numpy": [floor]}


def test_a_python_with_the_image_s_libraries_predicts_from_the_bundle(resolution, tmp_path: Path, titanic):
    made = _write(resolution, LOCK, _compatible(resolution), tmp_path / "bundle")
    with zipfile.ZipFile(made.archive) as archive:
        archive.extractall(tmp_path / "site")
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    code = (
        f"import sys, json; sys.path[:0] = ['site']; sys.path += {libraries!r}; import seatrial, titanic_model;"
        "import seatrial.engines.spark, seatrial.engines.ray, seatrial.engines.worker as w; w.check_versions(w.Path('site'));"
        f"print(json.dumps([seatrial.__file__, titanic_model.predict([{JACK!r}])]))"
    )
    # without site, where the checkout is installed
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    file, predicted = json.loads(done.stdout)
    assert Path(tmp_path / file).is_relative_to(tmp_path / "site")
    assert predicted == json.loads(json.dumps(titanic.predict([JACK])))


def test_a_bundle_is_made_from_an_index_with_locked_requirements(index: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(step, "compile_lockfile", lambda resolution, progress: read_lockfile(LOCK, "here"))
    monkeypatch.setattr(step, "offer_toolkit", lambda index, progress: index)
    made = bundle("titanic-model==0.1.0", tmp_path / "bundle", index=index_in_folder(index))
    assert made.requirements.read_text() == LOCK
    assert made.versions["numpy"] == ["==2.4.6"]
    assert made.size == made.archive.stat().st_size < 400_000
    by_path = bundle(next(index.rglob("titanic_model*.whl")), tmp_path / "other", index=index_in_folder(index))
    assert by_path.archive.read_bytes() == made.archive.read_bytes()


def test_what_is_compiled_for_a_machine_is_not_shipped(tmp_path: Path):
    wheel = make_wheel(tmp_path, "fast", release=None)
    compiled = wheel.rename(wheel.with_name("fast-0.1.0-cp311-cp311-linux_x86_64.whl"))
    info = inspect(wheel := Path(compiled.rename(wheel)))
    other = type(info)(**{**vars(info), "path": compiled})
    with pytest.raises(SeatrialError, match=r"linux_x86_64\.whl is compiled for a kind of machine") as refused:
        list(_unpacked(other))
    assert "image" in refused.value.hint


def test_a_release_needs_an_index_or_a_wheel(tmp_path: Path):
    with pytest.raises(SeatrialError, match="No index is named") as refused:
        bundle("titanic-model", tmp_path, index=None)
    assert "wheel" in refused.value.hint
    (tmp_path / "file").touch()
    with pytest.raises(SeatrialError, match="is a file"):
        bundle("titanic-model", tmp_path / "file", index=None)


def test_seatrial_from_the_public_index_is_taken_from_where_it_is_installed(tmp_path: Path, monkeypatch):
    class Installed:
        def __init__(self, names: list[str]) -> None:
            self.names = names

        @property
        def files(self):
            from importlib.metadata import PackagePath

            found = [PackagePath(name) for name in self.names]
            for each in found:
                each.dist = self  # type: ignore[assignment]
            return found

        def locate_file(self, name: object) -> Path:
            return tmp_path / str(name)

    names = ["seatrial/__init__.py", "seatrial/model/release.py", "seatrial-0.1.0.dist-info/METADATA"]
    others = [
        "seatrial/serve/app.py",
        "../../bin/seatrial",
        "seatrial/__pycache__/x.pyc",
        "seatrial-0.1.0.dist-info/RECORD",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(step, "distribution", lambda name: Installed([*names, *others]))
    assert list(_installed_toolkit()) == [(name, name.encode()) for name in names]
    monkeypatch.setattr(step, "distribution", lambda name: Installed(["seatrial.pth"]))
    with pytest.raises(SeatrialError, match="cannot be found here"):
        list(_installed_toolkit())


def test_a_folder_that_cannot_be_made_is_refused_in_words(resolution, tmp_path: Path):
    (tmp_path / "file").write_text("")
    for folder in (Path("/proc/bundle"), tmp_path / "file" / "bundle"):
        with pytest.raises(SeatrialError, match=r"cannot be made: (No such file or directory|Not a directory)"):
            _write(resolution, LOCK, _compatible(resolution), folder)
