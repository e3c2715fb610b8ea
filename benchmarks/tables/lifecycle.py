"""One table through a model's whole life: each step is the command that a user types, with its time and peak memory."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.server import ask, serving
from benchmarks.tables.page import StepFailedError, try_page

GIT = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.com",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.com",
}
PREDICT = """
import json, sys, {package} as package
from pathlib import Path
rows = json.loads((Path(package.__file__).parent / "artifacts" / "golden.json").read_text())["rows"][:20]
json.dump({{"rows": rows, "answers": package.predict(rows)}}, sys.stdout)
"""


@dataclass
class Step:
    """What one step took: seconds of wall-clock and of processor time, and the peak memory in MB of any process."""

    seconds: float
    cpu: float
    peak_mb: float


@dataclass
class TableResult:
    """How a table fared. `failed` is empty if every step worked."""

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


class Lifecycle:
    """Takes one project from a table to its page, as a person would at a terminal."""

    def __init__(self, name: str, folder: Path, home: Path) -> None:
        self.result = TableResult(name)
        self.folder = folder
        self.root = folder / name
        self.output = folder / "output.txt"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        unset = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}  # the second makes each command compile pandas again
        self.environment = {**os.environ, **GIT, **unset, "PATH": path, "SEATRIAL_HOME": str(home), "COLUMNS": "160"}

    def run(self, location: str, target: str, options: Sequence[str], *, grows: bool) -> TableResult:
        """Run all steps; the first failure ends the run and is recorded in the result."""
        try:
            data = self._fewer_rows(Path(location)) if grows else location
            self._create(data, target, options)
            self._step("lint", ("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
            self._step("doctor", ("seatrial", "doctor"))
            self._train()
            self.result.tests = self._step("tests", ("python", "-m", "pytest")).strip().splitlines()[-1]
            self._release("")
            self._serve()
            if grows:
                self._grow(Path(location))
            left = subprocess.run(
                ["git", "status", "--porcelain"], cwd=self.root, capture_output=True, text=True, check=True
            ).stdout
            if left and not grows:
                raise StepFailedError(f"git: the commands left uncommitted changes: {left.strip()}")
        except (StepFailedError, SystemExit) as failure:
            self.result.failed = str(failure)
        return self.result

    def _create(self, data: str, target: str, options: Sequence[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)
        targets = ("--target", target) if target else ()
        self._step("new", ("seatrial", "new", self.result.table, "--data", data, *targets, *options, "--yes"))

    def _train(self) -> None:
        self._step("train", ("seatrial", "train"))
        artifacts = next(self.root.glob("src/*/artifacts"))
        facts = json.loads((artifacts / "release.json").read_text())
        result = self.result
        result.rows, result.task, result.engine = facts["data"]["rows"], facts["task"], facts["engine"]
        result.difference = facts["proof"].get("largest_difference")
        result.why_native = facts.get("native_reason", "") or ""
        best = facts["metrics"][facts["headline"]]
        result.metric, result.value, result.baseline = best["label"], best["value"], best["baseline"]
        result.columns = len(json.loads((artifacts / "schema.json").read_text())["properties"])

    def _release(self, which: str) -> None:
        for command in ("build", "trial", "publish"):
            self._step(f"{command}{which}", ("seatrial", command))

    def _serve(self) -> None:
        package = next(self.root.glob("src/*/schema.py")).parent.name
        predicted = subprocess.run(
            [sys.executable, "-c", PREDICT.format(package=package)],
            capture_output=True, text=True, check=True, env={**self.environment, "PYTHONPATH": str(self.root / "src")},
        )  # fmt: skip
        own = json.loads(predicted.stdout)
        body = json.dumps(own["rows"]).encode()
        command = [str(Path(sys.executable).parent / "seatrial"), "serve", "--port", "{port}"]
        with (
            self.output.open("ab") as output,
            serving(command, body, self.environment, folder=self.root, output=output) as running,
        ):
            self.result.steps["serve"] = Step(round(running.first_answer, 1), 0.0, _resident_mb(running.process.pid))
            answer = json.loads(ask(running.url, body))
            if answer["predictions"] != [one["prediction"] for one in own["answers"]]:
                raise StepFailedError("serve: a prediction over HTTP differs from the package's own")
            if "probabilities" in own["answers"][0] and answer.get("probabilities") != [
                one["probabilities"] for one in own["answers"]
            ]:
                raise StepFailedError("serve: a probability over HTTP differs from the package's own")
            clock = time.monotonic()
            self.result.page = try_page(running.url)
            self.result.steps["page"] = Step(round(time.monotonic() - clock, 1), 0.0, 0.0)

    # -- a second release

    def _fewer_rows(self, table: Path) -> str:
        """Four fifths of the rows of a CSV file, as it was a while ago."""
        lines = table.read_text().splitlines(keepends=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        first = self.folder / table.name
        first.write_text("".join([lines[0], *(line for n, line in enumerate(lines[1:]) if n % 5)]))
        return str(first)

    def _grow(self, table: Path) -> None:
        """Put the whole table in its place, then bump, train, build, run the trial and publish, as the README says."""
        self._commit("Release it")
        own = next(self.root.glob("data/*.csv"))
        whole = table.read_text()
        if own.read_text().splitlines()[0] != whole.splitlines()[0]:
            raise StepFailedError("second release: the project's table has other columns than its source")
        own.write_text(whole)
        self._step("bump", ("seatrial", "bump", "minor"))
        self._step("train 2", ("seatrial", "train", "--on-bad-rows", "drop"))  # as an error message would advise
        self._commit("Release it again")
        self._release(" 2")
        latest = max((self.root / ".seatrial/trials").glob("*/verdict.json"), key=os.path.getmtime)
        verdict = json.loads(latest.read_text())
        self.result.second = verdict["cause"]
        if not verdict.get("baseline"):
            raise StepFailedError("second release: it was not compared with the first")

    def _commit(self, message: str) -> None:
        for words in (("add", "--all"), ("commit", "--quiet", "--allow-empty", "--message", message)):
            subprocess.run(["git", *words], cwd=self.root, env=self.environment, check=True)

    # -- one step

    def _step(self, name: str, *commands: Sequence[str]) -> str:
        """Run commands, and record time and memory. Raises StepFailedError with the last output of a failed one."""
        clock, cpu, peak, printed = time.monotonic(), 0.0, 0.0, ""
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
                printed = output.read().decode(errors="replace")
            if child.returncode:
                raise StepFailedError(
                    f"{name}: {' '.join(command)} ended with {child.returncode}: {printed.strip()[-600:]}"
                )
        self.result.steps[name] = Step(round(time.monotonic() - clock, 1), round(cpu, 1), round(peak))
        return printed


def _resident_mb(pid: int) -> float:
    """The memory of a process and all its children, in MB."""
    import psutil

    process = psutil.Process(pid)
    return round(sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 2**20)
