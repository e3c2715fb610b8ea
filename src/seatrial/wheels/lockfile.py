"""The lockfile of a release: everything that it runs with, with versions and hashes, as a requirements file.

First our own wheels, by name, version and hash; then everything else, resolved once, in the versions that the release
was trained and tested with. It contains no URL: where the files come from is up to the machine that installs them. Our
own wheels are installed in a separate step, only from a folder of fetched wheels, so a package of the same name on a
public index is never considered; every other file must have one of the hashes in the lockfile.
"""

import hashlib
import platform
import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import disk_hint
from seatrial.core.onnxruntime_floor import require_onnxruntime
from seatrial.core.own_names import ORIGIN, origin_line, origins
from seatrial.core.progress import Progress
from seatrial.wheels.installer import NEEDED, ONLY_WHEELS, find_uv, last_lines, run_tool
from seatrial.wheels.resolution import TOOLKIT, Resolution
from seatrial.wheels.wheel import WheelInfo

# Packages that affect predictions; a release is served with the versions that it was trained with.
DECISIVE = ("numpy", "onnxruntime", "pydantic", "scikit-learn", "pandas", "skops")
OLDEST_PYTHON = "3.11"
TIMEOUT = 300.0  # seconds for the resolution
RESTORE = "Restore it from git: `git checkout -- FILE`."
OPTIONS = ("--quiet", "--generate-hashes", "--universal", "--no-annotate", "--no-header", "--no-config", *ONLY_WHEELS)


@dataclass(frozen=True)
class LockedRequirement:
    """One requirement of a lockfile: `requirement` as it is written there, and the hashes that its file may have."""

    name: str
    requirement: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Lockfile:
    """A lockfile: its text without comments, the requirements in it, and which of them are on our own index.

    `own` is None for a lockfile of an earlier version, which does not say so.
    """

    text: str
    requirements: tuple[LockedRequirement, ...]
    own: frozenset[str] | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, which identifies everything that is installed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def model(self) -> LockedRequirement:
        """The model's own requirement, which is the first."""
        return self.requirements[0]

    def split(self, ours: Collection[str]) -> tuple[str, str]:
        """The lines of our own wheels, of which these are here, and the lines of all others.

        Raises SeatrialError where one of ours is not here: it would be looked up on the public index.
        """
        missing = sorted((self.own or frozenset()) - set(ours) - {TOOLKIT})
        if missing:
            raise SeatrialError(
                f"The wheel of {missing[0]}, which is on our own index, is missing.",
                hint="Deploy again where that index can be reached.",
            )
        return self._lines_for(ours), self._lines_for(ours, others=True)

    def _lines_for(self, names: Collection[str], *, others: bool = False) -> str:
        """The lines of these names; with `others`, the lines of all other names."""
        lines = [line for line in self.requirements if (line.name in names) is not others]
        return "".join(f"{line.requirement}{''.join(f' --hash=sha256:{h}' for h in line.hashes)}\n" for line in lines)


def compile_lockfile(resolution: Resolution, progress: Progress) -> Lockfile:
    """Lock everything that a release runs with, for all platforms: the wheels of `resolution`, and what they require.

    Raises SeatrialError where that cannot be resolved; without a network, uv's cache is used.
    """
    progress("resolving what the release runs with")
    model = resolution.model
    ours = sorted(resolution.wheels, key=lambda each: (each.wheel.name != model.name, each.wheel.name))
    made_with = (model.release or {}).get("environment", {})
    with tempfile.TemporaryDirectory(prefix="seatrial-lock-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("".join(f"{line}\n" for line in resolution.requirements), "utf-8")
        limits = [f"{name}=={made_with[name]}\n" for name in DECISIVE if made_with.get(name)]
        (folder / "constraints.txt").write_text("".join(limits), "utf-8")
        excluded = [word for each in ours for word in ("--no-emit-package", each.wheel.name)]
        arguments = ["requirements.in", "--constraint", "constraints.txt", *OPTIONS, *excluded]
        rest = _compile(arguments, folder, _pythons(model), "The release's requirements")
    own = "".join(f"{each.pinned} \\\n    --hash=sha256:{each.wheel.sha256}\n" for each in ours)
    index = resolution.index.name if resolution.index else "files"
    names = [each.wheel.name for each in ours]
    origin = origin_line(index, names)
    lockfile = read_lockfile(origin + own + rest, str(model.path))
    resolution.refuse_own(line.name for line in lockfile.requirements if line.name not in names)
    return lockfile


def compile_tools(requires: Sequence[str]) -> Lockfile:
    """Lock the tools of a build, for all platforms, from the public index."""
    python = platform.python_version()
    with tempfile.TemporaryDirectory(prefix="seatrial-lock-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("".join(f"{line}\n" for line in requires), "utf-8")
        what = f"The build tools ({', '.join(requires)})"
        text = _compile(["requirements.in", *OPTIONS], folder, [OLDEST_PYTHON, python], what)
    return read_lockfile(text, "the build tools")


def read_lockfile(text: str, where: str) -> Lockfile:
    """Parse a lockfile; SeatrialError where a line is anything but a package with an exact version and hashes."""
    own = origins(text)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise SeatrialError(f"{where} is empty.", hint=RESTORE)
    content = "\n".join(lines) + "\n"
    requirements = [_parse_line(line, where) for line in content.replace("\\\n", " ").splitlines()]
    first = ORIGIN.search(text)
    return Lockfile(f"{first[0]}\n{content}" if first else content, tuple(requirements), own)


def _parse_line(line: str, where: str) -> LockedRequirement:
    text, *options = line.split(" --hash=")
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise SeatrialError(f"{where} has an invalid line: {line.strip()[:80]!r}.", hint=RESTORE) from None
    hashes = tuple(option.strip().removeprefix("sha256:") for option in options)
    exact = [specifier.operator for specifier in requirement.specifier] == ["=="]
    if not exact or requirement.url or not hashes or not all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes):
        raise SeatrialError(f"{where} does not pin {requirement.name} to a version and a hash.", hint=RESTORE)
    if canonicalize_name(requirement.name) == "onnxruntime":
        require_onnxruntime(next(iter(requirement.specifier)).version, where)
    return LockedRequirement(canonicalize_name(requirement.name), text.strip(), hashes)


def _compile(arguments: list[str], folder: Path, pythons: Sequence[str], what: str) -> str:
    """Run `uv pip compile` for the first of these Python versions that can be resolved."""
    uv = find_uv()
    if uv is None:
        raise SeatrialError("Pinning needs uv, which is not installed.", hint='pip install "seatrial[cli]"')
    log = b""
    for python in pythons:
        for more in ([], ["--offline"]):
            command = [uv, "pip", "compile", *arguments, "--python-version", python, *more]
            completed = run_tool(command, folder, TIMEOUT)
            if completed.returncode == 0:
                return completed.stdout.decode()
            log = log or completed.stderr
    raise SeatrialError(
        f"{what} cannot be resolved; uv says:\n{last_lines(log)}",
        hint=disk_hint(folder, NEEDED),
    )


def _pythons(model: WheelInfo) -> list[str]:
    floors = [s.version for s in SpecifierSet(model.requires_python or "") if s.operator in (">=", "~=", "==")]
    oldest = max([OLDEST_PYTHON, *floors], key=lambda version: [int(n) for n in re.findall(r"\d+", version)])
    made_with = str((model.release or {}).get("environment", {}).get("python", oldest))
    return list(dict.fromkeys([oldest, ".".join(made_with.split(".")[:2])]))
