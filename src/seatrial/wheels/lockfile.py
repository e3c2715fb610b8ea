"""A pin: everything that a release runs with, to the last hash, as the text of a requirements file.

First our own wheels, by name, version and hash; then all the rest, resolved once, with the versions that the release
was made and tried with. There is no address in it: where the files come from is the business of who installs. Ours are
installed in a step of their own, from a folder of fetched wheels and from nowhere else, so that a package of the same
name on a public index is never looked at; and every other file must have one of the hashes that stand here.
"""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.wheels.installer import clean_environment, find_uv, last_lines
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import WheelInfo

# What decides a prediction besides the wheel; it serves in the versions that the release was made with.
DECIDING = ("numpy", "onnxruntime", "pydantic", "scikit-learn", "pandas", "skops")
OLDEST_PYTHON = "3.11"
TIMEOUT = 300.0  # seconds for the resolution

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LockedRequirement:
    """One requirement of a pin: `requirement` as it stands there, and the files that it may be."""

    name: str
    requirement: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Lockfile:
    """The text without comments, and what it says; `digest` is its SHA-256 and names the environment made of it."""

    text: str
    requirements: tuple[LockedRequirement, ...]

    @property
    def digest(self) -> str:
        """The identity of everything that is installed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def lines_for(self, names: Collection[str], *, others: bool = False) -> str:
        """The lines of these names; with `others` those of all other names."""
        lines = [line for line in self.requirements if (line.name in names) is not others]
        return "".join(f"{line.requirement}{''.join(f' --hash=sha256:{h}' for h in line.hashes)}\n" for line in lines)

    @property
    def model(self) -> LockedRequirement:
        """The model's own line, which is the first."""
        return self.requirements[0]


def compile_lockfile(model: Path, others: Sequence[Path], *, extras: Sequence[str], progress: Progress) -> Lockfile:
    """Resolve what the release in the wheel `model` runs with, for all platforms, into a pin.

    `others` are the wheels that come from the private index beside it, the toolkit's among them if it lies there.
    Raises SeatrialError where the resolution fails; without a network uv's cache serves, as far as it reaches.
    """
    progress("resolving what the release runs with")
    ours, asked = _ours(model, others, extras)
    limits = _constraints(ours[0][0])
    with tempfile.TemporaryDirectory(prefix="seatrial-pin-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("".join(f"{line}\n" for line in asked), "utf-8")
        (folder / "constraints.txt").write_text("".join(f"{line}\n" for line in limits), "utf-8")
        command = ["pip", "compile", "requirements.in", "--constraint", "constraints.txt", "--quiet"]
        command += ["--generate-hashes", "--universal", "--no-annotate", "--no-header", "--no-config"]
        command += [word for info, _ in ours for word in ("--no-emit-package", info.name)]
        rest = _resolve(command, folder, _pythons(ours[0][0]))
    own = "".join(f"{_line(info, more)} \\\n    --hash=sha256:{info.sha256}\n" for info, more in ours)
    return read_lockfile(own + rest, str(model))


def read_lockfile(text: str, where: str) -> Lockfile:
    """Read a requirements file; SeatrialError where a line is no exact version, has no hash, or is anything else."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise SeatrialError(f"{where} pins nothing.", hint=RESTORE)
    body = "\n".join(lines) + "\n"
    found = []
    for line in body.replace("\\\n", " ").splitlines():
        words = line.split(" --hash=")
        try:
            requirement = Requirement(words[0])
        except InvalidRequirement:
            raise SeatrialError(f"{where} has a line that pins nothing: {line.strip()[:80]!r}.", hint=RESTORE) from None
        hashes = tuple(word.strip().removeprefix("sha256:") for word in words[1:])
        exact = len(requirement.specifier) == 1 and next(iter(requirement.specifier)).operator == "=="
        if not exact or requirement.url or not hashes or not all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes):
            raise SeatrialError(f"{where} does not pin {requirement.name} to a version and a hash.", hint=RESTORE)
        found.append(LockedRequirement(canonicalize_name(requirement.name), words[0].strip(), hashes))
    return Lockfile(body, tuple(found))


RESTORE = "Restore it from git: `git checkout -- FILE`."


def _ours(
    model: Path, others: Sequence[Path], extras: Sequence[str]
) -> tuple[list[tuple[WheelInfo, tuple[str, ...]]], list[str]]:
    """Our wheels, the model first, with their extras; and what to ask the resolver for."""
    toolkits = [path for path in others if path.name.startswith("seatrial-")]
    contents = resolve_release(
        model,
        extras=extras,
        toolkit=toolkits[0] if toolkits else None,
        index=None,
        constraints=(),
        interpreter="",
        more=[path for path in others if path not in toolkits],
    )
    chosen = sorted(contents.wheels, key=lambda each: (each.wheel.path != model.resolve(), each.wheel.name))
    return [(each.wheel, each.extras) for each in chosen], contents.requirements


def _line(wheel: WheelInfo, extras: tuple[str, ...]) -> str:
    asked = f"[{','.join(extras)}]" if extras else ""
    return f"{wheel.name}{asked}=={wheel.version}"


def _constraints(model: WheelInfo) -> list[str]:
    made_with = (model.release or {}).get("environment", {})
    return [f"{name}=={made_with[name]}" for name in DECIDING if made_with.get(name)]


def _pythons(model: WheelInfo) -> list[str]:
    """The oldest Python that the release is for, and the one that it was made with, should that not do."""
    floors = [s.version for s in SpecifierSet(model.requires_python or "") if s.operator in (">=", "~=", "==")]
    oldest = max([OLDEST_PYTHON, *floors], key=lambda version: [int(n) for n in re.findall(r"\d+", version)])
    made_with = str((model.release or {}).get("environment", {}).get("python", oldest))
    return list(dict.fromkeys([oldest, ".".join(made_with.split(".")[:2])]))


def _resolve(command: list[str], folder: Path, pythons: list[str]) -> str:
    uv = find_uv()
    if uv is None:
        raise SeatrialError("Pinning a release takes uv, which is not there.", hint='pip install "seatrial[cli]"')
    words = b""
    for python, more in [(python, more) for python in pythons for more in ([], ["--offline"])]:
        try:
            done = subprocess.run(
                [uv, *command, "--python-version", python, *more],
                cwd=folder,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SeatrialError(f"uv did not end within {TIMEOUT:.0f} s.", hint="Is the index in reach?") from None
        if done.returncode == 0:
            return done.stdout.decode()
        words = words or done.stderr
    raise SeatrialError(
        f"The release's requirements cannot be resolved; uv says:\n{last_lines(words)}",
        hint="What is not in uv's cache needs the network.",
    )
