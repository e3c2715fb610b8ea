"""Lockfiles: everything by version and hash, no URLs, and no other package of the same name."""

import subprocess
from pathlib import Path

import pytest
from tests.projects.tiny import RELEASE, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import silent
from seatrial.release import FolderIndex
from seatrial.wheels.environments import make_locked_environment
from seatrial.wheels.lockfile import Lockfile, compile_lockfile, read_lockfile
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import inspect

HASH = "a" * 64


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with a model's wheel and a team's own library, which it requires."""
    folder = tmp_path / "wheels"
    made_with = {**RELEASE, "environment": {"python": "3.11.7", "pydantic": "2.12.0", "seatrial": "0.1.0"}}
    requires = ("tiny-helpers>=1", "iniconfig>=2", "colorama; sys_platform == 'win32'")
    make_wheel(folder, requires=requires, requires_python=">=3.11", release=made_with)
    make_wheel(folder, "tiny-helpers", "1.0", release=None, requires=("iniconfig",))
    return folder


def lock(wheels: Path) -> Lockfile:
    model, helpers = (wheels / f"{name}-py3-none-any.whl" for name in ("tiny_model-0.1.0", "tiny_helpers-1.0"))
    index = FolderIndex(wheels.parent / "index")
    index.publish([helpers])
    return compile_lockfile(resolve_release(inspect(model), index=index), silent)


def test_our_wheels_come_first_and_everything_has_a_version_and_a_hash(wheels: Path) -> None:
    lockfile = lock(wheels)
    assert [line.name for line in lockfile.requirements] == ["tiny-model", "tiny-helpers", "colorama", "iniconfig"]
    assert lockfile.model.hashes == (sha256(wheels / "tiny_model-0.1.0-py3-none-any.whl"),)
    assert "sys_platform == 'win32'" in lockfile.text  # it is for all platforms
    assert "://" not in lockfile.text
    assert str(wheels) not in lockfile.text
    assert read_lockfile(f"# a comment\n\n{lockfile.text}", "here") == lockfile


def test_the_versions_that_the_release_was_made_with_are_kept(tmp_path: Path) -> None:
    made_with = {**RELEASE, "environment": {"pydantic": "2.12.0"}}
    wheel = inspect(make_wheel(tmp_path, requires=("pydantic",), release=made_with))
    lockfile = compile_lockfile(resolve_release(wheel), silent)
    assert "pydantic==2.12.0" in lockfile.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "here is empty."),
        ("numpy==2.0\n", "here does not pin numpy to a version and a hash."),
        (f"numpy>=2.0 --hash=sha256:{HASH}\n", "does not pin numpy"),
        (f"numpy==2.*,<3 --hash=sha256:{HASH}\n", "does not pin numpy"),
        ("numpy==2.0 --hash=md5:abc\n", "does not pin numpy"),
        ("--extra-index-url x\n", "here has an invalid line: '--extra-index-url x'"),
        ("-r other.txt\n", "has an invalid line: '-r other.txt'"),
        (f"numpy @ file:///x --hash=sha256:{HASH}\n", "does not pin numpy"),
    ],
)
def test_a_line_without_version_and_hash_is_refused(text: str, message: str) -> None:
    with pytest.raises(SeatrialError) as error:
        read_lockfile(text, "here")
    assert message in error.value.message


def content(python: Path) -> str:
    code = "import tiny_model; print(getattr(tiny_model, 'whose', 'ours'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_another_package_of_the_same_name_is_never_installed(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lockfile = lock(wheels)
    others = tmp_path / "others"
    for version in ("0.1.0", "99.0"):
        make_wheel(others, version=version, content="whose = 'theirs'")
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(others))
    environment = make_locked_environment(lockfile, wheels, cache=tmp_path / "cache")
    assert content(environment.python) == "ours"
    again = make_locked_environment(lockfile, wheels, cache=tmp_path / "cache")
    assert again.cached
    assert again.root == environment.root


@pytest.mark.parametrize("missing", [False, True], ids=["different content", "missing"])
def test_without_the_locked_files_nothing_is_installed(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    lockfile = lock(wheels)
    others = tmp_path / "others"
    make_wheel(others, content="whose = 'theirs'")
    monkeypatch.setenv("UV_FIND_LINKS", str(others))
    if missing:
        (wheels / "tiny_model-0.1.0-py3-none-any.whl").unlink()
    else:
        make_wheel(wheels, content="whose = 'theirs'")
    words = "The wheel of tiny-model, which is on our own index, is missing" if missing else "cannot be created"
    with pytest.raises(SeatrialError, match=words):
        make_locked_environment(lockfile, wheels, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("tiny*"))
