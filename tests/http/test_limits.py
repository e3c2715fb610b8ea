"""The memory of a process, and what follows from it."""

import os
from pathlib import Path

import pytest

from seatrial.core import memory_limits
from seatrial.http import Limits

MIB = 2**20


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system of control groups; the process's own groups are in the file `own`."""
    monkeypatch.setattr(memory_limits, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory_limits, "OWN_CGROUPS", tmp_path / "own")
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")


@pytest.mark.parametrize(
    "files",
    [
        {"own": "0::/\n", "memory.max": "536870912\n"},
        {"own": "0::/pod/main\n", "pod/main/memory.max": "max\n", "pod/memory.max": "536870912\n"},
        {"own": "4:memory:/docker/x\n0::/\n", "memory/docker/x/memory.limit_in_bytes": "536870912\n"},
        {"own": "4:memory:/docker/of-the-host\n", "memory/memory.limit_in_bytes": "536870912\n"},
        {
            "own": "1:cpu:/\n4:memory:/a/b\n",
            "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/a/memory.limit_in_bytes": "536870912\n",
        },
    ],
)
def test_the_memory_is_the_limit_of_the_nearest_control_group_that_has_one(groups: Path, files: dict[str, str]) -> None:
    write(groups, files)
    assert memory_limits.available_memory() == 512 * MIB


@pytest.mark.parametrize("files", [{}, {"own": "0::/\n", "memory.max": "max\n"}, {"own": "4:memory:/x\n"}])
def test_without_a_control_group_it_is_the_machines(groups: Path, files: dict[str, str]) -> None:
    write(groups, files)
    assert memory_limits.available_memory() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_workers_share_the_memory(groups: Path) -> None:
    write(groups, {"own": "0::/\n", "memory.max": str(512 * MIB)})
    assert (Limits().held_bytes(), Limits().connection_count()) == (32 * MIB, 2048)
    assert (Limits(workers=4).held_bytes(), Limits(workers=4).connection_count()) == (8 * MIB, 512)
    assert Limits(encrypted=True).connection_count() == 1024
    assert Limits(held=8 * MIB, connections=100, workers=2).held_bytes() == 4 * MIB
    assert Limits(held=8 * MIB, connections=100, workers=2).connection_count() == 50


def test_a_few_bodies_fit_however_small_the_memory(groups: Path) -> None:
    write(groups, {"own": "0::/\n", "memory.max": str(16 * MIB)})
    assert Limits(body_size=MIB).held_bytes() == 4 * MIB
    assert Limits(body_size=2**30, body_held=MIB // 4).held_bytes() == MIB
    assert Limits().connection_count() == 64
