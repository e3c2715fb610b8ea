"""The image, built from a private index as people and CI do it: its contents, and how it runs."""

import base64
import gzip
import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.deploy.containers.conftest import docker_folder
from tests.deploy.containers.container_tools import ContainerTools
from tests.deploy.containers.private_index import private_index
from tests.deploy.pinned_releases import free_port

from seatrial.core.project import ProjectSettings
from seatrial.deploy.target import PinnedRelease
from seatrial.release import FolderIndex

pytestmark = pytest.mark.soak

TOKEN = "tok-3b1f9a77d2c84e55"
JACK = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20}
LARGEST = 350e6  # bytes, unpacked
SLOWEST = 3.0  # seconds from the start to the first answer


@dataclass(frozen=True)
class Built:
    image: str
    log: str


@pytest.fixture(scope="module")
def context(
    two_releases: tuple[ProjectSettings, FolderIndex], pinned: dict[str, PinnedRelease], tmp_path_factory
) -> Path:
    folder = tmp_path_factory.mktemp("context") / "docker"
    return docker_folder(pinned["0.1.0"], two_releases[0], folder)


def build(tools: ContainerTools, context: Path, image: str, *options: str, check: bool = True):
    return tools.run("buildah", "build", "--format", "docker", "--tag", image, *options, str(context), check=check)


