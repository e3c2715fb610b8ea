"""A sandbox of the trial: one release, installed from its wheel into its own environment, and asked there.

A release may crash, hang, use up the memory, print garbage or return a wrong number of rows. Each is a NotComparedError
with its last output; none of its processes stays alive, and its files are in a folder that is deleted afterwards.
"""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seatrial.core.environment_variables import allowed_environment
from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.core.progress import Progress, silent
from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError, Subject
from seatrial.trial.sandbox.answers import Answers, NoAnswerError, read_answers
from seatrial.trial.sandbox.conditions import Conditions
from seatrial.trial.sandbox.process import WORKER, Ended, Running
from seatrial.trial.sandbox.queries import Job, write_request
from seatrial.trial.sandbox.worker import EXIT_FAILED, EXIT_MEMORY
from seatrial.wheels.compiled import is_compiled
from seatrial.wheels.environments import Environment, make_environment
from seatrial.wheels.installer import last_lines, site_packages
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import RELEASE_FILE, WheelInfo, inspect, refuse_unsafe

# What determines a prediction besides the wheel; installed in the versions that the release was made with.
PINNED = {
    "onnx": ("numpy", "onnxruntime", "pydantic"),
    "native": ("numpy", "onnxruntime", "pydantic", "scikit-learn", "pandas", "skops"),
}
MODULES = {"scikit-learn": "sklearn"}
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""
KERNEL_LIMITS = True  # a test of what happens without them, as outside of Linux, turns them off
OUT_OF_MEMORY = ("MemoryError", "bad_alloc", "bad allocation", "Cannot allocate memory", "Failed to allocate memory")
SIGNALS = {
    "SIGSEGV": "crashed (segmentation fault)",
    "SIGABRT": "crashed (it aborted)",
    "SIGFPE": "crashed (arithmetic error)",
    "SIGILL": "crashed (illegal instruction)",
    "SIGXCPU": "was killed: it exceeded its limit of CPU time",
    "SIGXFSZ": "was killed: it wrote too large a file",
    "SIGKILL": "was killed (SIGKILL), perhaps because the system ran out of memory",
}


