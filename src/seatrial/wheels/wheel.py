"""A wheel, inspected without installing it: what its metadata says, and whether it is safe to install as a model.

`inspect` refuses what no wheel may be: damaged, contradictory, or ambiguous to installers. What a library may contain
and a model may not (native code, hooks, pickles) is in `complaints`.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.version import LINE as VERSION_LINE
from seatrial.wheels.archive import check_members, check_record, open_archive, record_hash
from seatrial.wheels.budget import InspectionBudget, InspectionError
from seatrial.wheels.entry_points import read_entry_points
from seatrial.wheels.libraries import library_complaints
from seatrial.wheels.metadata import (
    REBUILD,
    SHOWN,
    TAGS_LIMIT,
    check_tags,
    read_headers,
    read_requirements,
    read_requires_python,
    tag_count,
)
from seatrial.wheels.safety import VettedWheel, complaints

RELEASE_FILE = "artifacts/release.json"
REMEMBERED = 8  # inspected wheels
TEXT_LIMIT = 2 * 2**20  # METADATA and release.json are read into memory
UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, ValueError, OSError)
LIBRARY_RULE = (
    "A library on the index has one package, named like the project, and only commands and entry points of that name."
)


@dataclass(frozen=True)
class WheelInfo:
    """An inspected wheel. It is passed on in place of the path, so that the file is not read again."""

    path: Path
    name: str  # canonical: titanic-model
    version: str
    package: str  # the package to import: titanic_model
    sha256: str
    size: int  # bytes
    summary: str
    requires_python: str | None
    requires_dist: tuple[str, ...]
    record: Mapping[str, str] = field(repr=False)  # the verified hash of each file, as in RECORD
    metadata: bytes = field(repr=False)
    release: dict[str, Any] | None = field(repr=False)  # its release.json
    complaints: tuple[str, ...] = ()  # what makes it unsafe as a model
    library_complaints: tuple[str, ...] = ()  # what makes it unsafe as a library on our own index

    @property
    def filename(self) -> str:
        """The file name, which has the wheel's name, version and tags."""
        return self.path.name

    def changed_file(self, folder: Path, *, required: bool) -> str:
        """Name a file of the package that differs in `folder`, or, if `required`, is missing; empty where none does."""
        for name, recorded in sorted(self.record.items()):
            path = folder / name
            if name.startswith(f"{self.package}/") and (required or path.is_file()):
                if not path.is_file():
                    return name
                with path.open("rb") as file:
                    if record_hash(file, recorded.partition("=")[0]) != recorded:
                        return name
        return ""

    def changed_files(self, folder: Path) -> list[str]:
        """Name the package's files that differ, are new or are missing in `folder`, except for a raised version."""
        code = {path.relative_to(folder).as_posix() for path in (folder / self.package).rglob("*.py")}
        names = {*(name for name in self.record if name.startswith(f"{self.package}/")), *code}
        return [name for name in sorted(names) if not self._has(name, folder / name)]

    def _has(self, name: str, path: Path) -> bool:
        recorded = self.record.get(name, "")
        if not recorded or not path.is_file():
            return False
        with path.open("rb") as file:
            if record_hash(file, recorded.partition("=")[0]) == recorded:
                return True
        return name == f"{self.package}/__init__.py" and _unversioned(path.read_bytes()) == _unversioned(
            self.read(name)
        )

    def changed_code(self, older: "WheelInfo") -> list[str]:
        """Name the package's modules that differ from those of an older release, except for a raised version."""
        start = f"{self.package}/"
        names = {n for n in {*self.record, *older.record} if n.startswith(start) and n.endswith(".py")}
        changed = sorted(name for name in names if self.record.get(name) != older.record.get(name))
        init = f"{start}__init__.py"
        if init in changed and _unversioned(self.read(init)) == _unversioned(older.read(init)):
            changed.remove(init)
        return [name.removeprefix(start) for name in changed]

    def read(self, name: str) -> bytes:
        """Read a file of the wheel; empty where it has no such file."""
        with zipfile.ZipFile(self.path) as archive:
            return _read(self.path, archive, name) if name in self.record else b""


_inspected: dict[tuple[str, str], WheelInfo] = {}  # by file name and hash, the last requested at the end


def inspect(path: Path) -> WheelInfo:
    """Inspect a wheel.

    Raises SeatrialError where the file is not a wheel, is damaged, or contradicts its own name. What is unsafe only
    in a model (several top-level packages, pickles, hooks that run automatically) is in `complaints`. The same bytes
    under the same file name are inspected once: a trial asks for the toolkit's wheel for each of its environments.
    """
    name, version = parse_wheel_name(path)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            budget = InspectionBudget(size)
            content = budget.copy(file, size=size)  # these bytes, even if the file changes meanwhile
    except FileNotFoundError:
        raise SeatrialError(f"{path} does not exist.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        with content:
            key = path.name, _hash(content)
            found = _inspected.pop(key, None)
            if found is None:
                with open_archive(content, budget) as archive:
                    found = _inspect(path, name, version, content, archive, budget)
            _remember(key, found)
            return replace(found, path=path, release=deepcopy(found.release))
    except InspectionError as error:
        raise SeatrialError(f"{path} is refused: {error}.") from None
    except UNREADABLE as error:
        raise SeatrialError(f"{path} is damaged: {_reason(error)}", hint="Build it or fetch it again.") from None


def read_release(path: Path) -> dict[str, Any] | None:
    """Read only the release.json of a wheel; None where it cannot be read, so that one wheel does not break a list."""
    try:
        with path.open("rb") as file, open_archive(file, InspectionBudget(path.stat().st_size)) as archive:
            names = [n for n in archive.namelist() if n.count("/") == 2 and n.endswith(f"/{RELEASE_FILE}")]
            return _release(path, _read(path, archive, names[0])) if names else None
    except (*UNREADABLE, SeatrialError, InspectionError):
        return None


def parse_wheel_name(path: Path) -> tuple[str, Version]:
    """Read the canonical name and the version from a wheel's file name."""
    try:
        if tag_count(path.name.removesuffix(".whl")) > TAGS_LIMIT:
            raise InvalidWheelFilename(path.name)
        name, version, _, _ = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, ValueError):
        raise SeatrialError(
            f"{path} does not have the file name of a wheel.", hint="Example: titanic_model-0.1.0-py3-none-any.whl."
        ) from None
    return name, version


