"""The main job from end to end, by the processes that a user starts: from a table to a served release, used elsewhere."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tests.conftest import copy_titanic

JACK = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20}
SEATRIAL = (sys.executable, "-m", "seatrial")

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, document: object = None) -> dict:
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_until(condition, seconds: float = 120.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("timed out")


def ready(port: int) -> bool:
    try:
        return ask(port, "/ready") == {"status": "ready"}
    except OSError:
        return False


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_titanic(tmp_path_factory.mktemp("demo") / "titanic")


@pytest.fixture(scope="module")
def demo(project: Path) -> str:
    """Run the demo once; returns its output."""
    command = [*SEATRIAL, "demo", "--once", "--port", str(free_port()), "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


def test_the_demo_reports_each_step_and_ends_with_a_prediction(demo: str, project: Path):
    stages = ("Train and compile", "Build a wheel", "Publish it", "Install it", "Serve it", "answered")
    places = [demo.index(stage) for stage in stages]
    assert places == sorted(places)
    assert re.search(r"✓ comparing 1\d\d,\d{3} rows \d+\.\d s", demo)  # quick steps are not reported
    answer = json.loads(next(line for line in demo.splitlines() if line.startswith('{"predictions"')))
    assert answer["predictions"] == [1]
    assert answer["version"] == "0.1.0"
    assert "/docs" in demo
    report = re.search(r"the report\s+(\S+report\.html)", demo)
    assert report
    assert (project / ".seatrial" / "index" / "simple" / "titanic-model" / "index.html").is_file()


def test_a_second_run_publishes_nothing_new_and_serves_until_ctrl_c(demo: str, project: Path):
    page = project / ".seatrial" / "index" / "simple" / "titanic-model" / "index.html"
    before, port = page.read_bytes(), free_port()
    command = [*SEATRIAL, "demo", "--port", str(port), "--project", str(project)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_until(lambda: running.poll() is not None or ready(port))
        assert ask(port, "/api/v1/predict", JACK)["predictions"] == [0]
        listed = json.loads(
            subprocess.run(
                [*SEATRIAL, "releases", "--json", "--project", str(project)], capture_output=True, check=True
            ).stdout
        )
        assert listed[0]["version"] == "0.1.0"
        assert listed[0]["served"] == [f"http://127.0.0.1:{port}"]
        assert listed[0]["metrics"]["accuracy"] > 0.75
        time.sleep(0.5)  # until the demo has predicted its example and waits
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        said = running.communicate(timeout=20)[0].decode()
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    assert "Traceback" not in said
    assert running.returncode == 0
    assert not ready(port)
    assert page.read_bytes() == before


def test_a_port_in_use_is_one_clear_line_before_any_work(project: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [*SEATRIAL, "demo", "--port", port, "--project", str(project)]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: Port {port} on 127.0.0.1 cannot be used: Address already in use.")
    assert "hint: Choose another with PORT=" in done.stderr
    assert time.monotonic() - began < 5


@pytest.fixture(scope="module")
def other_environment(demo: str, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty environment into which pip installed titanic-model as the README says.

    In two steps: PyPI has other packages of that name, with higher versions.
    """
    root = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(root)], check=True)
    pip = [str(root / "bin" / "pip"), "install", "--quiet", "--no-compile", "titanic-model", "seatrial"]
    index = (project / ".seatrial" / "index" / "simple").as_uri()
    for more in (["--no-deps", "--index-url", index], []):
        done = subprocess.run([*pip, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return root / "bin"


@pytest.mark.soak
def test_pip_installs_the_core_and_nothing_heavy(other_environment: Path):
    listed = subprocess.run(
        [other_environment / "pip", "list", "--format=json"], capture_output=True, check=True
    ).stdout
    names = {each["name"].lower() for each in json.loads(listed)}
    assert {"titanic-model", "seatrial", "numpy", "onnxruntime", "pydantic"} <= names
    assert not names & {"scikit-learn", "pandas", "skl2onnx", "onnx", "fastapi", "typer", "pyarrow", "scipy"}


@pytest.mark.soak
def test_python_predicts(other_environment: Path, tmp_path: Path):
    code = f"import titanic_model; print(titanic_model.predict([{JACK!r}])); print(titanic_model.__version__)"
    done = subprocess.run(
        [other_environment / "python", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    prediction, version = done.stdout.splitlines()
    assert prediction.startswith("[{'prediction': 0, 'probabilities': {'0': 0.")
    assert version == "0.1.0"


@pytest.mark.soak
def test_the_command_predicts(other_environment: Path, project: Path):
    command = [other_environment / "titanic-model", "predict", project / "data" / "titanic.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1310


def test_a_release_is_served_by_its_name_without_a_project(demo: str, project: Path, tmp_path: Path):
    port, index = free_port(), project / ".seatrial" / "index"
    command = [*SEATRIAL, "serve", "titanic-model==0.1.0", "--index", str(index), "--port", str(port)]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: running.poll() is not None or ready(port))
        assert ask(port, "/api/v1/model")["version"] == "0.1.0"
        running.terminate()
        said = running.communicate(timeout=20)[0].decode()
    finally:
        if running.poll() is None:
            running.kill()
    assert running.returncode == 0
    assert '"release":"titanic-model==0.1.0"' in said  # piped, so JSON


@pytest.mark.parametrize(
    ("wanted", "message"),
    [("titanic-model==9.9", "has no titanic-model==9.9"), ("titanik-model", "Did you mean titanic-model?")],
)
def test_a_missing_release_is_named(demo: str, project: Path, wanted: str, message: str):
    command = [*SEATRIAL, "serve", wanted, "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in done.stderr


def test_other_bytes_under_a_published_version_are_refused(demo: str, project: Path, tmp_path: Path):
    changed = tmp_path / "titanic"
    shutil.copytree(project, changed)
    features = changed / "src" / "titanic_model" / "features.py"
    features.write_text(features.read_text() + "\n# a change\n")
    done = subprocess.run([*SEATRIAL, "build", "--project", str(changed)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        "titanic-model==0.1.0 is already on the index, and titanic_model/features.py has changed since." in done.stderr
    )
    assert "seatrial bump" in done.stderr
