"""A side of the trial: one release, installed from its wheel into an environment of its own, and asked there.

A side may crash, hang, eat memory, print garbage or lie about how many rows it answered: each is a NotComparedError
with its last words, no process of it stays alive, and what was written lies in a folder that is gone afterwards.
"""

import json
import math
import os
import signal
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError, Subject
from seatrial.trial.sandbox.answers import Answers, NoAnswerError, read_answers
from seatrial.trial.sandbox.process import Ended, Running
from seatrial.trial.sandbox.queries import InjectedFault, Job, MeasureCost, write_request
from seatrial.trial.sandbox.worker import EXIT_FAILED, EXIT_MEMORY
from seatrial.wheels.environments import Environment, make_environment
from seatrial.wheels.installer import last_lines
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import RELEASE_FILE, WheelInfo, inspect, refuse_unsafe

# What decides a prediction, beside the wheel itself; it is installed in the versions that the release was made with.
PINNED = {
    "onnx": ("numpy", "onnxruntime", "pydantic"),
    "native": ("numpy", "onnxruntime", "pydantic", "scikit-learn", "pandas", "skops"),
}
OUT_OF_MEMORY = ("MemoryError", "bad_alloc", "bad allocation", "Cannot allocate memory", "Failed to allocate memory")
SIGNALS = {
    "SIGSEGV": "crashed (segmentation fault)",
    "SIGABRT": "crashed (it aborted)",
    "SIGFPE": "crashed (arithmetic error)",
    "SIGILL": "crashed (illegal instruction)",
    "SIGXCPU": "was killed: it used more processor time than its limit",
    "SIGXFSZ": "was killed: it wrote a file without end",
    "SIGKILL": "was killed (SIGKILL), as a system does that runs out of memory",
}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Sandbox:
    """A release that can be asked; `role` ("candidate") and name stand in messages."""

    role: str
    wheel: WheelInfo
    environment: Environment
    policy: Policy

    def ask(self, jobs: Sequence[Job], fault: InjectedFault | None = None) -> Answers:
        """Have a fresh process do the jobs; `fault` is seeded for each that has none of its own.

        Raises NotComparedError with the side's last words. Many faults can be seeded into one process, one after the
        other: what makes a job with a fault impossible to answer is told in `Answers.failures`.
        """
        with self._asked(jobs, fault) as answers:
            return answers()

    @property
    def subject(self) -> Subject:
        """The side, as a verdict names it."""
        release = self.wheel.release or {}
        return Subject(
            name=self.wheel.name,
            version=self.wheel.version,
            sha256=self.wheel.sha256,
            engine=str(release.get("engine", "")),
            data_sha256=str(release.get("data", {}).get("sha256", "")),
            environment=dict(release.get("environment", {})),
        )

    @contextmanager
    def _asked(self, jobs: Sequence[Job], fault: InjectedFault | None) -> Iterator[Callable[[], Answers]]:
        """Start a worker on the jobs; the function that is given waits for its answers."""
        if fault:
            jobs = [job if job.fault else replace(job, fault=fault) for job in jobs]
        policy = self.policy
        with TemporaryDirectory(prefix="seatrial-trial-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            request = {
                "package": self.wheel.package,
                "parent": os.getpid(),
                "threads": policy.threads,
                "memory_mb": policy.memory_mb,
                "cpu_seconds": math.ceil(policy.timeout * policy.threads) + 10,
                "jobs": write_request(folder, jobs),
            }
            (folder / "request.json").write_text(json.dumps(request))
            python = self.environment.python
            with Running(python, folder, timeout=policy.timeout, threads=policy.threads) as running:
                yield lambda: self._read(folder, jobs, running.wait())

    def _read(self, folder: Path, jobs: Sequence[Job], ended: Ended) -> Answers:
        if ended.code == 0 and (folder / "answer.json").exists():
            try:
                return read_answers(folder, jobs, ended.stdout)
            except NoAnswerError as error:
                reason = str(error)
        else:
            reason = self._reason(folder, ended)
        words = _last_words(ended)
        raise NotComparedError(
            f"The {self.role}, {self.wheel.name} {self.wheel.version}, {reason}.{words}",
            hint=f"Its environment is {self.environment.root}; try the model there.",
        )

    def _reason(self, folder: Path, ended: Ended) -> str:
        """Say in words how a worker ended that did not answer."""
        code, policy = ended.code, self.policy
        if code is None:
            return f"did not answer within {policy.timeout:g} s"
        failure = _failure(folder) if code == EXIT_FAILED else ""
        died = code < 0 and any(sign in ended.stderr for sign in OUT_OF_MEMORY)
        if code == EXIT_MEMORY or died or any(sign in failure for sign in OUT_OF_MEMORY):
            return f"was killed: out of memory (limit {policy.memory_mb} MB)"
        if failure:
            return failure.rstrip(".")
        if code >= 0:
            return f"ended without an answer (exit code {code})"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return SIGNALS.get(name, f"was killed ({name})")


