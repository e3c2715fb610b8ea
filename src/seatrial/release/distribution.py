"""A file to publish, the wheel or the sdist of a release, inspected before anything is written."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.metadata import parse_email
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.metadata import REBUILD, read_headers
from seatrial.wheels.sdist import read_pkg_info
from seatrial.wheels.simple_api import IndexedFile, parse_filename
from seatrial.wheels.wheel import (
    WheelInfo,
    identity,
    inspect,
    refuse_unsafe,
    refuse_unsafe_library,
)


@dataclass(frozen=True)
class Distribution:
    """A wheel or an sdist; `metadata` is the METADATA of the one, the PKG-INFO of the other."""

    path: Path
    name: str
    version: Version
    sha256: str
    size: int
    metadata: bytes = field(repr=False)
    requires_python: str | None = None
    is_release: bool = False  # a wheel of a model, and not of a library

    @property
    def filename(self) -> str:
        """The name under which the index lists it."""
        return self.path.name

    @property
    def is_wheel(self) -> bool:
        """Whether this is the wheel, and not the sdist."""
        return self.path.name.endswith(".whl")

    def indexed(self, uploaded: str) -> IndexedFile:
        """Its entry on the index."""
        core_metadata = hashlib.sha256(self.metadata).hexdigest() if self.is_wheel else None
        return IndexedFile(self.filename, self.sha256, self.size, uploaded, self.requires_python, core_metadata)


def read_distribution(file: Path | WheelInfo) -> Distribution:
    """Inspect a wheel or an sdist; raises SeatrialError where it is neither, is damaged or is unsafe."""
    path = file if isinstance(file, Path) else file.path
    name, version = parse_filename(path.name)
    if path.name.endswith(".whl"):
        wheel = inspect(file) if isinstance(file, Path) else file
        (refuse_unsafe_library if wheel.release is None else refuse_unsafe)(wheel)
        return Distribution(
            path,
            name,
            version,
            wheel.sha256,
            wheel.size,
            wheel.metadata,
            wheel.requires_python,
            is_release=wheel.release is not None,
        )
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint="Run `seatrial build` first.")
    metadata = read_pkg_info(path)
    headers = read_headers(path, metadata)
    declared = headers.get("name", ""), headers.get("version", "")
    if identity(*declared) != (name, version):
        raise SeatrialError(f"{path} is refused: its PKG-INFO says {' '.join(declared)}.", hint=REBUILD)
    python = headers.get("requires_python")
    return Distribution(path, name, version, sha256(path), path.stat().st_size, metadata, python)


def read_distributions(files: Sequence[Path | WheelInfo]) -> list[Distribution]:
    """Inspect the files of one release: its wheel, which comes first in the result, and its sdist if there is one."""
    if not files:
        raise SeatrialError("There is nothing to publish.", hint="Run `seatrial build` first.")
    result = sorted(map(read_distribution, files), key=lambda d: not d.is_wheel)
    releases = {(d.name, d.version) for d in result}
    if len(releases) > 1 or sum(d.is_wheel for d in result) != 1 or len(result) > 2:
        names = ", ".join(d.filename for d in result)
        raise SeatrialError(
            f"{names} are not the files of one release.", hint="Publish one wheel, with its sdist if there is one."
        )
    # An installer that skips the wheel because of its Python version must not try the sdist instead.
    return [replace(each, requires_python=result[0].requires_python) for each in result]


def upload_fields(each: Distribution) -> list[tuple[str, str]]:
    """The form fields that twine sends with a file, known to indexes as the legacy upload API."""
    with each.path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))  # all that some older indexes know
    fields = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("name", each.name),
        ("version", str(each.version)),
        ("filetype", "bdist_wheel" if each.is_wheel else "sdist"),
        ("pyversion", each.filename.split("-")[-3] if each.is_wheel else "source"),
        ("sha256_digest", each.sha256),
        ("md5_digest", md5.hexdigest()),
    ]
    metadata: dict[str, Any] = dict(parse_email(each.metadata)[0])
    for key in sorted(metadata.keys() - {"name", "version", "keywords"}):
        value = metadata[key]
        if isinstance(value, dict):  # project_urls
            value = [f"{label}, {url}" for label, url in value.items()]
        fields += [(key, text) for text in ([value] if isinstance(value, str) else value)]
    return fields
