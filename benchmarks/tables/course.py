"""One table the whole way, each step the command that a user types, with its time and the most memory it held."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 120  # seconds for the server to be ready
GIT = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.com",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.com",
}
ASK_PACKAGE = """
import json, sys, {package} as package
from pathlib import Path
rows = json.loads((Path(package.__file__).parent / "artifacts" / "golden.json").read_text())["rows"][:20]
json.dump({{"rows": rows, "answers": package.predict(rows)}}, sys.stdout)
"""


class FailureError(Exception):
    """A step that did not do what it is for."""


@dataclass
class Step:
    """What one step took: seconds by the clock, of the processor, and the most memory in MB of any process in it."""

    seconds: float
    cpu: float
    peak_mb: float


@dataclass
class Course:
    """How a table fared. `failed` is empty where every step did what it is for."""

    table: str
    rows: int = 0
    columns: int = 0
    task: str = ""
    engine: str = ""
    why_native: str = ""
    difference: float | None = None  # of the compiled graph from scikit-learn, the largest
    metric: str = ""
    value: float | None = None
    baseline: float | None = None
    tests: str = ""
    page: str = ""
    second: str = ""
    steps: dict[str, Step] = field(default_factory=dict)
    failed: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Walk:
    """Takes one project from a table to its page, as a person would at a terminal."""

    def __init__(self, name: str, folder: Path, home: Path) -> None:
        self.course = Course(name)
        self.folder = folder
        self.root = folder / name
        self.output = folder / "output.txt"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **GIT, "PATH": path, "SEATRIAL_HOME": str(home), "COLUMNS": "160"}
        for variable in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):  # the second has each command compile pandas anew
            self.environment.pop(variable, None)

    def go(self, place: str, target: str, words: Sequence[str], *, grows: bool) -> Course:
        """Take all steps; the first that fails ends the walk, and stands in the course."""
        try:
            data = self._fewer(Path(place)) if grows else place
            self._make(data, target, words)
            self._step("lint", ("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
            self._step("doctor", ("seatrial", "doctor"))
            self._train()
            self.course.tests = self._step("tests", ("python", "-m", "pytest")).strip().splitlines()[-1]
            self._release("")
            self._serve()
            if grows:
                self._grow(Path(place))
            left = subprocess.run(
                ["git", "status", "--porcelain"], cwd=self.root, capture_output=True, text=True, check=True
            ).stdout
            if left and not grows:
                raise FailureError(f"git: there is something to commit that nobody changed: {left.strip()}")
        except FailureError as failure:
            self.course.failed = str(failure)
        return self.course

    def _make(self, data: str, target: str, words: Sequence[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)
        given = ("--target", target) if target else ()
        command = ("seatrial", "new", self.course.table, "--data", data, *given, *words, "--yes")
        self._step("new", command)

    def _train(self) -> None:
        self._step("train", ("seatrial", "train"))
        facts = json.loads(next(self.root.glob("src/*/artifacts/release.json")).read_text())
        course = self.course
        course.rows = facts["data"]["rows"]
        course.task, course.engine = facts["task"], facts["engine"]
        course.difference = facts["proof"].get("largest_difference")
        course.why_native = facts.get("native_reason", "") or ""
        best = facts["metrics"][facts["headline"]]
        course.metric, course.value, course.baseline = best["label"], best["value"], best["baseline"]
        schema = json.loads(next(self.root.glob("src/*/artifacts/schema.json")).read_text())
        course.columns = len(schema["properties"])

    def _release(self, which: str) -> None:
        self._step(f"build{which}", ("seatrial", "build"))
        self._step(f"trial{which}", ("seatrial", "trial"))
        self._step(f"publish{which}", ("seatrial", "publish"))

    def _serve(self) -> None:
        package = next(self.root.glob("src/*/schema.py")).parent.name
        asked = subprocess.run(
            [sys.executable, "-c", ASK_PACKAGE.format(package=package)],
            capture_output=True, text=True, check=True, env={**self.environment, "PYTHONPATH": str(self.root / "src")},
        )  # fmt: skip
        own = json.loads(asked.stdout)
        begun = time.monotonic()
        with self._serving() as (url, server):
            self.course.steps["serve"] = Step(round(time.monotonic() - begun, 1), 0.0, _resident(server.pid))
            answer = _post(f"{url}/api/v1/predict", own["rows"])
            if answer["predictions"] != [one["prediction"] for one in own["answers"]]:
                raise FailureError("serve: a prediction by HTTP is not the package's own")
            if "probabilities" in own["answers"][0] and answer.get("probabilities") != [
                one["probabilities"] for one in own["answers"]
            ]:
                raise FailureError("serve: a probability by HTTP is not the package's own")
            from benchmarks.tables.page import try_page

            begun = time.monotonic()
            self.course.page = try_page(url)
            self.course.steps["page"] = Step(round(time.monotonic() - begun, 1), 0.0, 0.0)

    @contextmanager
    def _serving(self) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        command = [str(Path(sys.executable).parent / "seatrial"), "serve", "--port", str(port)]
        with self.output.open("ab") as output:
            server = subprocess.Popen(
                command, cwd=self.root, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
            try:
                _wait_until_ready(server, url)
                yield url, server
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(20)

    # -- a second release

    def _fewer(self, table: Path) -> str:
        """The first four fifths of a CSV file, as it was a while ago."""
        lines = table.read_text().splitlines(keepends=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        first = self.folder / table.name
        first.write_text("".join([lines[0], *(line for n, line in enumerate(lines[1:]) if n % 5)]))
        return str(first)

    def _grow(self, table: Path) -> None:
        """The table grows, as README.md of the project has it: in its place, trained, tried, published, deployed."""
        self._commit("Deploy what there is")
        own = next(self.root.glob("data/*.csv"))
        header, whole = own.read_text().splitlines()[0], table.read_text()
        same_columns = header == whole.splitlines()[0]
        if not same_columns:
            raise FailureError("second release: the project's table has other columns than its source")
        own.write_text(whole)
        self._step("bump", ("seatrial", "bump", "minor"))
        self._step("train 2", ("seatrial", "train", "--on-bad-rows", "drop"))  # as an error would advise
        self._release(" 2")
        cause = next(iter(sorted((self.root / ".seatrial/trials").glob("*/verdict.json"), key=os.path.getmtime)[-1:]))
        verdict = json.loads(cause.read_text())
        self.course.second = verdict["cause"]
        if not verdict.get("baseline"):
            raise FailureError("second release: it was not compared with the first")

    def _commit(self, message: str) -> None:
        for words in (("add", "--all"), ("commit", "--quiet", "--allow-empty", "--message", message)):
            subprocess.run(["git", *words], cwd=self.root, env=self.environment, check=True)

    # -- one step

    def _step(self, name: str, *commands: Sequence[str]) -> str:
        """Run commands, and note time and memory. Raises FailureError with the end of what the first bad one said."""
        begun, cpu, peak, said = time.monotonic(), 0.0, 0.0, ""
        for command in commands:
            with self.output.open("ab") as output:
                output.write(f"\n$ {' '.join(command)}\n".encode())
                output.flush()
                start = output.tell()
                program = str(Path(sys.executable).parent / command[0])
                child = subprocess.Popen(
                    [program, *command[1:]], cwd=self.root if self.root.is_dir() else self.folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                )  # fmt: skip
                _, status, used = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            cpu += used.ru_utime + used.ru_stime
            peak = max(peak, used.ru_maxrss / 1024)
            with self.output.open("rb") as output:
                output.seek(start)
                said = output.read().decode(errors="replace")
            if child.returncode:
                raise FailureError(f"{name}: {' '.join(command)} gave {child.returncode}: {said.strip()[-600:]}")
        self.course.steps[name] = Step(round(time.monotonic() - begun, 1), round(cpu, 1), round(peak))
        return said


def _wait_until_ready(server: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise FailureError("serve: the server did not become ready")


def _post(url: str, document: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _resident(pid: int) -> float:
    """The memory of a process and all its children, in MB."""
    import psutil

    process = psutil.Process(pid)
    return round(sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 2**20)
