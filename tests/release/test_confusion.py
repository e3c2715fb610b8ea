"""Dependency confusion: version 99 of our model is on the public index, by somebody else.

First what happens with the set-ups that people use, so that the attack is known to be real; then that each of ours
installs our wheel, or nothing.
"""

import functools
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.projects.tiny import make_wheel
from tests.release.indexes import TOKEN, Private, private_index

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import index_at_url
from seatrial.core.own_names import OwnNames
from seatrial.core.progress import silent
from seatrial.release import FolderIndex, Index, open_index
from seatrial.steps.lockfile import lock_release
from seatrial.wheels import installer
from seatrial.wheels.environments import make_environment
from seatrial.wheels.installer import find_uv
from seatrial.wheels.wheel import inspect

OURS, THEIRS, NOTHING = "0.1.0", "99.0", ""
DOWN = "http://127.0.0.1:9/simple/"  # a port that nothing listens on


class World:
    """Our private index, the public one with the attacker's package, and a way to install from them."""

    def __init__(self, private: Private, public: str, pip: Path, empty: str, pin: str) -> None:
        self.private, self.public, self.pip, self.empty, self.pin = private.with_token, public, pip, empty, pin

    def install(self, tool: str, folder: Path, *words: str, **settings: str) -> str:
        """Install into a folder and return the version of the installed package, which shows whose it is."""
        target = folder / "target"
        command = {
            "pip": [str(self.pip), "-m", "pip", "install", "--no-cache-dir", "--quiet", "--target", str(target)],
            "uv": [str(find_uv()), "pip", "install", "--no-cache", "--python", sys.executable, "--target", str(target)],
        }[tool]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0", **settings}
        environment |= {"UV_NO_CONFIG": "1"} if "--config-file" not in words else {}
        self.done = subprocess.run(
            [*command, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        init = target / "tiny_model" / "__init__.py"
        version = init.read_text().split('"')[1] if init.is_file() else NOTHING
        assert (self.done.returncode == 0) is bool(version), self.done.stderr
        return version


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, pip_home: Path) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    ours = FolderIndex(root / "private")
    ours.publish([make_wheel(root, version=OURS)])
    public = FolderIndex(root / "public")
    public.publish([make_wheel(root / "evil", version=THEIRS, content="evil = True")])
    public.publish([make_wheel(root / "evil", version=OURS, content="evil = True")])
    public.publish([make_wheel(root / "evil", "acme-utils", "99.0", release=None, content="evil = True")])
    public.publish([make_wheel(root / "evil", "seatrial", "0.1.0", release=None)])
    public.publish([make_wheel(root / "evil", "popular", "1.0", release=None, requires=("acme-utils",))])
    public.publish([make_wheel(root / "evil", "wanted", "1.0", release=None, requires=("acme-built",))])
    publish_source(public.path, "acme-built")
    handler = functools.partial(_Quiet, directory=public.path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with private_index(root / "private") as private, private_index(root / "empty") as empty:
        url = f"http://127.0.0.1:{server.server_port}/simple/"
        release = ours.find("tiny-model")
        pin = f"{release.requirement} --hash=sha256:{release.sha256}"
        yield World(private, url, pip_home, empty.with_token, pin)
    server.shutdown()
    server.server_close()


BACK_END = """import os, pathlib
pathlib.Path(os.environ["TMPDIR"], "built").write_text(os.environ.get("SEATRIAL_INDEX_TOKEN", ""))
raise SystemExit(1)
"""


def publish_source(folder: Path, name: str) -> None:
    """Offer only an sdist, whose build writes the token of our index to a file."""
    stem = f"{name.replace('-', '_')}-1.0"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n',
        "back_end.py": BACK_END,
    }
    page = folder / "simple" / name
    page.mkdir(parents=True)
    with tarfile.open(page / f"{stem}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    (page / "index.html").write_text(f'<a href="{stem}.tar.gz">{stem}.tar.gz</a>')


class _Quiet(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - the paths of all requests

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


def hashed(world: World, folder: Path) -> list[str]:
    path = folder / "requirements.txt"
    path.write_text(world.pin + "\n")
    return ["--require-hashes", "--no-deps", "-r", str(path)]


@pytest.mark.soak
def test_the_attack_is_real(world: World, tmp_path: Path) -> None:
    """What must not be used: private index as extra or as primary, and either of them down or empty."""
    cases = {
        "extra": ("pip", "tiny-model", world.public, world.private),
        "primary": ("pip", "tiny-model", world.private, world.public),
        "down": ("pip", "tiny-model", world.public, DOWN),
        "uv, private 404": ("uv", "tiny-model", world.public, world.empty),
    }
    for number, (case, (tool, name, index, extra)) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        got = world.install(tool, folder, "--index-url", index, "--extra-index-url", extra, name)
        assert got == THEIRS, case


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_the_model_installed_alone_from_the_private_index_is_ours(world: World, tmp_path: Path, tool: str) -> None:
    """The first of two steps; the second installs the rest by hash or name, and never this name."""
    assert world.install(tool, tmp_path, "--no-deps", "--index-url", world.private, "tiny-model") == OURS


@pytest.mark.parametrize("tool", ["pip", "uv"])
@pytest.mark.parametrize("private", ["down", "404"])
def test_installing_the_model_alone_fails_closed(world: World, tmp_path: Path, tool: str, private: str) -> None:
    url = DOWN if private == "down" else world.empty
    assert world.install(tool, tmp_path, "--no-deps", "--index-url", url, "tiny-model") == NOTHING


def test_a_hashed_requirement_with_pips_extra_index_is_ours(world: World, tmp_path: Path) -> None:
    words = hashed(world, tmp_path)
    got = world.install("pip", tmp_path, *words, "--index-url", world.public, PIP_EXTRA_INDEX_URL=world.private)
    assert got == OURS
    assert "evil" not in (tmp_path / "target" / "tiny_model" / "__init__.py").read_text()


@pytest.mark.parametrize("private", ["down", "404"])
def test_a_hashed_requirement_fails_closed(world: World, tmp_path: Path, private: str) -> None:
    url = DOWN if private == "down" else world.empty
    words = hashed(world, tmp_path)
    assert world.install("pip", tmp_path, *words, "--index-url", world.public, PIP_EXTRA_INDEX_URL=url) == NOTHING
    assert "hash" in world.done.stderr.lower()


def test_a_hashed_requirement_with_uv_is_ours_or_fails(world: World, tmp_path: Path) -> None:
    for number, (url, version) in enumerate(((world.private, OURS), (DOWN, NOTHING), (world.empty, NOTHING))):
        folder = tmp_path / str(number)
        folder.mkdir()
        got = world.install("uv", folder, *hashed(world, folder), "--index-url", world.public, "--extra-index-url", url)
        assert got == version
        if got:
            assert "evil" not in (folder / "target" / "tiny_model" / "__init__.py").read_text()


@pytest.mark.parametrize(("private", "version"), [("up", OURS), ("down", NOTHING), ("404", NOTHING)])
def test_uvs_explicit_index_is_ours_or_fails(world: World, tmp_path: Path, private: str, version: str) -> None:
    url = {"up": world.private, "down": DOWN, "404": world.empty}[private]
    (tmp_path / "pyproject.toml").write_text(f"""\
[project]
name = "an-app"
version = "1"
dependencies = ["tiny-model"]
[tool.uv.sources]
tiny-model = {{ index = "team" }}
[[tool.uv.index]]
name = "team"
url = "{url}"
explicit = true
[[tool.uv.index]]
name = "public"
url = "{world.public}"
default = true
""")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(find_uv()), "sync", "--no-cache", "--no-install-project", "--python", sys.executable],
        cwd=tmp_path,
        env=environment | {"UV_HTTP_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    inits = list((tmp_path / ".venv").glob("lib/*/site-packages/tiny_model/__init__.py"))
    assert (done.returncode == 0) is bool(version), done.stderr
    assert [path.read_text().split('"')[1] for path in inits] == ([version] if version else [])


def test_our_environments_take_the_model_only_from_the_private_index(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", world.public)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("SEATRIAL_INDEX_TOKEN", TOKEN)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    url = "http://" + world.private.rpartition("@")[2]
    index = open_index(index_at_url(url))
    needs = make_wheel(tmp_path, "outer-model", requires=("tiny-model",))
    made = make_environment(inspect(needs), index=index, cache=tmp_path / "c")
    code = "import tiny_model; print(tiny_model.__version__)"
    done = subprocess.run([made.python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == OURS


# A dependency of ours that our index lacks


@pytest.fixture
def ours(world: World, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Our index, without a release of acme-utils, which the public one has."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", world.public)
    monkeypatch.setenv("PIP_INDEX_URL", world.public)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("SEATRIAL_INDEX_TOKEN", TOKEN)
    _Quiet.asked.clear()
    index = open_index(index_at_url("http://" + world.private.rpartition("@")[2]))
    index.names_of_ours = OwnNames(own=("acme-*",))
    return index


def installed(wheel: Path, index: Index, cache: Path) -> bool:
    made = make_environment(inspect(wheel), index=index, cache=cache)
    return bool(list(made.root.glob("lib/*/site-packages/acme_utils/__init__.py")))


def test_an_own_name_never_leaves_our_index(ours: Index, tmp_path: Path) -> None:
    """Without the setting it is taken from the public index, as pip and uv do."""
    wheel = make_wheel(tmp_path, "outer-model", requires=("acme-utils>=1",))
    words = f"{ours.where} has no acme-utils, which is one of the project's own names"
    with pytest.raises(SeatrialError, match=words):
        installed(wheel, ours, tmp_path / "cache")
    with pytest.raises(SeatrialError, match=words):
        lock_release(inspect(wheel), ours, [], silent)
    assert [path for path in _Quiet.asked if "acme" in path] == []
    assert not list((tmp_path / "cache").glob("outer*"))
    ours.names_of_ours = OwnNames()
    assert installed(wheel, ours, tmp_path / "cache")


def test_a_public_package_cannot_bring_an_own_name(ours: Index, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "outer-model", requires=("popular",))
    with pytest.raises(SeatrialError, match="has no acme-utils, which is one of the project's own names"):
        installed(wheel, ours, tmp_path / "cache")
    with pytest.raises(SeatrialError, match="has no acme-utils, which is one of the project's own names"):
        lock_release(inspect(wheel), ours, [], silent)
    assert not [path for path in _Quiet.asked if path.endswith("acme_utils-99.0-py3-none-any.whl")]


@pytest.mark.soak
def test_pip_cannot_bring_an_own_name_either(ours: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "find_uv", lambda: None)
    wheel = make_wheel(tmp_path, "outer-model", requires=("popular",))
    with pytest.raises(SeatrialError, match="has no acme-utils, which is one of the project's own names"):
        installed(wheel, ours, tmp_path / "cache")
    ours.names_of_ours = OwnNames()
    assert installed(wheel, ours, tmp_path / "cache")


@pytest.mark.parametrize("uv", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_resolving_builds_nothing(ours: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv: bool) -> None:
    """An sdist is built to learn what it requires, which runs its code with every token of this process."""
    if not uv:
        monkeypatch.setattr(installer, "find_uv", lambda: None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    wheel = make_wheel(tmp_path, "outer-model", requires=("wanted",))
    ours.names_of_ours = OwnNames()
    with pytest.raises(SeatrialError, match="acme-built") as refused:
        installed(wheel, ours, tmp_path / "cache")
    assert "Only wheels are installed." in refused.value.hint
    if uv:
        with pytest.raises(SeatrialError, match="wheel"):
            lock_release(inspect(wheel), ours, [], silent)
    assert not (tmp_path / "built").exists()
