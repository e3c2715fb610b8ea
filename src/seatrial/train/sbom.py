"""A release's software bill of materials: CycloneDX 1.6, which a wheel carries in `.dist-info/sboms` (PEP 770).

It lists the model with the hash of its engine, the table that it was trained on, and every distribution that it runs
with, as installed at training: version, licence, and what requires what.
"""

import re
import uuid
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

FIRST_LINE = re.compile(r"[^\n]{1,80}")  # of a licence field: some contain the whole text


def sbom(name: str, version: str, extra: str, engine: tuple[str, str], table: tuple[str, str]) -> bytes:
    """Describe a release as JSON; `engine` and `table` are the name and the SHA-256 of a file.

    `extra` is the extra of Seatrial that the release runs with: `native`, or none. The same installation gives the same
    bytes.
    """
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    def file(kind: ComponentType, file_name: str, sha256: str) -> Component:
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
        return Component(type=kind, name=file_name, hashes=hashes, bom_ref=f"sha256:{sha256}")

    release = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("pypi", None, name, version),
        bom_ref=name,
    )
    parts = [file(ComponentType.MACHINE_LEARNING_MODEL, *engine), file(ComponentType.DATA, *table)]
    installed = _installed("seatrial", extra)
    licences = LicenseFactory()
    libraries = {
        each.name: Component(
            type=ComponentType.LIBRARY,
            name=each.name,
            version=each.version,
            purl=PackageURL("pypi", None, each.name, each.version),
            bom_ref=f"pkg:pypi/{each.name}@{each.version}",
            licenses=[licences.make_from_string(each.licence)] if each.licence else [],
        )
        for each in installed.values()
    }
    bom = Bom(components=[*parts, *libraries.values()])
    bom.metadata.component = release
    bom.metadata.timestamp = None  # type: ignore[assignment] # it would differ in each build
    bom.register_dependency(release, [*parts, libraries["seatrial"]])
    for each in installed.values():
        bom.register_dependency(libraries[each.name], [libraries[name] for name in each.requires if name in libraries])
    identity = "".join(sorted(f"{each.bom_ref}" for each in (release, *bom.components))) + version
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, identity)
    return (JsonV1Dot6(bom).output_as_string(indent=1) + "\n").encode()


@dataclass(frozen=True)
class _Library:
    name: str
    version: str
    licence: str
    requires: list[str]


def _installed(name: str, extra: str) -> dict[str, _Library]:
    """A distribution and all that it requires here, by name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted, seen = {(name, extra)}, set[tuple[str, str]]()
    found: dict[str, _Library] = {}
    while wanted:
        current, extra = wanted.pop()
        seen.add((current, extra))
        try:
            metadata = distribution(current).metadata  # parsed anew each time, so it is read once
        except PackageNotFoundError:
            continue  # for another platform
        requirements = map(Requirement, metadata.get_all("Requires-Dist") or ())
        needed = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": extra})]
        wanted |= {(canonicalize_name(each.name), more) for each in needed for more in each.extras or {""}} - seen
        known = found[current].requires if current in found else []
        required = sorted({*known, *(canonicalize_name(each.name) for each in needed)})
        found[current] = _Library(current, metadata["Version"], licence_of(metadata), required)
    return dict(sorted(found.items()))


def licence_of(metadata: Any) -> str:
    """The licence that a distribution states: an SPDX expression where it has one, else its classifier or its text."""
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if "License ::" in line]
    first = FIRST_LINE.match((metadata.get("License") or "").strip())
    stated = metadata.get("License-Expression") or " AND ".join(classifiers) or (first[0] if first else "")
    return str(stated).strip()
