"""The installer behind environments: uv where it is there, else venv and pip; quiet, last words in errors."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from seatrial.core.errors import SeatrialError

TIMEOUT = 900.0  # seconds for one step; a first download of everything takes a few minutes at worst
LOG_LINES = 12
# What would lead an installer or an interpreter out of the environment that it is told to use.
FOREIGN = frozenset(
    {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"}
    | {f"UV_{name}" for name in ("PYTHON", "SYSTEM_PYTHON", "TARGET", "PREFIX")}
    | {f"PIP_{name}" for name in ("TARGET", "PREFIX", "USER", "REQUIREMENT")}
)


def find_uv() -> str | None:
    """Find the uv executable: the one installed beside us, or one on the path."""
    if find_spec("uv"):
        import uv

        with suppress(FileNotFoundError):
            return str(uv.find_uv_bin())
    return shutil.which("uv")


def clean_environment() -> dict[str, str]:
    """The environment variables without those that lead out of the environment that is meant."""
    return {key: value for key, value in os.environ.items() if key not in FOREIGN}


def create(root: Path, interpreter: str) -> None:
    """Make an empty environment at `root`."""
    uv = find_uv()
    if uv:
        _run([uv, "venv", "--quiet", "--no-project", "--python", interpreter, str(root)], root.parent)
    else:
        _run([interpreter, "-m", "venv", str(root)], root.parent)


def install(root: Path, requirements: Sequence[str], constraints: Sequence[str] = ()) -> None:
    """Install into the environment at `root`; where the network is away, from uv's cache."""
    limits = []
    if constraints:
        path = root / "constraints.txt"
        path.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        limits = ["--constraint", str(path)]
    python, uv = str(python_in(root)), find_uv()
    if not uv:
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
        _run([*pip, *limits, *requirements], root.parent)
        return
    command = [uv, "pip", "install", "--python", python, *limits, *requirements]
    try:
        _run(command, root.parent)
    except SeatrialError:
        try:
            _run([*command, "--offline"], root.parent)
        except SeatrialError:
            pass
        else:
            return
        raise  # the first attempt's words say more than those of the second


def install_locked(root: Path, ours: str, rest: str, wheels: Path) -> None:
    """Install a pin: the lines `ours` from the folder `wheels` and from nowhere else, then `rest`; all by hash.

    Nothing is resolved: what stands in no line is not installed, and no other file than one of the hashes.
    """
    for number, (lines, source) in enumerate(((ours, ["--no-index", "--find-links", str(wheels)]), (rest, []))):
        if not lines.strip():
            continue
        path = root / f"pinned-{number}.txt"
        path.write_text(lines, encoding="utf-8")
        install(root, [*source, "--no-deps", "--require-hashes", "--requirement", str(path)])


def python_in(root: Path) -> Path:
    """Where an environment's interpreter is."""
    return root / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def last_lines(log: str | bytes | None) -> str:
    """The end of a log, indented, to stand in an error."""
    text = log.decode(errors="replace") if isinstance(log, bytes) else log or ""
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-LOG_LINES:])


def _run(command: list[str], folder: Path) -> None:
    tool = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=folder,  # outside of any project, whose settings are not for this environment
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise SeatrialError(f"{command[0]} does not exist.", hint="Name a Python interpreter.") from None
    except subprocess.TimeoutExpired:
        raise SeatrialError(f"{tool} did not end within {TIMEOUT:.0f} s.", hint="Is the index in reach?") from None
    if done.returncode:
        raise SeatrialError(
            f"The environment cannot be made; {tool} says:\n{last_lines(done.stderr.strip() or done.stdout)}",
            hint="What is not in the installer's cache needs the network.",
        )
