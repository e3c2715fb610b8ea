"""A wheel, looked into without installing it: what it says of itself, and whether it is safe as a model."""

import hashlib
import json
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError

RELEASE_FILE = "artifacts/release.json"
TEXT_LIMIT = 16 * 2**20  # METADATA and release.json are read into memory
TOTAL_LIMIT = 4 * 2**30  # bytes of all members together, unpacked
MEMBER_LIMIT = 20_000
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth.tar"})
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
    name, version = parse_name(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SeatrialError(f"{path} does not exist.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        with zipfile.ZipFile(path) as archive:
            return _inspect(path, name, version, content, archive)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, ValueError, OSError) as error:
        raise SeatrialError(f"{path} is damaged: {_reason(error)}", hint="Build or fetch it again.") from None


def read_release(path: Path) -> dict[str, Any] | None:
    """Read only the release.json of a wheel; None where none can be read, since a list has to go on."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.count("/") == 2 and n.endswith(f"/{RELEASE_FILE}")]
            return _release(path, _read(path, archive, names[0])) if names else None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, OSError, SeatrialError):
        return None


def parse_name(path: Path) -> tuple[str, Version]:
    """Read canonical name and version from a wheel's file name."""
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        raise SeatrialError(
            f"{path} is not named as a wheel.", hint="As in titanic_model-0.1.0-py3-none-any.whl."
        ) from None
    return name, version


def refuse_unsafe(wheel: WheelInfo) -> None:
    """Raise SeatrialError if installing this wheel as a model could do more than add one package."""
    if wheel.complaints:
        raise SeatrialError(f"{wheel.filename} is refused: {'; '.join(wheel.complaints)}.", hint=REBUILD)


def _inspect(path: Path, name: str, version: Version, content: bytes, archive: zipfile.ZipFile) -> WheelInfo:
    members = archive.infolist()
    names = [member.filename for member in members]
    _check_members(path, members)
    info = [n for n in names if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
    if len(info) != 1:
        raise SeatrialError(f"{path} is damaged: it has {len(info)} .dist-info/METADATA files, not one.")
    folder = info[0].partition("/")[0]
    for needed in ("WHEEL", "RECORD"):
        if f"{folder}/{needed}" not in names:
            raise SeatrialError(f"{path} is damaged: it has no {folder}/{needed}.")
    metadata = _read(path, archive, info[0])
    headers, _ = parse_email(metadata)
    _check_identity(path, (name, version), folder, f"{headers.get('name')} {headers.get('version')}")
    packages = sorted({n.partition("/")[0] for n in names if "/" in n and not _of_installer(n.partition("/")[0])})
    preferred = name.replace("-", "_")
    package = preferred if preferred in packages else (packages[0] if packages else preferred)
    document = f"{package}/{RELEASE_FILE}"
    damaged = archive.testzip()
    if damaged:
        raise SeatrialError(f"{path} is damaged: the checksum of {damaged} is wrong.", hint="Build or fetch it again.")
    return WheelInfo(
        path=path,
        name=name,
        version=str(version),
        package=package,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        summary=headers.get("summary", ""),
        requires_python=headers.get("requires_python"),
        requires_dist=_requirements(path, headers.get("requires_dist", [])),
        members=tuple(sorted(names)),
        metadata=metadata,
        release=_release(path, _read(path, archive, document)) if document in names else None,
        complaints=_complaints(archive, folder, package),
    )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse what no wheel has: names that leave the folder or come twice, encryption, absurd sizes."""
    seen: set[str] = set()
    for member in members:
        name = member.filename
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
            raise SeatrialError(f"{path} is refused: it holds the path {name!r}.")
        if name.casefold() in seen:
            raise SeatrialError(f"{path} is refused: it holds {name!r} twice.")
        if member.flag_bits & 1:
            raise SeatrialError(f"{path} is refused: {name!r} is encrypted.")
        seen.add(name.casefold())
    if len(members) > MEMBER_LIMIT or sum(m.file_size for m in members) > TOTAL_LIMIT:
        raise SeatrialError(
            f"{path} is refused: unpacked it is over {TOTAL_LIMIT >> 30} GiB or {MEMBER_LIMIT:,} files."
        )


def _check_identity(path: Path, own: tuple[str, Version], folder: str, told: str) -> None:
    """Hold file name, METADATA ("NAME VERSION") and the folder's name against each other."""
    if _identity(*told.split(" ", 1)) != own:
        raise SeatrialError(f"{path} is refused: its METADATA says {told}.", hint=REBUILD)
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    if _identity(name, version) != own:
        raise SeatrialError(f"{path} is refused: its folder {folder} is of something else.", hint=REBUILD)


def _identity(name: str, version: str) -> tuple[str, Version] | None:
    try:
        return canonicalize_name(name), Version(version)
    except InvalidVersion:
        return None


def _complaints(archive: zipfile.ZipFile, folder: str, package: str) -> tuple[str, ...]:
    found = []
    for member in archive.infolist():
        name = member.filename
        top = name.partition("/")[0]
        if top not in (folder, package):
            found.append(f"{name} lies outside of {package}/")
        elif name.endswith(".pth"):
            found.append(f"{name} would run whenever Python starts")
        elif stat.S_ISLNK(member.external_attr >> 16):
            found.append(f"{name} is a link")
        elif _is_pickle(archive, member):
            found.append(f"{name} is a pickle, which can run anything")
    return tuple(found[:5])


def _is_pickle(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if member.is_dir():
        return False
    if PurePosixPath(member.filename).suffix.lower() in PICKLES:
        return True
    with archive.open(member) as file:
        head = file.read(2)
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5  # the opcode PROTO and a binary protocol


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
        return tuple(str(Requirement(line)) for line in lines)
    except InvalidRequirement as error:
        raise SeatrialError(f"{path} is damaged: METADATA has a requirement that cannot be read: {error}") from None


def _reason(error: Exception) -> str:
    return str(error).strip("'\"").rstrip(".") + "." if str(error) else type(error).__name__ + "."
