"""Moves the clock of this process, and counts who reads it. Runs inside a sandbox's environment, loaded by path.

Everything that asks for the date, be it Python, numpy or pandas, ends in three functions that the Linux kernel maps
into each process (the vDSO). They are replaced, in this process only, by ones that ask the kernel, add the offset and
count. So whatever way a feature takes to today's date, it finds the moved one; clocks that only measure durations stay
as they are. It reaches x86-64 Linux; elsewhere `install` returns None. A program that makes the system call itself,
without the C library, sees the true time. Only the standard library is used.
"""

import ctypes
import platform
import struct
import sys
from pathlib import Path

PAGE = 4096
READ, WRITE, EXECUTE, PRIVATE, ANONYMOUS = 1, 2, 4, 2, 32
DYNAMIC, STRINGS, SYMBOLS = 2, 5, 6  # in an ELF image: the segment, and its entries for names and symbols
SYMBOL = struct.Struct("<IBBHQQ")
JUMP = "48b8 {target} ffe0"  # mov rax, target; jmp rax

# Each asks the kernel (mov eax, number; syscall), and adds what is at `data` to the seconds of the wall clock (0, and
# 5, its coarse variant); then it counts the call, at `data` + 8.
FUNCTIONS = {
    "__vdso_clock_gettime": ("b8e4000000 0f05 85c0 751e 85ff 7405 83ff05 7515 48b9 {data} 4c8b19 4c011e f048ff4108 c3"),
    "__vdso_gettimeofday": "b860000000 0f05 85c0 751a 4885ff 7415 48b9 {data} 4c8b19 4c011f f048ff4108 c3",
    "__vdso_time": "b8c9000000 0f05 48b9 {data} 480301 f048ff4108 4885ff 7403 488907 c3",
}


class MovedClock:
    """The clock after `install`: `reads` counts how often this process has asked for the date."""

    def __init__(self, data: int) -> None:
        self._offset, self._reads = (ctypes.c_int64.from_address(data + at) for at in (0, 8))

    @property
    def reads(self) -> int:
        """How often the clock was read so far."""
        return int(self._reads.value)

    def move(self, seconds: int) -> None:
        """Let the clock be this far ahead of the true time."""
        self._offset.value = seconds


def install() -> MovedClock | None:
    """Take over the clock of this process, at first without moving it; None where that is not possible."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return None
    try:
        start, end = _vdso()
        places = _functions(ctypes.string_at(start, end - start))
    except (OSError, ValueError, StopIteration, struct.error):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    data, code = _memory(libc, READ | WRITE), _memory(libc, READ | WRITE | EXECUTE)
    length = ctypes.c_size_t(end - start)
    everything = READ | WRITE | EXECUTE
    if not (data and code) or libc.mprotect(ctypes.c_void_p(start), length, everything) != 0:
        return None
    for name, text in FUNCTIONS.items():
        function = _assembled(text, data=data)
        ctypes.memmove(code, function, len(function))
        jump = _assembled(JUMP, target=code)
        ctypes.memmove(start + places[name], jump, len(jump))
        code += 128
    libc.mprotect(ctypes.c_void_p(start), length, READ | EXECUTE)
    return MovedClock(data)


def _memory(libc: ctypes.CDLL, access: int) -> int:
    """A page that stays for as long as the process; 0 if the system gives none."""
    libc.mmap.restype = ctypes.c_void_p
    nowhere, nothing = ctypes.c_void_p(None), ctypes.c_long(0)
    page = libc.mmap(nowhere, ctypes.c_size_t(PAGE), access, PRIVATE | ANONYMOUS, -1, nothing)
    return 0 if page in (None, 2**64 - 1) else int(page)


def _assembled(text: str, **addresses: int) -> bytes:
    words = {name: struct.pack("<Q", address).hex() for name, address in addresses.items()}
    return bytes.fromhex(text.format(**words))


def _vdso() -> tuple[int, int]:
    lines = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    start, end = next(line.split()[0] for line in lines if line.endswith("[vdso]")).split("-")
    return int(start, 16), int(end, 16)


def _functions(image: bytes) -> dict[str, int]:
    """Where the functions are in the image. Raises ValueError if one is not there."""
    (table,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", image, table + place * size) for place in range(count)]
    begin, length = next((segment[2], segment[5]) for segment in segments if segment[0] == DYNAMIC)
    entries = dict(reversed([struct.unpack_from("<QQ", image, begin + at) for at in range(0, length, 16)]))
    names, places = entries.get(STRINGS, 0), {}
    for at in range(entries.get(SYMBOLS, 0), names - SYMBOL.size + 1, SYMBOL.size):
        symbol = SYMBOL.unpack_from(image, at)
        begin = names + symbol[0]
        places[image[begin : image.index(b"\0", begin)].decode()] = symbol[4]
    missing = [name for name in FUNCTIONS if not places.get(name)]
    if missing:
        raise ValueError(f"the vDSO has no {missing[0]}")
    return {name: places[name] for name in FUNCTIONS}
