"""The files that are rendered for a project's targets, and the contents of a build context."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import TITANIC
from tests.deploy.pinned_releases import fake_pinned_release
from tests.projects.tiny import make_project

from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import ImageSettings, docker_files, edited_or, image_name, lockfile_digest, stage, tag_of
from seatrial.steps.project_files import deployment_files, write_missing


@pytest.fixture
def tiny(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


def test_the_reference_project_has_the_rendered_files() -> None:
    for path, text in deployment_files(find_project(TITANIC)).items():
        assert path.read_text() == text, f"render it again: {path}"


def test_existing_files_are_not_overwritten(tiny: ProjectSettings) -> None:
    written, _ = write_missing(deployment_files(tiny))
    assert sorted(str(path.relative_to(tiny.root / "deploy")) for path in written) == [
        *("docker/.dockerignore", "docker/Dockerfile", "docker/install_pinned.py"),
        *("railway/.dockerignore", "railway/Dockerfile", "railway/install_pinned.py", "railway/railway.json"),
    ]
    (tiny.root / "deploy" / "docker" / "Dockerfile").write_text("FROM mine\n")
    assert write_missing(deployment_files(tiny))[0] == []
    assert (tiny.root / "deploy" / "docker" / "Dockerfile").read_text() == "FROM mine\n"


@pytest.mark.parametrize("mounts", [True, False])
def test_hadolint_finds_nothing_in_the_dockerfile(tiny: ProjectSettings, tmp_path: Path, mounts: bool) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint
    path = tmp_path / "Dockerfile"
    for text, clean in (
        (docker_files(tiny, ImageSettings(), port=8001, mounts=mounts)["Dockerfile"], True),
        ("FROM python\nRUN cd /x && pip install y\n", False),
    ):
        path.write_text(text)
        done = subprocess.run([hadolint, "--no-color", str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is clean, done.stdout


LOCKFILE = """# From the index team: tiny-model, Acme.Utils
tiny-model==0.1.0 \\
    --hash=sha256:0
acme-utils==1.0 --hash=sha256:0
numpy==2.0 \\
    --hash=sha256:0
"""
LOGGING = """
import os, pathlib, sys
variables = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS")
names = [line.partition("==")[0] for line in pathlib.Path(sys.argv[-1]).read_text().splitlines()]
with open("log", "a") as log:
    print([{key: os.environ[key] for key in variables if key in os.environ}, sys.argv[1:-1], names], file=log)
