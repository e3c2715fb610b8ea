"""The licences of what a release runs with, by its bill of materials: which of them somebody should look at."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.metadata import SBOM_FILE
from seatrial.wheels.wheel import WheelInfo

COPYLEFT = re.compile(r"\bA?L?GPL|GNU|EUPL|\bCDDL|\bSSPL|\bBUSL", re.IGNORECASE)


@dataclass(frozen=True)
class LicensedLibrary:
    """A library with the licence that it states, an SPDX expression if it states one; empty if it states none."""

    name: str
    version: str
    licence: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.licence or 'no licence stated'})"


def licensed_libraries(wheel: WheelInfo) -> list[LicensedLibrary]:
    """The libraries in a wheel's bill of materials; none where it has no such bill."""
    bill = bill_of_materials(wheel)
    components = json.loads(bill).get("components", ()) if bill else ()
    return [
        LicensedLibrary(each["name"], each.get("version", ""), _stated(each.get("licenses", ())))
        for each in components
        if each.get("type") == "library"
    ]


def bill_of_materials(wheel: WheelInfo) -> bytes:
    """A wheel's bill of materials, where PEP 770 puts it; empty if it has none."""
    name = next((name for name in wheel.record if name.endswith(f".dist-info/sboms/{SBOM_FILE}")), "")
    return wheel.read(name) if name else b""


def questionable(libraries: Collection[LicensedLibrary], allowed: Collection[str] = ()) -> list[LicensedLibrary]:
    """The libraries without one of the `allowed` licences; if none are named, those with copyleft or without any."""
    return [each for each in libraries if not _is_fine(each.licence, allowed)]


def refuse_licences(wheel: WheelInfo, allowed: Collection[str]) -> None:
    """Raise SeatrialError for a library whose licence is not one of the `allowed`, if any are named."""
    found = questionable(licensed_libraries(wheel), allowed) if allowed else []
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise SeatrialError(
            f"The release runs with {', '.join(map(str, found[:3]))}{more}.",
            hint="`licences` in [tool.seatrial] does not allow that: add the licence, or do without the library.",
        )


def _is_fine(licence: str, allowed: Collection[str]) -> bool:
    if not licence:
        return False
    if not allowed:  # one of several licences to choose from is enough
        return any(not COPYLEFT.search(choice) for choice in licence.split(" OR "))
    return licence in allowed or _satisfied(licence, set(allowed))


def _satisfied(licence: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by these licences."""
    from license_expression import ExpressionError, get_spdx_licensing

    licensing = get_spdx_licensing()

    def met(part: Any) -> bool:
        if isinstance(part, licensing.AND):
            return all(map(met, part.args))
        if isinstance(part, licensing.OR):
            return any(map(met, part.args))
        return str(part) in allowed

    try:
        return met(licensing.parse(licence))
    except ExpressionError:
        return False


def _stated(licences: Collection[dict[str, Any]]) -> str:
    """The licence of a component in CycloneDX: an expression, or a list of which all apply."""
    names = [
        each.get("expression") or each["license"].get("id") or each["license"].get("name", "") for each in licences
    ]
    return " AND ".join(filter(None, names))
