"""pylock.toml: it has what the requirements pin, is valid by the standard, and installers install from it."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import tomlkit
from packaging.pylock import Pylock
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import silent
from seatrial.release import FolderIndex
from seatrial.wheels.installer import find_uv, python_in
from seatrial.wheels.lockfile import Lockfile, compile_lockfile, read_lockfile
from seatrial.wheels.pylock import OwnWheel, differences, make_pylock, read_pylock
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import inspect

LINES = ("lib-b", "lib-a<2; sys_platform == 'win32'", "lib-a>=2; sys_platform != 'win32'")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A public index with two versions of a library, and one for Windows alone; uv is set up for it."""
    folder = tmp_path_factory.mktemp("public")
    wheels = [make_wheel(folder, "lib-a", version, release=None) for version in ("1.0", "2.0")]
    wheels.append(make_wheel(folder, "lib-b", "1.0", release=None, requires=("lib-a",)))
    FolderIndex(folder / "index").publish(wheels[:1])
    for wheel in wheels[1:]:
        FolderIndex(folder / "index").publish([wheel])
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "index")))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", f"http://user:secret@127.0.0.1:{server.server_port}/simple/")
        patch.setenv("UV_CACHE_DIR", str(folder / "cache"))
        yield folder / "index"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def locked(public: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lockfile, Path, str]:
    """A lockfile, its own wheel, and the pylock.toml of both."""
    folder = tmp_path_factory.mktemp("wheels")
    model = make_wheel(folder, requires=LINES, requires_python=">=3.11")
    lockfile = compile_lockfile(resolve_release(inspect(model)), silent)
    return lockfile, model, make_pylock(lockfile, [own(model)], ">=3.11")


def own(model: Path) -> OwnWheel:
    return OwnWheel(model.name, sha256(model), model.stat().st_size, str(model))


def test_it_has_what_the_requirements_pin(locked: tuple[Lockfile, Path, str]) -> None:
    lockfile, model, text = locked
    assert differences(text, lockfile) == []
    pylock = Pylock.from_dict(tomllib.loads(text))
    pylock.validate()
    found = [(package.name, str(package.version), str(package.marker or "")) for package in pylock.packages]
    assert found == [
        ("tiny-model", "0.1.0", ""),
        ("lib-a", "1.0", 'sys_platform == "win32"'),
        ("lib-a", "2.0", 'sys_platform != "win32"'),
        ("lib-b", "1.0", ""),
    ]
    assert str(pylock.requires_python) == ">=3.11"
    (wheel,) = pylock.packages[0].wheels or []
    assert (wheel.path, wheel.hashes) == (str(model), {"sha256": sha256(model)})
    assert "secret" not in text
    assert make_pylock(lockfile, [own(model)], ">=3.11") == text  # the same bytes


def test_a_wheel_of_ours_at_a_url_has_its_index(locked: tuple[Lockfile, Path, str]) -> None:
    lockfile, model, _ = locked
    ours = OwnWheel(model.name, sha256(model), 5, "https://index.example/m.whl", "https://index.example/simple/")
    package = read_pylock(make_pylock(lockfile, [ours], None), "it").packages[0]
    assert package.index == "https://index.example/simple/"
    assert package.wheels
    assert (package.wheels[0].url, package.wheels[0].path, package.wheels[0].size) == (ours.location, None, 5)


