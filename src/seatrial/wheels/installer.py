"""The installer behind environments: uv if available, or else venv and pip. Its last lines are part of any error."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import disk_hint
from seatrial.core.state import tool_cache

TIMEOUT = 900.0  # seconds for one step; a first download of everything takes a few minutes at worst
LOG_LINES = 12
# An sdist is built to find out what it requires, which runs its code with all that this process may do.
ONLY_WHEELS = ("--only-binary", ":all:")
NEEDED = "Only wheels are installed. Those that are not in the installer's cache need a network connection."
# Variables that make an installer or an interpreter use something outside of the environment that it is given.
FOREIGN = frozenset(
    {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"}
    | {f"UV_{name}" for name in ("PYTHON", "SYSTEM_PYTHON", "TARGET", "PREFIX", "NO_BINARY")}
    | {f"PIP_{name}" for name in ("TARGET", "PREFIX", "USER", "REQUIREMENT", "NO_BINARY")}
)


def find_uv() -> str | None:
    """Find the uv executable: the one installed next to Seatrial, or one on the PATH.

    From then on it has a cache, even for a user without a home, where it would not start.
    """
    if "UV_CACHE_DIR" not in os.environ and (cache := tool_cache("uv")):
        os.environ["UV_CACHE_DIR"] = str(cache)
    if find_spec("uv"):
        import uv

        with suppress(FileNotFoundError):
            return str(uv.find_uv_bin())
    return shutil.which("uv")


def clean_environment() -> dict[str, str]:
    """This process's environment variables without those that point at another environment."""
    return {key: value for key, value in os.environ.items() if key not in FOREIGN}


def create(root: Path) -> None:
    """Create an empty environment at `root`, for the Python that runs this."""
    uv, options = find_uv(), ["--quiet", "--no-project", "--python", sys.executable]
    _run([uv, "venv", *options, str(root)] if uv else [sys.executable, "-m", "venv", str(root)], root.parent)


def resolve(root: Path, requirements: Sequence[str], constraints: Sequence[str] = ()) -> dict[str, str]:
    """Everything that the environment at `root` would get, as `name==version` by name; nothing is installed yet."""
    path, limits = root / "requirements.in", root / "constraints.txt"
    path.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
    files = ["--constraint", str(limits), *([] if find_uv() else ["--requirement"]), str(path)]
    if not find_uv():
        report = json.loads(_pip(root, "--dry-run", "--ignore-installed", "--report", "-", *ONLY_WHEELS, *files))
        found = [each["metadata"] for each in report["install"]]
        return {canonicalize_name(each["name"]): f"{each['name']}=={each['version']}" for each in found}
    options = ["--python", str(python_in(root)), "--no-header", "--no-annotate", "--quiet", *ONLY_WHEELS]
    lines = [line for line in _uv(root, "compile", *options, *files).splitlines() if line.strip()]
    return {canonicalize_name(Requirement(line).name): line for line in lines}


def install(root: Path, requirements: Sequence[str]) -> None:
    """Install exactly these versions into the environment at `root`, and nothing that they require."""
    if find_uv():
        _uv(root, "install", "--python", str(python_in(root)), "--no-deps", *ONLY_WHEELS, *requirements, exact=True)
    else:
        _pip(root, "--no-deps", *ONLY_WHEELS, *requirements)


def _pip(root: Path, *arguments: str) -> str:
    options = ["--disable-pip-version-check", "--no-input", "--quiet"]
    return _run([str(python_in(root)), "-m", "pip", "install", *options, *arguments], root.parent)


def _uv(root: Path, *arguments: str, exact: bool = False) -> str:
    """Run `uv pip`; without a network, from its cache. What is `exact` comes from the cache first: it is the same."""
    command = [str(find_uv()), "pip", *arguments]
    online, offline = command, [*command, "--offline"]
    first, second = (offline, online) if exact else (online, offline)
    try:
        return _run(first, root.parent)
    except SeatrialError as error:
        try:
            return _run(second, root.parent)
        except SeatrialError as other:
            raise (other if exact else error) from None  # the one with a network says more


def install_locked(root: Path, private: str, public: str, wheels: Path) -> None:
    """Install a lockfile by hash: the lines `private` only from the folder `wheels`, then the lines `public`.

    Nothing is resolved: only what has a line is installed, and only files with its hashes.
    """
    for number, (lines, source) in enumerate(((private, ["--no-index", "--find-links", str(wheels)]), (public, []))):
        if lines.strip():
            path = root / f"locked-{number}.txt"
            path.write_text(lines, encoding="utf-8")
            install(root, [*source, "--require-hashes", "--requirement", str(path)])


def python_in(root: Path) -> Path:
    """The path of an environment's interpreter."""
    return root / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages(root: Path) -> Path | None:
    """The folder of an environment's packages."""
    return next(iter([*root.glob("lib/python*/site-packages"), *root.glob("Lib/site-packages")]), None)


def last_lines(log: str | bytes | None) -> str:
    """The end of a log, indented, for an error message; lines of JSON, as servers write them, become text."""
    text = log.decode(errors="replace") if isinstance(log, bytes) else log or ""
    lines = [each for line in text.strip().splitlines()[-LOG_LINES:] for each in _readable(line)]
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])


def _readable(line: str) -> list[str]:
    try:
        record = json.loads(line) if line.startswith("{") else None
        first = f"{record['time'][11:19]} {record['level']} {record['message']}" if record else line
        return [*first.splitlines(), *str((record or {}).get("exception", "")).splitlines()]
    except (ValueError, KeyError, TypeError, RecursionError):
        return [line]


def run_tool(command: list[str], folder: Path, timeout: float = TIMEOUT) -> "subprocess.CompletedProcess[bytes]":
    """Run an installer in `folder`, without the variables of other environments; its exit code is the caller's."""
    try:
        return subprocess.run(
            command,
            cwd=folder,  # outside of any project, whose settings do not apply to this environment
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SeatrialError(
            f"{Path(command[0]).name} did not finish within {timeout:.0f} s.", hint="Check that the index is reachable."
        ) from None


def _run(command: list[str], folder: Path) -> str:
    completed = run_tool(command, folder)
    if completed.returncode:
        log = last_lines(completed.stderr.strip() or completed.stdout)
        raise SeatrialError(
            f"The environment cannot be created; {Path(command[0]).name} says:\n{log}",
            hint=disk_hint(folder, NEEDED),
        )
    return completed.stdout.decode()
