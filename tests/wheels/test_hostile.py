"""Each kind of hostile wheel or sdist is refused with its reason, within two seconds of processor time."""

import random
import time
from pathlib import Path

import pytest
from tests.soak import SOAK, turns
from tests.wheels.hostile import COSTS, RUNS, SDISTS, make_hostile_sdist, make_hostile_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex
from seatrial.release.distribution import read_distribution
from seatrial.wheels.budget import CHUNK, InspectionBudget, InspectionError
from seatrial.wheels.libraries import library_complaints
from seatrial.wheels.wheel import inspect, refuse_unsafe

SECONDS = 2.0
SEEDS = range(turns(5, 1))
# A second or more each, and another one of the same kind is in `make test`.
SLOW = {"ONNX of millions of nodes", "thousands of half pickles", "many zips of zeros", "headers without end", "wide JSON", "zeros",
        "a long extended header", "a long module", "many members", "thousands of members", "many members in zips",
        "thousands of tags", "a RECORD of thousands of names"}  # fmt: skip


def refusal(path: Path) -> str:
    """Inspect a file, and return why it is refused."""
    began = time.process_time()
    with pytest.raises(SeatrialError) as error:
        read_distribution(path)
    assert time.process_time() - began < SECONDS
    assert len(error.value.message) < 1000
    return error.value.message


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", RUNS)
def test_what_runs_in_place_of_reviewed_code_is_refused(tmp_path: Path, case: str, seed: int) -> None:
    make, reason = RUNS[case]
    message = refusal(make_hostile_wheel(tmp_path, make(random.Random(seed))))
    assert any(part in message for part in reason.split("|")), message


@pytest.mark.parametrize("case", [case for case in COSTS if SOAK or case not in SLOW])
def test_what_costs_a_lot_to_look_into_is_refused_in_time(tmp_path: Path, case: str) -> None:
    make, reason = COSTS[case]
    message = refusal(make_hostile_wheel(tmp_path, make(random.Random(0))))
    assert any(part in message for part in reason.split("|")), message


@pytest.mark.parametrize("case", [case for case in SDISTS if SOAK or case not in SLOW])
def test_a_hostile_sdist_is_refused(tmp_path: Path, case: str) -> None:
    make, reason = SDISTS[case]
    assert reason in refusal(make_hostile_sdist(tmp_path, make()))


def test_a_wheel_without_anything_hostile_passes(tmp_path: Path) -> None:
    """The kinds above are refused for what they add."""
    refuse_unsafe(inspect(make_hostile_wheel(tmp_path, {"tiny_model/features.py": "x = 'é'\r\n\f".encode()})))


IN_A_LIBRARY = {
    "a .pth": ({"evil.pth": b"import os"}, "every time Python starts"),
    "a .pth in the package": ({"tiny_model/evil.pth": b"import os"}, "every time Python starts"),
    "a .pth by .data": ({"tiny_model-0.1.0.data/purelib/evil.pth": b"import os"}, "every time Python starts"),
    "a script": ({"tiny_model-0.1.0.data/scripts/tiny-model": b"#!python"}, "is outside of tiny_model/"),
    "a file in bin": ({"tiny_model-0.1.0.data/data/bin/python3": b""}, "is outside of tiny_model/"),
    "a module at every start": ({"sitecustomize.py": b""}, "is outside of tiny_model/"),
    "a module of the standard library": ({"json/__init__.py": b""}, "is outside of tiny_model/"),
    "another's package": ({"numpy/__init__.py": b""}, "is outside of tiny_model/"),
    "a package of a similar name": ({"tinymodel/__init__.py": b""}, "is outside of tiny_model/"),
    "another's metadata": ({"pip-99.dist-info/RECORD": b""}, "is outside of tiny_model/"),
    "a file of installers": ({"tiny_model-0.1.0.dist-info/direct_url.json": b"{}"}, "is written by installers only"),
    **{
        f"a plug-in of {group}": (
            {"tiny_model-0.1.0.dist-info/entry_points.txt": f"[{group}]\nx = tiny_model:x\n".encode()},
            f"hooks into {group}",
        )
        for group in (
            "pytest11", "pydantic", "distutils.commands", "setuptools.finalize_distribution_options", "keyring.backends",
            "flake8.extension", "sphinx.html_themes", "opentelemetry_configurator", "tiny-modelx",
        )
    },
    "compiled code": ({"tiny_model/__pycache__/x.cpython-311.pyc": b""}, "compiled Python code"),
    **{
        f"the command {command}": (
            {"tiny_model-0.1.0.dist-info/entry_points.txt": f"[{group}]\n{command} = tiny_model:x\n".encode()},
            f"the command '{command}'",
        )
        for command, group in (
            ("python3", "console_scripts"), ("pip", "gui_scripts"), ("uv", "console_scripts"), ("titanic-model", "console_scripts"),
            ("Tiny-Model", "console_scripts"), ("tiny-model.exe", "console_scripts"), ("tiny-modelx", "console_scripts"),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("case", IN_A_LIBRARY)
def test_a_library_may_not_replace_what_is_not_its_own(tmp_path: Path, case: str) -> None:
    files, reason = IN_A_LIBRARY[case]
    path = make_hostile_wheel(tmp_path, files, release=False)
    with pytest.raises(SeatrialError, match="is refused") as error:
        FolderIndex(tmp_path / "index").publish([path])
    assert reason in error.value.message
    assert not (tmp_path / "index").exists()


def test_the_toolkit_may_have_its_plug_in_of_pytest() -> None:
    assert (
        library_complaints(["seatrial/__init__.py"], "seatrial-1.dist-info", "seatrial", {"pytest11": {"x": "y"}}) == ()
    )


def test_the_limits_hold_for_all_parts_together() -> None:
    now = 0.0
    budget = InspectionBudget(1000, clock=lambda: now)
    budget.take_members(10_000)
    with pytest.raises(InspectionError, match="more than 10,000 files"):
        budget.take_members(1)
    budget.take_bytes(64 << 20)
    with pytest.raises(InspectionError, match="times its size"):
        budget.take_bytes(1)
    budget.check_time()
    now = 1.3
    with pytest.raises(InspectionError, match="too long"):
        budget.check_time()


def test_a_large_file_has_more_time_and_is_copied_to_disk(tmp_path: Path) -> None:
    now = 0.0
    budget = InspectionBudget(320 << 20, clock=lambda: now)
    now = 10.0
    budget.check_time()
    (tmp_path / "large").write_bytes(b"x" * (17 * CHUNK))
    with (tmp_path / "large").open("rb") as file, budget.copy(file, size=17 * CHUNK) as copied:
        assert copied.fileno() > 2
        assert copied.seek(0, 2) == 17 * CHUNK
