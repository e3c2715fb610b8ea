"""Each step inspects a wheel once and passes the result on, so that its file is not opened repeatedly."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_project, make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import silent
from seatrial.core.project import ProjectSettings, find_project
from seatrial.release import FolderIndex, build_release, built_release
from seatrial.steps.lockfile import lock_release
from seatrial.steps.trial_setup import find_pair
from seatrial.wheels.lockfile import Lockfile, read_lockfile
from seatrial.wheels.wheel import WheelInfo

MODEL = "tiny_model-0.1.0-py3-none-any.whl"


class Reads:
    """Counts how often this process opens the model's wheel for reading; an audit hook cannot be removed again."""

    def __init__(self) -> None:
        self.counting, self.count = False, 0
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.counting and event == "open" and isinstance(arguments[0], str | bytes):
            writing = arguments[2] & (os.O_WRONLY | os.O_RDWR)
            self.count += Path(os.fsdecode(arguments[0])).name == MODEL and not writing

    def of(self, step: Callable[[], Any]) -> tuple[int, Any]:
        """Run a step; return how often it opened the wheel, and its result."""
        self.counting, self.count = True, 0
        try:
            result = step()
            return self.count, result
        finally:
            self.counting = False


@pytest.fixture(scope="module")
def reads() -> Reads:
    return Reads()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectSettings:
    return find_project(make_project(tmp_path_factory.mktemp("reads") / "tiny"))


@pytest.fixture
def index(project: ProjectSettings, tmp_path: Path) -> FolderIndex:
    """The project's index, with a toolkit on it."""
    index = FolderIndex(project.root / ".seatrial" / "index")
    index.publish([make_wheel(tmp_path, "seatrial", "0.1.0", release=None)])
    return index


def known_lockfile(*wheels: WheelInfo) -> Lockfile:
    return read_lockfile("".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels), "known")


def test_each_step_reads_the_wheel_once(reads: Reads, project: ProjectSettings, index: FolderIndex) -> None:
    count, built = reads.of(lambda: build_release(project))
    assert count == 1
    assert built.wheel.sha256 == sha256(built.wheel.path)

    # A trial: find the pair, resolve its environment, compare what is installed with the wheel, lock its requirements.
    count, pair = reads.of(lambda: find_pair(project))
    assert count == 1
    assert pair.candidate == built.wheel
    toolkit = index.fetch_wheel(index.find("seatrial"))
    lockfile = known_lockfile(pair.candidate, toolkit)
    count, locked = reads.of(lambda: lock_release(pair.candidate, index, [lockfile], silent))
    assert count == 0
    assert locked.lockfile is lockfile
    assert reads.of(lambda: pair.candidate.changed_file(project.source, required=True)) == (0, "")

    # Publication: the copy is hashed on its way, since the file may have changed since it was inspected.
    count, published = reads.of(lambda: index.publish(pair.built.files))
    assert count == 1
    assert not published.already

    # Deployment: one read both inspects the wheel and compares it with the hash on the index.
    count, fetched = reads.of(lambda: index.fetch_wheel(index.find("tiny-model")))
    assert count <= 2  # the list of releases may read release.json
    assert fetched.sha256 == built.wheel.sha256
    assert reads.of(lambda: lock_release(fetched, index, [lockfile], silent))[0] == 0


def test_a_wheel_that_changed_after_its_inspection_is_not_published(project: ProjectSettings, tmp_path: Path) -> None:
    built = built_release(project)
    index, content = FolderIndex(tmp_path / "index"), built.wheel.path.read_bytes()
    built.wheel.path.write_bytes(content + b"x")
    try:
        with pytest.raises(SeatrialError, match="changed while it was being read"):
            index.publish(built.files)
    finally:
        built.wheel.path.write_bytes(content)
    assert index.releases() == []