@dataclass(frozen=True)
class Sandbox:
    """A release that can be asked; messages contain its `role` ("candidate") and name."""

    role: str
    wheel: WheelInfo
    environment: Environment
    policy: Policy

    def ask(self, jobs: Sequence[Job], conditions: Conditions | None = None) -> Answers:
        """Have a fresh process do the jobs, in the usual conditions or in others.

        Raises NotComparedError with the release's last output. Many faults can be injected into one process, one after
        the other: `Answers.failures` says why a job with a fault could not be answered.
        """
        policy = self.policy
        with TemporaryDirectory(prefix="seatrial-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            self.write_request(folder, jobs, conditions)
            python = self.environment.python
            started = conditions.for_start() if conditions else {"threads": policy.threads}
            with Running(python, folder, timeout=policy.timeout, **started) as running:
                return self.read(folder, jobs, running.wait())

    def write_request(self, folder: Path, jobs: Sequence[Job], conditions: Conditions | None = None) -> None:
        """Write into a worker's folder what it has to do."""
        policy = self.policy
        request = {
            "package": self.wheel.package,
            "parent": os.getpid(),
            "threads": conditions.threads if conditions else policy.threads,
            "conditions": conditions.as_sent() if conditions else {},
            "memory_mb": policy.memory_mb,
            "cpu_seconds": math.ceil(policy.timeout * policy.threads) + 10,
            "readable": self._readable(jobs) if KERNEL_LIMITS else [],
            "jobs": write_request(folder, jobs),
        }
        (folder / "request.json").write_text(json.dumps(request))

    def _readable(self, jobs: Sequence[Job]) -> list[str]:
        """What the worker may read besides the system's files: its environment, and the trial's own scripts."""
        site = site_packages(self.environment.root)
        linked = {path.resolve().parents[1] for path in site.glob("*/__init__.py") if path.is_symlink()} if site else ()
        faults = [job.fault.file.absolute() for job in jobs if job.fault]
        places = [self.environment.root, Path(sys.base_prefix), WORKER.parent, *linked, *faults]
        return sorted({str(each) for path in places for each in (path, path.resolve())})

    @property
    def subject(self) -> Subject:
        """The release, as a verdict names it."""
        release = self.wheel.release or {}
        return Subject(
            name=self.wheel.name,
            version=self.wheel.version,
            sha256=self.wheel.sha256,
            engine=str(release.get("engine", "")),
            data_sha256=str(release.get("data", {}).get("sha256", "")),
            environment=dict(release.get("environment", {})),
        )

    def read(self, folder: Path, jobs: Sequence[Job], ended: Ended) -> Answers:
        """Read what a worker that has ended wrote into its folder. Raises NotComparedError."""
        if ended.code == 0 and (folder / "answer.json").is_file():  # and not a pipe, which would never end
            try:
                return read_answers(folder, jobs, ended.stdout)
            except NoAnswerError as error:
                reason = str(error)
        else:
            reason = self._reason(folder, ended)
        said = ended.code == EXIT_FAILED and bool(_failure(folder))  # in one line; its output has the traceback
        raise NotComparedError(
            f"The {self.role}, {self.wheel.name} {self.wheel.version}, {reason}.{'' if said else _last_output(ended)}",
            hint=f"Try the model in its environment, {self.environment.root}.",
        )

    def _reason(self, folder: Path, ended: Ended) -> str:
        code, policy = ended.code, self.policy
        if ended.filled:
            return "was killed: it filled the disk"
        if code is None:
            return f"did not answer within {policy.timeout:g} s"
        failure = _failure(folder) if code == EXIT_FAILED else ""
        died = code < 0 and any(sign in ended.stderr for sign in OUT_OF_MEMORY)
        if code == EXIT_MEMORY or died or any(sign in failure for sign in OUT_OF_MEMORY):
            return f"was killed: out of memory (limit {policy.memory_mb} MB)"
        if failure:
            return failure.rstrip(".")
        return death(code) if code < 0 else f"ended without an answer (exit code {code})"


def death(code: int) -> str:
    """Say how a process ended by a signal."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return SIGNALS.get(name, f"was killed ({name})")


def open_sandbox(
    wheel: Path | WheelInfo,
    policy: Policy,
    *,
    role: str = "candidate",
    index: WheelSource | None = None,
    toolkit: Path | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Sandbox:
    """Inspect a wheel, and install it with the versions that it was released with, or find it installed.

    Raises NotComparedError if it is unsafe, is not a release, cannot be installed or loaded, or was changed since.
    """
    try:
        info = inspect(wheel) if isinstance(wheel, Path) else wheel
        if info.release is None:
            raise SeatrialError(
                f"{info.filename} is not a release: it has no {info.package}/{RELEASE_FILE}.",
                hint="Build it with `seatrial build`.",
            )
        refuse_unsafe(info)
        environment = make_environment(
            info,
            index=index,
            toolkit=inspect(toolkit) if toolkit else None,
            cache=cache,
            constraints=pins(info.release),
            progress=lambda message: progress(f"{role}: {message}"),
        )
        _check_installed(info, environment)
    except NotComparedError:
        raise
    except SeatrialError as error:
        raise NotComparedError(f"The {role} cannot be run: {error.message}", hint=error.hint) from None
    if not environment.cached:
        _compile_libraries(environment, info, lambda: progress(f"{role}: compiling its libraries"))
    return Sandbox(role, info, environment, policy)


def pins(release: dict[str, Any]) -> list[str]:
    """The pinned requirements of a release's environment, so that it runs on the versions that it was made with."""
    made_with = release.get("environment", {})
    names = PINNED.get(str(release.get("engine")), PINNED["onnx"])
    return [f"{name}=={made_with[name]}" for name in names if name in made_with]


def _compile_libraries(environment: Environment, wheel: WheelInfo, begin: Callable[[], None]) -> None:
    """Have Python store compiled what releases run on, unless it is: these seconds must not count against a candidate.

    Nothing of the release is imported.
    """
    engine = str((wheel.release or {}).get("engine"))
    modules = [MODULES.get(name, name) for name in PINNED.get(engine, PINNED["onnx"])]
    site = site_packages(environment.root)
    if site and all(is_compiled(site, module) for module in (*modules, "seatrial/model")):
        return
    begin()
    modules += ["seatrial.model.release", "seatrial.model.console"]
    command = [str(environment.python), "-I", "-c", IMPORT_ALL, *modules]
    with suppress(subprocess.TimeoutExpired, OSError):  # it only saves time
        subprocess.run(
            command, env=allowed_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
        )


def _check_installed(wheel: WheelInfo, environment: Environment) -> None:
    """Compare the installed package with the wheel: a cached environment may have been edited since."""
    site = site_packages(environment.root)
    changed = wheel.changed_file(site, required=True) if site else f"{wheel.package}/"
    if changed:
        raise SeatrialError(
            f"{changed} in the environment {environment.root} differs from the wheel.",
            hint="It was changed. Delete that folder; it will be created again.",
        )


def _failure(folder: Path) -> str:
    try:
        return str(read_json(folder / "answer.json")["failure"])
    except (SeatrialError, KeyError, TypeError):
        return ""


def _last_output(ended: Ended) -> str:
    """The end of what a worker printed; after a crash or a timeout, the place in the code."""
    text = ended.stderr.strip() or ended.stdout.strip()
    _, mark, stack = text.rpartition("(most recent call first):\n")
    if mark:
        text = "\n".join(stack.splitlines()[:6])
    return f" Its last output:\n{last_lines(text)}" if text else ""
