"""PyPA's build, run quietly: a source tree becomes an sdist and the wheel built from that."""

import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.wheels.installer import find_uv, last_lines
from seatrial.wheels.sdist import unpack_sdist

if TYPE_CHECKING:
    from build.env import DefaultIsolatedEnv, Installer


def build_distributions(source: Path, destination: Path, progress: Progress) -> tuple[Path, Path]:
    """Build an sdist of `source` and a wheel from that sdist, as `python -m build` does, into `destination`.

    One isolated environment with the project's build requirements is used for both. Raises SeatrialError with the last
    lines of the log when a build fails.
    """
    with _tools(source, progress) as tools:
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

    environment: "DefaultIsolatedEnv"
    installer: "Installer"

    def install(self, requirements: Collection[str]) -> None:
        """Install build requirements; without a network, from uv's cache."""
        try:
            try:
                self.environment.install(requirements)
            except subprocess.CalledProcessError:
                if self.installer != "uv":
                    raise
                with _offline():
                    self.environment.install(requirements)
        except subprocess.CalledProcessError as error:
            names = ", ".join(sorted(requirements))
            raise SeatrialError(
                f"The build tools ({names}) cannot be installed:\n{last_lines(error.stderr)}",
                hint="The first build on a machine needs a network connection; later builds use the cache.",
            ) from None

    def run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """Run a step of the build; its output is stored for the error."""
        variables = {**os.environ, **self.environment.make_extra_environ(), **(extra_environ or {})}
        subprocess.run(cmd, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)


@contextmanager
def _tools(source: Path, progress: Progress) -> Iterator[_Tools]:
    import build
    from build.env import DefaultIsolatedEnv

    installer: Installer = "uv" if find_uv() else "pip"
    try:
        requires = build.ProjectBuilder(source).build_system_requires
        with DefaultIsolatedEnv(installer=installer) as environment:
            tools = _Tools(environment, installer)
            progress(f"installing the build tools: {', '.join(sorted(requires))}")
            tools.install(requires)
            yield tools
    except (build.BuildException, build.FailedProcessError) as error:
        raise SeatrialError(f"The project cannot be built: {error}") from None


def _build(tools: _Tools, source: Path, kind: Literal["sdist", "wheel"], destination: Path) -> Path:
    import build

    try:
        builder = build.ProjectBuilder(source, python_executable=tools.environment.python_executable, runner=tools.run)
        tools.install(builder.get_requires_for_build(kind))
        return Path(builder.build(kind, destination))
    except build.BuildBackendException as error:
        cause = error.exception
        log = cause.output if isinstance(cause, subprocess.CalledProcessError) else str(cause)
        raise SeatrialError(f"The {kind} cannot be built:\n{last_lines(log)}") from None
    except build.BuildException as error:
        raise SeatrialError(f"The {kind} cannot be built: {error}") from None


@contextmanager
def _offline() -> Iterator[None]:
    """Limit uv to its cache; build passes this process's variables to uv, and has no option for this."""
    before = os.environ.get("UV_OFFLINE")
    os.environ["UV_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["UV_OFFLINE"]
        else:
            os.environ["UV_OFFLINE"] = before