def open_sandbox(
    wheel: Path,
    policy: Policy,
    *,
    role: str = "candidate",
    index: WheelSource | Path | None = None,
    toolkit: Path | str | None = None,
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> Sandbox:
    """Look into a wheel, and install it with the versions that it was released with, or find it installed.

    Raises NotComparedError where it is unsafe, is no release, cannot be installed or loaded, or was changed since.
    """
    try:
        info = inspect(wheel)
        if info.release is None:
            raise SeatrialError(
                f"{info.filename} is no release: it has no {info.package}/{RELEASE_FILE}.",
                hint="Build it with `seatrial build`.",
            )
        refuse_unsafe(info)
        environment = make_environment(
            info.path,
            index=index,
            toolkit=toolkit,
            cache=cache,
            constraints=pins(info.release),
            progress=lambda said: progress(f"{role}: {said}"),
        )
        _check_installed(info, environment)
    except NotComparedError:
        raise
    except SeatrialError as error:
        raise NotComparedError(f"The {role} cannot be asked: {error.message}", hint=error.hint) from None
    side = Sandbox(role, info, environment, policy)
    if not environment.cached:
        # Python compiles what it imports for the first time: seconds, that would be held against a new candidate.
        progress(f"{role}: starting it for the first time")
        side.ask([])
    return side


def ask_both(candidate: Sandbox, baseline: Sandbox, jobs: Sequence[Job]) -> tuple[Answers, Answers]:
    """Ask the same of both sides: at the same time where there are cores for it and no time is measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = candidate.policy.threads + baseline.policy.threads
    if threads > cores or any(isinstance(job, MeasureCost) for job in jobs):
        return candidate.ask(jobs), baseline.ask(jobs)
    with candidate._asked(jobs, None) as one, baseline._asked(jobs, None) as other:
        return one(), other()


def pins(release: dict[str, Any]) -> list[str]:
    """What an environment is held to, so that a release runs on the versions that it was made with."""
    made_with = release.get("environment", {})
    names = PINNED.get(str(release.get("engine")), PINNED["onnx"])
    return [f"{name}=={made_with[name]}" for name in names if name in made_with]


def _check_installed(wheel: WheelInfo, environment: Environment) -> None:
    """Hold the installed package against the wheel: a cached environment may have been edited since."""
    site = next((path.parent for path in environment.root.glob(f"[Ll]ib*/**/site-packages/{wheel.package}")), None)
    with zipfile.ZipFile(wheel.path) as archive:
        for name in wheel.members:
            if not name.startswith(f"{wheel.package}/") or name.endswith("/"):
                continue
            path = site / name if site else None
            if path is None or not path.is_file() or path.read_bytes() != archive.read(name):
                raise SeatrialError(
                    f"{name} in the environment {environment.root} is not that of the wheel.",
                    hint="Somebody changed it: remove that folder, and it is made again.",
                )


def _failure(folder: Path) -> str:
    """What a worker that could not answer says of it."""
    try:
        return str(read_json(folder / "answer.json")["failure"])
    except (SeatrialError, KeyError, TypeError):
        return ""


def _last_words(ended: Ended) -> str:
    """The end of what a worker printed; of a crash or a hang, the place in the code."""
    said = ended.stderr.strip() or ended.stdout.strip()
    _, found, stack = said.rpartition("(most recent call first):\n")
    if found:
        said = "\n".join(stack.splitlines()[:6])
    return f" Its last words:\n{last_lines(said)}" if said else ""
