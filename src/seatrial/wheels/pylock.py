"""`pylock.toml` (PEP 751) of a deployment: what its requirements pin, with the URL or the path of each file.

Names, versions, markers and hashes are those of the requirements, so the two cannot differ; nothing is resolved again.
Only the URLs of the public files are looked up, by hash, with uv. It leaves out files for other Python versions.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.wheels.installer import find_uv, last_lines, run_tool
from seatrial.wheels.lockfile import OLDEST_PYTHON, LockedRequirement, Lockfile
from seatrial.wheels.resolution import TOOLKIT
from seatrial.wheels.simple_api import without_credentials

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock

PYLOCK = "pylock.toml"
TIMEOUT = 120.0  # seconds to look up the files
LOOK_UP = ("--no-deps", "--universal", "--no-config", "--quiet", "--format", PYLOCK, "--python-version", OLDEST_PYTHON)


@dataclass(frozen=True)
class OwnWheel:
    """A wheel of ours: where it is (a URL, or a path), and the URL of its index, if that has one."""

    filename: str
    sha256: str
    size: int
    location: str
    index: str = ""


def make_pylock(lockfile: Lockfile, own: Sequence[OwnWheel], requires_python: str | None) -> str:
    """Render pylock.toml for a lockfile; SeatrialError where the URL of a public file cannot be found."""
    import tomlkit
    from packaging.pylock import Pylock

    wheels = {wheel.sha256: wheel for wheel in own}
    _refuse_missing(lockfile, wheels)
    public = [line for line in lockfile.requirements if not wheels.keys() & set(line.hashes)]
    files = _look_up(public)
    document = Pylock(
        lock_version=Version("1.0"),
        created_by="seatrial",
        requires_python=SpecifierSet(requires_python) if requires_python else None,
        packages=[_package(line, wheels, files) for line in lockfile.requirements],
    )
    document.validate()
    text = "# Written by Seatrial from requirements.txt, which is next to it.\n" + tomlkit.dumps(document.to_dict())
    if found := differences(text, lockfile):
        raise AssertionError(found)
    return text


def _refuse_missing(lockfile: Lockfile, own: Mapping[str, OwnWheel]) -> None:
    """Raise SeatrialError where a wheel of ours is not here: its name would be looked up on the public index."""
    for line in lockfile.requirements:
        if line.name in (lockfile.own or ()) and line.name != TOOLKIT and not own.keys() & set(line.hashes):
            raise SeatrialError(f"The wheel of {line.name}, which is on our own index, is missing.")


def read_pylock(text: str, where: str) -> "Pylock":
    """Parse and validate pylock.toml as the standard says; SeatrialError says what is wrong."""
    import tomllib

    from packaging.pylock import PylockValidationError

    try:
        return _parse(text)
    except (PylockValidationError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SeatrialError(f"{where} is not valid: {error}", hint="Deploy again, which writes it.") from None


@lru_cache(maxsize=4)  # a deployment reads the same file seven times
def _parse(text: str) -> "Pylock":
    import tomllib

    from packaging.pylock import Pylock

    return Pylock.from_dict(tomllib.loads(text))


def differences(text: str, lockfile: Lockfile) -> list[str]:
    """What a pylock.toml installs otherwise than a lockfile, in words; nothing where both install the same."""
    try:
        pylock = read_pylock(text, PYLOCK)
    except SeatrialError as error:
        return [error.message]
    theirs = [(_title(each.name, each.version, each.marker), _hashes(each)) for each in pylock.packages]
    counted = Counter(title for title, _ in theirs)
    ours = {_title(line.name, *_pinned(line)): set(line.hashes) for line in lockfile.requirements}
    return [
        *(f"it has {title}, which the requirements do not have" for title, _ in theirs if title not in ours),
        *(f"it lacks {title} of the requirements" for title in ours if title not in dict(theirs)),
        *(f"it has {title} more than once" for title, count in counted.items() if count > 1),
        *(
            f"it has other files of {title}"
            for title, hashes in theirs
            if not hashes or hashes - ours.get(title, hashes)
        ),
    ]


def _title(name: str, version: Version | None, marker: Marker | None) -> str:
    return f"{name} {version or 'of any version'}{f' ({marker})' if marker else ''}"


def _hashes(package: "Package") -> set[str]:
    """The hashes of a package's files; a source that is not such a file has none."""
    if package.vcs or package.directory or package.archive:
        return set()
    return {str(file.hashes.get("sha256")) for file in _files(package)}


