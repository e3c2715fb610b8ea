"""PyPA's build, run quietly: a source tree becomes an sdist and the wheel built from that.

The build runs in an environment of its own, with build tools that are pinned by hash, and without the tokens of this
process: its back end, its plugins and the project's own hooks get an allow-list of environment variables.
"""

import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from seatrial.core.environment_variables import allowed_environment
from seatrial.core.errors import DISK, SeatrialError, refusal_in
from seatrial.core.files import disk_hint
from seatrial.core.progress import Progress
from seatrial.release.build_requirements import BuildPins
from seatrial.wheels.installer import create, install, last_lines, python_in
from seatrial.wheels.sdist import unpack_sdist


def build_distributions(
    source: Path, destination: Path, progress: Progress, pins: BuildPins | None = None
) -> tuple[Path, Path]:
    """Build an sdist of `source` and a wheel from that sdist, as `python -m build` does, into `destination`.

    One isolated environment with the project's build requirements is used for both. Raises SeatrialError with the last
    lines of the log when a build fails.
    """
    with _tools(source, pins or BuildPins(), progress) as tools:
        progress("building the sdist")
        sdist = _build(tools, source, "sdist", destination)
        with TemporaryDirectory(prefix="seatrial-sdist-") as folder:
            unpack_sdist(sdist, Path(folder))
            progress("building the wheel from it")
            unpacked = Path(folder) / sdist.name.removesuffix(".tar.gz")
            wheel = _build(tools, unpacked, "wheel", destination)
    return sdist, wheel


@dataclass(frozen=True)
class _Tools:
    """The isolated build environment: installs into it and runs in it."""

    environment: Path
    pins: BuildPins
    progress: Progress

    def install(self, requirements: Collection[str]) -> None:
        """Install build requirements by hash, as wheels only, so that installing them runs nothing."""
        if not requirements:
            return
        lockfile = self.pins.find(requirements, self.progress)
        path = self.environment / "build-requirements.txt"
        path.write_text(lockfile.text, "utf-8")
        try:
            install(self.environment, ["--require-hashes", "--requirement", str(path)])
        except SeatrialError as error:
            names, log = ", ".join(sorted(requirements)), error.message.partition("\n")[2]
            raise SeatrialError(
                f"The build tools ({names}) cannot be installed:\n{log}",
                hint=disk_hint(
                    self.environment,
                    "The first build on a machine needs a network connection; later builds use the cache.",
                ),
            ) from None

    def run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """Run a step of the build; its output is stored for the error."""
        variables = {**allowed_environment(), **(extra_environ or {})}
        variables["PATH"] = f"{python_in(self.environment).parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
        subprocess.run(
            cmd,
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )


@contextmanager
def _tools(source: Path, pins: BuildPins, progress: Progress) -> Iterator[_Tools]:
    import build

    try:
        requires = build.ProjectBuilder(source).build_system_requires
        with TemporaryDirectory(prefix="seatrial-build-") as folder:
            tools = _Tools(Path(folder).resolve() / "environment", pins, progress)
            create(tools.environment)
            progress(f"installing the build tools: {', '.join(sorted(requires))}")
            tools.install(requires)
            yield tools
    except (build.BuildException, build.FailedProcessError) as error:
        raise SeatrialError(f"The project cannot be built: {error}") from None


def _build(tools: _Tools, source: Path, kind: Literal["sdist", "wheel"], destination: Path) -> Path:
    import build

    python = str(python_in(tools.environment))
    try:
        builder = build.ProjectBuilder(source, python_executable=python, runner=tools.run)
        tools.install(builder.get_requires_for_build(kind))
        return Path(builder.build(kind, destination))
    except build.BuildBackendException as error:
        cause = error.exception
        output = cause.output if isinstance(cause, subprocess.CalledProcessError) else str(cause)
        log = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
        if refusal := refusal_in(log):
            raise SeatrialError(f"The {kind} cannot be built: {refusal}", hint=DISK) from None
        raise SeatrialError(f"The {kind} cannot be built:\n{last_lines(log)}") from None
    except build.BuildException as error:
        raise SeatrialError(f"The {kind} cannot be built: {error}") from None
