"""METADATA and WHEEL are read the same way by everybody, or refused."""

from pathlib import Path

import pytest
from tests.wheels.hostile import INFO, METADATA, WHEEL, make_hostile_wheel

from seatrial.core.errors import SeatrialError
from seatrial.wheels.wheel import inspect

EVIL = "Requires-Dist: evil @ https://evil.example/x.whl\n"
# pip and packaging read some of these requirements, and others do not.
METADATAS = {
    "a requirement in another encoding": METADATA.encode() + EVIL.encode() + b"Requires-Dist: a; extra == '\xff'\n\n",
    "a space before the colon": METADATA + EVIL.replace(":", " :", 1),
    "a line of an envelope": "From someone\n" + METADATA,
    "a line that is not a header": METADATA + "garbage\n" + EVIL,
    "a carriage return": METADATA + "Summary: x\r" + EVIL,
    "a vertical tab": METADATA + "Summary: x\x0b" + EVIL,
    "a next-line character": METADATA + "Summary: x\x85" + EVIL,
    "a line separator": METADATA + "Summary: x\u2028" + EVIL,
    "a NUL": METADATA + "Summary: x\0\n",
    "two Python versions": METADATA + "Requires-Python: >=3\nrequires-python: <3\n",
    "two names": METADATA + "Name: other\n",
    "two versions": METADATA + "version: 9\n",
    "a header with an underscore": METADATA + "Requires_Dist: evil\n",
}
WHEELS = {
    "two places for the files": WHEEL + "Root-Is-Purelib: false\n",
    "a place of neither kind": WHEEL.replace("true", "maybe"),
    "a version that is not a number": WHEEL.replace("1.0", "1.evil"),
    "two versions": WHEEL + "Wheel-Version: 1.0\n",
    "another encoding": WHEEL.encode() + b"X: \xff\n",
    "a line that is not a header": "x\n" + WHEEL,
}


@pytest.mark.parametrize("case", METADATAS)
def test_metadata_that_could_be_read_in_two_ways_is_refused(tmp_path: Path, case: str) -> None:
    content = METADATAS[case]
    data = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(SeatrialError, match=r"not a header|contains U\+|not UTF-8|more than once"):
        inspect(make_hostile_wheel(tmp_path, {f"{INFO}/METADATA": data}))


@pytest.mark.parametrize("case", WHEELS)
def test_a_wheel_file_that_could_be_read_in_two_ways_is_refused(tmp_path: Path, case: str) -> None:
    content = WHEELS[case]
    data = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(SeatrialError, match=r"not a header|contains U\+|not UTF-8|format version|one Root-Is-Purelib"):
        inspect(make_hostile_wheel(tmp_path, {f"{INFO}/WHEEL": data}))


def test_ordinary_metadata_passes(tmp_path: Path) -> None:
    """With folded lines, other letters, and a line of blanks in a licence, as some libraries have."""
    more = "Summary: é\nLicense: one\n        \n        two\n\tthree\nRequires-Dist: numpy>=2\n\nText\x0b of any kind\n"
    content = (METADATA + more).replace("\n", "\r\n").encode()
    assert inspect(make_hostile_wheel(tmp_path, {f"{INFO}/METADATA": content})).requires_dist == ("numpy>=2",)
