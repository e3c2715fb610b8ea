"""A wheel, looked into without installing it: what it says of itself, and whether it is safe as a model.

What no wheel may be is refused by `inspect`: damaged, contradicting itself, or read in two ways by two installers.
What a library may have and a model may not (native code, hooks, pickles) is in `complaints`.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.wheels.archive import check_members, check_record, check_whole
from seatrial.wheels.safety import complaints, entry_points

RELEASE_FILE = "artifacts/release.json"
TEXT_LIMIT = 16 * 2**20  # METADATA and release.json are read into memory
UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, ValueError, OSError)
REBUILD = "Build it again with `seatrial build`."


@dataclass(frozen=True)
class WheelInfo:
    """What is known of a wheel without installing it."""

    path: Path
    name: str  # canonical: titanic-model
    version: str
    package: str  # the folder to import: titanic_model
    sha256: str
    size: int
    summary: str
    requires_python: str | None
    requires_dist: tuple[str, ...]
    members: tuple[str, ...]
    metadata: bytes = field(repr=False)
    release: dict[str, Any] | None = field(repr=False)
    complaints: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """The wheel's file name, which is a part of what it says of itself."""
        return self.path.name


def inspect(path: Path) -> WheelInfo:
    """Look into a wheel.

    Raises SeatrialError where the file is no wheel, is damaged, or contradicts its own name. What is only
    unsafe for a model (several top-level packages, pickles, hooks that run by themselves) is in `complaints`.
    """
    name, version = parse_wheel_name(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SeatrialError(f"{path} does not exist.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        check_whole(path, content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:  # these bytes, whatever becomes of the file
            return _inspect(path, name, version, content, archive)
    except UNREADABLE as error:
        raise SeatrialError(f"{path} is damaged: {_reason(error)}", hint="Build or fetch it again.") from None


def read_release(path: Path) -> dict[str, Any] | None:
    """Read only the release.json of a wheel; None where none can be read, since a list has to go on."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.count("/") == 2 and n.endswith(f"/{RELEASE_FILE}")]
            return _release(path, _read(path, archive, names[0])) if names else None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, OSError, SeatrialError):
        return None


def parse_wheel_name(path: Path) -> tuple[str, Version]:
    """Read canonical name and version from a wheel's file name."""
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        raise SeatrialError(
            f"{path} is not named as a wheel.", hint="As in titanic_model-0.1.0-py3-none-any.whl."
        ) from None
    return name, version


def refuse_unsafe(wheel: WheelInfo) -> None:
    """Raise SeatrialError if installing this wheel as a model could do more than add one package.

    A model's own code runs when it is imported, whoever wrote it: that is what the trial and a review are for.
    """
    if wheel.complaints:
        raise SeatrialError(f"{wheel.filename} is refused: {'; '.join(wheel.complaints)}.", hint=REBUILD)


def _inspect(path: Path, name: str, version: Version, content: bytes, archive: zipfile.ZipFile) -> WheelInfo:
    members = archive.infolist()
    names = [member.filename for member in members]
    check_members(path, content, members, archive.start_dir)
    info = [n for n in names if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
    if len(info) != 1:
        raise SeatrialError(f"{path} is damaged: it has {len(info)} .dist-info/METADATA files, not one.")
    folder = info[0].partition("/")[0]
    for needed in ("WHEEL", "RECORD"):
        if f"{folder}/{needed}" not in names:
            raise SeatrialError(f"{path} is damaged: it has no {folder}/{needed}.", hint=REBUILD)
    metadata = _read(path, archive, info[0])
    headers, _ = parse_email(metadata)
    _check_identity(path, (name, version), folder, f"{headers.get('name')} {headers.get('version')}")
    packages = sorted({n.partition("/")[0] for n in names if "/" in n and not _of_installer(n.partition("/")[0])})
    preferred = name.replace("-", "_")
    package = preferred if preferred in packages else (packages[0] if packages else preferred)
    document = f"{package}/{RELEASE_FILE}"
    check_record(path, archive, folder)
    _check_tags(path, _read(path, archive, f"{folder}/WHEEL"))
    commands = _entry_points(path, archive, folder)
    release = _release(path, _read(path, archive, document)) if document in names else None
    return WheelInfo(
        path=path,
        name=name,
        version=str(version),
        package=package,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        summary=headers.get("summary", ""),
        requires_python=_requires_python(path, headers.get("requires_python")),
        requires_dist=_requirements(path, headers.get("requires_dist", [])),
        members=tuple(sorted(names)),
        metadata=metadata,
        release=release,
        complaints=complaints(archive, folder, package, name, commands, release, path.name),
    )


def _check_identity(path: Path, own: tuple[str, Version], folder: str, told: str) -> None:
    """Hold file name, METADATA ("NAME VERSION") and the folder's name against each other."""
    if identity(*told.split(" ", 1)) != own:
        raise SeatrialError(f"{path} is refused: its METADATA says {told}.", hint=REBUILD)
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    if identity(name, version) != own:
        raise SeatrialError(f"{path} is refused: its folder {folder} is of something else.", hint=REBUILD)


def identity(name: str, version: str) -> tuple[str, Version] | None:
    """A name and a version in one spelling; None where the version is none."""
    try:
        return canonicalize_name(name), Version(version)
    except InvalidVersion:
        return None


def _check_tags(path: Path, content: bytes) -> None:
    """Hold the tags in WHEEL against those in the file name, by which an installer chooses."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    told = {line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")}
    inside = {str(tag) for each in told for tag in parse_tag(each)}
    named = {str(tag) for tag in parse_wheel_filename(path.name)[3]}
    if inside != named:
        shown = ", ".join(sorted(told)) or "nothing"
        raise SeatrialError(f"{path} is refused: its WHEEL is for {shown}, its name says otherwise.", hint=REBUILD)
    versions = [line.partition(":")[2].strip() for line in lines if line.startswith("Wheel-Version:")]
    if len(versions) != 1 or not versions[0].startswith("1."):
        raise SeatrialError(f"{path} is refused: its WHEEL is of version {', '.join(versions) or 'none'}, not 1.")


def _entry_points(path: Path, archive: zipfile.ZipFile, folder: str) -> dict[str, dict[str, str]]:
    name = f"{folder}/entry_points.txt"
    if name not in archive.namelist():
        return {}
    try:
        found = entry_points(_read(path, archive, name))
    except ValueError as error:
        raise SeatrialError(f"{path} is damaged: its entry_points.txt cannot be read: {error}", hint=REBUILD) from None
    return found


def _of_installer(top: str) -> bool:
    return top.endswith((".dist-info", ".data"))


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > TEXT_LIMIT:
        raise SeatrialError(f"{path} is refused: {name} is over {TEXT_LIMIT >> 20} MiB.")
    return archive.read(name)


def _release(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise SeatrialError(f"{path}: its release.json cannot be read: {error}", hint=REBUILD) from None
    if not isinstance(document, dict):
        raise SeatrialError(f"{path}: its release.json is no object.", hint=REBUILD)
    return document


def _requirements(path: Path, lines: list[str]) -> tuple[str, ...]:
    try:
        found = [Requirement(line) for line in lines]
    except InvalidRequirement as error:
        raise SeatrialError(f"{path} is damaged: METADATA has a requirement that cannot be read: {error}") from None
    for each in found:
        if each.url:
            raise SeatrialError(
                f"{path} is refused: it wants {each.name} from an address of its own.",
                hint="Name a version of it, and publish it to the index.",
            )
    return tuple(str(each) for each in found)


def _requires_python(path: Path, told: str | None) -> str | None:
    try:
        SpecifierSet(told or "")
    except InvalidSpecifier:
        raise SeatrialError(f"{path} is refused: its Requires-Python is {told!r}.", hint=REBUILD) from None
    return told


def _reason(error: Exception) -> str:
    return str(error).strip("'\"").rstrip(".") + "." if str(error) else type(error).__name__ + "."
