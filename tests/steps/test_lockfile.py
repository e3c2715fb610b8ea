"""What was tested is what is deployed: the lockfile of a passed trial is used unchanged if it fits."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_wheel

from seatrial.core.files import sha256
from seatrial.core.progress import silent
from seatrial.release import FolderIndex
from seatrial.steps.lockfile import LOCKFILE, lock_release, trial_lockfiles
from seatrial.trial import gate
from seatrial.wheels.wheel import inspect

OTHER = "b" * 64


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    make_wheel(folder)
    make_wheel(folder, "seatrial", "0.1.0", release=None)
    FolderIndex(tmp_path / "index").publish(sorted(folder.glob("seatrial*")))
    return folder


def store_lockfile(root: Path, wheels: Path, text: str) -> list[Path]:
    """Write the lockfile of a passed trial; returns the wheels that it is for."""
    model, toolkit = sorted(wheels.glob("tiny*"))[0], sorted(wheels.glob("seatrial*"))[0]
    folder = gate.result_folder(root, sha256(model), None)
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text("{}")
    (folder / LOCKFILE).write_text(text.format(model=sha256(model), toolkit=sha256(toolkit), other=OTHER))
    return [model, toolkit]


LINES = """tiny-model==0.1.0 --hash=sha256:{model}
seatrial[serve]==0.1.0 --hash=sha256:{toolkit}
something-else==9.9.9 --hash=sha256:{other}
"""


def test_a_deployment_uses_the_lockfile_of_the_trial(tmp_path: Path, wheels: Path) -> None:
    model, toolkit = store_lockfile(tmp_path, wheels, LINES)
    known = trial_lockfiles(tmp_path, sha256(model))
    locked = lock_release(inspect(model), FolderIndex(tmp_path / "index"), known, silent)
    assert "something-else==9.9.9" in locked.lockfile.text  # nothing would resolve to that
    assert [sha256(wheel) for wheel in locked.wheels] == [sha256(model), sha256(toolkit)]


def test_everything_is_resolved_again_for_another_toolkit(tmp_path: Path, wheels: Path) -> None:
    model, toolkit = store_lockfile(tmp_path, wheels, LINES.replace("{toolkit}", "{other}"))
    known = trial_lockfiles(tmp_path, sha256(model))
    assert len(known) == 1
    locked = lock_release(inspect(model), FolderIndex(tmp_path / "index"), known, silent)
    assert "something-else" not in locked.lockfile.text
    assert sha256(toolkit) in locked.lockfile.text


def test_a_lockfile_from_before_the_log_is_not_used(tmp_path: Path, wheels: Path) -> None:
    for extras, used in (("serve", False), ("log,serve", True)):
        root = tmp_path / extras
        model, _ = store_lockfile(root, wheels, LINES.replace("[serve]", f"[{extras}]"))
        known = trial_lockfiles(root, sha256(model))
        locked = lock_release(inspect(model), FolderIndex(tmp_path / "index"), known, silent, logs=True)
        assert ("something-else" in locked.lockfile.text) == used
        assert "seatrial[log,serve]==0.1.0" in locked.lockfile.text


@pytest.mark.parametrize("text", ["", "tiny-model>=0.1\n", "\x00", "<<<<<<< HEAD\n"])
def test_a_damaged_lockfile_is_ignored(tmp_path: Path, wheels: Path, text: str) -> None:
    model, _ = store_lockfile(tmp_path, wheels, text)
    assert trial_lockfiles(tmp_path, sha256(model)) == []


def test_a_lockfile_of_another_wheel_is_not_used(tmp_path: Path, wheels: Path) -> None:
    model, _ = store_lockfile(tmp_path, wheels, LINES.replace("{model}", "{other}"))
    known = trial_lockfiles(tmp_path, sha256(model))
    locked = lock_release(inspect(model), FolderIndex(tmp_path / "index"), known, silent)
    assert locked.lockfile.model.hashes == (sha256(model),)
