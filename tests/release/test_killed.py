"""Publishing is all or nothing, wherever it is killed or fails; readers see the old or the new state."""

import errno
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.projects.tiny import make_sdist, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex

MOMENT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TOUCHES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree"}
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed here by fork and SIGKILL")


def at(path: Path) -> FolderIndex:
    return FolderIndex(path, now=lambda: MOMENT)


def in_child(act: Callable[[], object]) -> int:
    """Run `act` in a fork; returns 0, 1 for a SeatrialError, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            act()
            code = 0
        except SeatrialError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def publish_and_die(path: Path, files: list[Path], at_touch: int) -> None:
    killed_at(path, at_touch, lambda: at(path).publish(files))


def killed_at(path: Path, at_touch: int, act: Callable[[], object]) -> None:
    """Act, and end by SIGKILL right before the n-th time that a file of the index is touched."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == at_touch:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES and arguments and str(path) in str(arguments[0]):
            count()

    sync = os.fsync

    def counted_sync(handle: int) -> None:
        count()
        sync(handle)

    os.fsync = counted_sync  # type: ignore[assignment]
    sys.addaudithook(hook)
    act()


@needs_fork
@pytest.mark.parametrize("before", [[], ["0.1.0"]], ids=["first release", "second release"])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_state(tmp_path: Path, before: list[str]) -> None:
    start, clean = tmp_path / "start", tmp_path / "clean"
    for version in before:
        at(start).publish([make_wheel(tmp_path, version=version), make_sdist(tmp_path, version=version)])
    files = [make_wheel(tmp_path, version="0.2.0"), make_sdist(tmp_path, version="0.2.0")]
    other = make_wheel(tmp_path / "other", version="0.2.0", content="other = 1")
    copy(start, clean)
    at(clean).publish(files)
    states = {(): before, ("0.2.0",): [*before, "0.2.0"]}
    seen, kills = set(), 0
    for moment in range(1, 1000):
        broken = tmp_path / f"killed-{moment}"
        copy(start, broken)
        code = in_child(lambda b=broken, m=moment: publish_and_die(b, files, m))  # type: ignore[misc]
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        present = [r.version for r in at(broken).releases("tiny-model")]
        assert present in states.values(), f"killed before touch {moment}"
        assert_whole(broken, present)
        seen.add(tuple(present))

        second = tmp_path / f"other-{moment}"
        copy(broken, second)
        if present == before:  # nothing was published, so the version is still free
            at(second).publish([other])
            assert_whole(second, [*before, "0.2.0"])
        else:
            with pytest.raises(SeatrialError, match="never overwritten"):
                at(second).publish([other])

        at(broken).publish(files)
        assert tree(broken) == tree(clean), f"killed before touch {moment}"
        shutil.rmtree(broken)
        shutil.rmtree(second)
    assert kills >= 20
    assert seen == {tuple(before), (*before, "0.2.0")}


@needs_fork
@pytest.mark.parametrize("limit", [0, 100, 700, 1_000, 20_000, 150_000])
def test_a_full_disk_changes_nothing_and_is_reported(tmp_path: Path, limit: int) -> None:
    index = at(tmp_path / "index")
    index.publish([make_wheel(tmp_path)])
    before = tree(index.path)
    big = make_wheel(
        tmp_path, version="0.2.0", more={"tiny_model/artifacts/model.onnx": b"\x12\xc0\x9a\x0c" + os.urandom(200_000)}
    )

    def publish() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        index.publish([big])

    assert in_child(publish) == 1
    assert tree(index.path) == before
    assert not index.publish([big]).already


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_really_full_disk_changes_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this system does not allow mounting a small disk")
    try:
        index = at(disk / "index")
        index.publish([make_wheel(tmp_path)])
        before = tree(index.path)
        big = make_wheel(
            tmp_path,
            version="0.2.0",
            more={"tiny_model/artifacts/model.onnx": b"\x12\x80\xb5\x18" + os.urandom(400_000)},
        )
        with pytest.raises(SeatrialError, match="No space left") as error:
            index.publish([big])
        assert "Nothing was changed" in error.value.hint
        assert tree(index.path) == before
        assert index.publish([make_wheel(tmp_path, version="0.3.0")]).version == "0.3.0"
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_every_failing_write_leaves_the_old_or_the_new_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    files = [make_wheel(tmp_path, version="0.2.0"), make_sdist(tmp_path, version="0.2.0")]
    original = getattr(os, operation)
    failed = 0
    for turn in range(100):
        index = at(tmp_path / f"index-{turn}")
        index.publish([make_wheel(tmp_path)])
        before, calls = tree(index.path), iter(range(1000))

        def fail(*arguments: object, calls: object = calls, turn: int = turn) -> object:
            if next(calls) == turn:  # type: ignore[call-overload]
                raise OSError(errno.EIO, "Input/output error")
            return original(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, operation, fail)
            try:
                index.publish(files)
                refused = False
            except SeatrialError:
                refused = True
            over = next(calls) <= turn
        if refused:
            assert tree(index.path) == before
        else:
            assert_whole(index.path, ["0.1.0", "0.2.0"])
        failed += refused
        assert index.publish(files).already is not refused
        if over:
            break
    assert failed >= 4


def test_a_reader_sees_the_old_or_the_new_state_during_publication(tmp_path: Path) -> None:
    index = at(tmp_path / "index")
    index.publish([make_wheel(tmp_path, version="0.0.0")])
    wheels = [make_wheel(tmp_path, version=f"0.{n}.0") for n in range(1, 20)]
    writer = threading.Thread(target=lambda: [index.publish([wheel]) for wheel in wheels])
    lengths = []
    writer.start()
    while writer.is_alive():
        listed = at(index.path).releases("tiny-model")
        for release in listed:
            at(index.path).fetch(release)
        lengths.append(len(listed))
    writer.join()
    assert lengths == sorted(lengths)
    assert [r.version for r in index.releases()] == [f"0.{n}.0" for n in range(20)]


def assert_whole(path: Path, versions: list[str]) -> None:
    """Read the page as an installer does: every listed file is there, with its hash, and its metadata too."""
    folder = path / "simple" / "tiny-model"
    text = (folder / "index.html").read_text() if (folder / "index.html").exists() else ""
    links = re.findall(r'href="([^"#]+)#sha256=([0-9a-f]{64})"([^>]*)>', text)
    assert sorted({unquote(name).removeprefix("tiny_model-")[:5] for name, _, _ in links}) == versions
    for name, digest, rest in links:
        assert hashlib.sha256((folder / unquote(name)).read_bytes()).hexdigest() == digest
        if match := re.search(r'data-core-metadata="sha256=([0-9a-f]{64})"', rest):
            metadata = (folder / f"{unquote(name)}.metadata").read_bytes()
            assert hashlib.sha256(metadata).hexdigest() == match[1]


def copy(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
