"""Environments: exactly one release in each, created once, whole or not at all, and only from trusted sources."""

import functools
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex
from seatrial.wheels import environments, installer
from seatrial.wheels.environments import (
    CachedEnvironment,
    Environment,
    cached_environments,
    environments_folder,
    make_environment,
    prune,
)
from seatrial.wheels.wheel import inspect


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that these tests need is on the local index; a look-up anywhere else fails at once."""
    for name in [n for n in os.environ if n.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "environments"


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    """A folder index with a toolkit in two versions, the newer of which needs a library from there."""
    folder = FolderIndex(tmp_path / "index")
    for version in ("0.1.0", "0.1.0+2.habc", "0.2.0"):
        requires = ('own-library>=1; extra == "serve"',)
        folder.publish([make_wheel(tmp_path / "t", "seatrial", version, release=None, requires=requires)])
    folder.publish([make_wheel(tmp_path / "t", "own-library", "1.5", release=None)])
    return folder


def install(wheel: Path, **options: Any) -> Environment:
    return make_environment(inspect(wheel), **options)


def ask(environment: Environment, code: str) -> str:
    done = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_release_is_installed_once_and_found_again(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path)
    messages: list[str] = []
    first = install(wheel, cache=cache, progress=messages.append)
    started = time.monotonic()
    again = install(wheel, cache=cache, progress=messages.append)
    assert time.monotonic() - started < 0.5
    assert (first.cached, again.cached) == (False, True)
    assert first.root == again.root
    assert first.root.name.startswith("tiny_model-0.1.0-")
    assert messages == ["creating a clean environment", "installing the release into it"]
    assert ask(first, "import tiny_model; print(tiny_model.__version__)") == "0.1.0"


def test_different_content_extras_or_constraints_give_another_environment(
    tmp_path: Path, cache: Path, index: FolderIndex
) -> None:
    wheel = make_wheel(tmp_path, requires=("seatrial>=0.1,<0.2",))
    changed = make_wheel(tmp_path / "b", content="x = 1", requires=("seatrial>=0.1,<0.2",))
    made = [
        install(wheel, cache=cache, index=index),
        install(changed, cache=cache, index=index),
        install(wheel, cache=cache, index=index, extras=("serve",)),
        install(wheel, cache=cache, index=index, constraints=("own-library<2",)),
    ]
    assert len({environment.root for environment in made}) == 4
    assert not any(environment.cached for environment in made)


def test_a_name_on_the_local_index_comes_only_from_there(tmp_path: Path, cache: Path, index: FolderIndex) -> None:
    wheel = make_wheel(tmp_path, requires=("seatrial>=0.1,<0.2",))
    made = install(wheel, extras=("serve",), index=index, cache=cache)
    code = "import seatrial, own_library; print(seatrial.__version__, own_library.__version__)"
    assert ask(made, code) == "0.1.0+2.habc 1.5"
    installed = json.loads((made.root / environments.COMPLETE).read_text())["installed"]
    assert [line.partition(" @ ")[0] for line in installed] == [
        "own-library",
        "seatrial[serve]",
        "tiny-model",
    ]
    assert all(" @ file://" in line for line in installed)


def test_a_new_toolkit_on_the_index_gives_a_new_environment(tmp_path: Path, cache: Path, index: FolderIndex) -> None:
    wheel = make_wheel(tmp_path, requires=("seatrial>=0.1,<0.2",))
    first = install(wheel, index=index, cache=cache)
    index.publish([make_wheel(tmp_path / "t", "seatrial", "0.1.0+10.hdef", release=None)])
    second = install(wheel, index=index, cache=cache)
    assert first.root != second.root
    assert ask(second, "import seatrial; print(seatrial.__version__)") == "0.1.0+10.hdef"


def test_the_toolkit_can_be_a_wheel(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path, requires=("seatrial>=0.1,<0.2",))
    toolkit = make_wheel(tmp_path / "t", "seatrial", "0.1.7", release=None)
    made = install(wheel, toolkit=inspect(toolkit), cache=cache)
    assert ask(made, "import seatrial; print(seatrial.__version__)") == "0.1.7"
    with pytest.raises(SeatrialError, match="is a wheel of tiny-model"):
        install(wheel, toolkit=inspect(wheel), cache=cache)


def test_without_a_matching_toolkit_no_other_index_is_used(tmp_path: Path, cache: Path, index: FolderIndex) -> None:
    wheel = make_wheel(tmp_path, requires=("seatrial>=0.3",))
    with pytest.raises(SeatrialError, match=r"seatrial>=0\.3 is required") as error:
        install(wheel, index=index, cache=cache)
    assert "0.1.0+2.habc" in str(error.value)
    assert not cache.exists()


def test_an_unsafe_wheel_is_not_installed(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path, more={"evil.pth": b"import os"})
    with pytest.raises(SeatrialError, match="refused"):
        install(wheel, cache=cache)
    assert not cache.exists()


def test_without_a_network_the_cache_is_used(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = FolderIndex(tmp_path / "elsewhere")
    elsewhere.publish([make_wheel(tmp_path, "a-library", "1.0", release=None)])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=elsewhere.path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple")
    first = make_wheel(tmp_path, "one-model", requires=("a-library",))
    install(first, cache=cache)
    server.shutdown()
    server.server_close()
    made = install(make_wheel(tmp_path, "two-model", requires=("a-library",)), cache=cache)
    assert ask(made, "import two_model, a_library; print(a_library.__version__)") == "1.0"


def test_a_failure_reports_the_installers_last_lines_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path, requires=("a-package-that-is-nowhere==1.2.3",))
    with pytest.raises(SeatrialError, match="a-package-that-is-nowhere") as error:
        install(wheel, cache=cache)
    assert "cache" in error.value.hint
    assert [path.name for path in cache.iterdir()] == [".locks"]


def test_an_environment_whose_creation_was_killed_is_created_again(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path)
    code = """
