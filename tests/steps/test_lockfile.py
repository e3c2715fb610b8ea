"""What was tried is what is deployed: the requirements file of a passed trial is taken as it is, where it fits."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_wheel

from seatrial.core.files import sha256
from seatrial.release import FolderIndex
from seatrial.steps.lockfile import pin_wheel, tried_pins
from seatrial.steps.trial import REQUIREMENTS
from seatrial.trial import gate

OTHER = "b" * 64


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    make_wheel(folder)
    make_wheel(folder, "seatrial", "0.1.0", release=None)
    FolderIndex(tmp_path / "index").publish(sorted(folder.glob("seatrial*")))
    return folder


def tried(root: Path, wheels: Path, text: str) -> list[Path]:
    """Lay down a passed trial's requirements; gives the wheels they are of."""
    model, toolkit = sorted(wheels.glob("tiny*"))[0], sorted(wheels.glob("seatrial*"))[0]
    folder = gate.result_folder(root, sha256(model), None)
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text("{}")
    (folder / REQUIREMENTS).write_text(text.format(model=sha256(model), toolkit=sha256(toolkit), other=OTHER))
    return [model, toolkit]


LINES = """tiny-model==0.1.0 --hash=sha256:{model}
seatrial[serve]==0.1.0 --hash=sha256:{toolkit}
something-else==9.9.9 --hash=sha256:{other}
"""


def test_a_deployment_takes_the_requirements_of_the_trial(tmp_path: Path, wheels: Path) -> None:
    model, toolkit = tried(tmp_path, wheels, LINES)
    known = tried_pins(tmp_path, sha256(model))
    pin, ours, package = pin_wheel(model, FolderIndex(tmp_path / "index"), known, lambda _: None)
    assert "something-else==9.9.9" in pin.text  # nothing would resolve to that
    assert [sha256(wheel) for wheel in ours] == [sha256(model), sha256(toolkit)]
    assert package == "tiny_model"


def test_with_another_toolkit_everything_is_resolved_anew(tmp_path: Path, wheels: Path) -> None:
    model, toolkit = tried(tmp_path, wheels, LINES.replace("{toolkit}", "{other}"))
    known = tried_pins(tmp_path, sha256(model))
    assert len(known) == 1
    pin, _, _ = pin_wheel(model, FolderIndex(tmp_path / "index"), known, lambda _: None)
    assert "something-else" not in pin.text
    assert sha256(toolkit) in pin.text


@pytest.mark.parametrize("text", ["", "tiny-model>=0.1\n", "\x00", "<<<<<<< HEAD\n"])
def test_a_damaged_file_is_passed_over(tmp_path: Path, wheels: Path, text: str) -> None:
    model, _ = tried(tmp_path, wheels, text)
    assert tried_pins(tmp_path, sha256(model)) == []


def test_a_file_that_pins_another_wheel_is_not_taken(tmp_path: Path, wheels: Path) -> None:
    model, _ = tried(tmp_path, wheels, LINES.replace("{model}", "{other}"))
    pin, _, _ = pin_wheel(model, FolderIndex(tmp_path / "index"), tried_pins(tmp_path, sha256(model)), lambda _: None)
    assert pin.model.hashes == (sha256(model),)
