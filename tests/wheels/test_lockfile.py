"""Pins: everything by version and hash, no address, and no stranger of the same name."""

import subprocess
from pathlib import Path

import pytest
from tests.projects.tiny import RELEASE, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.environments import make_locked_environment
from seatrial.wheels.lockfile import Lockfile, compile_lockfile, read_lockfile

HASH = "a" * 64


def quiet(_: str) -> None:
    pass


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with a model's wheel and that of a team's own library, which it asks for."""
    folder = tmp_path / "wheels"
    made_with = {**RELEASE, "environment": {"python": "3.11.7", "pydantic": "2.12.0", "seatrial": "0.1.0"}}
    requires = ("tiny-helpers>=1", "iniconfig>=2", "colorama; sys_platform == 'win32'")
    make_wheel(folder, requires=requires, requires_python=">=3.11", release=made_with)
    make_wheel(folder, "tiny-helpers", "1.0", release=None, requires=("iniconfig",))
    return folder


def pinned(wheels: Path) -> Lockfile:
    model, helpers = (wheels / f"{name}-py3-none-any.whl" for name in ("tiny_model-0.1.0", "tiny_helpers-1.0"))
    return compile_lockfile(model, [helpers], extras=(), progress=quiet)


def test_ours_come_first_and_everything_has_a_version_and_a_hash(wheels: Path) -> None:
    pin = pinned(wheels)
    assert [line.name for line in pin.requirements] == ["tiny-model", "tiny-helpers", "colorama", "iniconfig"]
    assert pin.model.hashes == (sha256(wheels / "tiny_model-0.1.0-py3-none-any.whl"),)
    assert "sys_platform == 'win32'" in pin.text  # it is for all platforms
    assert "://" not in pin.text
    assert str(wheels) not in pin.text
    assert read_lockfile(f"# a comment\n\n{pin.text}", "here") == pin


def test_the_versions_that_it_was_made_with_are_kept(tmp_path: Path) -> None:
    made_with = {**RELEASE, "environment": {"pydantic": "2.12.0"}}
    pin = compile_lockfile(
        make_wheel(tmp_path, requires=("pydantic",), release=made_with), [], extras=(), progress=quiet
    )
    assert "pydantic==2.12.0" in pin.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "here pins nothing."),
        ("numpy==2.0\n", "here does not pin numpy to a version and a hash."),
        (f"numpy>=2.0 --hash=sha256:{HASH}\n", "does not pin numpy"),
        (f"numpy==2.*,<3 --hash=sha256:{HASH}\n", "does not pin numpy"),
        ("numpy==2.0 --hash=md5:abc\n", "does not pin numpy"),
        ("--extra-index-url x\n", "a line that pins nothing: '--extra-index-url x'"),
        ("-r other.txt\n", "pins nothing"),
        (f"numpy @ file:///x --hash=sha256:{HASH}\n", "does not pin numpy"),
    ],
)
def test_what_pins_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(SeatrialError) as error:
        read_lockfile(text, "here")
    assert message in error.value.message


def content(python: Path) -> str:
    code = "import tiny_model; print(getattr(tiny_model, 'whose', 'ours'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_stranger_of_the_same_name_elsewhere_is_never_installed(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = pinned(wheels)
    strangers = tmp_path / "strangers"
    for version in ("0.1.0", "99.0"):
        make_wheel(strangers, version=version, content="whose = 'theirs'")
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(strangers))
    environment = make_locked_environment(pin, wheels, cache=tmp_path / "cache")
    assert content(environment.python) == "ours"
    again = make_locked_environment(pin, wheels, cache=tmp_path / "cache")
    assert again.cached
    assert again.root == environment.root


@pytest.mark.parametrize("missing", [False, True], ids=["other bytes", "missing"])
def test_without_the_pinned_bytes_nothing_is_installed(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    pin = pinned(wheels)
    strangers = tmp_path / "strangers"
    make_wheel(strangers, content="whose = 'theirs'")
    monkeypatch.setenv("UV_FIND_LINKS", str(strangers))
    if missing:
        (wheels / "tiny_model-0.1.0-py3-none-any.whl").unlink()
    else:
        make_wheel(wheels, content="whose = 'theirs'")
    with pytest.raises(SeatrialError, match="cannot be made"):
        make_locked_environment(pin, wheels, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("tiny*"))
