"""Deployment files hold any text as text, in YAML, in a Dockerfile and in the shell within it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.hostile_words import WORDS

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.deploy.admission import TRIAL
from seatrial.deploy.images import render_template
from seatrial.deploy.target import open_target

TEXTS = [word for word in WORDS if word.strip() and len(word) < 200]
NUMBERS = {
    "port": 8001,
    "patience": 300,
    "min_replicas": 2,
    "max_replicas": 6,
    "cpu_target": 70,
    "drain": 25,
    "grace": 40,
    "pre_stop": 5,
}


def test_manifests_hold_any_text() -> None:
    for text in TEXTS:
        keys = ("name", "app", "version", "tag", "sha256", "namespace", "pull_secret", "image", "cpu", "memory")
        values: dict[str, Any] = {**dict.fromkeys((*keys, "keys_secret"), text), "keys_file": "keys.json", **NUMBERS}
        values |= {"log": text, "spool": "/spool", "open": False, "statements": {TRIAL: text}}
        manifests = render_template("kubernetes.yaml.jinja", **values)
        first, *others = yaml.load_all(manifests, yaml.CSafeLoader)
        assert [first["kind"], *(other["kind"] for other in others)] == [
            *("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget")
        ]
        pod = first["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert {
            *(container["image"], container["resources"]["limits"]["memory"], pod["imagePullSecrets"][0]["name"]),
            pod["volumes"][0]["secret"]["secretName"],
            next(each["value"] for each in container["env"] if each["name"] == "SEATRIAL_LOG"),
            first["spec"]["template"]["metadata"]["annotations"][TRIAL],
            *(first["metadata"][key] for key in ("name", "namespace")),
            *(first["spec"]["selector"]["matchLabels"].values()),
        } == {text}, text


@pytest.mark.parametrize("mounts", [True, False])
def test_dockerfiles_hold_any_text(mounts: bool) -> None:
    values: dict[str, Any] = {"port": 8001, "mounts": mounts, "base": "python:3.11-slim", "drain": 0, "log": ""}
    values["is_open"] = not mounts
    plain = render_template("Dockerfile.jinja", name="x", package="x", **values)
    for text in TEXTS:
        dockerfile = render_template("Dockerfile.jinja", name=text, package=text, **values)
        assert len(dockerfile.splitlines()) == len(plain.splitlines())
        *others, command = dockerfile.splitlines()
        assert text in json.loads(command.removeprefix("ENTRYPOINT "))
        runs = [line for line in others if not line.startswith(("#", "LABEL"))]
        assert runs == [line for line in plain.splitlines()[:-1] if not line.startswith(("#", "LABEL"))]


def test_a_dockerfiles_parser_finds_no_other_instruction(tmp_path: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint
    values: dict[str, Any] = {"port": 1, "mounts": True, "base": "python:3", "drain": 0, "is_open": False}
    for text in ('$(touch X) "', "a\nRUN touch X", "`x` ${y} 'z"):
        path = tmp_path / "Dockerfile"
        log = json.dumps({"to": text.replace('"', "'")})  # its parser does not know an escaped backslash before a quote
        words = {"name": text, "package": text, "log": log, "spool": "/spool"}
        path.write_text(render_template("Dockerfile.jinja", **values, **words), "utf-8")
        done = subprocess.run(
            [hadolint, "--no-color", "--ignore", "SC2016", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", ["docker", "kubernetes", "railway"])
def test_a_version_of_python_is_a_tag(target: str, tiny_project: Path) -> None:
    project = find_project(tiny_project)
    project.deploy[target] = {"python": "3.11\nRUN touch X"}
    with pytest.raises(SeatrialError, match="python"):
        open_target(project, target)


@pytest.fixture
def tiny_project(tmp_path: Path) -> Path:
    from tests.projects.tiny import make_project

    return make_project(tmp_path / "tiny")
