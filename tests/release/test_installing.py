"""The real pip and the real uv install from the index, by `file:` and from a static web server."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.projects.tiny import make_sdist, make_wheel

from seatrial.release import FolderIndex
from seatrial.wheels.installer import find_uv


@dataclass(frozen=True)
class Installer:
    """pip or uv, ignoring this machine's settings, with an empty environment to install into."""

    name: str
    command: list[str]
    python: Path

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1"}
        uncached = "--no-cache" if self.name == "uv" else "--no-cache-dir"
        return subprocess.run(
            [*self.command, uncached, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    def version(self, package: str = "tiny_model") -> str:
        code = f"import {package}; print({package}.__version__)"
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.strip()


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest, tmp_path: Path) -> Installer:
    root = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
    python = root / "bin" / "python"
    if request.param == "uv":
        return Installer("uv", [str(find_uv()), "pip", "install", "--python", str(python)], python)
    pip = str(request.getfixturevalue("pip_home"))
    return Installer("pip", [pip, "-m", "pip", "--python", str(python), "install"], python)


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    index = FolderIndex(tmp_path / "an index")
    for version in ("0.1.0", "0.2.0"):
        files = [
            make_wheel(tmp_path, version=version, requires=("other-model",)),
            make_sdist(tmp_path, version=version),
        ]
        index.publish(files)
    index.publish([make_wheel(tmp_path, "other-model", "1.0+2.habc")])
    return index


@pytest.fixture
def site(index: FolderIndex) -> Iterator[tuple[str, list[str]]]:
    """The index behind a static web server; yields its URL and the requested paths."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=index.path))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("by", ["file", "http"])
def test_a_release_and_its_requirements_install_from_the_index(
    installer: Installer, index: FolderIndex, site: tuple[str, list[str]], by: str
) -> None:
    done = installer.install("--index-url", index.url if by == "file" else site[0], "tiny-model==0.1.0")
    assert done.returncode == 0, done.stderr
    assert installer.version() == "0.1.0"
    assert installer.version("other_model") == "1.0+2.habc"


@pytest.mark.parametrize("by", ["file", "http"])
def test_a_pinned_and_hashed_release_installs_and_another_hash_does_not(
    installer: Installer, index: FolderIndex, site: tuple[str, list[str]], tmp_path: Path, by: str
) -> None:
    pins = tmp_path / "requirements.txt"
    own = index.find("tiny-model==0.2.0").sha256
    for digest, works in (("0" * 64, False), (own, True)):
        pins.write_text(f"tiny-model==0.2.0 --hash=sha256:{digest}\n")
        url = index.url if by == "file" else site[0]
        done = installer.install("--index-url", url, "--no-deps", "--require-hashes", "-r", str(pins))
        assert (done.returncode == 0) is works, done.stderr
        assert installer.version() == ("0.2.0" if works else "")


def test_a_file_that_was_changed_on_the_index_does_not_install(
    installer: Installer, index: FolderIndex, tmp_path: Path
) -> None:
    stored = index.fetch(index.find("tiny-model==0.2.0"))
    stored.write_bytes(make_wheel(tmp_path / "evil", version="0.2.0", content="evil = 1").read_bytes())
    done = installer.install("--index-url", index.url, "--no-deps", "--only-binary", ":all:", "tiny-model==0.2.0")
    assert done.returncode != 0
    assert installer.version() == ""


def test_versions_are_compared_by_metadata_alone(
    installer: Installer, index: FolderIndex, site: tuple[str, list[str]], tmp_path: Path
) -> None:
    """Of a version that cannot be installed only the metadata is fetched, never the wheel."""
    index.publish([make_wheel(tmp_path, version="0.3.0", requires=("other-model>=9",))])
    done = installer.install("--index-url", site[0], "tiny-model")
    assert done.returncode == 0, done.stderr
    assert installer.version() == "0.2.0"
    asked = [path for path in site[1] if "tiny_model-0.3.0" in path]
    assert asked
    assert all(path.endswith(".whl.metadata") for path in asked)


def test_a_release_for_another_python_is_skipped(installer: Installer, index: FolderIndex, tmp_path: Path) -> None:
    files = [
        make_wheel(tmp_path, version="0.4.0", requires_python=">=4"),
        make_sdist(tmp_path, version="0.4.0"),
    ]
    index.publish(files)
    done = installer.install("--index-url", index.url, "tiny-model")
    assert done.returncode == 0, done.stderr
    assert installer.version() == "0.2.0"
