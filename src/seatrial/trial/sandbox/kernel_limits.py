"""What the Linux kernel refuses to a worker from now on: other files, processes, connections, signals to others.

Landlock limits which files can be opened, a seccomp filter which system calls do anything, and all capabilities are
dropped. It needs no privilege, a container's default profile allows it, and nothing in the process can undo it.
Both apply to the calling thread and what it starts, so they are set before numpy starts any. Only the standard library
is used: this file is loaded by path in a sandbox's environment.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
CAPABILITY_VERSION = 0x20080522

# Landlock: bits of access to files. Links, pipes, sockets and devices cannot be made, nothing can be executed.
WRITE, READ, LIST, REMOVE_FOLDER, REMOVE_FILE, MAKE_FOLDER, MAKE_FILE, TRUNCATE = (
    1 << bit for bit in (1, 2, 3, 4, 5, 7, 8, 14)
)
OF_FILES = WRITE | READ | TRUNCATE
KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # of access to files, by version; later ones have 16
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446

# What an interpreter and its libraries read besides their own files; nothing there belongs to a user.
SYSTEM_FILES = (
    "/usr", "/lib", "/lib64", "/opt/lib", "/nix/store", "/sys/devices", "/sys/bus/pci", "/sys/fs/cgroup", "/proc/self",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone",
    "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/mime.types", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip

# System calls by their numbers, for each processor: those that are refused, and those that depend on an argument.
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {
    "x86_64": {
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "connect": 42, "bind": 49, "sendmsg": 46,
        "sendmmsg": 307, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "io_uring_setup": 425,
        "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424, "pidfd_getfd": 438,
        "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93, "lchown": 94,
        "fchownat": 260, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
        "fremovexattr": 199, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "setns": 308,
        "listen": 50, "truncate": 76, "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280,
        "inotify_add_watch": 254, "pidfd_open": 434, "setpriority": 141, "ioprio_set": 251, "shmget": 29, "shmat": 30,
        "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69,
        "msgrcv": 70, "msgctl": 71, "mq_open": 240, "perf_event_open": 298, "bpf": 321, "userfaultfd": 323,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "connect": 203, "bind": 200, "sendmsg": 211, "sendmmsg": 269, "ptrace": 117,
        "process_vm_readv": 270, "process_vm_writev": 271, "io_uring_setup": 425, "tkill": 130,
        "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "pidfd_send_signal": 424, "pidfd_getfd": 438,
        "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "fchown": 55, "fchownat": 54, "setxattr": 5, "lsetxattr": 6,
        "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16, "add_key": 217, "request_key": 218,
        "keyctl": 219, "unshare": 97, "setns": 268,
        "listen": 201, "truncate": 45, "utimensat": 88, "inotify_add_watch": 27, "pidfd_open": 434, "setpriority": 140,
        "ioprio_set": 30, "shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "semop": 193, "semctl": 191,
        "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187, "mq_open": 180,
        "perf_event_open": 241, "bpf": 280, "userfaultfd": 282,
    },
}  # fmt: skip
CLONE3 = 435  # its flags are out of a filter's reach; libraries fall back to clone
BY_ARGUMENT = {
    "x86_64": {
        "clone": 56,
        "kill": 62,
        "tgkill": 234,
        "prlimit64": 302,
        "sendto": 44,
        "socket": 41,
        "fcntl": 72,
        "ioctl": 16,
    },
    "aarch64": {
        "clone": 220,
        "kill": 129,
        "tgkill": 131,
        "prlimit64": 261,
        "sendto": 206,
        "socket": 198,
        "fcntl": 25,
        "ioctl": 29,
    },
}
CLONE_THREAD = 0x00010000
FAMILIES = (1, 2, 10)  # local, IPv4 and IPv6 sockets, which cannot be connected; a netlink socket need not be
# fcntl and ioctl on a descriptor so that the kernel sends a signal, of any kind, to another process.
SIGNALS_BY_DESCRIPTOR = {"fcntl": (8, 10, 15), "ioctl": (0x8901, 0x8902)}
EPERM, ENOSYS = 1, 38
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
LOAD, EQUALS, HAS_BITS, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in what a filter sees


def missing() -> str:
    """What this system lacks to enforce the limits; empty where it has everything."""
    if sys.platform != "linux":
        return "only Linux can enforce that"
    if platform.machine() not in ARCHITECTURES:
        return f"no filter of system calls is known for {platform.machine()}"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return "" if version >= 1 else "the kernel has no Landlock, or has it turned off"


def confine(readable: Sequence[str], writable: Sequence[str]) -> bool:
    """Limit this process to these files and folders; False where the system cannot, as outside of Linux."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    _drop_capabilities(libc)
    files = _limit_files(libc, (*SYSTEM_FILES, *readable), writable)
    calls = _limit_calls(libc)
    return files and calls


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Become an ordinary process, for root too."""
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    libc.capset(header, bytes(24))


def _limit_files(libc: ctypes.CDLL, readable: Sequence[str], writable: Sequence[str]) -> bool:
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return False
    known = (1 << KNOWN_BITS.get(version, 16)) - 1
    attributes = struct.pack("QQQ", known, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24  # no TCP from version 4, no signals to others from 6
    ruleset = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        write = READ | LIST | WRITE | TRUNCATE | MAKE_FILE | MAKE_FOLDER | REMOVE_FILE | REMOVE_FOLDER
        rules = [*((path, READ | LIST) for path in readable), ("/dev/null", OF_FILES)]
        for path, access in [*rules, *((path, write) for path in writable)]:
            _allow(libc, ruleset, path, access & known)
        return bool(libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    with suppress(OSError):  # what does not exist need not be allowed
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not Path(path).is_dir():
                access &= OF_FILES
            libc.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", access, descriptor), ctypes.c_uint32(0))
        finally:
            os.close(descriptor)


def _limit_calls(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        return False
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _filter(machine, os.getpid()))
    program = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(program))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def _filter(machine: str, own: int) -> Iterator[tuple[int, int, int, int]]:
    """A program for the kernel: each step is an operation, how far to jump if it holds or not, and its operand."""
    refuse = (RETURN, 0, 0, REFUSE | EPERM)
    yield LOAD, 0, 0, ARCHITECTURE
    yield EQUALS, 1, 0, ARCHITECTURES[machine]
    yield refuse  # calls in the way of another processor
    yield LOAD, 0, 0, NUMBER
    if machine == "x86_64":
        yield AT_LEAST, 0, 1, 0x40000000  # or by another table of numbers
        yield refuse
    for number in REFUSED[machine].values():
        yield EQUALS, 0, 1, number
        yield refuse
    yield EQUALS, 0, 1, CLONE3
    yield RETURN, 0, 0, REFUSE | ENOSYS
    calls = BY_ARGUMENT[machine]
    yield from _unless(calls["clone"], 0, (HAS_BITS, CLONE_THREAD))
    for name in ("kill", "tgkill"):
        yield from _unless(calls[name], 0, (EQUALS, own))
    yield from _unless(calls["prlimit64"], 0, (EQUALS, own), (EQUALS, 0))
    yield from _unless(calls["sendto"], 4, (EQUALS, 0))  # with an address; a pair of sockets needs none
    yield from _unless(calls["socket"], 0, *((EQUALS, family) for family in FAMILIES))
    for name, commands in SIGNALS_BY_DESCRIPTOR.items():
        yield EQUALS, 0, 2 * len(commands) + 2, calls[name]
        yield LOAD, 0, 0, ARGUMENTS + 8
        for command in commands:
            yield EQUALS, 0, 1, command
            yield refuse
        yield RETURN, 0, 0, ALLOW
    yield RETURN, 0, 0, ALLOW


def _unless(number: int, argument: int, *allowed: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Refuse a call unless one of the tests of an argument's lower half holds."""
    yield EQUALS, 0, 2 * len(allowed) + 2, number
    yield LOAD, 0, 0, ARGUMENTS + 8 * argument
    for test, operand in allowed:
        yield test, 0, 1, operand
        yield RETURN, 0, 0, ALLOW
    yield RETURN, 0, 0, REFUSE | EPERM
