"""Which licences are reported by default, and which are refused where a project names those it allows."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release.licences import LicensedLibrary, licensed_libraries, questionable, refuse_licences
from seatrial.wheels.wheel import inspect

BSD = ["MIT", "BSD-3-Clause", "Apache-2.0"]


@pytest.mark.parametrize(
    ("licence", "by_default", "allowed"),
    [
        ("MIT", True, True),
        ("BSD-3-Clause AND MIT", True, True),
        ("BSD-3-Clause AND Zlib", True, False),
        ("GPL-3.0-only OR MIT", True, True),
        ("GPL-3.0-only", False, False),
        ("LGPL-2.1-or-later AND MIT", False, False),
        ("GNU General Public License v3 (GPLv3)", False, False),
        ("(MIT OR Zlib) AND Apache-2.0", True, True),
        ("MPL-2.0", True, False),
        ("Apache-2.0 WITH LLVM-exception", True, False),
        ("a licence of its own", True, False),
        ("", False, False),
    ],
)
def test_a_licence_is_fine_or_it_is_reported(licence: str, by_default: bool, allowed: bool) -> None:
    library = LicensedLibrary("x", "1.0", licence)
    assert (questionable([library]) == []) is by_default
    assert (questionable([library], BSD) == []) is allowed


def component(name: str, *licences: dict[str, Any]) -> dict[str, Any]:
    return {"type": "library", "name": name, "version": "1.0", "licenses": list(licences)}


def test_a_wheel_is_refused_for_a_library_in_its_bill_of_materials(tmp_path: Path) -> None:
    parts = [
        component("numpy", {"expression": "BSD-3-Clause AND MIT"}),
        component("pydantic", {"license": {"id": "MIT"}}),
        component("odd", {"license": {"id": "MIT"}}, {"license": {"name": "GPLv3"}}),
        {"type": "data", "name": "table.csv"},
    ]
    bill = {"tiny_model-0.1.0.dist-info/sboms/sbom.cdx.json": json.dumps({"components": parts}).encode()}
    wheel = inspect(make_wheel(tmp_path, more=bill))
    assert [each.name for each in licensed_libraries(wheel)] == ["numpy", "pydantic", "odd"]
    assert [str(each) for each in questionable(licensed_libraries(wheel))] == ["odd 1.0 (MIT AND GPLv3)"]
    with pytest.raises(SeatrialError, match=r"The release runs with odd 1\.0 \(MIT AND GPLv3\)"):
        refuse_licences(wheel, BSD)
    refuse_licences(wheel, [*BSD, "MIT AND GPLv3"])
    refuse_licences(wheel, [])


def test_a_wheel_without_a_bill_of_materials_has_no_libraries(tmp_path: Path) -> None:
    assert licensed_libraries(inspect(make_wheel(tmp_path))) == []
