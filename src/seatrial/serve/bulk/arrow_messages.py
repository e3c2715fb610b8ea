"""Takes an Arrow IPC stream apart into its messages, and looks at their sizes before Arrow does.

Arrow believes what a stream says about itself: a message of a hundred bytes may announce a terabyte, or a buffer that
decompresses to one. A body that is too large for the memory is put into a file, and mapped.
"""

import io
import mmap
import struct
import tempfile
from collections.abc import Iterator
from typing import Any

from seatrial.core.errors import SeatrialError

CONTINUES = 0xFFFFFFFF
LARGEST_HEAD = 4 * 2**20  # bytes, of a message's metadata
IN_MEMORY = 8 * 2**20  # bytes, of a message's body; a larger one is put into a file
MOST_UNPACKED = 64 * 2**20  # bytes, of the compressed buffers of one message
MOST_DICTIONARIES = 64 * 2**20  # bytes, of all dictionaries that hold at one time
ROWS_IN_A_BYTE = 8
FEW_ROWS = 65_536  # which a message may have whatever its size
_DICTIONARY, _RECORDS = 2, 3  # kinds of messages (Message.fbs)
SMALLER = "Send batches of some ten thousand rows, as with max_chunksize=65536."


class Messages:
    """A stream as a file that Arrow reads, made of what a client sends; at most `limit` bytes.

    Raises SeatrialError for a message that is too large or is none.
    """

    closed = False

    def __init__(self, file: io.BufferedReader, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._parts = self._messages()
        self._rest: Any = memoryview(b"")
        self._dictionaries: dict[int, int] = {}  # bytes, by ID
        self._map: mmap.mmap | None = None

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it has a position."""
        return False

    def close(self) -> None:
        """Nothing is left to close."""

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end; Arrow asks for the parts of a message."""
        return bytes(self.read_buffer(size))

    def read_buffer(self, size: int = -1) -> Any:
        """The same without a copy, where the bytes are together."""
        if not self._rest:
            self._rest = memoryview(next(self._parts, b""))
        if size < 0 or size <= len(self._rest):
            taken = self._rest[: size if size >= 0 else None]
            self._rest = self._rest[len(taken) :]
            return taken
        parts = [self._rest]
        self._rest = memoryview(b"")
        missing = size - len(parts[0])
        while missing and (part := next(self._parts, b"")):
            parts.append(memoryview(part)[:missing])
            self._rest = memoryview(part)[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def forget(self) -> None:
        """Let the system take back the memory of what was read of the mapped body."""
        if self._map is not None and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def at_end(self) -> bool:
        """Whether nothing follows the stream."""
        return not self._rest and not self._file.read(1)

    def _messages(self) -> Iterator[Any]:
        """The parts of messages up to the end of the stream: the head with its length, and the body."""
        while len(start := self._file.read(4)) == 4:
            (length,) = struct.unpack("<I", start)
            if length == CONTINUES:
                start += self._file.read(4)
                if len(start) < 8:
                    break
                (length,) = struct.unpack_from("<i", start, 4)
            if length == 0:
                yield start
                return
            if not 0 < length <= LARGEST_HEAD:
                raise SeatrialError("The body is not an Arrow stream.", hint="Write it with pyarrow.ipc.new_stream.")
            head = self._file.read(length)
            if len(head) < length:
                break
            message = self._checked(head)
            body = self._body(message) if message.size else b""  # checked before Arrow sees the head
            yield start + head
            if body:
                yield body
            start = b""
        if start:
            raise SeatrialError("The Arrow stream ends in the middle of a message.", hint="Send all of it.")

    def _checked(self, head: bytes) -> "Message":
        """What the head of a message says, if it can be true."""
        try:
            message = read_message(head)
        except (struct.error, IndexError):
            raise SeatrialError("The head of an Arrow message is invalid.", hint="Write the stream again.") from None
        self._limit -= message.size
        if message.size < 0 or self._limit < 0:
            raise SeatrialError("An Arrow message says that it is longer than the limit of bodies.", hint=SMALLER)
        if message.rows > max(FEW_ROWS, ROWS_IN_A_BYTE * message.size):
            raise SeatrialError(
                "An Arrow message says that it has more rows than bits.", hint="Write the stream again."
            )
        return message

    def _body(self, message: "Message") -> Any:
        body = self._read(message.size)
        if len(body) < message.size:
            raise SeatrialError("The Arrow stream ends in the middle of a message.", hint="Send all of it.")
        unpacked = _unpacked(message, body)
        if unpacked > MOST_UNPACKED:
            raise SeatrialError("An Arrow message is too large when it is decompressed.", hint=SMALLER)
        if message.kind == _DICTIONARY:
            earlier = self._dictionaries.get(message.dictionary, 0) if message.is_delta else 0
            self._dictionaries[message.dictionary] = earlier + max(unpacked, message.size)
            if sum(self._dictionaries.values()) > MOST_DICTIONARIES:
                raise SeatrialError("The dictionaries of the Arrow stream are too large.", hint="Send plain strings.")
        return body

    def _read(self, size: int) -> Any:
        if size <= IN_MEMORY:
            return self._file.read(size)
        with tempfile.TemporaryFile(prefix="seatrial-batch-") as file:
            left = size
            while left and (piece := self._file.read(min(left, 2**18))):
                file.write(piece)
                left -= len(piece)
            file.flush()
            self._map = mmap.mmap(file.fileno(), size - left, access=mmap.ACCESS_READ) if left < size else None
            return memoryview(self._map) if self._map is not None else b""


class Message:
    """What the head of a message says: the size of its body, its rows, and its compressed buffers."""

    __slots__ = ("buffers", "dictionary", "is_delta", "kind", "rows", "size")

    def __init__(self, kind: int, size: int) -> None:
        self.kind = kind
        self.size = size
        self.rows = 0
        self.buffers: list[tuple[int, int]] = []  # offset and length of each, where they are compressed
        self.dictionary = 0
        self.is_delta = False


def read_message(head: bytes) -> Message:
    """Read the flatbuffer of a message (Message.fbs in the Arrow format). Raises struct.error where it is broken."""
    table = _Table(head, _unsigned(head, 0))
    message = Message(table.number(1, "<B"), table.number(3, "<q"))
    records = table.table(2)
    if message.kind == _DICTIONARY and records:
        message.dictionary, message.is_delta = records.number(0, "<q"), bool(records.number(2, "<B"))
        records = records.table(1)
    if message.kind in (_DICTIONARY, _RECORDS) and records:
        message.rows = records.number(0, "<q")
        if records.table(3):
            message.buffers = records.pairs(2)
    return message


def _unpacked(message: Message, body: Any) -> int:
    """The size of the compressed buffers when they are decompressed: each begins with its own, or -1 if it is plain."""
    total = 0
    for offset, length in message.buffers:
        if length < 8 or not 0 <= offset <= len(body) - 8:
            continue  # Arrow refuses it, if it is no empty one
        (size,) = struct.unpack_from("<q", body, offset)
        total += max(size, 0)
    return total


class _Table:
    """A table of a flatbuffer at a position."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._vtable = position - struct.unpack_from("<i", data, position)[0]
        if self._vtable < 0:
            raise IndexError
        (self._size,) = struct.unpack_from("<H", data, self._vtable)

    def _field(self, index: int) -> int:
        """The position of a field; 0 where it is not set."""
        entry = 4 + 2 * index
        if entry + 2 > self._size:
            return 0
        offset: int = struct.unpack_from("<H", self._data, self._vtable + entry)[0]
        return self._position + offset if offset else 0

    def number(self, index: int, form: str) -> int:
        at = self._field(index)
        return int(struct.unpack_from(form, self._data, at)[0]) if at else 0

    def table(self, index: int) -> "_Table | None":
        at = self._field(index)
        return _Table(self._data, at + _unsigned(self._data, at)) if at else None

    def pairs(self, index: int) -> list[tuple[int, int]]:
        """A vector of structs of two 64-bit numbers."""
        at = self._field(index)
        if not at:
            return []
        at += _unsigned(self._data, at)
        count = _unsigned(self._data, at)
        if count * 16 > len(self._data):
            raise IndexError
        return [struct.unpack_from("<qq", self._data, at + 4 + 16 * i) for i in range(count)]


def _unsigned(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
