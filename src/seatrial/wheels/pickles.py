"""Whether reading a file as a pickle would call something, found without reading it as one.

Unpickling runs what the file says while it reads, so this follows the opcodes on a stack of kinds instead of values. It
accepts any argument, also one that no unpickler would, and ends only where every unpickler must fail: at an unknown
opcode, at an empty stack, at a name that cannot be imported.
"""

import io
import pickletools
import re
from typing import IO, Any, cast

from seatrial.wheels.budget import InspectionBudget

OPCODES = 10_000  # this many valid opcodes in a row are not a coincidence
PROTOCOLS = range(6)
IMPORTABLE = re.compile(
    rb"[\w\x80-\xff-]+(\.|$)"
)  # the first part of a module's name; also a folder's, where Python was started
LINE = 1 << 16

# Kinds of values. NAMED was imported; UNKNOWN comes from the program that unpickles, as a persistent id does.
MARK, TUPLE, NAMED, UNKNOWN, PLAIN = "mark", "tuple", "named", "unknown", "plain"
PUSHED = {"GLOBAL": NAMED, "STACK_GLOBAL": NAMED, "EXT1": NAMED, "EXT2": NAMED, "EXT4": NAMED, "PERSID": UNKNOWN}
PUSHED |= {"BINPERSID": UNKNOWN, "MARK": MARK}
PUSHED |= dict.fromkeys(("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), TUPLE)
GETS, PUTS = ("GET", "BINGET", "LONG_BINGET"), ("PUT", "BINPUT", "LONG_BINPUT")
CHANGES = ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS")  # call a method of what they change
TABLE = {ord(opcode.code): opcode for opcode in pickletools.opcodes}


class _StopError(Exception):
    """Every unpickler fails here."""


def is_pickle(head: bytes, file: IO[bytes], budget: InspectionBudget) -> bool:
    """Whether a file that starts with `head` is a pickle: by its header, or because unpickling it calls something."""
    if len(head) >= 2 and head[0] == 0x80 and head[1] in PROTOCOLS:
        return True
    stream = io.BufferedReader(cast(Any, file))
    machine = _Machine(stream, budget)
    try:
        return any(machine.step() for _ in range(OPCODES)) or machine.count >= OPCODES
    except _StopError:
        return False
    finally:
        stream.detach()


class _Machine:
    """An unpickler that knows kinds only, and calls nothing."""

    def __init__(self, stream: "io.BufferedReader[Any]", budget: InspectionBudget) -> None:
        self._stream, self._budget = stream, budget
        self._stack: list[str] = []
        self._memo: dict[int, str] = {}
        self.count = 0

    def step(self) -> bool:
        """Follow one opcode; true where it calls something. Raises _StopError where an unpickler must fail."""
        code = self._stream.read(1)
        opcode = TABLE.get(code[0]) if code else None
        if opcode is None:
            raise _StopError
        self.count += 1
        name, argument = opcode.name, self._argument(opcode)
        if name in ("GLOBAL", "INST"):
            self._line()
            if not IMPORTABLE.match(argument):
                raise _StopError
        if name == "STOP":  # another pickle may follow
            self._stack, self._memo = [], {}
            return False
        if name in GETS or name in PUTS:
            self._remember(name, argument)
            return False
        taken = self._take(opcode)
        if name == "MEMOIZE":
            self._memo[len(self._memo)] = taken[0]
        if name in ("DUP", "MEMOIZE"):
            self._stack += taken * len(opcode.stack_after)
        else:
            self._stack += [PUSHED.get(name, PLAIN)] * len(opcode.stack_after)
        return _calls(name, taken)

    def _remember(self, name: str, argument: bytes) -> None:
        try:
            number = int(argument) if name in ("GET", "PUT") else int.from_bytes(argument, "little")
        except ValueError:
            raise _StopError from None
        if name in PUTS:
            if not self._stack or self._stack[-1] == MARK:
                raise _StopError
            self._memo[number] = self._stack[-1]
        elif number in self._memo:
            self._stack.append(self._memo[number])
        else:
            raise _StopError

    def _take(self, opcode: pickletools.OpcodeInfo) -> list[str]:
        """Take what the opcode needs from the stack."""
        if opcode.name == "POP" and self._stack:
            return [self._stack.pop()]
        kinds = [kind.name for kind in opcode.stack_before]
        if "mark" not in kinds:
            count = len(kinds)
            taken = self._stack[len(self._stack) - count :] if count else []
            if len(self._stack) < count or MARK in taken:
                raise _StopError
            del self._stack[len(self._stack) - count :]
            return taken
        if MARK not in self._stack:
            raise _StopError
        at = len(self._stack) - 1 - self._stack[::-1].index(MARK)
        start = at - kinds.index("mark")
        taken = self._stack[max(start, 0) : at]
        if start < 0 or MARK in taken:
            raise _StopError
        taken += self._stack[at + 1 :]
        del self._stack[start:]
        return taken

    def _argument(self, opcode: pickletools.OpcodeInfo) -> bytes:
        if opcode.arg is None:
            return b""
        size = opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            return self._line()
        if size >= 0:
            return self._read(size)
        width = {
            pickletools.TAKEN_FROM_ARGUMENT1: 1,
            pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4,
            pickletools.TAKEN_FROM_ARGUMENT8U: 8,
        }[size]
        left = int.from_bytes(self._read(width), "little")
        while left:
            self._budget.check_time()
            left -= len(self._read(min(left, 1 << 20)))
        return b""

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise _StopError
        return data

    def _line(self) -> bytes:
        start = line = self._stream.readline(LINE)
        while line and not line.endswith(b"\n"):
            self._budget.check_time()
            line = self._stream.readline(LINE)
        if not line:
            raise _StopError
        return start.rstrip(b"\r\n")


def _calls(name: str, taken: list[str]) -> bool:
    """Whether an opcode calls something; `taken` is what it takes from the stack, in the order of the table.

    FRAME calls nothing, but unpicklers disagree about what follows where an argument crosses the end of a frame.
    """
    if name in ("INST", "FRAME"):
        return True
    if name == "OBJ":
        return bool(taken) and taken[0] in (NAMED, UNKNOWN)
    if name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
        return taken[0] in (NAMED, UNKNOWN) and taken[1] in (TUPLE, UNKNOWN)
    if name == "BUILD":
        return taken[0] == NAMED
    return name in CHANGES and taken[0] == NAMED