"""


@pytest.mark.parametrize("wheels", [True, False])
def test_an_image_takes_our_own_packages_from_our_index_alone(
    tiny: ProjectSettings, tmp_path: Path, wheels: bool
) -> None:
    """The script of the image, with a pip that writes down what it is asked."""
    files = docker_files(tiny, ImageSettings(), port=8001)
    assert "/opt/venv/bin/python install_pinned.py" in files["Dockerfile"]
    (tmp_path / "install_pinned.py").write_text(files["install_pinned.py"])
    (tmp_path / "pip.py").write_text(LOGGING)
    (tmp_path / "requirements.txt").write_text(LOCKFILE)
    if wheels:
        (tmp_path / "acme_utils-1.0-py3-none-any.whl").touch()
    variables = {"PYTHONPATH": str(tmp_path), "PIP_EXTRA_INDEX_URL": "https://t:@h/"}
    subprocess.run([sys.executable, "install_pinned.py"], cwd=tmp_path, env=variables, check=True)
    (own, first, ours), (public, second, others) = map(ast.literal_eval, (tmp_path / "log").read_text().splitlines())
    here = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    assert own == (here if wheels else {"PIP_INDEX_URL": "https://t@h/"})
    assert (public, first) == ({}, second)
    assert {"--no-deps", "--require-hashes"} <= set(first)
    assert (ours, others) == (["tiny-model", "acme-utils"], ["numpy"])


def test_an_image_is_not_built_where_our_index_lacks_a_package(tiny: ProjectSettings, tmp_path: Path) -> None:
    files = docker_files(tiny, ImageSettings(), port=8001)
    (tmp_path / "install_pinned.py").write_text(files["install_pinned.py"])
    (tmp_path / "pip.py").write_text(LOGGING + "sys.exit(1)")
    (tmp_path / "requirements.txt").write_text(LOCKFILE)
    words = [sys.executable, "install_pinned.py"]
    done = subprocess.run(
        words, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Check that the private index is up" in done.stderr
    assert len((tmp_path / "log").read_text().splitlines()) == 1  # the public index was not asked for anything


def test_the_dockerfile_uses_the_projects_settings(tiny: ProjectSettings) -> None:
    text = Docker(tiny, {"port": 9000, "python": "3.12"}).files()["Dockerfile"]
    assert "ARG BASE=docker.io/library/python:3.12-slim" in text
    assert 'ENTRYPOINT ["python", "-m", "seatrial.serve", "tiny_model", "--host", "0.0.0.0"]' in text
    assert "EXPOSE 9000" in text
    assert "PORT=9000" in text


def test_the_health_check_works_and_follows_the_port(titanic_project: Path) -> None:
    """The command in the Dockerfile, with a running server and without one."""
    from tests.serve.clients import process

    text = Docker(find_project(titanic_project), {}).files()["Dockerfile"]
    command = json.loads(re.search(r"HEALTHCHECK[^[]*CMD (\[.*\])", text, re.DOTALL).group(1).splitlines()[0])
    with process(titanic_project / "src", "--port", "0") as server:
        port = str(server.started())
        assert _run(command, port) == 0
    assert _run(command, port) != 0


def _run(command: list[str], port: str) -> int:
    environment = {**os.environ, "PORT": port, "http_proxy": "http://127.0.0.1:1"}
    return subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, check=False).returncode


def test_a_build_context_has_the_lockfile_its_wheels_and_nothing_else(tiny: ProjectSettings, tmp_path: Path) -> None:
    pinned = fake_pinned_release(tmp_path / "pin", tiny)
    (pinned.wheels / "notes.txt").write_text("not a wheel")
    own = tiny.root / "deploy" / "docker"
    own.mkdir(parents=True)
    (own / ".env").write_text("SECRET=1")
    (own / "history.jsonl").write_text("{}")
    context = tmp_path / "context"
    context.mkdir()
    stage(context, pinned, edited_or(Docker(tiny, {}).files(), own))
    assert sorted(str(p.relative_to(context)) for p in context.rglob("*") if p.is_file()) == [
        *(
            ".dockerignore",
            "Dockerfile",
            "install_pinned.py",
            "requirements.txt",
            "wheels/tiny_model-0.1.0-py3-none-any.whl",
        ),
    ]


def test_image_names_and_tags_are_valid(tiny: ProjectSettings) -> None:
    assert image_name("Titanic_Model.v2") == "titanic-model-v2"
    assert tag_of("0.1.0+3.habc") == "0.1.0-3.habc"
    assert Docker(replace(tiny, name="Titanic_Model"), {}).image == "titanic-model"


def test_comments_do_not_change_the_lockfile_digest(tiny: ProjectSettings, tmp_path: Path) -> None:
    pinned = fake_pinned_release(tmp_path / "pin", tiny)
    before = lockfile_digest(pinned)
    pinned.requirements.write_text(f"# deployed today\n\n{pinned.requirements.read_text()}")
    assert lockfile_digest(pinned) == before
    pinned.requirements.write_text("tiny-model==0.2.0\n")
    assert lockfile_digest(pinned) != before


def test_the_tests_of_the_image_say_why_they_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.deploy.containers.container_tools import missing

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing() == (
        "not installed: buildah, podman, runc, debootstrap (apt-get install -y buildah podman runc debootstrap)"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert missing() == "containers can only be built and run as root"