def _files(package: "Package") -> "list[PackageWheel | PackageSdist]":
    return [*(package.wheels or []), *([package.sdist] if package.sdist else [])]


def _pinned(line: LockedRequirement) -> tuple[Version, Marker | None]:
    requirement = Requirement(line.requirement)
    return Version(next(iter(requirement.specifier)).version), requirement.marker


def _package(
    line: LockedRequirement, own: Mapping[str, OwnWheel], files: Mapping[str, "PackageWheel | PackageSdist"]
) -> "Package":
    from packaging.pylock import Package, PackageSdist, PackageWheel

    ours = [own[digest] for digest in line.hashes if digest in own]
    found: list[PackageWheel | PackageSdist]
    found = [_own_file(wheel) for wheel in ours] or [files[h] for h in line.hashes if h in files]
    if not found:
        raise SeatrialError(
            f"The package index no longer has the locked files of {line.requirement}.",
            hint="Run the trial again, which locks what the index has now.",
        )
    version, marker = _pinned(line)
    sdists = [file for file in found if isinstance(file, PackageSdist)]
    return Package(
        name=NormalizedName(line.name),
        version=version,
        marker=marker,
        index=next((wheel.index for wheel in ours if wheel.index), None),
        sdist=sdists[0] if sdists else None,
        wheels=sorted((f for f in found if isinstance(f, PackageWheel)), key=lambda file: file.filename) or None,
    )


def _own_file(wheel: OwnWheel) -> "PackageWheel":
    from packaging.pylock import PackageWheel

    url, path = (wheel.location, None) if "://" in wheel.location else (None, wheel.location)
    return PackageWheel(name=wheel.filename, url=url, path=path, size=wheel.size, hashes={"sha256": wheel.sha256})


def _look_up(lines: Sequence[LockedRequirement]) -> dict[str, "PackageWheel | PackageSdist"]:
    """The public files of these requirements, by hash: from uv's cache where that has them, or else from the index."""
    uv = find_uv()
    if uv is None:
        raise SeatrialError(f"{PYLOCK} needs uv, which is not installed.", hint='pip install "seatrial[cli]"')
    if not lines:
        return {}
    known: dict[str, PackageWheel | PackageSdist] = {}
    with tempfile.TemporaryDirectory(prefix="seatrial-lock-") as name:
        folder = Path(name)
        (folder / "public.txt").write_text("".join(f"{line.requirement}\n" for line in lines), "utf-8")
        for more in (["--offline"], []):
            done = run_tool([uv, "pip", "compile", "public.txt", *LOOK_UP, *more], folder, TIMEOUT)
            if done.returncode == 0:
                for package in read_pylock(done.stdout.decode(), "uv's answer").packages:
                    for file in _files(package):
                        url = without_credentials(file.url) if file.url else None
                        path = str((folder / file.path).resolve()) if file.path else None
                        known[str(file.hashes.get("sha256"))] = replace(file, url=url, path=path)
                if all(known.keys() & set(line.hashes) for line in lines):
                    return known
    if done.returncode:
        raise SeatrialError(
            f"The files of the release's requirements cannot be found; uv says:\n{last_lines(done.stderr)}",
            hint="Files that are not in uv's cache need a network connection.",
        )
    return known  # the caller names the package whose file is missing
