"""What the running Python has compiled is copied into an environment, and only where the source is the same."""

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.wheels import compiled
from seatrial.wheels.compiled import copy_compiled, is_compiled

SOURCE = "def place():\n    return place.__code__.co_filename\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages of the running Python: one that it has imported."""
    folder = write(tmp_path / "own", SOURCE, time=1_700_000_000)
    py_compile.compile(str(folder / "lib" / "__init__.py"), doraise=True)
    monkeypatch.setattr(compiled.sysconfig, "get_path", lambda name: str(folder))
    return folder


def write(folder: Path, source: str, time: int) -> Path:
    (folder / "lib").mkdir(parents=True)
    path = folder / "lib" / "__init__.py"
    path.write_text(source)
    os.utime(path, (time, time))
    return folder


def pyc(folder: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(folder / "lib" / "__init__.py")))


def test_the_same_source_is_not_compiled_again_whatever_its_time(own: Path, tmp_path: Path) -> None:
    site = write(tmp_path / "site", SOURCE, time=1_600_000_000)
    assert not is_compiled(site, "lib")
    assert copy_compiled(site) == 1
    assert is_compiled(site, "lib")
    loaded = "import sys; sys.path.insert(0, sys.argv[1]); import lib; print(lib.place())"
    done = subprocess.run(
        [sys.executable, "-I", "-v", "-c", loaded, str(site)], capture_output=True, text=True, check=True
    )
    assert f"{pyc(site)} matches {site}" in done.stderr
    assert done.stdout.strip() == str(site / "lib" / "__init__.py")  # an error names the file that was run


@pytest.mark.parametrize(
    "change", ["another source", "stale", "another Python", "never imported", "another package", "there already"]
)
def test_anything_else_is_left_to_python(change: str, own: Path, tmp_path: Path) -> None:
    site = write(tmp_path / "site", SOURCE + ("x = 1\n" if change == "another source" else ""), time=1_700_000_000)
    if change == "stale":  # edited since, as an editor that keeps the size would
        os.utime(own / "lib" / "__init__.py", (1_700_000_001, 1_700_000_001))
    if change == "another Python":
        pyc(own).write_bytes(b"1234" + pyc(own).read_bytes()[4:])
    if change == "never imported":
        pyc(own).unlink()
    if change == "another package":
        (site / "lib").rename(site / "library")
    if change == "there already":
        pyc(site).parent.mkdir()
        pyc(site).write_bytes(b"its own")
    before = [path.read_bytes() for path in site.rglob("*.pyc")]
    assert copy_compiled(site) == 0
    assert [path.read_bytes() for path in site.rglob("*.pyc")] == before
    assert len(before) == (change == "there already")


def test_another_place_for_compiled_modules_is_not_used(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes of an environment are isolated, and do not look there."""
    site = write(tmp_path / "site", SOURCE, time=1_700_000_000)
    place = pyc(site)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "prefix"))
    assert copy_compiled(site) == 1
    assert place.is_file()
    assert not (tmp_path / "prefix").exists()


def test_the_toolkit_is_found_where_it_is_imported_from(tmp_path: Path) -> None:
    here = Path(compiled.__file__)
    py_compile.compile(str(here), doraise=True)
    (tmp_path / "seatrial" / "wheels").mkdir(parents=True)
    (tmp_path / "seatrial" / "wheels" / "compiled.py").write_bytes(here.read_bytes())
    assert copy_compiled(tmp_path) == 1
