"""What holds a worker in: limits, no network, no processes of its own. Runs inside a side's environment, by path.

It keeps a model that is broken, careless or curious from doing harm; it is no sandbox against a wheel that was made
to break out, since the model shares the worker's process. Only the standard library is used.

- Memory: RLIMIT_DATA, which counts what is private and writable, as a loaded model is: 77 MB for a graph, 243 MB for
  scikit-learn, where RLIMIT_AS counts 173 and 583. RLIMIT_AS above it bounds shared memory.
- Network: a network namespace of its own, in which not even localhost answers, where the system permits that to
  root or to anybody; and in every case an audit hook that refuses what Python's sockets would do.
- Processes: the hook refuses to start any. A prediction needs none, and a child can outlive its limits. What is started
  behind Python's back carries the run's mark in its environment, by which it is found and ended.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1
SHARED_MB = 4096  # what RLIMIT_AS leaves beyond the memory limit, for libraries and address space only reserved
FILE_LIMIT = 8 * 2**30  # bytes of one file; scores of 100 million rows fit

NETWORK = frozenset(
    {f"socket.{name}" for name in ("connect", "bind", "sendto", "sendmsg", "getaddrinfo", "getnameinfo")}
    | {"socket.gethostbyname", "socket.gethostbyaddr"}
)
PROCESSES = frozenset(
    {f"os.{name}" for name in ("system", "exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile")}
    | {"subprocess.Popen", "pty.spawn"}
)
ATTEMPTS_KEPT = 20


def limit(memory_mb: int, seconds: int) -> None:
    """Limit this process's memory, processor time and files; no core dumps."""
    try:
        import resource
    except ImportError:  # Windows: only the parent's clock holds
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
        # At the hard limit of processor time the system kills without saying why.
        spare = 5 if kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        with suppress(ValueError, OSError):  # macOS knows some of them and enforces none
            resource.setrlimit(kind, (least, least + spare))
    for number in (signal.SIGXFSZ, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)  # Python ignores the first, and the model would see an error


def die_with_parent(parent: int) -> None:
    """On Linux, have the system kill this process when its parent dies, and end if it is dead already."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def leave_network() -> bool:
    """Move this process into a network namespace without any connection; False where that is not permitted.

    An ordinary user gets one by way of a user namespace, which only a process of one thread may enter.
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
    with suppress(OSError):  # unmapped, the process would be `nobody`, which changes nothing about its files
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


class Guard:
    """The audit hook; `attempts` tells what was tried and refused, also where the model swallowed the error."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NETWORK or event in PROCESSES:
            told = ", ".join(_shown(each) for each in arguments[:2])
            what = f"{event}({told})"
            if len(self.attempts) < ATTEMPTS_KEPT and what not in self.attempts:
                self.attempts.append(what)
            kind = "reaches no network" if event in NETWORK else "starts no process"
            # As the system itself would refuse it, so that libraries take the way that they have for that.
            raise PermissionError(f"A model on trial {kind}: {what}")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, bytes, int, tuple, list)) else type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."