@pytest.fixture(scope="module")
def by_secret(tools: ContainerTools, context: Path, two_releases, tmp_path_factory) -> Built:
    secret = tmp_path_factory.mktemp("secret") / "address"
    with private_index(two_releases[1].path, TOKEN) as index:
        secret.write_text(index.url(f"ci:{TOKEN}") + "\n")
        done = build(tools, context, "by-secret", "--secret", f"id=pip_extra_index_url,src={secret}")
        assert any(path.endswith(".whl") for path in index.served)
    return Built("by-secret", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def by_argument(tools: ContainerTools, context: Path, two_releases) -> Built:
    """Built with a build argument and the token as user name, as Gemfury suggests; pip prints such a token."""
    with private_index(two_releases[1].path, TOKEN) as index:
        done = build(tools, context, "by-argument", "--build-arg", f"PIP_EXTRA_INDEX_URL={index.url(f'{TOKEN}:')}")
        assert any(path.endswith(".whl") for path in index.served)
    return Built("by-argument", done.stdout + done.stderr)


@dataclass(frozen=True)
class Running:
    name: str
    url: str
    first_answer: float


@pytest.fixture(scope="module")
def running(tools: ContainerTools, by_secret: Built) -> Iterator[Running]:
    """The image, running with a read-only file system and no capabilities."""
    port = free_port()
    began = time.monotonic()
    options = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL"]
    tools.run(
        *("podman", "run", "--detach", "--name", "image-test", *options),
        *("--publish", f"{port}:{port}", "--env", f"PORT={port}", "--env", "SEATRIAL_OPEN=1", by_secret.image),
    )
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            predict(url)
            break
        except OSError:
            assert time.monotonic() - began < 30, tools.run("podman", "logs", "image-test").stderr
            time.sleep(0.02)
    yield Running("image-test", url, time.monotonic() - began)
    tools.run("podman", "rm", "--force", "image-test")


def predict(url: str) -> dict:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/predict", json.dumps(JACK).encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def test_it_predicts_within_three_seconds_of_its_start(running: Running) -> None:
    print(f"first answer after {running.first_answer:.2f} s")  # noqa: T201 - the figure, for -s
    assert predict(running.url)["version"] == "0.1.0"
    assert running.first_answer < SLOWEST


def test_it_sends_no_telemetry(tools: ContainerTools, running: Running) -> None:
    """onnxruntime 1.32 collects telemetry, also on Linux, and logs a complaint if it cannot store an identifier."""
    done = tools.run("podman", "logs", running.name)
    assert "serving titanic-model 0.1.0" in done.stdout + done.stderr
    assert "telemetry" not in (done.stdout + done.stderr).lower()


def test_it_is_small_enough(tools: ContainerTools, by_secret: Built) -> None:
    size = int(tools.run("podman", "image", "inspect", "--format", "{{.Size}}", by_secret.image).stdout)
    print(f"{size / 1e6:.0f} MB unpacked")  # noqa: T201 - the figure, for -s
    assert size < LARGEST


def test_it_runs_as_an_unprivileged_user_without_write_access(tools: ContainerTools, running: Running) -> None:
    assert tools.run("podman", "exec", running.name, "id", "-u").stdout.strip() == "10001"
    for place in ("/opt/venv/x", "/tmp/x", "/x"):
        assert tools.run("podman", "exec", running.name, "touch", place, check=False).returncode != 0


def test_its_health_check_distinguishes_healthy_from_unhealthy(
    tools: ContainerTools, running: Running, by_secret: Built
) -> None:
    assert tools.run("podman", "healthcheck", "run", running.name).returncode == 0
    state = tools.run("podman", "inspect", "--format", "{{.State.Health.Status}}", running.name).stdout
    assert state.strip() == "healthy"
    tools.run(
        *("podman", "run", "--detach", "--name", "ill", "--env", f"PORT={free_port()}"),
        *("--entrypoint", "sleep", by_secret.image, "60"),
    )
    unhealthy = tools.run("podman", "healthcheck", "run", "ill", check=False)
    tools.run("podman", "rm", "--force", "--time", "0", "ill")
    assert unhealthy.returncode != 0


def test_railways_health_check_is_accepted(running: Running) -> None:
    request = urllib.request.Request(f"{running.url}/ready", headers={"Host": "healthcheck.railway.app"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def test_sagemakers_argument_serves_on_its_port(tools: ContainerTools, by_secret: Built) -> None:
    options = ("--detach", "--name", "sagemaker", "--env", "SEATRIAL_OPEN=1", "--publish", "8080:8080")
    tools.run("podman", "run", *options, by_secret.image, "serve")
    began = time.monotonic()
    while True:
        try:
            assert "predictions" in predict("http://127.0.0.1:8080")
            break
        except OSError:
            assert time.monotonic() - began < 30, tools.run("podman", "logs", "sagemaker").stderr
            time.sleep(0.02)
    tools.run("podman", "rm", "--force", "sagemaker")


def test_sigterm_stops_it_quickly_and_cleanly(tools: ContainerTools, by_secret: Built) -> None:
    port = free_port()
    options = ("--detach", "--name", "ending", "--env", f"PORT={port}", "--env", "SEATRIAL_OPEN=1")
    tools.run("podman", "run", *options, by_secret.image)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            predict(f"http://127.0.0.1:{port}")
            break
        except OSError:
            time.sleep(0.02)
    began = time.monotonic()
    tools.run("podman", "stop", "--time", "10", "ending")
    took = time.monotonic() - began
    code = tools.run("podman", "inspect", "--format", "{{.State.ExitCode}}", "ending").stdout.strip()
    tools.run("podman", "rm", "--force", "ending")
    assert (code, took < 3) == ("0", True), took


def test_it_contains_no_compiler_and_no_installer(tools: ContainerTools, by_secret: Built) -> None:
    look = "command -v cc gcc g++ clang make pip pip3; python -c 'import pip' 2>/dev/null && echo pip; "
    look += "python -c 'import setuptools' 2>/dev/null && echo setuptools; exit 0"
    done = tools.run("podman", "run", "--rm", "--entrypoint", "sh", by_secret.image, "-c", look)
    assert done.stdout == ""


def test_it_contains_its_lockfile(tools: ContainerTools, by_secret: Built, pinned: dict[str, PinnedRelease]) -> None:
    done = tools.run("podman", "run", "--rm", "--entrypoint", "cat", by_secret.image, "/opt/venv/requirements.txt")
    assert done.stdout == pinned["0.1.0"].requirements.read_text()
    assert "\ntitanic-model==0.1.0 " in done.stdout


@pytest.mark.parametrize("way", ["by_secret", "by_argument"])
def test_no_token_is_in_its_history_its_layers_or_the_build_output(
    tools: ContainerTools, way: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    built = request.getfixturevalue(way)
    forms = [
        form.encode() for form in (TOKEN, *map(encoded, (TOKEN, f"{TOKEN}:", f"ci:{TOKEN}", "left-here-by-somebody")))
    ]
    forms.append(b"left-here-by-somebody")
    history = tools.run("podman", "history", "--no-trunc", "--format", "json", built.image).stdout
    inspected = tools.run("podman", "image", "inspect", built.image).stdout
    for text in (history, inspected, built.log):
        assert not [form for form in forms if form in text.encode()]
    archive = tmp_path / "image.tar"
    tools.run("podman", "save", "--output", str(archive), built.image)
    leaks, layers, has_lockfile = [], 0, False
    with tarfile.open(archive) as image:
        for member in image:
            data = image.extractfile(member).read() if member.isfile() else b""
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            layers += member.name.endswith(".tar")
            has_lockfile |= b"titanic-model==0.1.0" in data  # the search works
            leaks += [(member.name, form) for form in forms if form in data]
    archive.unlink()
    assert layers >= 2
    assert has_lockfile
    assert leaks == []


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("broken", ["down", "wrong token"])
def test_without_the_private_index_the_build_fails_with_one_clear_line(
    tools: ContainerTools, context: Path, two_releases, broken: str
) -> None:
    with private_index(two_releases[1].path, "another") as index:
        url = index.url(f"ci:{TOKEN}") if broken == "wrong token" else f"http://ci:{TOKEN}@127.0.0.1:1/simple/"
        done = build(tools, context, "no-index", "--build-arg", f"PIP_EXTRA_INDEX_URL={url}", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Cannot install what requirements.txt pins. Check that the private index is up" in output
    assert TOKEN not in output
    assert tools.run("podman", "image", "exists", "no-index", check=False).returncode != 0
