"""Confines a worker: limits, no network, no child processes. Runs inside a sandbox's environment, loaded by path.

On Linux the kernel enforces it (kernel_limits.py), also against code that was made to break out. The audit hook here
reports what was tried; elsewhere it is the only barrier, which stops careless code and not malicious code. Whoever
controls the model controls its answers: they are data about it, never trusted further. Only the standard library is
used.

- Memory: RLIMIT_DATA, which counts private writable memory, such as a loaded model: 77 MB for a graph, 243 MB for
  scikit-learn, where RLIMIT_AS counts 173 and 583. A higher RLIMIT_AS bounds shared memory.
- Network: a separate network namespace, in which not even localhost answers, if the system permits it to root or to
  everybody; and in any case an audit hook that refuses what Python's sockets would do.
- Processes: the hook refuses to start any. A prediction needs none, and a child can outlive its limits. A process that
  is started without Python's knowledge carries the run's mark in its environment, by which it is found and killed.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1
SHARED_MB = 4096  # of RLIMIT_AS beyond the memory limit, for libraries and reserved address space
FILE_LIMIT = 8 * 2**30  # bytes of one file; enough for the scores of 100 million rows

NETWORK = frozenset(
    {f"socket.{name}" for name in ("connect", "bind", "sendto", "sendmsg", "getaddrinfo", "getnameinfo")}
    | {"socket.gethostbyname", "socket.gethostbyaddr"}
)
PROCESSES = frozenset(
    {f"os.{name}" for name in ("system", "exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile")}
    | {"subprocess.Popen", "pty.spawn"}
)
ATTEMPTS_KEPT = 20
# Folders of the system, which libraries look into: reading there is refused by the kernel where it matters.
SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/sys", "/proc/self", f"/proc/{os.getpid()}", "/dev", "/nix")
QUIET = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/version", "/proc/cgroups", "/run/systemd")


def limit(memory_mb: int, seconds: int) -> None:
    """Limit this process's memory, CPU time and files; no core dumps."""
    try:
        import resource
    except ImportError:  # Windows: only the parent's timeout applies
        return
    memory = memory_mb * 2**20
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: memory + SHARED_MB * 2**20,
        resource.RLIMIT_FSIZE: FILE_LIMIT,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the hard limit of CPU time the system kills without saying why.
        spare = 5 if kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        with suppress(ValueError, OSError):  # macOS knows some of them and enforces none of them
            resource.setrlimit(kind, (least, least + spare))
    for number in (signal.SIGXFSZ, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)  # Python ignores the first, and the model would see an error


def die_with_parent(parent: int) -> None:
    """On Linux, have the system kill this process when its parent dies, and exit if the parent is dead already."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def leave_network() -> bool:
    """Move this process into a network namespace without any connection; False if that is not permitted.

    An ordinary user gets one through a user namespace, which only a single-threaded process may enter.
    """
    if sys.platform != "linux":
        return False
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
    except (OSError, AttributeError):
        return False
    if unshare(CLONE_NEWNET) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    with suppress(OSError):  # unmapped, the process would be `nobody`, with the same access to its files
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


class Guard:
    """The audit hook; `attempts` is what was tried and refused, even if the model swallowed the error.

    `readable` and `writable` are the files and folders that it may open; by default, all.
    """

    def __init__(self, readable: Sequence[str] = ("/",), writable: Sequence[str] = ("/",)) -> None:
        self.attempts: list[str] = []
        self._writable = tuple(writable)
        self._readable = (*readable, *writable, *SYSTEM)
        self._everything = "/" in self._readable
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not self._everything:
            self._audit_open(*arguments)
        elif event in NETWORK or event in PROCESSES:
            what = f"{event}({', '.join(_shown(each) for each in arguments[:2])})"
            if len(self.attempts) < ATTEMPTS_KEPT and what not in self.attempts:
                self.attempts.append(what)
            kind = "access the network" if event in NETWORK else "start a process"
            # The error that the system itself would raise, so that libraries handle it.
            raise PermissionError(f"A model on trial may not {kind}: {what}")

    def _audit_open(self, path: Any, _: Any, flags: Any) -> None:
        """Refuse a file that is elsewhere; what does not exist is left to the system, as libraries look for much."""
        if not isinstance(path, (str, bytes, os.PathLike)) or not isinstance(flags, int):
            return
        written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        place = os.path.realpath(os.fsdecode(path))
        if _within(place, (*self._writable, os.devnull) if written else self._readable):
            return
        if written or os.path.lexists(place):
            what = f"open({_shown(place)}, {'for writing' if written else 'for reading'})"
            if len(self.attempts) < ATTEMPTS_KEPT and what not in self.attempts and not _within(place, QUIET):
                self.attempts.append(what)
            raise PermissionError(f"A model on trial may not open this file: {place}")


def _within(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip(os.sep) + os.sep) for place in places)


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, bytes, int, tuple, list)) else type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."