import os, signal, sys
from pathlib import Path
from seatrial.wheels import environments
from seatrial.wheels.wheel import inspect
environments.write_atomic = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
environments.make_environment(inspect(Path(sys.argv[1])), cache=Path(sys.argv[2]))
"""
    done = subprocess.run([sys.executable, "-c", code, wheel, cache], check=False)
    assert done.returncode == -signal.SIGKILL
    (half,) = cache.glob("tiny*")
    (half / "half.txt").write_text("left behind")
    made = install(wheel, cache=cache)
    assert made.root == half
    assert not made.cached
    assert not (half / "half.txt").exists()


def test_an_environment_whose_python_is_gone_is_created_again(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path)
    made = install(wheel, cache=cache)
    made.python.unlink()
    made.python.symlink_to(tmp_path / "gone" / "python")
    assert not install(wheel, cache=cache).cached
    assert ask(made, "print(1)") == "1"


def test_several_processes_at_once_create_one_environment(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path)
    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(lambda _: install(wheel, cache=cache), range(5)))
    assert sorted(environment.cached for environment in made) == [False, True, True, True, True]
    assert len({environment.root for environment in made}) == 1


def test_variables_of_other_environments_are_ignored(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("UV_TARGET", str(tmp_path / "target"))
    (tmp_path / "pyproject.toml").write_text("[tool.uv]\nno-binary = true\n")
    monkeypatch.chdir(tmp_path)
    made = install(make_wheel(tmp_path), cache=cache)
    assert list(made.root.glob("lib/python*/site-packages/tiny_model"))
    assert not (tmp_path / "target").exists()


def test_without_uv_venv_and_pip_are_used(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "find_uv", lambda: None)
    made = install(make_wheel(tmp_path), cache=cache)
    assert ask(made, "import tiny_model, pip; print(tiny_model.__version__)") == "0.1.0"


def roots_of(found: list[CachedEnvironment]) -> list[Path]:
    return [each.root for each in found]


def test_unused_environments_are_pruned_and_running_ones_are_not(tmp_path: Path, cache: Path) -> None:
    old, running, new = (install(make_wheel(tmp_path, version=f"0.{n}.0"), cache=cache) for n in range(3))
    long_ago = time.time() - 40 * 86400
    for environment in (old, running):
        os.utime(environment.root / environments.COMPLETE, (long_ago, long_ago))
    half = cache / "half-made"
    half.mkdir()
    process = subprocess.Popen([running.python, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert sorted(roots_of(prune(cache))) == sorted([half, old.root])
    finally:
        process.communicate(b"\n")
    assert new.root.exists()
    assert roots_of(prune(cache)) == [running.root]
    assert install(make_wheel(tmp_path, version="0.2.0"), cache=cache).cached


def test_environments_are_kept_within_a_size_the_oldest_are_removed_first(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, roots = time.time(), [cache / f"model-{number}" for number in range(4)]
    for number, root in enumerate(roots):
        root.mkdir(parents=True)
        (root / "library").write_bytes(b"x" * 1000)
        (root / environments.COMPLETE).touch()
        os.utime(root / environments.COMPLETE, (now - 3600 * number - 60, now - 3600 * number - 60))
    os.link(roots[3] / "library", roots[3] / "linked")  # what is elsewhere too would not be freed
    found = cached_environments(cache)
    assert [(each.root, each.size) for each in found] == [(root, 1000) for root in roots[:3]] + [(roots[3], 0)]
    assert prune(cache, limit=4000) == []
    monkeypatch.setenv("SEATRIAL_CACHE_GB", "0.0000015")
    assert roots_of(prune(cache)) == roots[1:3]
    assert roots_of(prune(cache, limit=0)) == [roots[3]]
    assert roots[0].exists(), "it was requested a minute ago"
    assert roots_of(prune(cache, limit=0, recent=0)) == [roots[0]]
    monkeypatch.setenv("SEATRIAL_CACHE_GB", "much")
    with pytest.raises(SeatrialError, match="not a number of gigabytes"):
        prune(cache)


def test_environments_are_only_measured_where_one_may_be_removed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Path] = []
    monkeypatch.setattr(environments, "_own_size", lambda root: measured.append(root) or 1000)
    roots = [cache / f"model-{number}" for number in range(2)]
    for root in roots:
        root.mkdir(parents=True)
        (root / environments.COMPLETE).touch()
    assert prune(cache, limit=0) == []
    assert measured == []
    an_hour_ago = time.time() - 3600
    os.utime(roots[1] / environments.COMPLETE, (an_hour_ago, an_hour_ago))
    assert roots_of(prune(cache, limit=1500)) == [roots[1]]
    assert measured == roots


def test_seatrial_home_sets_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    assert environments_folder() == tmp_path / "home" / "environments"
    assert environments_folder(tmp_path / "x") == tmp_path / "x"
    monkeypatch.delenv("SEATRIAL_HOME")
    assert environments_folder().name == "environments"


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SeatrialError, match="cannot be written") as error:
        install(make_wheel(tmp_path), cache=tmp_path / "file")
    assert "SEATRIAL_HOME" in error.value.hint
