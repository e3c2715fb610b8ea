"""A file is a pickle where a real unpickler would call something; the two are compared on random opcodes."""

import io
import pickle
import pickletools
import random

import pytest
from tests.soak import turns

from seatrial.wheels.budget import InspectionBudget
from seatrial.wheels.pickles import OPCODES, is_pickle

SEED = 20261129
# Left out: an empty buffer crashes some versions of Python, and a frame is never read further.
USED = [each for each in pickletools.opcodes if each.name not in ("BYTEARRAY8", "NEXT_BUFFER", "STOP", "FRAME")]
OFTEN = ("GLOBAL", "REDUCE", "TUPLE", "MARK", "EMPTY_TUPLE", "NONE", "BUILD", "OBJ", "NEWOBJ", "DUP", "POP", "MEMOIZE")
OFTEN += ("STACK_GLOBAL", "SHORT_BINUNICODE", "EMPTY_DICT", "TUPLE1", "INST", "APPEND", "SETITEM")


class TouchedError(Exception):
    """The unpickler called something."""


class Anything:
    """What every name means; whatever is done to it counts."""

    def __new__(cls, *_: object) -> "Anything":
        raise TouchedError

    def touch(self, *_: object) -> None:
        raise TouchedError

    __setstate__ = __setitem__ = append = extend = add = touch


THING = object.__new__(Anything)


class Unpickler(pickle.Unpickler):
    kind: object = None

    def find_class(self, _module: str, _name: str) -> object:
        return self.kind

    def persistent_load(self, _identity: object) -> object:
        return "x"


def calls(data: bytes, kind: object, encoding: str) -> bool:
    """Whether a real unpickler calls something."""
    unpickler = Unpickler(io.BytesIO(data), encoding=encoding)
    unpickler.kind = kind
    try:
        unpickler.load()
    except TouchedError:
        return True
    except BaseException:
        return False
    return False


def found(data: bytes, head: bytes | None = None) -> bool:
    return is_pickle(data[:4096] if head is None else head, io.BytesIO(data), InspectionBudget(len(data)))


def argument(opcode: pickletools.OpcodeInfo, drawn: random.Random) -> bytes:
    size = opcode.arg.n if opcode.arg else 0
    number = drawn.randrange(3)
    if opcode.name in ("GLOBAL", "INST"):
        return drawn.choice([b"os\nsystem\n", b"a.b\nx y\n", b"my-x\n__class__\n"])
    if opcode.name in ("GET", "PUT"):
        return b"%d\n" % number
    if opcode.name in ("BINGET", "BINPUT", "LONG_BINGET", "LONG_BINPUT", "PROTO"):
        return number.to_bytes(size, "little")
    if size == pickletools.UP_TO_NEWLINE:
        return drawn.choice([b"1\n", b"I\xff\n", b"'a'\n", b"1.5\n", b"'os'\n", b"01\n", b"x\n"])
    if size >= 0:
        return bytes(drawn.randrange(256) for _ in range(size))
    width = {-2: 1, -3: 4, -4: 4, -5: 8}[size]
    return number.to_bytes(width, "little") + b"a" * number


def test_whatever_an_unpickler_would_call_is_found() -> None:
    drawn = random.Random(SEED)
    weights = [4 if opcode.name in OFTEN else 1 for opcode in USED]
    called = 0
    for _ in range(turns(300_000, 4_000)):
        chosen = drawn.choices(USED, weights, k=drawn.randrange(2, 20))
        data = b"".join(opcode.code.encode("latin-1") + argument(opcode, drawn) for opcode in chosen)
        if calls(data, drawn.choice([Anything, THING]), drawn.choice(["ASCII", "latin1", "bytes"])):
            called += 1
            assert found(data, b""), (SEED, data)
    assert called >= 5


@pytest.mark.parametrize(
    "text",
    [b"", b"cabin\nB5\n0.1\n", b"color\nred\nblue\n", b"color,size\nred,1\nblue,2\n", b"class X:\n    pass\n", b"Passenger\n1\n",
     b"(i.e. this)\nis a\ntext", b"." * 100, b"# A card\n", b'{"a": 1}', b"N" * 9_000, b"\x08\x0a" * 50, b"c\n\n"],
)  # fmt: skip
def test_texts_and_tables_are_no_pickles(text: bytes) -> None:
    assert not found(text)


def test_a_pickle_without_calls_is_one_by_its_header_only() -> None:
    plain = [{"a": [1, 2.5, None]}, (True, "x")]
    assert not found(pickle.dumps(plain, 0))
    assert found(pickle.dumps(plain, 2))
    assert found(pickle.dumps(plain, 4)[2:])  # FRAME


def test_opcodes_without_end_are_a_pickle() -> None:
    assert found(b"N0" * OPCODES)
    assert not found(b"N0" * (OPCODES // 2 - 1))
