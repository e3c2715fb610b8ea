"""The doctor names a pylock.toml that is not of its requirements, and base images without a digest."""

from pathlib import Path

import pytest
from tests.ci.trees import diagnosed, examine, not_checked
from tests.projects.tiny import make_wheel

from seatrial.core.files import sha256
from seatrial.wheels.lockfile import read_lockfile
from seatrial.wheels.pylock import OwnWheel, make_pylock

PYLOCK, REQUIREMENTS = "deploy/local/pylock.toml", "deploy/local/requirements.txt"
DIGEST = f"@sha256:{'a' * 64}"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    wheel = make_wheel(tmp_path / "wheels")
    text = f"tiny-model==0.1.0 --hash=sha256:{sha256(wheel)}\n"
    own = OwnWheel(wheel.name, sha256(wheel), 9, "https://index.example/m.whl")
    return text, make_pylock(read_lockfile(text, "it"), [own], None)


def test_a_pylock_of_its_requirements_is_fine(tmp_path: Path, pair: tuple[str, str]) -> None:
    assert diagnosed(tmp_path / "a", {REQUIREMENTS: f"# a header\n{pair[0]}", PYLOCK: pair[1]}) == []


@pytest.mark.parametrize("requirements", ["", None, "tiny-model>=0.1\n"])
def test_a_pylock_without_its_requirements_is_stale(
    tmp_path: Path, pair: tuple[str, str], requirements: str | None
) -> None:
    files: dict[str, str | bytes] = {PYLOCK: pair[1]} | (
        {REQUIREMENTS: requirements} if requirements is not None else {}
    )
    assert ("stale-pylock", "# Written by Seatrial from requirements.txt, which is next to it.") in diagnosed(
        tmp_path / "a", files
    )


def test_a_pylock_of_other_requirements_is_stale(tmp_path: Path, pair: tuple[str, str]) -> None:
    other = pair[1].replace('version = "0.1.0"', 'version = "0.1.1"').replace("https://index.example/m.whl", "x.whl")
    other = other.replace("tiny_model-0.1.0-", "tiny_model-0.1.1-")
    assert diagnosed(tmp_path / "a", {REQUIREMENTS: pair[0], PYLOCK: other}) == [
        ("stale-pylock", 'name = "tiny-model"')
    ]
    (finding,) = examine(tmp_path / "a")
    assert finding.message == (
        "It differs from requirements.txt: it has tiny-model 0.1.1, which the requirements do not have. And 1 more."
    )
    damaged: dict[str, str | bytes] = {REQUIREMENTS: pair[0], PYLOCK: "lock-version = "}
    assert diagnosed(tmp_path / "a", damaged) == [("stale-pylock", "lock-version =")]


@pytest.mark.parametrize(
    ("dockerfile", "named"),
    [
        ("FROM python:3.11\n", ["python:3.11"]),
        (f"FROM python:3.11{DIGEST}\n", []),
        (f"FROM --platform=linux/amd64 python{DIGEST} AS a\nFROM a\n", []),
        ("ARG BASE=python:3.11\nFROM ${BASE} AS a\nFROM $BASE\n", ["python:3.11"]),
        (f"ARG BASE=python:3.11{DIGEST}\nFROM ${{BASE}}\n", []),
        ("ARG TAG\nFROM python:${TAG:-3.11}\n", ["python:3.11"]),
        ("FROM scratch\n", []),
        ("FROM python@sha256:123\nFROM ruby\n", ["python@sha256:123", "ruby"]),
        ("ARG BASE\nFROM ${BASE}\n", ["The base image"]),
    ],
)
def test_a_base_image_without_a_digest_is_named(tmp_path: Path, dockerfile: str, named: list[str]) -> None:
    (tmp_path / "deploy" / "docker").mkdir(parents=True)
    (tmp_path / "deploy" / "docker" / "Dockerfile").write_text(dockerfile)
    messages = [
        f"{image} has no digest, so what a build takes for it is not checked. Pin it: `seatrial deploy docker --pin-base`."
        for image in named
    ]
    assert not_checked(tmp_path) == messages