def test_a_folder_may_be_the_public_index(
    public: Path, locked: tuple[Lockfile, Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", (public / "simple").as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    lockfile, model, _ = locked
    package = read_pylock(make_pylock(lockfile, [own(model)], None), "it").packages[-1]
    assert package.wheels
    where = package.wheels[0].path or (package.wheels[0].url or "").removeprefix("file://")
    assert sha256(Path(where)) == package.wheels[0].hashes["sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_installers_install_from_it(locked: tuple[Lockfile, Path, str], tmp_path: Path, tool: str) -> None:
    (tmp_path / "pylock.toml").write_text(locked[2])
    uv = str(find_uv())
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    python = str(python_in(tmp_path / "venv"))
    command = [uv, "pip", "sync", "--quiet", "--python", python, "pylock.toml"]
    if tool == "pip":
        pip = [sys.executable, "-m", "pip", "--python", python]
        version = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=False).stdout
        if not version or int(version.split()[1].split(".")[0]) < 26:
            pytest.skip("pip is not installed, or does not read pylock.toml")
        command = [*pip, "install", "--quiet", "--no-deps", "--requirement", "pylock.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([uv, "pip", "freeze", "--python", python], capture_output=True, text=True, check=True)
    assert {"lib-a==2.0", "lib-b==1.0"} <= set(listed.stdout.splitlines())
    assert "tiny-model" in listed.stdout


def test_an_installer_refuses_another_file(locked: tuple[Lockfile, Path, str], tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(locked[2].replace(sha256(locked[1]), "0" * 64))
    uv = str(find_uv())
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    command = [uv, "pip", "sync", "--python", str(python_in(tmp_path / "venv")), "pylock.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Hash mismatch" in done.stderr


CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "another version": (lambda d: d["packages"][3].update(version="1.1"), "is not valid"),
    "a package more": (lambda d: d["packages"].append({"name": "lib-c", "directory": {"path": "."}}), "it has lib-c"),
    "a package less": (lambda d: d["packages"].pop(3), "it lacks lib-b 1.0"),
    "a package twice": (lambda d: d["packages"].append(d["packages"][3]), "lib-b 1.0 more than once"),
    "no marker": (lambda d: d["packages"][1].pop("marker"), "it has lib-a 1.0, which"),
    "another hash": (
        lambda d: d["packages"][3]["wheels"][0]["hashes"].update(sha256="0" * 64),
        "it has other files of lib-b 1.0",
    ),
    "another algorithm": (
        lambda d: d["packages"][3]["wheels"][0].update(hashes={"md5": "0" * 32}),
        "it has other files of lib-b 1.0",
    ),
    "a file more": (
        lambda d: d["packages"][3]["wheels"].append(
            {"url": "https://x.example/lib_b-1.0-cp311-cp311-any.whl", "hashes": {"sha256": "1" * 64}}
        ),
        "it has other files of lib-b 1.0",
    ),
    "a folder": (
        lambda d: (d["packages"][3].pop("wheels"), d["packages"][3].update(directory={"path": "."})),
        "it has other files of lib-b 1.0",
    ),
    "a repository": (
        lambda d: (
            d["packages"][3].pop("wheels"),
            d["packages"][3].update(vcs={"type": "git", "url": "https://x.example", "commit-id": "1"}),
        ),
        "it has other files of lib-b 1.0",
    ),
    "no packages": (lambda d: d.pop("packages"), "is not valid"),
    "a later format": (lambda d: d.update({"lock-version": "2.0"}), "is not valid"),
    "no hash": (lambda d: d["packages"][3]["wheels"][0].update(hashes={}), "is not valid"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_installs_something_else_is_named(locked: tuple[Lockfile, Path, str], case: str) -> None:
    document = tomllib.loads(locked[2])
    change, message = CHANGES[case]
    change(document)
    assert any(message in each for each in differences(tomlkit.dumps(document), locked[0]))


@pytest.mark.parametrize("text", ["", "\0", "lock-version = ", "[" * 5000, "[[packages]]\n" * 3])
def test_what_is_no_pylock_is_named(locked: tuple[Lockfile, Path, str], text: str) -> None:
    (message,) = differences(text, locked[0])
    assert message.startswith("pylock.toml is not valid")


def test_a_text_that_was_read_is_not_parsed_again_and_another_is(locked: tuple[Lockfile, Path, str]) -> None:
    lockfile, _, text = locked
    assert read_pylock(text, "it") is read_pylock(text, "it again")
    other = text.replace(lockfile.model.hashes[0], "0" * 64)
    assert other != text
    assert differences(text, lockfile) == []
    assert differences(other, lockfile) != []


def test_a_file_that_the_index_no_longer_has_is_named(public: Path) -> None:
    lockfile = read_lockfile(f"lib-b==1.0 --hash=sha256:{'0' * 64}\n", "here")
    with pytest.raises(SeatrialError, match=r"no longer has the locked files of lib-b==1\.0"):
        make_pylock(lockfile, [], None)
    gone = read_lockfile(f"lib-z==1.0 --hash=sha256:{'0' * 64}\n", "here")
    with pytest.raises(SeatrialError, match="cannot be found; uv says"):
        make_pylock(gone, [], None)


def test_a_name_of_ours_is_not_looked_up_on_the_public_index(locked: tuple[Lockfile, Path, str]) -> None:
    with pytest.raises(SeatrialError, match="The wheel of tiny-model, which is on our own index, is missing"):
        make_pylock(locked[0], [], None)
