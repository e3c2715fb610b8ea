"""Seatrial's own wheel on a local index: a new version for changed sources, and the newest is the highest."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.projects.tiny import make_wheel

import seatrial
from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.release import FolderIndex, build_toolkit, inspect, publish_toolkit
from seatrial.release import toolkit as module

CHECKOUT = Path(__file__).parents[2]


def test_two_builds_of_the_toolkit_are_identical(tmp_path: Path) -> None:
    first, second = build_toolkit(tmp_path / "a"), build_toolkit(tmp_path / "b")
    info = inspect(first)
    assert first.read_bytes() == second.read_bytes()
    assert (info.name, info.version) == ("seatrial", seatrial.__version__)
    assert "seatrial/core/errors.py" in info.record
    assert len(info.complaints) == 2  # it is a library: a hook of pytest, and no release.json


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the checkout that may be edited, in the place of the running one."""
    root = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in module.ROOT_FILES:
        shutil.copy(CHECKOUT / name, root / name)
    monkeypatch.setattr(seatrial, "__file__", str(root / "src" / "seatrial" / "__init__.py"))
    return root


def test_another_index_gets_the_same_wheel_without_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def build(folder: Path, *, local: str, progress: Progress) -> Path:
        built.append(local)
        return make_wheel(folder, "seatrial", f"0.1.0+{local}", release=None)

    monkeypatch.setattr(module, "build_toolkit", build)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    one, two, three = (FolderIndex(tmp_path / name) for name in ("one", "two", "three"))
    first = publish_toolkit(one)
    (kept,) = (tmp_path / "home" / "toolkit").iterdir()
    assert publish_toolkit(two).sha256 == first.sha256
    assert len(built) == 1
    kept.write_bytes(kept.read_bytes()[:1000])
    assert publish_toolkit(three).sha256 == first.sha256
    assert len(built) == 2, "a damaged one is built again"
    assert inspect(kept).sha256 == first.sha256
    monkeypatch.setattr(module, "_fingerprint", lambda *_: "other")
    assert publish_toolkit(three).version.endswith("2.hother")
    assert len(built) == 3


def test_an_edited_toolkit_is_a_new_version_and_the_newest_is_found(checkout: Path, tmp_path: Path) -> None:
    index = FolderIndex(tmp_path / "index")
    code = checkout / "src" / "seatrial" / "core" / "errors.py"
    original = code.read_text()
    first = publish_toolkit(index)
    assert publish_toolkit(index) == first, "unchanged sources are not built again"

    code.write_text(original + "\n# edited\n")
    second = publish_toolkit(index)
    code.write_text(original)
    third = publish_toolkit(index)

    assert [release.version.partition(".h")[0] for release in (first, second, third)] == [
        f"{seatrial.__version__}+{number}" for number in (1, 2, 3)
    ]
    assert first.version.partition(".h")[2] == third.version.partition(".h")[2]
    assert index.find("seatrial>=0.1,<0.2") == third
    wheel = inspect(index.fetch(second))
    assert wheel.release is None
    shown = "import sys; sys.path.insert(0, sys.argv[1]); import seatrial; print(seatrial.__version__)"
    done = subprocess.run([sys.executable, "-c", shown, wheel.path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == second.version


def test_an_installed_toolkit_cannot_be_built_and_reports_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seatrial, "__file__", str(tmp_path / "site-packages" / "seatrial" / "__init__.py"))
    monkeypatch.setattr(module, "distribution", lambda name: NoOrigin())
    with pytest.raises(SeatrialError, match="which is not a checkout") as error:
        build_toolkit(tmp_path)
    assert "pip download seatrial" in error.value.hint


class NoOrigin:
    def read_text(self, name: str) -> None:
        return None
