"""What a build is done with: pinned and hashed, like what a release runs with.

Seatrial ships the pins of the build tools that it renders into projects (build-requirements.txt, next to this file).
A project with other tools has its own file of that name, which is written at its first build and belongs in git.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.own_names import OwnNames
from seatrial.core.progress import Progress
from seatrial.wheels.lockfile import Lockfile, compile_tools, read_lockfile

FILE = "build-requirements.txt"
SHIPPED = Path(__file__).with_name(FILE)
HEADER = "# What this project is built with, written by `seatrial build`. To update it, delete it and build again.\n"


@dataclass(frozen=True)
class BuildPins:
    """Where the pins of a project's build tools are: `project` is its folder, None for the toolkit's own build."""

    project: Path | None = None
    names: OwnNames = field(default_factory=OwnNames)

    def find(self, requires: Collection[str], progress: Progress) -> Lockfile:
        """Return pins that meet these requirements; write the project's file if neither that nor ours has them."""
        wanted = [_parse(line) for line in requires]
        for requirement in wanted:
            self._refuse_own(requirement.name)
        shipped = read_lockfile(SHIPPED.read_text("utf-8"), str(SHIPPED))
        plain = not any(requirement.extras for requirement in wanted)  # ours are pinned without extras
        if self.project is None or (plain and not (self.project / FILE).exists() and _meets(shipped, wanted)):
            return shipped
        path = self.project / FILE
        if path.exists():
            own = read_lockfile(path.read_text("utf-8"), str(path))
            if not _meets(own, wanted):
                raise SeatrialError(
                    f"{path} does not pin what [build-system] requires.", hint="Delete it, and build again."
                )
            return own
        progress(f"pinning the build tools in {FILE}, which belongs in git")
        made = compile_tools(sorted(map(str, wanted)))
        for line in made.requirements:
            self._refuse_own(line.name)
        write_atomic(path, f"{HEADER}{made.text}")
        return made

    def _refuse_own(self, name: str) -> None:
        if self.names.owns(canonicalize_name(name)):
            raise SeatrialError(
                f"The build requires {name}, which is one of the project's own names: build tools come from the public "
                "index.",
                hint="Copy what it does into the project, or add it to `public` in [tool.seatrial.index].",
            )


def _parse(line: str) -> Requirement:
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        raise SeatrialError(f"[build-system] requires {line!r}, which is not valid: {error}") from None
    if requirement.url:
        raise SeatrialError(
            f"[build-system] requires {requirement.name} from a URL, which cannot be pinned by version and hash.",
            hint="Require it by name and version.",
        )
    return requirement


def _meets(lockfile: Lockfile, wanted: Collection[Requirement]) -> bool:
    pinned = {line.name: Requirement(line.requirement) for line in lockfile.requirements}
    for requirement in wanted:
        found = pinned.get(canonicalize_name(requirement.name))
        if requirement.marker and not requirement.marker.evaluate():
            continue
        version = next(iter(found.specifier)).version if found else ""
        if not found or not requirement.specifier.contains(version, prereleases=True):
            return False
    return True
