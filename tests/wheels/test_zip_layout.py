"""A zip file that installers could read in two ways is refused."""

import struct
import zipfile
from pathlib import Path

import pytest
from tests.wheels.forged_zip import Member, forge, members_of
from tests.wheels.hostile import make_hostile_wheel

from seatrial.core.errors import SeatrialError
from seatrial.wheels.wheel import inspect

HIDDEN = b"PK\3\4" + b"a hidden member"
LARGE = struct.pack("<2H2Q", 1, 16, 5, 5)
# What is changed in the first member, and the reason.
IN_A_MEMBER = {
    "another name before it": ({"local": {"name": "tiny_model/__init__.pth"}}, "described in two ways"),
    "another signature before it": ({"local": {"signature": b"PK\7\7"}}, "not a zip file"),
    "a flag for encryption before it": ({"local": {"flags": 1}}, "described in two ways"),
    "a flag for a later size before it": ({"local": {"flags": 8}}, "described in two ways"),
    "a flag for a hidden header before it": ({"local": {"flags": 0x2000}}, "described in two ways"),
    "another checksum before it": ({"local": {"crc": 1}}, "described in two ways"),
    "large sizes of something else": (
        {"local": {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": LARGE}},
        "described in two ways",
    ),
    "large sizes that are missing": ({"local": {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}}, "described in two ways"),
    "stored data without a size": ({"flags": 8, "method": zipfile.ZIP_STORED}, "described in two ways"),
    "data after its end": ({"after": HIDDEN}, "more than one file"),
    "data after its end, without a size": ({"after": HIDDEN, "flags": 8}, "more than one file"),
}
OF_THE_FILE = {
    "fewer members than it lists": ({"count": 2}, "another number of members"),
    "more members than it lists": ({"count": 9}, "another number of members"),
    "its list at another place": ({"offset": -1}, "contradicts the file"),
    "a part on another disk": ({"disk": 1}, "contradicts the file"),
    "a comment that is missing": ({"comment": 5}, "contradicts the file"),
}


def refusal(path: Path) -> str:
    with pytest.raises(SeatrialError) as error:
        inspect(path)
    return error.value.message


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_hostile_wheel(tmp_path, {})


@pytest.mark.parametrize("case", IN_A_MEMBER)
def test_a_member_that_is_described_in_two_ways_is_refused(wheel: Path, case: str) -> None:
    change, reason = IN_A_MEMBER[case]
    first, *others = members_of(wheel)
    assert reason in refusal(forge(wheel, [Member(first.name, first.data, **change), *others]))


def test_data_after_the_end_of_record_is_refused(wheel: Path) -> None:
    """RECORD has no hash in RECORD."""
    members = members_of(wheel)
    next(member for member in members if member.name.endswith("/RECORD")).after = HIDDEN
    assert "more than one file" in refusal(forge(wheel, members))


@pytest.mark.parametrize("case", OF_THE_FILE)
def test_an_end_record_that_contradicts_the_file_is_refused(wheel: Path, case: str) -> None:
    change, reason = OF_THE_FILE[case]
    assert reason in refusal(forge(wheel, members_of(wheel), **change))


def test_a_folder_that_is_a_file_is_refused(wheel: Path) -> None:
    """Nobody reads what a folder contains, and a stream unpacks it by its other name."""
    members, stored = members_of(wheel), zipfile.ZIP_STORED
    folder = Member("tiny_model/d/", b"import os", method=stored)
    assert "has content" in refusal(forge(wheel, [*members, folder]))
    named = Member("tiny_model/d/", b"", method=stored, local={"name": "x.pth"})
    assert "described in two ways" in refusal(forge(wheel, [*members, named]))


@pytest.mark.parametrize("flags", [0, 8, 0x800])
def test_ordinary_members_pass(wheel: Path, flags: int) -> None:
    """Also with sizes that follow the data, folders, and empty files."""
    members = [Member(member.name, member.data, flags=flags) for member in members_of(wheel)]
    folder = Member("tiny_model/d/", b"", method=zipfile.ZIP_STORED)
    assert inspect(forge(wheel, [*members, folder])).name == "tiny-model"


def test_large_sizes_that_are_right_pass(wheel: Path) -> None:
    first, *others = members_of(wheel)
    sizes = struct.pack("<2H2Q", 1, 16, len(first.data), len(first.packed()))
    first.local = {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": sizes}
    assert inspect(forge(wheel, [first, *others])).name == "tiny-model"