def refuse_unsafe(wheel: WheelInfo) -> None:
    """Raise SeatrialError if installing this wheel as a model could do more than add one package.

    A model's own code runs when it is imported, whoever wrote it: the trial and code review deal with that.
    """
    if wheel.complaints:
        raise SeatrialError(f"{wheel.filename} is refused: {'; '.join(wheel.complaints)}.", hint=REBUILD)


def refuse_unsafe_library(wheel: WheelInfo) -> None:
    """Raise SeatrialError if installing this wheel as a library could change more than its own package."""
    if wheel.library_complaints:
        reasons = "; ".join(wheel.library_complaints)
        raise SeatrialError(f"{wheel.filename} is refused: {reasons}.", hint=LIBRARY_RULE)


def _unversioned(content: bytes) -> str:
    return VERSION_LINE.sub("", content.decode("utf-8", "replace"))


def _remember(key: tuple[str, str], found: WheelInfo) -> None:
    """Keep what was found about the wheels that were asked for last."""
    _inspected[key] = found
    for old in list(_inspected)[:-REMEMBERED]:
        _inspected.pop(old, None)


def _inspect(
    path: Path, name: str, version: Version, content: IO[bytes], archive: zipfile.ZipFile, budget: InspectionBudget
) -> WheelInfo:
    names = archive.namelist()
    check_members(path, archive)
    metadata_files = [n for n in names if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
    if len(metadata_files) != 1:
        raise SeatrialError(f"{path} is damaged: it has {len(metadata_files)} .dist-info/METADATA files, not one.")
    folder = metadata_files[0].partition("/")[0]
    for required in ("WHEEL", "RECORD"):
        if f"{folder}/{required}" not in names:
            raise SeatrialError(f"{path} is damaged: it has no {folder}/{required}.", hint=REBUILD)
    metadata = _read(path, archive, metadata_files[0])
    headers = read_headers(path, metadata)
    _check_identity(path, (name, version), folder, f"{headers.get('name')} {headers.get('version')}")
    package = _package(names, name.replace("-", "_"))
    record = check_record(path, archive, folder, budget)
    check_tags(path, _read(path, archive, f"{folder}/WHEEL"))
    scripts = f"{folder}/entry_points.txt"
    commands = read_entry_points(_read(path, archive, scripts)) if scripts in names else {}
    document = f"{package}/{RELEASE_FILE}"
    release = _release(path, _read(path, archive, document)) if document in names else None
    return WheelInfo(
        path=path,
        name=name,
        version=str(version),
        package=package,
        sha256=_hash(content),
        size=content.seek(0, 2),
        summary=headers.get("summary", ""),
        requires_python=read_requires_python(path, headers.get("requires_python")),
        requires_dist=read_requirements(path, headers.get("requires_dist", [])),
        record=record,
        metadata=metadata,
        release=release,
        complaints=complaints(VettedWheel(archive, folder, package, name, path.name), commands, release, budget),
        library_complaints=library_complaints(names, folder, name, commands),
    )


def _hash(content: IO[bytes]) -> str:
    content.seek(0)
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]


def _package(members: list[str], expected: str) -> str:
    """The package to import: the one named like the wheel, or else the first."""
    tops = {member.partition("/")[0] for member in members if "/" in member}
    packages = sorted(top for top in tops if not top.endswith((".dist-info", ".data")))
    return expected if expected in packages or not packages else packages[0]


def _check_identity(path: Path, expected: tuple[str, Version], folder: str, declared: str) -> None:
    """Compare the file name with METADATA (`declared`: "NAME VERSION") and with the name of the .dist-info folder."""
    if identity(*declared.split(" ", 1)) != expected:
        raise SeatrialError(f"{path} is refused: its METADATA says {declared[:SHOWN]}.", hint=REBUILD)
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    if identity(name, version) != expected:
        raise SeatrialError(f"{path} is refused: its folder {folder} names another release.", hint=REBUILD)


def identity(name: str, version: str) -> tuple[str, Version] | None:
    """A name and a version in their canonical form; None where the version is invalid."""
    try:
        return canonicalize_name(name), Version(version)
    except InvalidVersion:
        return None


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > TEXT_LIMIT:
        raise SeatrialError(f"{path} is refused: {name} is over {TEXT_LIMIT >> 20} MiB.")
    return archive.read(name)


def _release(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content, parse_constant=_no_number, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise SeatrialError(f"{path}: its release.json cannot be read: {str(error)[:SHOWN]}", hint=REBUILD) from None
    if not isinstance(document, dict):
        raise SeatrialError(f"{path}: its release.json is not an object.", hint=REBUILD)
    return document


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number of JSON")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError("it contains an integer of more than 64 bits")
    return int(text)


def _reason(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text[:SHOWN].rstrip(".") + "." if text else type(error).__name__ + "."
