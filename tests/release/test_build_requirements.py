"""The tools of a build: pinned by hash, never one of our own names, and without this process's tokens."""

import json
import sys
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.own_names import OwnNames
from seatrial.core.progress import silent
from seatrial.release import build_requirements
from seatrial.release.build_requirements import FILE, SHIPPED, BuildPins
from seatrial.release.isolated_build import _Tools
from seatrial.wheels.lockfile import Lockfile, read_lockfile

ROOT = Path(__file__).parents[2]
PINS = f"setuptools==80.9.0 --hash=sha256:{'a' * 64}\nwheel==0.45.1 --hash=sha256:{'b' * 64}\n"


def test_the_tools_of_rendered_projects_are_shipped(tmp_path: Path) -> None:
    """What the template and this repository require is pinned, so nothing is resolved, and no file is written."""
    for path in (ROOT / "pyproject.toml", ROOT / "src/seatrial/template/project/files/pyproject.toml.jinja"):
        assert 'requires = ["hatchling==1.33.0"]' in path.read_text()
    found = BuildPins(tmp_path).find({"hatchling==1.33.0"}, silent)
    assert found.requirements[0].requirement == "hatchling==1.33.0"
    assert all(line.hashes for line in found.requirements)
    assert BuildPins(tmp_path).find({"hatchling>=1.20", "packaging"}, silent).text == found.text
    assert not (tmp_path / FILE).exists()
    assert "://" not in SHIPPED.read_text()


def test_other_tools_are_pinned_once_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def compiled(requires: object) -> Lockfile:
        asked.append(requires)
        return read_lockfile(PINS, "here")

    monkeypatch.setattr(build_requirements, "compile_tools", compiled)
    pins = BuildPins(tmp_path)
    for _ in range(2):
        assert pins.find({"setuptools>=70", "wheel"}, silent).text == PINS
    assert asked == [["setuptools>=70", "wheel"]]
    assert (tmp_path / FILE).read_text().endswith(PINS)
    with pytest.raises(SeatrialError, match=r"does not pin what .build-system. requires") as error:
        pins.find({"setuptools>=81"}, silent)
    assert error.value.hint == "Delete it, and build again."


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("acme-build", "The build requires acme-build, which is one of the project's own names"),
        ("tool @ https://example.org/tool.whl", "requires tool from a URL"),
        ("not a requirement", "which is not valid"),
    ],
)
def test_what_cannot_be_pinned_from_the_public_index_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requirement: str, words: str
) -> None:
    monkeypatch.setattr(build_requirements, "compile_tools", lambda _: pytest.fail("it was looked up"))
    with pytest.raises(SeatrialError, match=words):
        BuildPins(tmp_path, OwnNames(own=("acme-*",))).find({requirement}, silent)


def test_a_tool_cannot_bring_an_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_requirements, "compile_tools", lambda _: read_lockfile(PINS, "here"))
    with pytest.raises(SeatrialError, match="requires wheel, which is one of the project's own names"):
        BuildPins(tmp_path, OwnNames(own=("wheel",))).find({"setuptools"}, silent)
    assert not (tmp_path / FILE).exists()


def test_a_step_of_a_build_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", "secret")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    code = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"
    tools = _Tools(tmp_path / "environment", BuildPins(), silent)
    tools.run([sys.executable, "-c", code, str(tmp_path / "seen")], extra_environ={"PYPROJECT": "1"})
    seen = json.loads((tmp_path / "seen").read_text())
    assert "TEAM_TOKEN" not in seen
    assert (seen["SOURCE_DATE_EPOCH"], seen["PYPROJECT"]) == ("1", "1")
    assert seen["PATH"].startswith(str(tmp_path / "environment"))
