"""Bundle: what the workers of Spark or Ray need of a release, and what their image needs.

Our wheels are pure Python and small: they are unpacked into one archive that the engine ships with the job. What is
compiled for a machine, numpy and onnxruntime and a few more, belongs in the cluster's image: `requirements.txt` lists
it with hashes, and the workers compare their versions with `bundle.json` in the archive.
"""

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import replacing, write_atomic
from seatrial.core.index_settings import IndexSettings
from seatrial.core.progress import Progress, silent
from seatrial.engines.worker import BUNDLE_FILE, SITE
from seatrial.release import FolderIndex, open_index
from seatrial.steps.lockfile import offer_toolkit
from seatrial.wheels.environments import environments_folder
from seatrial.wheels.lockfile import DECISIVE, Lockfile, compile_lockfile
from seatrial.wheels.resolution import TOOLKIT, Resolution, resolve_release
from seatrial.wheels.wheel import WheelInfo, inspect, refuse_unsafe

Versions = Literal["exact", "compatible"]
EXTRA = "bulk"  # pyarrow, which is how engines hand over tables
CHECKED = (*DECISIVE, "pydantic-core", "pyarrow")  # on the worker
FLOORS = (">=", "==", "~=")  # which say how old a library may be
PARTS = ("core", "engines", "model", "stores")  # of the toolkit, that predict
ARCHIVE, REQUIREMENTS = f"{SITE}.zip", "requirements.txt"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of a zip file, so that the same wheels give the same bytes
Member = tuple[str, bytes]


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle: the archive for the workers, the requirements of their image, and whose it is."""

    release: str
    archive: Path
    size: int
    requirements: Path
    wheels: tuple[str, ...]
    versions: dict[str, list[str]]


def bundle(
    release: str | Path,
    folder: Path,
    *,
    index: IndexSettings | None,
    versions: Versions = "exact",
    progress: Progress = silent,
) -> Bundle:
    """Write site.zip and requirements.txt for a release into `folder`; the same release gives the same bytes.

    `release` is a wheel, or name==version on the index. With "exact" versions the workers must have those that the
    release was trained with; with "compatible" ones, any that its requirements allow. Raises SeatrialError for a wheel
    that is not pure Python: it belongs in the image.
    """
    if folder.exists() and not folder.is_dir():
        raise SeatrialError(f"{folder} is a file.", hint="Name a folder for the bundle.")
    is_wheel = str(release).endswith(".whl")
    if index is None and not is_wheel:
        raise SeatrialError("No index is named.", hint="Name one with --index, or pass the path of a wheel.")
    opened = open_index(index) if index else FolderIndex(environments_folder() / ".toolkit")
    wheel = inspect(Path(release).absolute()) if is_wheel else opened.fetch_wheel(opened.find(str(release)))
    refuse_unsafe(wheel)
    source = offer_toolkit(opened, progress)
    resolution = resolve_release(wheel, extras=(EXTRA,), index=source)
    lockfile = compile_lockfile(resolution, progress)
    ours = {each.wheel.name for each in resolution.wheels}
    bounds = _exact(lockfile) if versions == "exact" else _compatible(resolution)
    return _write(resolution, lockfile.split(ours | {TOOLKIT})[1], bounds, folder)


def _write(resolution: Resolution, requirements: str, versions: dict[str, list[str]], folder: Path) -> Bundle:
    wheels = {each.wheel.filename: each.wheel for each in resolution.wheels}
    release = f"{resolution.model.name} {resolution.model.version}"
    described = {
        "release": release,
        "wheels": {name: wheel.sha256 for name, wheel in sorted(wheels.items())},
        "versions": versions,
    }
    members = [(BUNDLE_FILE, (json.dumps(described, indent=2) + "\n").encode())]
    for wheel in wheels.values():
        members += _unpacked(wheel)
    if all(wheel.name != TOOLKIT for wheel in wheels.values()):
        members += _installed_toolkit()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SeatrialError(
            f"The folder {folder} cannot be made: {error.strerror}.", hint="Name a folder that you can write to."
        ) from None
    archive = folder / ARCHIVE
    write_atomic(folder / REQUIREMENTS, requirements)
    _write_archive(archive, members)
    return Bundle(release, archive, archive.stat().st_size, folder / REQUIREMENTS, tuple(sorted(wheels)), versions)


def _write_archive(path: Path, members: Sequence[Member]) -> None:
    """Write a zip file whose bytes depend on its members alone."""
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(members):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)


def _unpacked(wheel: WheelInfo) -> Iterator[Member]:
    """The files of a wheel that workers need; raises SeatrialError where it is for certain machines."""
    if not wheel.filename.endswith("-none-any.whl"):
        raise SeatrialError(
            f"{wheel.filename} is compiled for a kind of machine, so it cannot be shipped with a job.",
            hint="Install it into the cluster's image, and leave it out of the project's index or its requirements.",
        )
    with zipfile.ZipFile(wheel.path) as archive:
        for name in archive.namelist():
            parts = PurePosixPath(name).parts
            commands = parts[0].endswith(".data")
            if not name.endswith("/") and not commands and (wheel.name != TOOLKIT or _on_workers(parts)):
                yield name, archive.read(name)


def _on_workers(parts: Sequence[str]) -> bool:
    """Whether workers need a file of the toolkit: a tenth of it is enough to predict."""
    return parts[0] != TOOLKIT or len(parts) == 2 or parts[1] in PARTS


def _installed_toolkit() -> Iterator[Member]:
    """The files of the installed Seatrial, where it comes from the public index and not from a wheel of ours."""
    try:
        files = distribution(TOOLKIT).files or []
    except PackageNotFoundError:
        files = []
    kept = [each for each in files if not {"..", "__pycache__"} & set(each.parts) and _on_workers(each.parts)]
    if not any(each.parts[0] == TOOLKIT for each in kept):
        raise SeatrialError(
            "The wheel of Seatrial is not on the index, and its files cannot be found here.",
            hint="Install Seatrial with pip, or name an index that has it with --index.",
        )
    for each in kept:
        if each.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            yield each.as_posix(), Path(str(each.locate())).read_bytes()


def _exact(lockfile: Lockfile) -> dict[str, list[str]]:
    """The locked versions of what affects predictions; a library may have one for each Python."""
    versions: dict[str, list[str]] = {}
    for line in lockfile.requirements:
        if line.name in CHECKED:
            specifier = str(Requirement(line.requirement).specifier)
            versions[line.name] = sorted({*versions.get(line.name, ()), specifier})
    return dict(sorted(versions.items()))


def _compatible(resolution: Resolution) -> dict[str, list[str]]:
    """The oldest versions that the requirements of all our wheels allow."""
    found: dict[str, list[Specifier]] = {}
    for each in resolution.wheels:
        for requirement in map(Requirement, each.wheel.requires_dist):
            wanted = any(
                requirement.marker is None or requirement.marker.evaluate({"extra": extra})
                for extra in ("", *each.extras)
            )
            name = canonicalize_name(requirement.name)
            if wanted and name in CHECKED:
                found.setdefault(name, []).extend(s for s in requirement.specifier if s.operator in FLOORS)
    return {name: [_strictest(floors)] for name, floors in sorted(found.items()) if floors}


def _strictest(floors: Sequence[Specifier]) -> str:
    """What meets all of these: the one version, if one is asked for, else the newest of the oldest."""
    exact = [str(each) for each in floors if each.operator == "==" and not each.version.endswith(".*")]
    return exact[0] if exact else f">={max((each.version.removesuffix('.*') for each in floors), key=Version)}"
